"""Sweeps of the nanolaser dimer from the command line."""

import io

import numpy as np
import pytest
from rich.console import Console

from labsync import acquisition, report
from labsync.errors import LabsyncError, UsageError
from labsync.procedures import SIMULATIONS

FEW_PHOTONS = ["--gamma", "4", "--pump-parameter", "0.5", "--drive", "0.2", "--levels", "5"]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    def simulate(*arguments):
        scan = acquisition.build("nanolaser-dimer", list(arguments), SIMULATIONS)
        return acquisition.simulate(scan, tmp_path_factory.mktemp("runs"), Console(quiet=True))

    return simulate


@pytest.mark.parametrize(
    ("level", "n1", "n2"),
    [
        # C_p = 1.1, gamma = 3500, eps = 0.3, t_c = 0.01, phi_2 = pi/2: n1 - n2 about -27.6 by the
        # self-consistent equation, n2 > n1 on every level
        (["fokker-planck"], (170, 180), (198, 208)),
        (["gutzwiller", "--single-site-model", "cubic"], (170, 180), (198, 208)),
        (["langevin", "--duration", "400"], (168, 182), (195, 210)),
        (["quantum", *FEW_PHOTONS], (0, 1), (0, 1)),
    ],
    ids=lambda value: value[0] if isinstance(value[0], str) else "",
)
def test_every_level_gives_the_laser_whose_drive_is_ahead_more_photons(level, n1, n2, simulated):
    run = simulated("--tunnelling", "0.01" if level[0] != "quantum" else "0.3", "--level", *level)
    step = run.dataset().isel(step=0)
    low, high = step["photons"].values
    assert n1[0] < low < n1[1]
    assert n2[0] < high < n2[1]
    assert float(step["imbalance"]) == pytest.approx(low - high)
    assert float(step["imbalance"]) < 0
    field = step["field_real"].values + 1j * step["field_imag"].values
    np.testing.assert_allclose(step["coherence"], np.abs(field) ** 2 / step["photons"])
    assert ("photons_error" in step) == (level[0] == "langevin")
    assert all(step[name].attrs["units"] for name in step)


def test_a_sweep_beyond_locking_says_so_and_is_drawn(simulated):
    run = simulated("--tunnelling", "0:0.04:3")
    console = Console(record=True, width=120, file=io.StringIO())
    report.show(run, console)
    text = console.export_text()
    assert "1.66 times abs(epsilon)/sqrt(n)" in text
    assert "n1 - n2" in text
    assert (run.path / "figures" / "nanolasers.png").stat().st_size > 10_000


def test_remarks_that_differ_in_numbers_only_are_said_once():
    same = ["t_c = 0.025 is too much.", "t_c = 3e-02 is too much.", "Another thing."]
    assert report._remarks(same) == ["t_c = 3e-02 is too much. (2 such remarks)", "Another thing."]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--level", "classical"], "--level is 'classical'; give one of fokker-planck, gutzwiller"),
        (["--single-site-model", "linear"], "--single-site-model is 'linear'; give one of full, eliminated"),
        (["--pump-parameter", "0"], "Dimer.pump_parameter is 0; it must be positive"),
        (["--gamma", "-1"], "Dimer.gamma is -1; it must be positive"),
        (["--drive", "0:1:3"], "--tunnelling and --drive are ranges"),
    ],
)
def test_what_the_model_does_not_take_is_refused_before_a_run_begins(arguments, said, simulated):
    with pytest.raises(UsageError, match=said):
        simulated(*arguments)


def test_a_dimer_too_bright_for_its_photon_numbers_is_refused_with_the_place(simulated):
    with pytest.raises(LabsyncError, match=r"quantum has no solution at tunnelling = 0\.1\. The last"):
        simulated("--level", "quantum", "--levels", "3", "--tunnelling", "0.1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        # without tunnelling a weak field grows at A - C + eps^2/A = -0.2 + 0.3^2/0.8 < 0
        (
            ["--pump-parameter", "0.8"],
            r"amplitudes vanish: at C_p = 0\.8 .* abs\(epsilon\) > 0\.4 .* is 0\.3",
        ),
        (["--tunnelling", "1000"], r"is 3\.52e\+05 times the phases' diffusion, more than 2000"),
        (
            ["--level", "langevin", "--duration=-5", "--tunnelling", "0.01"],
            "duration is -5 .* must be finite, the duration positive",
        ),
        (
            ["--level", "langevin", "--duration", "1e9", "--tunnelling", "0.01"],
            r"are 3\.2e\+11 steps, more than 1e\+11",
        ),
        (
            [
                "--level",
                "gutzwiller",
                "--single-site-model",
                "eliminated",
                "--drive",
                "30",
                "--tunnelling",
                "0.01",
            ],
            "elements, more than 250000: so strong a drive",
        ),
        (
            ["--level", "gutzwiller", "--drive", "30", "--tunnelling", "0.01"],
            "elements, more than 250000: so strong a drive",
        ),
    ],
    ids=["too weak a drive", "too much tunnelling", "negative time", "too long", "eliminated", "full"],
)
def test_what_has_no_solution_or_takes_too_long_is_refused_in_one_sentence(arguments, said, simulated):
    with pytest.raises((LabsyncError, ValueError), match=said):
        simulated(*arguments)


def test_tunnelling_far_beyond_locking_leaves_the_photons_that_no_drive_adds(simulated):
    step = simulated("--tunnelling", "0.5").dataset().isel(step=0)
    np.testing.assert_allclose(step["photons"], 159.09, rtol=0.01)


def test_a_range_of_too_many_values_is_refused(simulated):
    with pytest.raises(UsageError, match="with 2 to 100000 values"):
        simulated("--tunnelling", "0:1:1000000000")


def test_steps_of_the_quantum_level_keep_the_weight_of_their_last_photon_numbers(simulated):
    step = simulated("--level", "quantum", "--tunnelling", "0.1", *FEW_PHOTONS).dataset().isel(step=0)
    assert 1e-4 < float(step["truncation_weight"]) < 1e-2
