import pytest

from instruments.twin import TwinSettings, draw_truth
from labsync.settings import BUILT_IN


def deviation(command, seed: int) -> float:
    """Return how many standard errors the estimate of K is off the hidden truth."""
    found = command.json("compare", "latest")
    coupling = found["coupling_fit"]["coupling"]
    assert found["coupling_fit"]["converged"]
    assert coupling["std"] < 0.02 * coupling["value"]
    assert max(found["reduced_chi_squared"]) < 2
    return (coupling["value"] - draw_truth(TwinSettings(seed=seed)).coupling) / coupling["std"]


@pytest.mark.xdist_group("scanned")
def test_the_hidden_coupling_of_the_first_lab_is_recovered(scanned):
    assert abs(deviation(scanned, 1)) < 3


def test_the_hidden_coupling_of_another_lab_is_recovered_from_a_narrow_scan(labsync):
    text = (BUILT_IN / "minimal.toml").read_text()
    (labsync.folder / "second.toml").write_text(text.replace("seed = 1", "seed = 2"))
    options = "--steps 17 --temperature-2-start-k 34.65 --temperature-2-stop-k 34.1"
    labsync("run", "detuning-scan", "--station", "second.toml", *options.split())
    assert abs(deviation(labsync, 2)) < 3
