import pytest

from instruments.twin import TwinSettings, draw_truth


def deviation(found, seed: int, error: float) -> float:
    """Return how many standard errors, at most so large a part of K, its estimate is off the hidden truth."""
    coupling = found["coupling_fit"]["coupling"]
    assert found["coupling_fit"]["converged"]
    assert coupling["std"] < error * coupling["value"]
    assert max(found["reduced_chi_squared"]) < 2
    return (coupling["value"] - draw_truth(TwinSettings(seed=seed)).coupling) / coupling["std"]


@pytest.mark.xdist_group("scanned")
def test_the_hidden_coupling_of_the_first_lab_is_recovered(compared):
    assert abs(deviation(compared, 1, 0.02)) < 3


def test_the_hidden_coupling_of_another_lab_is_recovered_from_a_narrow_scan(labsync, lab_with):
    _, station = lab_with(seed=2, trajectories=32, duration_ns=500.0)
    options = "--steps 13 --temperature-2-start-k 34.65 --temperature-2-stop-k 34.1"
    labsync("run", "detuning-scan", "--station", station, *options.split())
    assert abs(deviation(labsync.json("compare", "latest"), 2, 0.03)) < 3
