"""Single-photon counting modules."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Spcm"]


@dataclass(frozen=True)
class Spcm:
    """A counting module with dark counts, a non-paralysable dead time, afterpulses and timing jitter.

    Parameters
    ----------
    efficiency_cps_per_photon : float
        Count rate per intracavity photon, on the interferometer's resonance where there is one, in 1/s.
    dark_cps : float
        Dark counts, in 1/s.
    dead_time_s : float
        Time after each count during which the module is blind, in s.
    afterpulse_probability : float
        Probability that a count is followed by another one without light.
    afterpulse_delay_s : float
        Mean delay of an afterpulse after the end of the dead time, in s; the delays are exponential.
    jitter_fwhm_s : float
        Full width at half maximum of the Gaussian timing response, in s.
    """

    efficiency_cps_per_photon: float
    dark_cps: float = 250.0
    dead_time_s: float = 22e-9
    afterpulse_probability: float = 0.0
    afterpulse_delay_s: float = 50e-9
    jitter_fwhm_s: float = 350e-12

    def rate_cps(self, photons: np.ndarray) -> np.ndarray:
        """Return the registered rate for a number of intracavity photons on the detector, in 1/s.

        Exact for Poisson light without afterpulses; these are counted to first order in rate times dead time,
        and the bunching of photons within a dead time is left out.
        """
        incident = self.efficiency_cps_per_photon * photons + self.dark_cps
        return incident / (1 + incident * self.dead_time_s - self.afterpulse_probability)
