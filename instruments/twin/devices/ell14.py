"""A Thorlabs ELL14 rotation mount, which turns a half-wave plate."""

from ..optics import HalfWavePlate
from ..world import World
from ._errors import BadSetting

__all__ = ["ELL14", "PULSES_PER_TURN", "MotorStalled"]

PULSES_PER_TURN = 143360
SPEED_DEG_PER_S = 430.0


class MotorStalled(Exception):
    """The mount gave up to reach a position; it stands where it stood."""


class ELL14:
    """Position and motion, in encoder pulses.

    Where the world stands still between a client's advances, a motion takes no world time.

    Parameters
    ----------
    world : World
        The time.
    plate : HalfWavePlate
        What the mount turns.
    """

    faults: frozenset[str] = frozenset({"motor_stall"})

    def __init__(self, world: World, plate: HalfWavePlate) -> None:
        self.active_faults: set[str] = set()
        self._world = world
        self._plate = plate
        self._arrival_s = 0.0
        self._instant = world.settings.clock == "lock-step"

    @property
    def busy(self) -> bool:
        """Whether a motion is under way."""
        return self._world.now_s < self._arrival_s

    @property
    def position(self) -> int:
        """Position in pulses."""
        return round(self._plate.angle_deg(self._world.now_s) * PULSES_PER_TURN / 360)

    def move(self, pulses: int) -> float:
        """Start to move to a position; returns the time that takes, in s."""
        if abs(pulses) > PULSES_PER_TURN:
            raise BadSetting(f"position {pulses} is more than one turn away from home")
        if "motor_stall" in self.active_faults:
            raise MotorStalled
        travel_deg = abs(pulses - self.position) * 360 / PULSES_PER_TURN
        travel_s = 0.0 if self._instant else travel_deg / SPEED_DEG_PER_S
        self._plate.move(pulses * 360 / PULSES_PER_TURN, self._world.now_s, travel_s)
        self._arrival_s = self._world.now_s + travel_s
        return travel_s
