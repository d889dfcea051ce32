"""Hold P2's sample in its place, and show what the position loop does.

Source: Kreinberg et al., Nature Communications 10, 1539 (2019), Methods.
"""

import logging
import math
from typing import ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import FloatParameter

from labsync.errors import UsageError
from labsync.position import remember
from labsync.scan import Point, Report, Scan
from labsync.station import Station

log = logging.getLogger(__name__)


class PositionHold(Scan):
    """Watch the sample drift with the position loop open, then close the loop.

    A step is one frame: ``displacement_um`` and ``step_um`` (axis), ``time_s`` since the first frame, whether
    the loop was closed, whether it held, and P2's temperature. The loop is calibrated first, and the
    reference taken.

    If a change of temperature is asked for, P2's setpoint moves by it at the first frame, and back when the
    loop is closed after an open one, so that both phases see the sample move.
    """

    slug: ClassVar[str] = "position-hold"
    DATA_COLUMNS: ClassVar[list[str]] = ["time_s", "displacement_x_um", "displacement_y_um", "closed_loop"]

    duration_s = FloatParameter("Time with the loop closed", units="s", default=600.0, minimum=0.0)
    open_loop_s = FloatParameter("Time with the loop open, before", units="s", default=600.0, minimum=0.0)
    period_s = FloatParameter("Time between two frames", units="s", default=2.0, minimum=0.05)
    temperature_change_k = FloatParameter("Change of P2's temperature in each phase", units="K", default=0.0)

    _start_s: float | None = None
    _setpoint_k: float = math.nan

    def expected_steps(self) -> int:
        """Return the number of frames."""
        return self._open_frames() + math.ceil(self.duration_s / self.period_s)

    def check(self, station: Station) -> None:
        """Refuse a bench without camera and stage, and temperatures outside the limits.

        Raises
        ------
        UsageError
            Saying what is missing or beyond.
        """
        station.settings.require(("position_loop",), "holding the position")
        if self.expected_steps() == 0:
            raise UsageError("duration_s and open_loop_s are both 0; give a time for one of them.")
        if self.temperature_change_k:
            low, high = station.settings.cryostat_2.setpoint_limits
            aim = station.cryostat_2.setpoint_k + self.temperature_change_k
            if not low <= aim <= high:
                raise UsageError(
                    f"temperature_change_k = {self.temperature_change_k:g} leads to {aim:g} K, outside this "
                    f"station's limits, {low:g} to {high:g}."
                )

    def next_point(self, history: xr.Dataset) -> Point | None:
        """Return the next frame, and whether the loop is closed."""
        frame = history.sizes["step"]
        if frame >= self.expected_steps():
            return None
        return {"frame": float(frame), "closed_loop": float(frame >= self._open_frames())}

    def approach(self, station: Station, point: Point, report: Report) -> None:
        """Wait for the frame's time; before the first one, calibrate the loop and take the reference."""
        frame = int(point["frame"])
        if self._start_s is None:
            remember(station)
            self._start_s = station.clock.now() - frame * self.period_s
            self._setpoint_k = station.cryostat_2.setpoint_k if self.temperature_change_k else math.nan
        if self.temperature_change_k and frame in (0, self._open_frames()):
            change = self.temperature_change_k if frame == 0 else 0.0
            station.cryostat_2.set_setpoint_k(self._setpoint_k + change)
        station.clock.sleep(self._start_s + frame * self.period_s - station.clock.now())

    def observe(self, station: Station, point: Point) -> xr.Dataset:
        """Take one frame and, with the loop closed, move the stage."""
        loop = station.position_loop
        assert self._start_s is not None
        wall_time_s = station.wall_time_s()
        seen = loop.correct() if point["closed_loop"] else loop.watch()
        if seen.held:
            log.warning("Position loop, frame %d: held, %s.", int(point["frame"]), seen.held)
        return xr.Dataset(
            {
                "displacement_um": ("axis", np.array(seen.displacement_um), {"units": "um"}),
                "step_um": ("axis", np.array(seen.step_um), {"units": "um"}),
                "registration_error": ((), seen.error, {"units": "1"}),
                "time_s": ((), seen.time_s - self._start_s, {"units": "s"}),
                "closed_loop": ((), np.int8(point["closed_loop"]), {"units": "1"}),
                "held": ((), np.int8(bool(seen.held)), {"units": "1"}),
                "temperature_2_k": ((), station.cryostat_2.temperature_k, {"units": "K"}),
                "time": (
                    (),
                    wall_time_s,
                    {"units": "seconds since 1970-01-01", "calendar": "proleptic_gregorian"},
                ),
            },
            coords={"axis": ["x", "y"]},
        )

    def summarise(self, step: xr.Dataset) -> dict[str, float]:
        """Return time, displacement, and whether the loop was closed."""
        x_um, y_um = step["displacement_um"].values
        return {
            "time_s": float(step["time_s"]),
            "displacement_x_um": float(x_um),
            "displacement_y_um": float(y_um),
            "closed_loop": float(step["closed_loop"]),
        }

    def _open_frames(self) -> int:
        return math.ceil(self.open_loop_s / self.period_s)
