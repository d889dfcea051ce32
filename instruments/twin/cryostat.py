"""A cryostat stage, its sensor, and the loop that holds it at a temperature.

With the loop's default parameters a step of the setpoint by 25 mK overshoots by 2.3 mK and one by 1 K by 87
mK (upward). Upward steps of some kelvin run against the heater's limit, where the integral stands still,
and hardly overshoot; downward the stage cools through its link only. Until the readings of a controller
stay within 3 mK it takes, in the median: 13 to 22 s for 25 mK; 95 to 101 s for +1 K and 65 to 69 s for -1
K; 46 to 52 s for +5 K and 144 to 149 s for -5 K. A reading in whole millikelvins takes the longer time,
because it often touches the band.
"""

import math
from dataclasses import dataclass, field

import numpy as np

__all__ = ["HEATER_FULL_SCALE_W", "SAMPLE_S", "Cryostat", "PidLoop"]

SAMPLE_S = 0.1
"""Time between two readings of the sensor, which is also the loop's and the world's step, in s."""

HEATER_FULL_SCALE_W = (0.0, 0.5, 5.0, 50.0)
"""Heater power at 100 % in the ranges off, low, medium, high, in W."""

HEAT_CAPACITY_J_PER_K = 10.0
LINK_W_PER_K = 0.1
BASE_K = 20.0
SENSOR_LAG_S = 1.0
SENSOR_NOISE_K = 5e-4
STAGE_NOISE_K_PER_SQRT_S = 7e-5
BASE_DRIFT_K = 0.02
BASE_DRIFT_S = 3600.0
BASE_LAG_S = 300.0

SWITCHES_HEATER_OFF = frozenset({"heater_off", "heater_open", "heater_short", "tlimit_trip"})


@dataclass
class PidLoop:
    """Control loop: output = P (e + I/1000 integral of e - D dT/dt), in percent of the heater range."""

    setpoint_k: float
    p: float = 50.0
    i: float = 40.0
    d: float = 0.0
    heater_range: int = 2
    mode: int = 1
    manual_percent: float = 0.0
    ramp_on: bool = False
    ramp_k_per_min: float = 0.0
    output_percent: float = 0.0
    integral_percent: float = 0.0
    working_setpoint_k: float = field(init=False)
    last_reading_k: float | None = None

    def __post_init__(self) -> None:
        """Start where the setpoint is."""
        self.working_setpoint_k = self.setpoint_k

    @property
    def ramping(self) -> bool:
        """Whether the working setpoint is still on its way."""
        return self.working_setpoint_k != self.setpoint_k

    def update(self, reading_k: float, duration_s: float) -> None:
        """Move the working setpoint and set the output for the next sample."""
        if self.ramp_on and self.ramp_k_per_min > 0:
            step = self.ramp_k_per_min / 60 * duration_s
            distance = self.setpoint_k - self.working_setpoint_k
            self.working_setpoint_k += max(-step, min(step, distance))
        else:
            self.working_setpoint_k = self.setpoint_k
        slope = 0.0 if self.last_reading_k is None else (reading_k - self.last_reading_k) / duration_s
        self.last_reading_k = reading_k
        if self.heater_range == 0 or self.mode == 0:
            self.output_percent = self.integral_percent = 0.0
        elif self.mode == 3:
            self.output_percent = self.manual_percent
        else:
            self._close_loop(self.working_setpoint_k - reading_k, slope, duration_s)

    def _close_loop(self, error_k: float, slope: float, duration_s: float) -> None:
        change = self.p * self.i / 1000 * error_k * duration_s
        wanted = self.p * (error_k - self.d * slope) + self.integral_percent
        if not (wanted > 100 and change > 0) and not (wanted < 0 and change < 0):  # no wind-up at the stops
            self.integral_percent = min(100.0, max(0.0, self.integral_percent + change))
        self.output_percent = min(100.0, max(0.0, wanted))


class _Base:
    """The cold plate: it wanders smoothly by 20 mK within hours, as the cooler's power does."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.temperature_k = BASE_K
        self._rng = rng
        self._aim_k = BASE_K

    def step(self) -> None:
        """Advance by one sample."""
        kick = BASE_DRIFT_K * math.sqrt(2 * SAMPLE_S / BASE_DRIFT_S) * float(self._rng.standard_normal())
        self._aim_k += (BASE_K - self._aim_k) * SAMPLE_S / BASE_DRIFT_S + kick
        self.temperature_k += (self._aim_k - self.temperature_k) * SAMPLE_S / BASE_LAG_S


class Cryostat:
    """One thermal mass on a weak link to a cold base, with a heater, a slow sensor and a PID loop.

    Parameters
    ----------
    temperature_k : float
        Temperature at which the stage starts, settled, in K.
    rng : numpy.random.Generator
        Source of the sensor's and the stage's noise; the drift of the base has a stream of its own.
    """

    possible_faults = SWITCHES_HEATER_OFF | {"sensor_overrange", "sensor_underrange", "not_settled"}

    def __init__(self, temperature_k: float, rng: np.random.Generator) -> None:
        self.temperature_k = temperature_k
        self.sensor_k = temperature_k
        self.reading_k = temperature_k
        self.faults: set[str] = set()
        self.limit_k = 325.0
        self.loop = PidLoop(temperature_k)
        power_w = LINK_W_PER_K * (temperature_k - BASE_K)
        self.loop.integral_percent = self.loop.output_percent = 100 * power_w / HEATER_FULL_SCALE_W[2]
        self._rng = rng
        self._base = _Base(rng.spawn(1)[0])
        self._time_s = 0.0

    @property
    def base_k(self) -> float:
        """Temperature of the cold plate, in K."""
        return self._base.temperature_k

    @property
    def heater_tripped(self) -> bool:
        """Whether the controller keeps its heater off, because of a fault or of its temperature limit."""
        return bool(self.faults & SWITCHES_HEATER_OFF) or self.reading_k > self.limit_k

    @property
    def sensor_status(self) -> int:
        """The reading's status: 0 good, 16 temperature under range, 32 over range."""
        return 32 if "sensor_overrange" in self.faults else 16 if "sensor_underrange" in self.faults else 0

    @property
    def heater_status(self) -> int:
        """The heater's status: 0 good, 1 open load, 2 short."""
        return 1 if "heater_open" in self.faults else 2 if "heater_short" in self.faults else 0

    def step(self, load_w: float) -> None:
        """Advance by one sample; `load_w` is the heat the sample itself brings, in W."""
        self._time_s += SAMPLE_S
        self._base.step()
        if self.heater_tripped:
            self.loop.heater_range = 0
        if "not_settled" in self.faults:
            load_w += 0.15 * math.sin(2 * math.pi * self._time_s / 25.0)
        kick, noise = self._rng.standard_normal(2)
        heater_w = HEATER_FULL_SCALE_W[self.loop.heater_range] * self.loop.output_percent / 100
        flow_w = heater_w + load_w - LINK_W_PER_K * (self.temperature_k - self.base_k)
        self.temperature_k += flow_w / HEAT_CAPACITY_J_PER_K * SAMPLE_S
        self.temperature_k += STAGE_NOISE_K_PER_SQRT_S * math.sqrt(SAMPLE_S) * float(kick)
        lag = 1 - math.exp(-SAMPLE_S / SENSOR_LAG_S)
        self.sensor_k += lag * (self.temperature_k - self.sensor_k)
        self.reading_k = self.sensor_k + SENSOR_NOISE_K * float(noise)
        if self.sensor_status:
            self.loop.output_percent = 0.0  # the controller does not heat blindly
        else:
            self.loop.update(self.reading_k, SAMPLE_S)
