"""A quantum van der Pol oscillator, on its own and watched by a homodyne or heterodyne detector.

Lee and Sadeghpour, Phys. Rev. Lett. 111, 234101 (2013); Walter, Nunnenkamp and Bruder, Phys. Rev. Lett. 112,
094102 (2014).
"""

from models.van_der_pol.husimi import husimi, phase_distribution
from models.van_der_pol.monitored import heterodyne, homodyne
from models.van_der_pol.oscillator import evolution, operators, phase_diffusion, spectrum, steady
from models.van_der_pol.parameters import VanDerPol

__all__ = [
    "VanDerPol",
    "evolution",
    "heterodyne",
    "homodyne",
    "husimi",
    "operators",
    "phase_diffusion",
    "phase_distribution",
    "spectrum",
    "steady",
]
