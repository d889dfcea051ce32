"""Peaks of a correlation function, averaged over bins and smeared by the response of the detectors."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, wofz

__all__ = ["PairResponse"]

_FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))
_PLAIN_ABOVE = -5.0  # erfcx of more negative arguments is replaced by the exponential it grows like


@dataclass(frozen=True)
class PairResponse:
    """How far the delay of a pair is smeared by the timing of both detectors.

    Parameters
    ----------
    delay_ns, weight
        Response as a histogram: delays in ns and their probabilities, equal lengths. A sharp response is one
        delay of zero.
    sigma_ns
        Standard deviation of a Gaussian by which the histogram is smeared in addition, in ns.
    """

    delay_ns: tuple[float, ...] = (0.0,)
    weight: tuple[float, ...] = (1.0,)
    sigma_ns: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an impossible response."""
        weight = np.asarray(self.weight, dtype=float)
        if len(self.delay_ns) != weight.size or weight.size == 0:
            raise ValueError(f"A response needs one weight per delay, not {weight.size} weights for them.")
        if not (np.all(weight >= 0) and math.isclose(weight.sum(), 1.0, rel_tol=1e-6)):
            raise ValueError("The weights of a response must be probabilities that add up to one.")
        if not (math.isfinite(self.sigma_ns) and self.sigma_ns >= 0):
            raise ValueError(f"sigma_ns of a response must not be negative, not {self.sigma_ns}.")

    @classmethod
    def gaussian(cls, fwhm_1_ns: float, fwhm_2_ns: float) -> "PairResponse":
        """Return the response of two detectors with Gaussian jitter of the given full widths at half maximum.

        Two avalanche diodes with 0.35 ns each smear a pair by 0.495 ns.
        """
        return cls(sigma_ns=math.hypot(fwhm_1_ns, fwhm_2_ns) / _FWHM_PER_SIGMA)

    @classmethod
    def measured(cls, delay_ns: np.ndarray, counts: np.ndarray) -> "PairResponse":
        """Return a response measured as a histogram of delays, for instance with short pulses.

        Parameters
        ----------
        delay_ns
            Bin centres, in ns.
        counts
            Background-free counts, same length. The mean delay is moved to zero.
        """
        counts = np.asarray(counts, dtype=float)
        total = counts.sum()
        if not total > 0:
            raise ValueError("A measured response needs counts; all bins are empty.")
        weight = counts / total
        delay = np.asarray(delay_ns, dtype=float)
        delay = delay - np.sum(weight * delay)
        kept = weight > 0
        return cls(tuple(delay[kept].tolist()), tuple(weight[kept].tolist()))

    def peak(self, edges_ns: np.ndarray, rate_per_ns: complex, centre_ns: float = 0.0) -> np.ndarray:
        """Return a two-sided exponential, smeared and averaged over each bin.

        Parameters
        ----------
        edges_ns
            Edges of the bins, rising, shape (bin + 1,), in ns.
        rate_per_ns
            Decay rate in 1/ns; a complex one, g + 2 pi i f, oscillates as exp(-g |t|) cos(2 pi f t).
        centre_ns
            Where the peak lies, in ns.

        Returns
        -------
        numpy.ndarray
            Mean of Re exp(-rate |t - centre|) per bin, after smearing; shape (bin,).
        """
        total = np.zeros(edges_ns.size - 1)
        for delay, weight in zip(self.delay_ns, self.weight, strict=True):
            total += weight * self._integrals(edges_ns - centre_ns - delay, rate_per_ns)
        return total / np.diff(edges_ns)

    def _integrals(self, edges: np.ndarray, rate: complex) -> np.ndarray:
        right = np.diff(self._primitive(edges, rate))
        left = np.diff(self._primitive(-edges[::-1], rate))[::-1]
        return right + left

    def _primitive(self, t: np.ndarray, rate: complex) -> np.ndarray:
        """Return the integral up to t of the decay after zero: (step - decay)/rate, both smeared."""
        sigma = self.sigma_ns
        if sigma == 0:
            after = t > 0
            return np.asarray((np.where(after, 1 - np.exp(-rate * np.where(after, t, 0.0)), 0.0) / rate).real)
        return np.asarray(((ndtr(t / sigma) - _smeared_decay(t, rate, sigma)) / rate).real)


def _smeared_decay(t: np.ndarray, rate: complex, sigma: float) -> np.ndarray:
    """Return exp(-rate t) for t > 0, smeared by a Gaussian, without overflow on either side."""
    z = (rate * sigma - t / sigma) / math.sqrt(2)
    gauss = 0.5 * np.exp(-(t**2) / (2 * sigma**2))
    near = z.real > _PLAIN_ABOVE
    early = gauss * _erfcx(np.where(near, z, 0.0))
    growth = np.where(near, 0.0, rate**2 * sigma**2 / 2 - rate * t)
    late = np.exp(growth) - gauss * _erfcx(np.where(near, 0.0, -z))
    return np.where(near, early, late)


def _erfcx(z: np.ndarray) -> np.ndarray:
    """Return exp(z^2) erfc(z) of complex numbers."""
    return np.asarray(wofz(1j * z))
