"""A variable attenuator made of a half-wave plate on a rotator, and a polariser."""

import math

from instruments.errors import OutOfRange
from instruments.roles import Rotator

__all__ = ["PolarisationAttenuator"]


class PolarisationAttenuator:
    """Power transmission T = cos^2(2 (theta - theta_0)) of a half-wave plate before a polariser (Malus).

    Parameters
    ----------
    rotator
        Turns the half-wave plate.
    zero_deg
        Angle theta_0 of full transmission, in degrees.
    """

    def __init__(self, rotator: Rotator, *, zero_deg: float = 0.0) -> None:
        if not 0 <= zero_deg < 360:
            raise ValueError(f"zero_deg must lie in 0 up to 360 degrees, got {zero_deg}.")
        self._rotator = rotator
        self._zero_deg = zero_deg

    def set_transmission(self, transmission: float) -> None:
        """Turn the half-wave plate, by at most 45 degrees from theta_0.

        Parameters
        ----------
        transmission
            Power transmission, 0 to 1. The polariser's leakage adds to it.

        Raises
        ------
        OutOfRange
            The transmission is not between 0 and 1.
        """
        if not 0 <= transmission <= 1:
            raise OutOfRange(f"A transmission of {transmission} is impossible; it must lie between 0 and 1.")
        turn_deg = math.degrees(math.acos(math.sqrt(transmission))) / 2
        self._rotator.move_to_deg((self._zero_deg + turn_deg) % 360)

    @property
    def transmission(self) -> float:
        """Power transmission that follows from the rotator's angle, 0 to 1."""
        return math.cos(2 * math.radians(self._rotator.angle_deg - self._zero_deg)) ** 2
