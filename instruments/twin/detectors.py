"""Single-photon counting modules."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Spcm"]


@dataclass(frozen=True)
class Spcm:
    """A counting module with dark counts and a non-paralysable dead time.

    Parameters
    ----------
    efficiency_cps_per_photon : float
        Count rate per intracavity photon on the interferometer's resonance, in 1/s.
    dark_cps : float
        Dark counts, in 1/s.
    dead_time_s : float
        Time after each count during which the module is blind, in s.
    """

    efficiency_cps_per_photon: float
    dark_cps: float = 250.0
    dead_time_s: float = 22e-9

    def rate_cps(self, photons: np.ndarray) -> np.ndarray:
        """Return the registered rate for a number of transmitted intracavity photons, in 1/s."""
        incident = self.efficiency_cps_per_photon * photons + self.dark_cps
        return incident / (1 + incident * self.dead_time_s)
