import types

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from instruments import Correction
from labsync import acquisition, position, report
from labsync.errors import UsageError
from labsync.settings import read_station_file


def build(*arguments):
    return acquisition.build("position-hold", arguments)


def at(frames):
    return xr.Dataset(coords={"step": np.arange(frames)})


def test_the_loop_is_watched_first_and_closed_afterwards():
    scan = build("--duration-s", "5", "--open-loop-s", "4", "--period-s", "2")
    assert scan.expected_steps() == 5
    closed = [scan.next_point(at(frame)) for frame in range(6)]
    assert [point["closed_loop"] for point in closed[:5]] == [0, 0, 1, 1, 1]
    assert closed[5] is None


def test_a_bench_without_camera_and_stage_is_refused_before_anything_moves():
    station = types.SimpleNamespace(settings=read_station_file("minimal")[0])
    with pytest.raises(UsageError, match="holding the position"):
        build().check(station)


def test_a_change_of_temperature_beyond_the_limits_is_refused():
    cryostat = types.SimpleNamespace(setpoint_k=34.9)
    station = types.SimpleNamespace(settings=read_station_file("full")[0], cryostat_2=cryostat)
    build("--temperature-change-k", "-1").check(station)
    with pytest.raises(UsageError, match="leads to 74.9 K, outside this station's limits, 5 to 60"):
        build("--temperature-change-k", "40").check(station)
    with pytest.raises(UsageError, match="both 0"):
        build("--duration-s", "0", "--open-loop-s", "0").check(station)


class Loop:
    """A position loop that was one micrometre off and comes back."""

    ready = False

    def __init__(self):
        self.calls = []

    def calibrate(self):
        self.calls.append("calibrate")

    def reference(self):
        self.calls.append("reference")
        self.ready = True

    def correct(self):
        self.calls.append("correct")

    def correct_until_still(self):
        return Correction(0.0, (1.0, -0.5)), Correction(1.0, (0.02, 0.01))


def test_scans_remember_the_sample_once_and_bring_it_back():
    loop = Loop()
    station = types.SimpleNamespace(has=lambda role: role == "position_loop", position_loop=loop)
    position.remember(station)
    position.remember(station)
    assert loop.calls == ["calibrate", "reference"]
    offset = position.recentre(station)["sample_offset_um"]
    assert offset.dims == ("moment", "axis")
    assert offset.attrs["units"] == "um"
    assert offset.sel(moment="before").values == pytest.approx([1.0, -0.5])
    assert offset.sel(moment="after", axis="y") == 0.01


def test_while_the_temperature_moves_the_sample_is_followed_every_five_seconds():
    loop, times = Loop(), iter([0.0, 0.0, 0.0, 2.0, 4.9, 5.0, 5.0, 7.0])
    clock = types.SimpleNamespace(now=lambda: next(times))
    follow = position.follower(types.SimpleNamespace(has=bool, position_loop=loop, clock=clock))
    for _ in range(5):
        follow()
    assert loop.calls == ["correct", "correct"]


def test_scans_on_a_bench_without_position_loop_leave_everything_alone():
    station = types.SimpleNamespace(has=lambda role: False)
    position.remember(station)
    position.follower(station)()
    assert position.recentre(station) == {}


def test_a_short_hold_on_the_full_bench_ends_in_a_table_and_a_figure(tmp_path):
    scan = build("--duration-s", "24", "--open-loop-s", "16", "--temperature-change-k", "-0.5")
    run = acquisition.run(scan, "full", tmp_path, Console(quiet=True))
    assert run.status == "finished"
    data = run.dataset()
    assert data.sizes == {"step": 20, "axis": 2}
    np.testing.assert_allclose(data["time_s"], 2.0 * np.arange(20), atol=0.5)
    assert data["displacement_um"].attrs["units"] == "um"
    assert (data["step_um"].values[:8] == 0).all()
    assert (data["step_um"].values[8:] != 0).any()
    assert data["temperature_2_k"][7] < 34.7 < data["temperature_2_k"][19]
    console = Console(record=True, width=120)
    report.show(run, console)
    shown = console.export_text()
    assert "closed" in shown
    assert "position.png" in shown
    assert (run.path / "figures" / "position.png").stat().st_size > 10_000
    assert (run.path / "results" / "position.json").exists()
