"""A Thorlabs ELL14 rotation mount, which turns the half-wave plate of the coupling path."""

from ..world import World
from ._errors import BadSetting

__all__ = ["ELL14", "PULSES_PER_TURN"]

PULSES_PER_TURN = 143360
SPEED_DEG_PER_S = 430.0


class ELL14:
    """Position and motion, in encoder pulses.

    Where the world stands still between a client's advances, a motion takes no world time.

    Parameters
    ----------
    world : World
        The plate and the time.
    """

    faults: frozenset[str] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world
        self._arrival_s = 0.0
        self._instant = world.settings.clock == "lock-step"

    @property
    def busy(self) -> bool:
        """Whether a motion is under way."""
        return self._world.now_s < self._arrival_s

    @property
    def position(self) -> int:
        """Position in pulses."""
        return round(self._world.plate.angle_deg(self._world.now_s) * PULSES_PER_TURN / 360)

    def move(self, pulses: int) -> float:
        """Start to move to a position; returns the time that takes, in s."""
        if abs(pulses) > PULSES_PER_TURN:
            raise BadSetting(f"position {pulses} is more than one turn away from home")
        travel_deg = abs(pulses - self.position) * 360 / PULSES_PER_TURN
        travel_s = 0.0 if self._instant else travel_deg / SPEED_DEG_PER_S
        self._world.plate.move(pulses * 360 / PULSES_PER_TURN, self._world.now_s, travel_s)
        self._arrival_s = self._world.now_s + travel_s
        return travel_s
