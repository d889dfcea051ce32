"""Start-stop histograms and counters, filled by the passing of time."""

import numpy as np

from ..light import Conditions, Exposed, Exposure, Light, by_ramp
from ._errors import BadSetting

__all__ = ["Counter", "Histogram"]


class Histogram:
    """A histogram of the delay between the ramp's sync pulse and photons.

    Counts are drawn when the histogram is read, from the expectation for the time exposed since the last
    reading: a sum of Poisson numbers is a Poisson number, so the moment of drawing does not matter.
    """

    def __init__(self, light: Light, rng: np.random.Generator) -> None:
        self._light = light
        self._rng = rng
        self.links = {"REF": "NONE", "STOP": "NONE", "ENAB": "NONE"}
        self.minimum_ps = 0
        self.bin_width_ps = 100
        self.bins = 16384
        self.exposure = Exposure()
        self.pillar: int | None = None
        self.delay_ps = 0
        self.flush()

    def flush(self) -> None:
        """Forget all counts."""
        self.exposure.take()
        self._counts = np.zeros(self.bins, dtype=np.int64)

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
                expected = starts * self._light.expected_counts(moments, self.pillar, delays_s[inside])
                self._counts[inside] += self._rng.poisson(expected)
        return self._counts


class Counter:
    """The event counter of one input: the last complete cycle, or the sum since the last reset.

    Parameters
    ----------
    light : Light
        Rates at the detectors.
    channel : int
        1 and 2 are the detectors of P1 and P2, 5 is the ramp's sync; others are open.
    rng : numpy.random.Generator
        Source of the Poisson numbers.
    """

    def __init__(self, light: Light, channel: int, rng: np.random.Generator) -> None:
        self._light = light
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

    def reset(self) -> None:
        """Start anew from zero."""
        self._count = 0
        self._open = Exposure()
        self._filled_s = 0.0
        self._complete: list[Exposed] | None = None

    def expose(self, conditions: Conditions, duration_s: float) -> None:
        """Let time pass."""
        if self._channel not in (1, 2, 5):
            return
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
        if self.accumulate:
            self._count += self._draw(self._open.take())
        elif self._complete is not None:
            self._count = self._draw(self._complete)
            self._complete = None
        return self._count

    def _draw(self, exposed: list[Exposed]) -> int:
        if self._channel == 5:
            return round(sum(c.ramp.frequency_hz * lasted for c, lasted in exposed if c.ramp.on))
        return int(self._rng.poisson(self._light.mean_counts(exposed, self._channel - 1)))
