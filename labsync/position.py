"""Keeping the sample in its place during a scan, on benches that have a camera and a stage."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from labsync.station import Station

__all__ = ["follower", "recentre", "remember"]

FOLLOW_S = 5.0


def remember(station: Station) -> None:
    """Take the sample's present position as the right one, before anything moves; once per station.

    Does nothing on a bench without position loop, or if the position is known already.

    Raises
    ------
    InstrumentError
        If the loop cannot be calibrated.
    """
    if station.has("position_loop") and not station.position_loop.ready:
        station.position_loop.calibrate()
        station.position_loop.reference()


def follower(station: Station) -> Callable[[], None]:
    """Return what to call again and again while the temperature moves, so that the sample is not lost.

    It corrects the position at most every five seconds; on a bench without position loop it does nothing.
    A large change of temperature moves the sample further than one registration can bridge.
    """
    if not station.has("position_loop"):
        return lambda: None
    due_s = station.clock.now()

    def follow() -> None:
        nonlocal due_s
        if station.clock.now() >= due_s:
            station.position_loop.correct()
            due_s = station.clock.now() + FOLLOW_S

    return follow


def recentre(station: Station) -> dict[str, Any]:
    """Bring the sample back to where it was remembered.

    Returns
    -------
    dict
        ``sample_offset_um`` (moment, axis) for the step's data: the displacement before and after, in um.
        Empty on a bench without position loop.

    Raises
    ------
    InstrumentError
        If the sample cannot be brought back.
    """
    if not station.has("position_loop"):
        return {}
    corrections = station.position_loop.correct_until_still()
    offsets = np.array([each.displacement_um for each in corrections])
    coords = {"moment": ["before", "after"], "axis": ["x", "y"]}
    return {"sample_offset_um": xr.DataArray(offsets, coords, ("moment", "axis"), attrs={"units": "um"})}
