"""The simulated sweep: ranges, switches, what a step holds, what is refused."""

import numpy as np
import pytest
import xarray as xr

from labsync import report
from labsync.errors import UsageError
from labsync.procedures.micropillars import MicropillarSweep
from labsync.procedures.sweeps import parse_range
from models import micropillars

QUICK = {"duration_ns": 80.0, "trajectories": 8}


def sweep(**parameters):
    scan = MicropillarSweep()
    for name, value in {**QUICK, **parameters}.items():
        setattr(scan, name, value)
    return scan


def points(scan):
    """The points of the whole sweep, asked for one after the other."""
    history, found = xr.Dataset({"x": ("step", np.zeros(0))}), []
    while (point := scan.next_point(history)) is not None:
        found.append(point)
        history = xr.Dataset({"x": ("step", np.zeros(len(found)))})
    return found


@pytest.mark.parametrize(
    ("parameter", "quantity", "start", "stop"),
    [
        ("detuning", "detuning_ghz", -3.0, 3.0),
        ("current_1_ua", "current_1_ua", 22.0, 28.0),
        ("current_2_ua", "current_2_ua", 22.0, 28.0),
        ("coupling", "coupling", 0.0, 0.03),
    ],
)
def test_each_quantity_can_be_swept_and_reaches_the_model(parameter, quantity, start, stop):
    scan = sweep(**{parameter: f"{start}:{stop}:4"})
    assert scan.expected_steps() == 4
    assert [list(p) for p in points(scan)] == [[quantity]] * 4
    np.testing.assert_allclose([p[quantity] for p in points(scan)], np.linspace(start, stop, 4))
    scan.check(None)
    step = scan.observe(None, {quantity: stop})
    assert float(step[quantity]) == stop
    assert scan.summarise(step)[quantity] == stop
    assert step.power.dims == ("pillar", "mode", "frequency_ghz")


def test_a_step_is_the_model_at_its_point():
    scan = sweep(coupling="0.01:0.02:2", detuning="0.5", current_2_ua="24", inactive_loss_factor=1.5, seed=3)
    step = scan.observe(None, {"coupling": 0.02})
    pair = micropillars.kreinberg2019(25, 24, 0.02, inactive_loss_factor=1.5).detuned(0.5)
    light = micropillars.simulate(pair, 80.0, trajectories=8, seed=3, average_phase=True)
    level = micropillars.zero_lag(light)
    for name in ("photon_number", "photon_number_std", "g2_zero", "g2_zero_std"):
        np.testing.assert_array_equal(step[name], level[name])
    expected = micropillars.spectrum(light, 0.02).power.astype(np.float32)
    np.testing.assert_array_equal(step.power, expected)
    assert float(step.detuning_ghz) == 0.5
    assert "g2_weak" not in step


def test_weak_mode_correlations_are_stored_when_asked_for():
    step = sweep(detuning="5", correlation_ns=15.0).observe(None, {"detuning_ghz": 5.0})
    assert step.g2_weak.dims == step.g2_weak_std.dims == ("pillar", "other_pillar", "lag_ns")
    assert float(step.lag_ns[-1]) == pytest.approx(15.0)
    assert step.g2_weak.attrs["units"] == "1"
    across, back = step.g2_weak.values[0, 1], step.g2_weak.values[1, 0]
    np.testing.assert_allclose(across, back[::-1], rtol=1e-6)
    assert float(step.g2_weak.sel(pillar="P1", other_pillar="P1").max()) > 1.5


def test_relay_delay_and_fixed_phases_reach_the_model():
    scan = sweep(relay="on", average_phase="off", round_trip_phase_rad=1.0, reflection_phase_rad=2.0)
    scan.delay_ns = 2.0
    step = scan.observe(None, {"detuning_ghz": 0.0})
    half = np.sqrt(0.5)
    one, two = micropillars.kreinberg2019(25, 23.5, inactive_loss_factor=1.34).pillars
    pair = micropillars.Pair(one, two, 0.025, 0.0, 2.0, 1.0, half, half, 2.0)
    light = micropillars.simulate(pair, 80.0, trajectories=8)
    np.testing.assert_array_equal(step.photon_number, micropillars.zero_lag(light).photon_number)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"detuning": "0:1:3", "coupling": "0:1:3"}, "--detuning and --coupling are ranges; give one range"),
        ({"current_1_ua": "20:30"}, "--current-1-ua '20:30' is no range"),
        ({"current_2_ua": "-5:30:3"}, "Pillar.current_ua is -5"),
        ({"coupling": "-0.1:0.1:3"}, "Pair.coupling is -0.1"),
        ({"relay": "perhaps"}, "--relay is 'perhaps'; give on or off"),
        ({"average_phase": "yes"}, "--average-phase is 'yes'; give on or off"),
        ({"correlation_ns": 90.0}, "--correlation-ns is 90; give 0 for none, or less than the duration"),
        ({"delay_ns": 3.8505}, "delay_ns is 3.8505, not a positive multiple of the step"),
    ],
)
def test_parameters_the_model_does_not_take_are_refused_before_anything_runs(parameters, sentence):
    with pytest.raises(UsageError, match=sentence):
        sweep(**parameters).check(None)


@pytest.mark.parametrize("text", ["", "x", "1:2", "1:2:1", "1:2:3:4", "nan", "0:inf:3", "1:2:2.5"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(UsageError, match="is no range"):
        parse_range(text, "--detuning")


def test_the_parameters_are_listed_with_their_units():
    table = report.parameter_table(MicropillarSweep())
    columns = [list(column.cells) for column in table.columns]
    listed = dict(zip(columns[0], zip(columns[1], columns[2], strict=True), strict=True))
    assert listed["--detuning"] == ("0", "GHz")
    assert listed["--current-2-ua"] == ("23.5", "uA")
    assert listed["--relay"] == ("off", "")


def test_parameter_names_can_be_written_into_files_of_results():
    for parameter in MicropillarSweep().parameter_objects().values():
        assert ": " not in parameter.name
        assert "=" not in parameter.name
