import types

import numpy as np
import pytest
import xarray as xr

from instruments import Interlock, TimeTags
from labsync import acquisition, report
from labsync.errors import UsageError
from labsync.procedures import PROCEDURES, SIMULATIONS, DetuningScan
from labsync.procedures._live_tags import Enough, LiveTags
from labsync.procedures.sweeps import parse_range
from labsync.settings import read_station_file


def history(steps: int) -> xr.Dataset:
    return xr.Dataset(coords={"step": np.arange(steps)})


def points(scan) -> list[dict[str, float]]:
    found = []
    while (point := scan.next_point(history(len(found)))) is not None:
        found.append(point)
    return found


def test_the_grid_runs_from_start_to_stop_and_is_a_pure_function_of_the_history():
    scan = acquisition.build("detuning-scan", ["--steps", "11", "--temperature-2-stop-k=33.9"])
    temperatures = [point["temperature_2_k"] for point in points(scan)]
    np.testing.assert_allclose(temperatures, np.linspace(34.9, 33.9, 11))
    assert scan.expected_steps() == 11
    assert points(scan) == points(scan)
    assert scan.next_point(history(4)) == {"temperature_2_k": temperatures[4]}


def test_the_default_scan_crosses_the_resonance_of_every_simulated_lab():
    scan = DetuningScan()
    low, high = sorted([scan.temperature_2_start_k, scan.temperature_2_stop_k])
    assert low < 34.4 - 0.05 < 34.4 + 0.05 < high


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("temperature_1_k", 70.0),
        ("temperature_2_start_k", 4.0),
        ("current_2_ua", 42.0),
        ("current_1_ua", 41.7),
    ],
)
def test_parameters_beyond_the_limits_of_the_station_are_refused_before_anything_moves(parameter, value):
    station = types.SimpleNamespace(settings=read_station_file("simulated")[0])
    scan = DetuningScan()
    scan.check(station)
    setattr(scan, parameter, value)
    with pytest.raises(UsageError, match=f"{parameter} = {value:g} is outside"):
        scan.check(station)


@pytest.mark.parametrize("scan", [*PROCEDURES.values(), *SIMULATIONS.values()], ids=lambda scan: scan.slug)
def test_every_parameter_has_a_meaning_and_units_where_its_name_has_them(scan):
    for name, parameter in scan().parameter_objects().items():
        assert len(parameter.name) > 8, name
        for ending, unit in {"_k": "K", "_ua": "uA", "_s": "s", "_ns": "ns", "_ps": "ps"}.items():
            if name.endswith(ending):
                assert getattr(parameter, "units", None) == unit, name
    assert report.parameter_table(scan()).row_count == len(scan().parameter_objects())


def test_ranges_are_one_value_or_start_stop_number():
    np.testing.assert_allclose(parse_range("-3:3:61", "--detuning"), np.linspace(-3, 3, 61))
    np.testing.assert_allclose(parse_range("0.5", "--detuning"), [0.5])
    for wrong in ("", "1:2", "1:2:3:4", "a:b:3", "1:2:1", "nan", "0:inf:5", "1:2:2.5"):
        with pytest.raises(UsageError, match="is no range"):
            parse_range(wrong, "--detuning")


def test_a_detector_above_its_ceiling_ends_the_measurement_at_its_first_recording():
    asked = []

    def record(inputs, duration_s):
        asked.append((inputs, duration_s))
        times = np.arange(0, round(1e12 * duration_s), 500_000)  # 2 MHz
        return TimeTags(times, np.where(np.arange(len(times)) % 4, 3, 4).astype(np.int8), duration_s)

    def tags(ceiling_hz):
        enough = Enough(error=0.02, bin_ps=260.0, time_s=0.02, chunk_s=0.01, ceiling_hz=ceiling_hz)
        return LiveTags(types.SimpleNamespace(record=record), (3, 4), 20.0, enough, lambda facts: None)

    with pytest.raises(Interlock, match=r"input 3 counts 1\.5e\+06/s, above its ceiling of 1\.4e\+06/s"):
        tags(1.4e6)
    assert asked == [([3, 4], 0.01)]
    assert len(list(tags(1.6e6).chunks())) == 2


def test_weak_modes_are_refused_before_anything_moves_where_no_analyser_selects_them():
    station = types.SimpleNamespace(settings=read_station_file("minimal")[0])
    acquisition.build("correlation-scan", ["--steps", "1"]).check(station)
    with pytest.raises(UsageError, match="has no analyser_2; the weak mode needs one"):
        acquisition.build("correlation-scan", ["--mode-2", "weak"]).check(station)
