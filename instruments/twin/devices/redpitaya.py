"""A Red Pitaya board: the generator that drives the piezo, and a two-channel digitiser."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from .._streams import stream
from ..analog import Converter
from ..heterodyne import Heterodyne, Moment
from ..light import Exposed
from ..optics import Ramp
from ..world import World
from ._errors import BadSetting
from ._trigger import next_crossing

__all__ = ["RedPitaya"]

SAMPLES = 16384
SAMPLE_RATE_HZ = 125e6
SHAPES = ("SINE", "TRIANGLE", "SQUARE", "SAWU", "SAWD", "DC")
TRIGGERS = ("DISABLED", "NOW", "CH1_PE", "CH1_NE", "CH2_PE", "CH2_NE", "EXT_PE", "EXT_NE", "AWG_PE", "AWG_NE")
PHOTODIODE_V_PER_CPS = 1e-6
NOISE_V = 1e-3
FULL_SCALE_V = {"LV": 1.0, "HV": 20.0}
FRONT_END_HZ = 50e6
MOST_AVERAGED = 16


class RedPitaya:
    """Output 1 drives the piezo amplifier; input 1 monitors it, input 2 is a photodiode for all light.

    The sync pulse at the start of each ramp also triggers the digitiser (AWG and EXT). A second board has its
    inputs at the heterodyne detectors, and its output goes nowhere.

    Parameters
    ----------
    world : World
        The ramp, the light and the time.
    heterodyne : Heterodyne, optional
        What a second board digitises.
    """

    faults: frozenset[str] = frozenset({"trigger_never", "stale_buffer", "adc_clip", "clock_drift"})

    def __init__(self, world: World, heterodyne: Heterodyne | None = None) -> None:
        self._world = world
        self._heterodyne = heterodyne
        name = "digitiser" if heterodyne is None else "second digitiser"
        self._rng = stream(world.settings.seed, name)
        self.active_faults: set[str] = set()
        self.converter = Converter.draw(stream(world.settings.seed, name, "clock"), self.active_faults)
        self._own_ramp = Ramp()
        self._own_start_s = 0.0
        self._moment: Moment | None = None
        self._lit: list[Exposed] = []
        self._pointer = 0
        self.reset_generator()
        self.reset_acquisition()
        world.foresee(self)

    def reset_generator(self) -> None:
        """Return to a 1 kHz sine of 1 V, switched off."""
        self._set_ramp(Ramp())

    @property
    def ramp(self) -> Ramp:
        """What the generator puts out."""
        return self._world.ramp if self._heterodyne is None else self._own_ramp

    def _set_ramp(self, ramp: Ramp) -> None:
        if self._heterodyne is None:
            self._world.set_ramp(ramp)
        else:
            self._own_ramp, self._own_start_s = ramp, self._world.now_s

    def set_ramp(self, name: str, value: Any) -> None:
        """Change `shape`, `frequency_hz`, `amplitude_v`, `offset_v` or `on`."""
        ramp = replace(self.ramp, **{name: value})
        if ramp.shape not in SHAPES:
            raise BadSetting(f"waveform {ramp.shape} is unknown")
        if not 1e-3 <= ramp.frequency_hz <= 50e6:
            raise BadSetting(f"frequency {ramp.frequency_hz} Hz is outside 1 mHz..50 MHz")
        if not (0 <= ramp.amplitude_v <= 1 and abs(ramp.offset_v) <= 1):
            raise BadSetting("amplitude must lie within 0..1 V, offset within +-1 V")
        self._set_ramp(ramp)

    def reset_acquisition(self) -> None:
        """Stop and return to the defaults."""
        self.decimation = 1
        self.units = "VOLTS"
        self.format = "ASCII"
        self.average = True
        self.gains = {1: "LV", 2: "LV"}
        self.trigger_level_v = 0.0
        self.trigger_delay = 0
        if "stale_buffer" in self.active_faults:
            return
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
        if "stale_buffer" in self.active_faults:
            return
        self.running = True
        self._trigger_s = self._buffer = None

    def arm(self, source: str) -> None:
        """Choose the trigger's source, which arms it."""
        if source not in TRIGGERS:
            raise BadSetting(f"trigger source {source} is unknown")
        if "stale_buffer" in self.active_faults:
            return
        self._buffer, self._lit = None, [(self._world.conditions(), 1.0)]
        never = source == "DISABLED" or "trigger_never" in self.active_faults
        self._trigger_s = None if never else self._next_trigger(source)
        if self._heterodyne is not None and self._trigger_s is not None:
            self._moment = self._heterodyne.moment()
        self._pointer = int(self._rng.integers(SAMPLES))

    def missing(self) -> bool:
        """Return whether the light of the record to be read is not simulated yet."""
        if not self._awaited:
            return False
        if self._heterodyne is None:
            return self._world.light.missing(self._lit)
        return self._moment is not None and self._heterodyne.missing(self._moment)

    def prepare(self) -> None:
        """Simulate it."""
        if self._awaited and self._heterodyne is None:
            self._world.light.prepare(self._lit)
        elif self._awaited and self._heterodyne is not None and self._moment is not None:
            self._heterodyne.prepare(self._moment)

    @property
    def _awaited(self) -> bool:
        return self._buffer is None and self._trigger_s is not None

    @property
    def trigger_position(self) -> int:
        """Where in the buffer the trigger came."""
        return self._pointer

    @property
    def write_pointer(self) -> int:
        """Where in the buffer the board writes; while it runs that is anywhere when one looks."""
        if self.running and not self.filled:
            return int(self._rng.integers(SAMPLES))
        return (self._pointer + SAMPLES // 2 + self.trigger_delay) % SAMPLES

    def _next_trigger(self, source: str) -> float:
        """Return when the trigger comes, maybe never (infinite)."""
        world = self._world
        if source == "NOW" or (self._heterodyne is not None and source.startswith("CH")):
            return world.now_s  # noise crosses any small level at once
        if not self.ramp.on or (self._heterodyne is not None and source.startswith("EXT")):
            return math.inf
        period, start_s = 1 / self.ramp.frequency_hz, self._ramp_start_s
        phase_s = 0.0
        if source.startswith("CH"):
            signal = (self.ramp.voltage_v, self._photodiode_v)[int(source[2]) - 1]
            phase_s = next_crossing(signal, self.trigger_level_v, source.endswith("PE"), period)
        if not math.isfinite(phase_s):
            return math.inf
        elapsed = world.now_s - start_s - phase_s
        return start_s + phase_s + math.ceil(elapsed / period - 1e-9) * period

    @property
    def _ramp_start_s(self) -> float:
        return self._world.ramp_start_s if self._heterodyne is None else self._own_start_s

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
        if self._buffer is None and self.filled:
            self._buffer = self._record() if self._moment is None else self._record_beats(self._moment)
        if self._buffer is None:
            return np.zeros(SAMPLES)
        limit = FULL_SCALE_V[self.gains[channel]]
        codes = self.converter.codes(self._buffer[channel - 1], limit / 8192, -8192, 8191)
        return codes * (limit / 8192)

    def _record(self) -> np.ndarray:
        steps = np.arange(SAMPLES) - SAMPLES // 2 + self.trigger_delay
        since_ramp = (self._trigger_s or 0.0) - self._ramp_start_s
        nominal = steps * self.decimation / SAMPLE_RATE_HZ
        signals = self._signals(since_ramp + self.converter.true_s(nominal))
        return signals + NOISE_V * self._rng.standard_normal(signals.shape)

    def _record_beats(self, moment: Moment) -> np.ndarray:
        """Draw the beat notes; skipped samples are averaged, up to 16 of them."""
        assert self._heterodyne is not None
        parts = min(self.decimation, MOST_AVERAGED) if self.average else 1
        nominal_s = np.array([self.decimation / SAMPLE_RATE_HZ / parts])
        step_s = float(self.converter.true_s(nominal_s)[0])
        fine = self._heterodyne.voltages(moment, SAMPLES * parts, step_s, FRONT_END_HZ, self._rng)
        return fine.reshape(2, SAMPLES, parts).mean(axis=-1)

    def codes(self, channel: int) -> np.ndarray:
        """Return a channel's buffer as 14-bit codes."""
        return np.rint(self.volts(channel) * 8192 / FULL_SCALE_V[self.gains[channel]]).astype(np.int16)

    def _signals(self, times_s: np.ndarray) -> np.ndarray:
        """Return the voltages at both inputs, at times after the start of the ramp."""
        return np.stack([self.ramp.voltage_v(times_s), self._photodiode_v(times_s)])

    def _photodiode_v(self, times_s: np.ndarray) -> np.ndarray:
        light = self._world.light
        light_cps = sum(light.expected_counts(self._lit, p, times_s) for p in (0, 1))
        return np.asarray(PHOTODIODE_V_PER_CPS * light_cps)
