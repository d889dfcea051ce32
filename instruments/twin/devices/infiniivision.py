"""A Keysight InfiniiVision oscilloscope at the interferometer."""

import math

import numpy as np

from .._streams import stream
from ..analog import Converter, Photodetector
from ..light import Conditions, Exposed, Exposure
from ..world import World
from ._errors import BadSetting
from ._trigger import next_crossing

__all__ = ["InfiniiVision"]

SOURCES = ("CHAN1", "CHAN2", "CHAN3", "CHAN4", "EXT", "LINE")
MAINS_HZ = 50.0
SYNC_V = 3.3
NOISE_V = 1e-3
BRIGHTER = 200.0
"""Light on the analog detectors over that on photon counters, which would be saturated by it."""

MIDDLE, LOW_STOP, HIGH_STOP = 0x8000, 0x0100, 0xFF00
STEPS_PER_RANGE = 200 * 256


class InfiniiVision:
    """Channel 1 monitors the ramp, 2 and 3 are the detectors of P1 and P2, 4 is open; EXT is the ramp's sync.

    Parameters
    ----------
    world : World
        The ramp, the light and the time.
    """

    faults = frozenset({"trigger_never", "stale_buffer", "adc_clip", "clock_drift"})

    def __init__(self, world: World) -> None:
        self._world = world
        self.active_faults: set[str] = set()
        self.converter = Converter.draw(stream(world.settings.seed, "scope", "clock"), self.active_faults)
        self.detectors = [
            Photodetector(BRIGHTER * efficiency) for efficiency in world.truth.efficiency_cps_per_photon
        ]
        self._light = world.light.on(self.detectors)
        self._acquisitions = 0
        self.reset()
        world.observe(self._pass_time)
        world.foresee(self)

    def reset(self) -> None:
        """Return to the defaults and forget the record."""
        self.ranges = dict.fromkeys((1, 2, 3, 4), 40.0)
        self.offsets = dict.fromkeys((1, 2, 3, 4), 0.0)
        self.displayed = dict.fromkeys((1, 2, 3, 4), True)
        self.duration_s, self.position_s = 1e-3, 0.0
        self.source, self.level_v, self.rising, self.sweep = "CHAN1", 0.0, True, "AUTO"
        self.averaging, self.averages = False, 8
        self._armed: tuple[int, ...] = ()
        self._first_s = self._done_s = math.inf
        self._exposure = Exposure()
        self._seen: list[Exposed] = []
        self._voltages: dict[tuple[int, int], np.ndarray] = {}
        self._event_taken = False

    @property
    def count(self) -> int:
        """Number of triggers that make one record."""
        return self.averages if self.averaging else 1

    @property
    def busy(self) -> bool:
        """Whether an acquisition waits for triggers."""
        return bool(self._armed) and self._world.now_s < self._done_s - 1e-9

    def digitise(self, channels: tuple[int, ...]) -> None:
        """Arm: record the channels after the coming triggers."""
        if "stale_buffer" in self.active_faults:
            return
        now_s, period = self._world.now_s, self._period_s()
        first_s = math.inf if "trigger_never" in self.active_faults else self._next_trigger(now_s)
        self._armed, self._event_taken = channels, False
        self._acquisitions += 1
        self._first_s = first_s
        end_s = max(0.0, self.position_s + self.duration_s / 2)
        self._done_s = first_s + (self.count - 1) * period + end_s
        self._exposure.take()
        self._seen, self._voltages = [(self._world.conditions(), 1e-9)], {}

    def stop(self) -> None:
        """End the acquisition; a record that is not complete is lost."""
        if self.busy:
            self._armed, self._done_s = (), math.inf

    def take_event(self) -> bool:
        """Return whether a trigger came since this was asked before."""
        came = bool(self._armed) and self._world.now_s >= self._first_s - 1e-9
        news = came and not self._event_taken
        self._event_taken = came
        return news

    def recorded(self, channel: int) -> bool:
        """Return whether there is a complete record of a channel."""
        return channel in self._armed and not self.busy

    def codes(self, channel: int, points: int) -> np.ndarray:
        """Return a record as 16-bit words."""
        if not self.recorded(channel):
            raise BadSetting("there is no record of this channel")
        key = channel, points
        if key not in self._voltages:
            self._voltages[key] = self._draw(channel, points)
        step_v = self.ranges[channel] / STEPS_PER_RANGE
        offset = self._voltages[key] - self.offsets[channel]
        return self.converter.codes(offset, step_v, LOW_STOP - MIDDLE, HIGH_STOP - MIDDLE) + MIDDLE

    def missing(self) -> bool:
        """Return whether the model has to compute spectra for the running acquisition."""
        return self._light.missing(self._exposed())

    def prepare(self) -> None:
        """Compute them."""
        self._light.prepare(self._exposed())

    def _exposed(self) -> list[Exposed]:
        return list(self._exposure.moments) if set(self._armed) & {2, 3} else []

    def _pass_time(self, start_s: float, conditions: Conditions, duration_s: float) -> None:
        inside_s = min(start_s + duration_s, self._done_s) - max(start_s, self._first_s)
        if self._armed and inside_s > 0:
            self._exposure.add(conditions, inside_s)

    def _period_s(self) -> float:
        ramp = self._world.ramp
        return 1 / MAINS_HZ if self.source == "LINE" or not ramp.on else 1 / ramp.frequency_hz

    def _next_trigger(self, now_s: float) -> float:
        world = self._world
        if self.source == "LINE":
            return math.ceil(now_s * MAINS_HZ - 1e-9) / MAINS_HZ
        if not world.ramp.on:
            return math.inf

        def signal(times_s: np.ndarray) -> np.ndarray:
            if self.source == "EXT":
                return SYNC_V * (np.mod(times_s * world.ramp.frequency_hz, 1.0) < 0.5)
            moments = [(world.conditions(), 1.0)]
            return self._expected(int(self.source[-1]), times_s, moments)

        phase_s = next_crossing(signal, self.level_v, self.rising, 1 / world.ramp.frequency_hz)
        period_s, elapsed_s = 1 / world.ramp.frequency_hz, now_s - world.ramp_start_s - phase_s
        if not math.isfinite(phase_s):
            return math.inf
        return world.ramp_start_s + phase_s + math.ceil(elapsed_s / period_s - 1e-9) * period_s

    def _expected(self, channel: int, times_s: np.ndarray, moments: list[Exposed]) -> np.ndarray:
        """Return voltages without noise, at times after the start of the ramp; of detectors the rate."""
        if channel == 1:
            return self._world.ramp.voltage_v(times_s)
        if channel == 4:
            return np.zeros(len(times_s))
        lasted = sum(duration for _, duration in moments)
        rate = self._light.expected_counts(moments, channel - 2, times_s) / lasted
        return rate * self.detectors[channel - 2].volts_per_electron_per_s

    def _draw(self, channel: int, points: int) -> np.ndarray:
        """Draw the voltages of a record."""
        rng = stream(self._world.settings.seed, "scope", self._acquisitions, channel)
        nominal_s = self.position_s + (np.arange(points) / points - 0.5) * self.duration_s
        times_s = self._first_s - self._world.ramp_start_s + self.converter.true_s(nominal_s)
        self._seen = self._exposure.take() or self._seen
        expected = self._expected(channel, times_s, self._seen)
        front_v = math.hypot(NOISE_V, self.ranges[channel] / 200 / math.sqrt(12)) / math.sqrt(self.count)
        front = front_v * rng.standard_normal(points)
        if channel not in (2, 3):
            return expected + front
        detector = self.detectors[channel - 2]
        rate = expected / detector.volts_per_electron_per_s
        return detector.voltage_v(rate, self.duration_s / points, self.count, rng) + front
