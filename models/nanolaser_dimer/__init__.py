"""Two nanolasers with coherent drives and photon tunnelling, from the master equation to metrology.

Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265.
"""

from models.nanolaser_dimer.parameters import Dimer, Nanolaser, PhasePair

__all__ = ["Dimer", "Nanolaser", "PhasePair"]
