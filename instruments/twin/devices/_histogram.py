"""Start-stop histograms and counters, filled by the passing of time."""

import numpy as np

from .._photon_kernels import start_stop
from ..direct_light import DIRECT, DirectLight
from ..light import Conditions, Exposed, Exposure, Light, by_ramp
from ..timetags import Times
from ._errors import BadSetting

__all__ = ["Counter", "Histogram"]

SATURATED_CPS = 3e7
"""What a saturated module counts."""


class Histogram:
    """A histogram of the delay between start and stop events.

    Delays of photons behind the interferometer after the ramp's sync pulse are drawn when the histogram is
    read, from the expectation for the time exposed since the last reading: a sum of Poisson numbers is a
    Poisson number, so the moment of drawing does not matter; every photon counts. For any other pair of
    inputs, single events are drawn: each start is paired with the first stop after it, and a new start
    replaces one that still waits.
    """

    def __init__(self, light: Light, rng: np.random.Generator, faults: set[str]) -> None:
        self._light = light
        self._rng = rng
        self._faults = faults
        self.links = {"REF": "NONE", "STOP": "NONE", "ENAB": "NONE"}
        self.minimum_ps = 0
        self.bin_width_ps = 100
        self.bins = 16384
        self.exposure = Exposure()
        self.pillar: int | None = None
        self.pair: tuple[int, int] | None = None
        self.delay_ps = 0
        self.flush()

    def flush(self) -> None:
        """Forget all counts."""
        self.exposure.take()
        self._counts = np.zeros(self.bins, dtype=np.int64)
        self._waiting_ps = -1

    def take(self, times: Times, start_ps: int) -> None:
        """Take in the events of a piece of time."""
        if self.pair is not None:
            starts, stops = times[self.pair[0]], times[self.pair[1]] + self.delay_ps
            self._waiting_ps = start_stop(
                starts, stops, self.minimum_ps, self.bin_width_ps, self._counts, self._waiting_ps
            )

    def set_binning(self, name: str, value: int) -> None:
        """Change `minimum_ps`, `bin_width_ps` or `bins`, which forgets all counts."""
        low, high = {"minimum_ps": (0, 10**12), "bin_width_ps": (100, 10**9), "bins": (1, 16384)}[name]
        if not low <= value <= high:
            raise BadSetting(f"{name} must lie within {low}..{high}, not {value}")
        setattr(self, name, value)
        self.flush()

    def counts(self) -> np.ndarray:
        """Return the counts per bin so far."""
        exposed = self.exposure.take()
        if self.pillar is not None:
            width_s = self.bin_width_ps * 1e-12
            delays_s = (self.minimum_ps - self.delay_ps) * 1e-12 + (np.arange(self.bins) + 0.5) * width_s
            for ramp, moments in by_ramp(exposed):
                inside = (delays_s >= 0) & (delays_s * ramp.frequency_hz < 1) & ramp.on
                starts = width_s * ramp.frequency_hz
                if "detector_saturated" in self._faults:
                    flood = starts * SATURATED_CPS * sum(lasted for _, lasted in moments)
                    self._counts[inside] += round(flood)
                    continue
                expected = starts * self._light.expected_counts(moments, self.pillar, delays_s[inside])
                self._counts[inside] += self._rng.poisson(expected)
        return self._counts


class Counter:
    """The event counter of one input: the last complete cycle, or the sum since the last reset.

    Parameters
    ----------
    light, direct : Light, DirectLight
        Rates at the detectors behind the interferometer, and at the others.
    channel : int
        1 and 2 are the detectors of P1 and P2 behind the interferometer, 3 and 4 the direct ones, 5 is the
        ramp's sync.
    rng : numpy.random.Generator
        Source of the Poisson numbers.
    """

    def __init__(
        self, light: Light, direct: DirectLight, channel: int, rng: np.random.Generator, faults: set[str]
    ) -> None:
        self._light, self._direct = light, direct
        self._faults = faults
        self._channel = channel
        self._rng = rng
        self.accumulate = False
        self.integration_ms = 1000
        self.reset()

    def set_integration(self, milliseconds: int) -> None:
        """Set the length of a cycle; counting starts anew."""
        if not 1 <= milliseconds <= 65535:
            raise BadSetting(f"integration time must lie within 1..65535 ms, not {milliseconds}")
        self.integration_ms = milliseconds
        self.reset()

    def set_accumulate(self, accumulate: bool) -> None:
        """Choose between the sum since the last reset and cycles; counting starts anew."""
        self.accumulate = accumulate
        self.reset()

    def restart(self) -> None:
        """Start anew from zero, because somebody wants to know."""
        self.reset()
        self.wanted = True

    def reset(self) -> None:
        """Start anew from zero."""
        self._count = 0
        self.wanted = False
        self._open = Exposure()
        self._filled_s = 0.0
        self._complete: list[Exposed] | None = None

    def expose(self, conditions: Conditions, duration_s: float) -> None:
        """Let time pass."""
        cycle_s = self.integration_ms * 1e-3
        if not self.accumulate and self._filled_s + duration_s >= cycle_s - 1e-9:
            rest = cycle_s - self._filled_s
            self._open.add(conditions, rest)
            self._complete = self._open.take()
            whole, left = divmod(duration_s - rest + 1e-9, cycle_s)
            if whole:
                self._complete = [(conditions, cycle_s)]
            self._filled_s, duration_s = 0.0, max(0.0, left - 1e-9)
        if duration_s > 0:
            self._open.add(conditions, duration_s)
            self._filled_s += duration_s

    def count(self) -> int:
        """Return the register's content."""
        self.wanted = False
        if self.accumulate:
            self._count += self._draw(self._open.take())
        elif self._complete is not None:
            complete, self._complete = self._complete, None
            self._count = self._draw(complete)
        return self._count

    def _draw(self, exposed: list[Exposed]) -> int:
        if self._channel == 5:
            return round(sum(c.ramp.frequency_hz * lasted for c, lasted in exposed if c.ramp.on))
        if "detector_saturated" in self._faults:
            return round(SATURATED_CPS * sum(lasted for _, lasted in exposed))
        if self._channel in DIRECT:
            mean = sum(self._direct.rate_cps(self._channel, c) * lasted for c, lasted in exposed)
        else:
            mean = self._light.mean_counts(exposed, self._channel - 1)
        return int(self._rng.poisson(mean))

    def missing(self) -> bool:
        """Return whether light must be simulated for the count that is waited for."""
        moments = self._moments()
        if self._channel in DIRECT:
            return any(self._direct.missing(conditions) for conditions, _ in moments)
        return self._channel != 5 and self._light.missing(moments)

    def prepare(self) -> None:
        """Simulate it."""
        moments = self._moments()
        if self._channel in DIRECT:
            for conditions, _ in moments:
                self._direct.prepare(conditions)
        elif self._channel != 5:
            self._light.prepare(moments)

    def _moments(self) -> list[Exposed]:
        if not self.wanted:
            return []
        return self._open.moments if self.accumulate else list(self._complete or [])
