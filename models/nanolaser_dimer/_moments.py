"""Means over the state of one laser, the same for every model of it."""

from typing import NamedTuple

__all__ = ["LaserMoments"]


class LaserMoments(NamedTuple):
    """Means over the state of one laser.

    Attributes
    ----------
    photons : float
        <n>.
    amplitude : float
        F = abs(<a>), with <a> = -i exp(i phi) F.
    variance : float
        Variance of the photon number.
    truncation_weight : float
        Probability of the last photon numbers kept; 0 for a model without Fock states.
    """

    photons: float
    amplitude: float
    variance: float
    truncation_weight: float = 0.0
