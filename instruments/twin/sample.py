"""Where the sample is under the objective: the stage, and the drift that the position loop fights."""

import math
from collections.abc import Callable

import numpy as np

from .settings import TwinSettings

__all__ = ["Sample", "Stage", "StageMotor"]

BACKLASH_UM = 0.04
SPEED_UM_PER_S = 200.0
WALK_TIME_S = 600.0
COLD_FINGER_S = 120.0
ON_THE_FULL_BENCH = {"sample_drift_um_per_k": 3.0, "sample_walk_um": 1.0}


class StageMotor:
    """One axis: a motor of constant speed, and a load that follows with a little play.

    Parameters
    ----------
    now : callable
        Returns the world's time, in s.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._from_um = self._to_um = self._load_um = 0.0
        self._start_s = self._travel_s = 0.0

    @property
    def moving(self) -> bool:
        """Whether a move is under way."""
        return self._now() < self._start_s + self._travel_s

    @property
    def position_um(self) -> float:
        """Position of the motor, which the encoder sees, in um."""
        if not self.moving:
            return self._to_um
        part = (self._now() - self._start_s) / self._travel_s
        return self._from_um + part * (self._to_um - self._from_um)

    @property
    def load_um(self) -> float:
        """Position of what the motor pushes, in um."""
        motor, play = self.position_um, BACKLASH_UM / 2
        return min(max(self._load_um, motor - play), motor + play)

    def move(self, target_um: float) -> None:
        """Start to move to a position."""
        position, self._load_um = self.position_um, self.load_um
        self._travel_s = abs(target_um - position) / SPEED_UM_PER_S
        self._from_um, self._to_um, self._start_s = position, target_um, self._now()

    def stop(self) -> None:
        """Stop where it is."""
        self.move(self.position_um)


class Stage:
    """Two axes that carry the objective of P2.

    Parameters
    ----------
    now : callable
        Returns the world's time, in s.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.motors = (StageMotor(now), StageMotor(now))

    def position_um(self) -> np.ndarray:
        """Return where the objective is: (x, y), in um."""
        return np.array([motor.load_um for motor in self.motors])


class Sample:
    """P2's array at the end of its cold finger.

    Its position follows the temperature with the lag of the cold finger, and wanders besides. At the start it
    lies under the objective.

    Parameters
    ----------
    settings : TwinSettings
        The lab: `sample_drift_um_per_k`, `sample_walk_um` and the temperature at the start.
    direction_rad : float
        Where the cold finger pushes the sample when it warms up.
    stage : Stage
        What carries the objective.
    rng : numpy.random.Generator
        Source of the wandering.
    """

    def __init__(
        self, settings: TwinSettings, direction_rad: float, stage: Stage, rng: np.random.Generator
    ) -> None:
        per_k, walk_um = (_as_on_the_bench(settings, name) for name in ON_THE_FULL_BENCH)
        self._um_per_k = per_k * np.array([math.cos(direction_rad), math.sin(direction_rad)])
        self._walk_um_per_sqrt_s = walk_um / math.sqrt(2 * WALK_TIME_S)
        self._start_k = self._finger_k = settings.temperature_2_k
        self._walk_um = np.zeros(2)
        self._stage = stage
        self._rng = rng

    def step(self, duration_s: float, temperature_k: float) -> None:
        """Let time pass while the stage of the cryostat is at a temperature."""
        if not (self._um_per_k.any() or self._walk_um_per_sqrt_s):
            return
        lag = 1 - math.exp(-duration_s / COLD_FINGER_S)
        self._finger_k += lag * (temperature_k - self._finger_k)
        self._walk_um += self._walk_um_per_sqrt_s * math.sqrt(duration_s) * self._rng.standard_normal(2)

    def position_um(self) -> np.ndarray:
        """Return where the sample is: (x, y), in um."""
        return self._um_per_k * (self._finger_k - self._start_k) + self._walk_um

    def offset_um(self) -> tuple[float, float]:
        """Return the sample's position minus the objective's: (x, y), in um."""
        x_um, y_um = self.position_um() - self._stage.position_um()
        return float(x_um), float(y_um)


def _as_on_the_bench(settings: TwinSettings, name: str) -> float:
    """Return a drift: as chosen, else the full bench's, the only one whose sample moves."""
    chosen = getattr(settings, name)
    if chosen is None:
        chosen = ON_THE_FULL_BENCH[name] if settings.bench == "full" else 0.0
    return float(chosen)
