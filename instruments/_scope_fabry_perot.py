"""A scanning Fabry-Perot interferometer made of a ramp generator and an oscilloscope."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from instruments.clock import Clock, SystemClock
from instruments.errors import InstrumentError, InstrumentProtocolError
from instruments.roles import Oscilloscope, RampGenerator

__all__ = ["ScopeFabryPerot"]

ACQUISITIONS = 8
"""Averages per record of an oscilloscope; their scatter is the noise of the record."""

FEWEST_ACQUISITIONS = 4
POINTS_PER_BIN = 4
PAST_TURN = 1.06
"""An oscilloscope looks a little beyond the end of the up-ramp, to see where the ramp turns."""

LARGEST_CLOCK_ERROR = 1e-3
LAGS = (1, 2, 3)
"""Distances, in bins, over which noise may be correlated."""


class ScopeFabryPerot:
    """Drive the piezo with a triangle and average the voltage of each pillar's detector over the up-ramp.

    The generator's sync output, at the start of the up-ramp, triggers the oscilloscope; one channel monitors
    the ramp. Its turning point must lie where the generator puts it, else the ramp or the oscilloscope's
    clock is wrong.

    Parameters
    ----------
    ramp
        Generator whose triangle drives the piezo.
    scope
        Records the detectors.
    frequency_hz, amplitude_v, offset_v
        The triangle: frequency in Hz; amplitude and centre in V.
    bins
        Number of bins over the up-ramp.
    trigger
        Trigger source of the sync pulse, of TTL level.
    monitor
        Channel of the ramp.
    channels
        Channels of the detectors of P1, P2.
    range_v
        Full scale of the detectors' channels, in V; zero lies a tenth of it above the bottom.
    clock
        Source of time.
    """

    def __init__(
        self,
        ramp: RampGenerator,
        scope: Oscilloscope,
        *,
        frequency_hz: float = 50.0,
        amplitude_v: float = 0.9,
        offset_v: float = 0.0,
        bins: int = 4096,
        trigger: str = "EXT",
        monitor: int = 1,
        channels: Sequence[int] = (2, 3),
        range_v: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        if not 16 <= bins <= 15000 or not frequency_hz > 0:
            raise ValueError(
                f"{bins} bins at {frequency_hz} Hz; use 16 to 15000 bins and a positive frequency."
            )
        if not channels or monitor in channels:
            raise ValueError(f"channels {list(channels)} must name the detectors, not the monitor {monitor}.")
        self._ramp, self._scope = ramp, scope
        self._frequency_hz, self._amplitude_v, self._offset_v = frequency_hz, amplitude_v, offset_v
        self._bins, self._trigger, self._monitor = bins, trigger, monitor
        self._channels, self._range_v = tuple(channels), range_v
        self._clock = clock if clock is not None else SystemClock()
        self._running = False

    def start(self) -> None:
        """Start the ramp, set the oscilloscope and let the piezo swing in for ten periods."""
        self._ramp.start_triangle(self._frequency_hz, self._amplitude_v, self._offset_v)
        self._scope.set_trigger(self._trigger, 1.5, "rising")
        self._scope.set_timebase(0.0, PAST_TURN * 0.5 / self._frequency_hz)
        self._scope.set_range(self._monitor, 2.5 * self._amplitude_v, self._offset_v)
        for channel in self._channels:
            self._scope.set_range(channel, self._range_v, 0.4 * self._range_v)
        self._clock.sleep(10 / self._frequency_hz)
        self._running = True

    def stop(self) -> None:
        """Stop the ramp; the next `record` starts it again."""
        self._running = False
        self._ramp.stop()

    def record(self, integration_s: float) -> xr.Dataset:
        """Record one spectrum per pillar.

        Parameters
        ----------
        integration_s
            Time over which ramps are averaged, in s; at least four ramps.

        Returns
        -------
        xarray.Dataset
            `voltage(pillar, bin)` over the up-ramp and its standard error `voltage_std`, from the scatter of
            up to eight averages, both float32 in V. A detector slower than a bin gives neighbouring bins some
            of their noise in common; the error contains that, as if the bins were independent. Coordinates
            `pillar` and `ramp_time_ms(bin)`, the middle of each bin after the start of the ramp.

        Raises
        ------
        InstrumentError
            The monitor does not show the ramp.
        InstrumentProtocolError
            The ramp turns at another time than the generator was told.
        """
        ramps = int(integration_s * self._frequency_hz + 1e-9)
        if ramps < FEWEST_ACQUISITIONS:
            raise ValueError(
                f"integration_s of {integration_s} s is shorter than {FEWEST_ACQUISITIONS} ramps of "
                f"{1 / self._frequency_hz} s, the fewest that tell the noise."
            )
        if not self._running:
            self.start()
        acquisitions = min(ACQUISITIONS, ramps)
        rows = np.array([self._average(ramps // acquisitions) for _ in range(acquisitions)])
        voltage, error = rows.mean(axis=0), rows.std(axis=0, ddof=1) / np.sqrt(acquisitions)
        error *= _common_noise(rows)[:, None]
        width_ms = 1e3 * 0.5 / self._frequency_hz / self._bins
        dims = ("pillar", "bin")
        return xr.Dataset(
            {
                "voltage": (dims, voltage.astype(np.float32), {"units": "V"}),
                "voltage_std": (dims, error.astype(np.float32), {"units": "V"}),
            },
            coords={
                "pillar": [f"P{k}" for k in range(1, len(self._channels) + 1)],
                "ramp_time_ms": ("bin", (np.arange(self._bins) + 0.5) * width_ms, {"units": "ms"}),
            },
            attrs={
                "ramp_frequency_hz": self._frequency_hz,
                "bin_width_ps": round(1e9 * width_ms),
                "integration_s": integration_s,
            },
        )

    def _average(self, ramps: int) -> np.ndarray:
        """Average some ramps and sort the points into bins: shape (pillar, bin)."""
        record = self._scope.capture(
            [self._monitor, *self._channels],
            averages=ramps,
            points=int(PAST_TURN * POINTS_PER_BIN * self._bins),
            wait_s=(ramps + 1) / self._frequency_hz,
        )
        time_s = record["time_s"].values
        voltage = record["voltage_v"].values.astype(float)
        self._check_ramp(time_s, voltage[0])
        place = np.floor(time_s * 2 * self._frequency_hz * self._bins + 1e-9).astype(int)
        inside = (place >= 0) & (place < self._bins)
        points = np.bincount(place[inside], minlength=self._bins)
        if not points.all():
            raise InstrumentProtocolError(
                f"The oscilloscope gave {len(time_s)} points from {time_s[0]} s to {time_s[-1]} s, which "
                f"leaves some of the {self._bins} bins of the up-ramp empty."
            )
        sums = [np.bincount(place[inside], row[inside], self._bins) for row in voltage[1:]]
        return np.asarray(sums) / points

    def _check_ramp(self, time_s: np.ndarray, monitor_v: np.ndarray) -> None:
        half_s = 0.5 / self._frequency_hz
        up, down = (time_s > 0.05 * half_s) & (time_s < 0.97 * half_s), time_s > 1.015 * half_s
        rise, low = np.polynomial.polynomial.polyfit(time_s[up], monitor_v[up], 1)[::-1]
        fall = np.polynomial.polynomial.polyfit(time_s[down], monitor_v[down], 1)[1]
        expected = 2 * self._amplitude_v / half_s
        if not (abs(rise / expected - 1) < 0.1 and abs(fall / expected + 1) < 0.2):
            raise InstrumentError(
                f"The ramp's monitor rises by {rise:.3g} V/s and then falls by {-fall:.3g} V/s instead of "
                f"{expected:.3g} V/s; check the generator's output and the cables of monitor and sync."
            )
        # the triangle is symmetric: it falls as it rises, so its turn follows from where it is afterwards
        turn_s = (np.mean(monitor_v[down] + rise * time_s[down]) - low) / (2 * rise)
        error = turn_s / half_s - 1
        if abs(error) > LARGEST_CLOCK_ERROR:
            raise InstrumentProtocolError(
                f"The oscilloscope sees the ramp turn {1e6 * error:.0f} ppm off its time; the clock of the "
                "oscilloscope or of the generator is wrong."
            )


def _common_noise(rows: np.ndarray) -> np.ndarray:
    """Return, per pillar, the noise of the mean of many bins over that of independent bins; at least one.

    Parameters
    ----------
    rows
        Repetitions, shape (repetition, pillar, bin).
    """
    noise = rows - rows.mean(axis=0)
    noise = noise / np.maximum(noise.std(axis=0), 1e-300)
    shared = sum((noise[..., lag:] * noise[..., :-lag]).mean(axis=(0, 2)) for lag in LAGS)
    return np.asarray(np.sqrt(np.maximum(1.0, 1 + 2 * shared)))
