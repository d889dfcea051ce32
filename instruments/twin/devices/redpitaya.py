"""A Red Pitaya board: the generator that drives the piezo, and a two-channel digitiser."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from .._streams import stream
from ..optics import Ramp
from ..world import World
from ._errors import BadSetting

__all__ = ["RedPitaya"]

SAMPLES = 16384
SAMPLE_RATE_HZ = 125e6
SHAPES = ("SINE", "TRIANGLE", "SQUARE", "SAWU", "SAWD", "DC")
TRIGGERS = ("DISABLED", "NOW", "CH1_PE", "CH1_NE", "CH2_PE", "CH2_NE", "EXT_PE", "EXT_NE", "AWG_PE", "AWG_NE")
PHOTODIODE_V_PER_CPS = 1e-6
NOISE_V = 1e-3
FULL_SCALE_V = {"LV": 1.0, "HV": 20.0}


class RedPitaya:
    """Output 1 drives the piezo amplifier; input 1 monitors it, input 2 is a photodiode for all light.

    The sync pulse at the start of each ramp also triggers the digitiser (AWG and EXT).

    Parameters
    ----------
    world : World
        The ramp, the light and the time.
    """

    faults: frozenset[str] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = stream(world.settings.seed, "digitiser")
        self.reset_generator()
        self.reset_acquisition()

    def reset_generator(self) -> None:
        """Return to a 1 kHz sine of 1 V, switched off."""
        self._world.set_ramp(Ramp())

    @property
    def ramp(self) -> Ramp:
        """What the generator puts out."""
        return self._world.ramp

    def set_ramp(self, name: str, value: Any) -> None:
        """Change `shape`, `frequency_hz`, `amplitude_v`, `offset_v` or `on`."""
        ramp = replace(self.ramp, **{name: value})
        if ramp.shape not in SHAPES:
            raise BadSetting(f"waveform {ramp.shape} is unknown")
        if not 1e-3 <= ramp.frequency_hz <= 50e6:
            raise BadSetting(f"frequency {ramp.frequency_hz} Hz is outside 1 mHz..50 MHz")
        if not (0 <= ramp.amplitude_v <= 1 and abs(ramp.offset_v) <= 1):
            raise BadSetting("amplitude must lie within 0..1 V, offset within +-1 V")
        self._world.set_ramp(ramp)

    def reset_acquisition(self) -> None:
        """Stop and return to the defaults."""
        self.decimation = 1
        self.units = "VOLTS"
        self.format = "ASCII"
        self.average = True
        self.gains = {1: "LV", 2: "LV"}
        self.trigger_level_v = 0.0
        self.trigger_delay = 0
        self.running = False
        self._trigger_s: float | None = None
        self._buffer: np.ndarray | None = None

    def set_decimation(self, value: int) -> None:
        """Set by how much the sampling rate of 125 MS/s is divided: a power of two up to 65536."""
        if value not in [2**n for n in range(17)]:
            raise BadSetting(f"decimation {value} is not a power of two up to 65536")
        self.decimation = value

    def start(self) -> None:
        """Start to acquire, and wait for a trigger."""
        self.running = True
        self._trigger_s = self._buffer = None

    def arm(self, source: str) -> None:
        """Choose the trigger's source, which arms it."""
        if source not in TRIGGERS:
            raise BadSetting(f"trigger source {source} is unknown")
        self._buffer = None
        self._trigger_s = None if source == "DISABLED" else self._next_trigger(source)

    def _next_trigger(self, source: str) -> float:
        """Return when the trigger comes, maybe never (infinite)."""
        world = self._world
        if source == "NOW":
            return world.now_s
        if not self.ramp.on:
            return math.inf
        period = 1 / self.ramp.frequency_hz
        phase_s = 0.0
        if source.startswith("CH"):
            times = (np.arange(SAMPLES) + 0.5) / SAMPLES * period
            above = self._signals(times)[int(source[2]) - 1] > self.trigger_level_v
            edge = above & ~np.roll(above, 1) if source.endswith("PE") else ~above & np.roll(above, 1)
            if not edge.any():
                return math.inf
            phase_s = float(times[np.argmax(edge)])
        elapsed = world.now_s - world.ramp_start_s - phase_s
        return world.ramp_start_s + phase_s + math.ceil(elapsed / period - 1e-9) * period

    @property
    def triggered(self) -> bool:
        """Whether the trigger came, in an acquisition that was started."""
        return self.running and self._trigger_s is not None and self._world.now_s >= self._trigger_s

    @property
    def filled(self) -> bool:
        """Whether the buffer is full."""
        after_s = (SAMPLES // 2 + self.trigger_delay) * self.decimation / SAMPLE_RATE_HZ
        return self.triggered and self._world.now_s >= (self._trigger_s or 0.0) + after_s - 1e-9

    def volts(self, channel: int) -> np.ndarray:
        """Return a channel's buffer in V, the oldest sample first; zeros before it is filled."""
        if not self.filled:
            return np.zeros(SAMPLES)
        if self._buffer is None:
            steps = np.arange(SAMPLES) - SAMPLES // 2 + self.trigger_delay
            since_ramp = (self._trigger_s or 0.0) - self._world.ramp_start_s
            signals = self._signals(since_ramp + steps * self.decimation / SAMPLE_RATE_HZ)
            self._buffer = signals + NOISE_V * self._rng.standard_normal(signals.shape)
        limit = FULL_SCALE_V[self.gains[channel]]
        return np.clip(self._buffer[channel - 1], -limit, limit * (1 - 2**-13))

    def codes(self, channel: int) -> np.ndarray:
        """Return a channel's buffer as 14-bit codes."""
        scale = 8192 / FULL_SCALE_V[self.gains[channel]]
        return np.clip(np.rint(self.volts(channel) * scale), -8192, 8191).astype(np.int16)

    def _signals(self, times_s: np.ndarray) -> np.ndarray:
        """Return the voltages at both inputs, at times after the start of the ramp."""
        world = self._world
        moment = [(world.conditions(), 1.0)]
        light = sum(world.light.expected_counts(moment, pillar, times_s) for pillar in (0, 1))
        return np.stack([self.ramp.voltage_v(times_s), PHOTODIODE_V_PER_CPS * light])
