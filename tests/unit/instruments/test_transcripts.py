"""Transcripts: calls with what must hold of their results, on the simulated benches or on a real one.

    pytest tests/unit/instruments/test_transcripts.py                             the simulated benches
    pytest tests/unit/instruments/test_transcripts.py --hardware station.toml     the instruments of a bench

On hardware only readings are made, and settings that are put back; calls that move, heat or light something
are left out unless ``--arm`` is given.
"""

from contextlib import ExitStack

import numpy as np
import pytest

from instruments.twin import TwinSettings, start_twin
from labsync._wiring import DRIVERS
from labsync.settings import read_station_file
from labsync.station import open_station

pytestmark = pytest.mark.xdist_group("transcripts")
SIMULATED = ("full", "mercury-scope")
SMALL = {"trajectories": 8, "duration_ns": 200.0, "field_trajectories": 2, "field_duration_us": 0.1}


@pytest.fixture(scope="module")
def stations(request):
    """The bench of ``--hardware``, or the simulated benches, which have every driver between them."""
    with ExitStack() as stack:
        if real := request.config.getoption("--hardware"):
            yield [stack.enter_context(open_station(read_station_file(real)[0]))]
            return
        opened = []
        for name in SIMULATED:
            settings = read_station_file(name)[0]
            twin = stack.enter_context(start_twin(TwinSettings(bench=name, clock="lock-step", **SMALL)))
            attached = settings.twin.model_copy(update={"attach": twin.addresses["control"]})
            settings = settings.model_copy(update={"twin": attached})
            opened.append(stack.enter_context(open_station(settings)))
        yield opened


@pytest.fixture
def armed(request):
    return request.config.getoption("--arm") or not request.config.getoption("--hardware")


def players(stations, sheet):
    """Return every instrument of the stations that this driver drives."""
    return [
        station.role(name)
        for station in stations
        for name in station.settings.instruments
        if type(station.role(name)) is sheet.player
    ]


def replay(row, driver, folder=None):
    """Make one call and check its result; what it changed is put back, whatever happens."""
    scope = {"driver": driver, "np": np, "folder": folder}
    if "setting" in row:
        before = getattr(driver, row["setting"])
        try:
            setattr(driver, row["setting"], row["value"])
            assert getattr(driver, row["setting"]) == row["value"]
        finally:
            setattr(driver, row["setting"], before)
        assert getattr(driver, row["setting"]) == before
        return
    scope["before"] = eval(row.get("before", "None"), scope)
    try:
        scope["result"] = eval(row["call"], scope)
        assert eval(row["holds"], scope), f"{row['call']} gave {scope['result']!r}; {row['holds']} is false"
    finally:
        eval(row.get("undo", "None"), scope)


def test_an_instrument_does_what_its_transcript_says(sheet, stations, armed, request, tmp_path):
    found = players(stations, sheet)
    assert found or request.config.getoption("--hardware")
    rows = [row for row in sheet.transcript if armed or not row.get("armed", False)]
    assert rows or not sheet.transcript
    for driver in found:
        for row in rows:
            replay(row, driver, tmp_path)


def test_every_driver_of_a_station_file_has_a_transcript(sheets):
    assert {sheet.player for sheet in sheets} == set(DRIVERS.values())


def test_a_transcript_only_arms_what_needs_it_and_says_what_must_hold(sheet):
    dangerous = ("ramp_to", "move_to", "start_triangle", "home(", "shutdown(", "heater_range =")
    assert sheet.transcript
    for row in sheet.transcript:
        assert "setting" in row or row["holds"]
        if any(word in row.get("call", "") for word in dangerous):
            assert row.get("armed"), row["call"]


def test_a_result_that_does_not_hold_is_refused_and_what_was_changed_is_put_back():
    class Dial:
        angle = 3

    dial = Dial()
    undo = {"before": "driver.angle", "undo": "setattr(driver, 'angle', before)"}
    with pytest.raises(AssertionError, match="gave None"):
        replay({"call": "setattr(driver, 'angle', 9)", "holds": "driver.angle == 8", **undo}, dial)
    assert dial.angle == 3
    replay({"setting": "angle", "value": 7}, dial)
    assert dial.angle == 3
