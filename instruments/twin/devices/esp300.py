"""A Newport ESP300 that moves the objective of P2."""

from collections import deque

from .._streams import stream
from ..sample import StageMotor
from ..world import World
from ._errors import BadSetting

__all__ = ["ESP300", "UM_PER_UNIT"]

UM_PER_UNIT = 1000.0
"""The axes count in millimetres."""

TRAVEL_UM = 500.0
RESOLUTION_UM = 0.01
ENCODER_NOISE_UM = 0.005
BUFFER_LENGTH = 10
OUT_OF_RANGE, FOLLOWING_ERROR, LIMIT, MOTOR_OFF = 1, 3, 4, 13


class ESP300:
    """Two axes, and the buffer of their errors as (code, world time in ms).

    Parameters
    ----------
    world : World
        The stage and the time.
    """

    faults: frozenset[str] = frozenset({"motor_stall", "limit_hit"})

    def __init__(self, world: World) -> None:
        self.active_faults: set[str] = set()
        self.powered = [True, True]
        self._world = world
        self._rng = stream(world.settings.seed, "stage encoder")
        self._errors: deque[tuple[int, int]] = deque(maxlen=BUFFER_LENGTH)

    def motor(self, axis: int) -> StageMotor:
        """Return the motor of an axis, 1 or 2; KeyError if there is no such axis."""
        if axis not in (1, 2):
            raise KeyError(axis)
        return self._world.stage.motors[axis - 1]

    def position_um(self, axis: int) -> float:
        """Return what the encoder reads, in um."""
        noisy = self.motor(axis).position_um + ENCODER_NOISE_UM * float(self._rng.standard_normal())
        return round(noisy / RESOLUTION_UM) * RESOLUTION_UM

    def done(self, axis: int) -> bool:
        """Return whether an axis stands still."""
        return not self.motor(axis).moving

    def move(self, axis: int, target_um: float) -> None:
        """Start to move an axis; what goes wrong is put into the buffer."""
        motor = self.motor(axis)
        if not abs(target_um) <= TRAVEL_UM:
            raise BadSetting(f"{target_um} um is beyond the travel of {TRAVEL_UM} um")
        if not self.powered[axis - 1]:
            self.report(100 * axis + MOTOR_OFF)
        elif "motor_stall" in self.active_faults:
            self.powered[axis - 1] = False
            self.report(100 * axis + FOLLOWING_ERROR)
        elif "limit_hit" in self.active_faults:
            self.report(100 * axis + LIMIT)
        else:
            motor.move(round(target_um / RESOLUTION_UM) * RESOLUTION_UM)

    def stop(self, axis: int) -> None:
        """Stop an axis where it is."""
        self.motor(axis).stop()

    def report(self, code: int) -> None:
        """Put an error into the buffer."""
        self._errors.append((code, round(1000 * self._world.now_s)))

    def next_error(self) -> tuple[int, int]:
        """Take the oldest error off the buffer: its code, 0 if there is none, and its time in ms."""
        return self._errors.popleft() if self._errors else (0, round(1000 * self._world.now_s))
