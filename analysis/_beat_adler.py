"""Adler's equation with noise, fitted to a relative phase.

    dphi = [detuning - locking sin(phi - offset)] dt + sqrt(2 D) dW        (all in rad/s, D in rad^2/s)

R. Adler, Proc. IRE 34, 351 (1946); R. L. Stratonovich, Topics in the Theory of Random Noise, vol. 2 (1967),
chapter 9. The transition density over any time comes from the Fokker-Planck equation in Fourier space, so the
samples need not lie close together.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.special import i0e
from threadpoolctl import threadpool_limits

from analysis._beat_errors import ResolutionError
from analysis._beat_kernels import TURN
from analysis._beat_relative import checked_phase
from analysis._values import Value

__all__ = ["AdlerFit", "fit_adler", "mean_slip_rate"]

BINS = 48
SPREAD = 0.3
"""Variance, rad^2, that the diffusion should make between the samples that are compared."""

FURTHEST_SPREAD = 3.0
"""Of the diffusion over one step."""

FURTHEST = 1.0
"""Of the drift in rad between the samples that are compared."""


@dataclass(frozen=True)
class AdlerFit:
    """Parameters of Adler's equation, in rad/s.

    Parameters
    ----------
    detuning : Value
        Of the free oscillators.
    locking : Value
        Half of the locking range.
    diffusion : Value
        D in rad^2/s; the free beat has the linewidth D/pi in Hz.
    offset_rad : Value
        Phase at which the oscillators of equal frequency lock.
    step_s : float
        Between the samples that were compared.
    """

    detuning: Value
    locking: Value
    diffusion: Value
    offset_rad: Value
    step_s: float

    @property
    def slip_rate_hz(self) -> float:
        """Net turns per second that these parameters make."""
        return mean_slip_rate(self.detuning.value, self.locking.value, self.diffusion.value)


def mean_slip_rate(detuning: float, locking: float, diffusion: float) -> float:
    """Return the mean number of turns per second, forward less backward.

    Stratonovich's quadrature of the stationary current:
    J = D [1 - exp(-2 pi d)] / {2 pi int_0^2pi exp(-d u) I0[2 k sin(u/2)] du}, d = detuning/D, k = locking/D.

    Parameters
    ----------
    detuning, locking, diffusion : float
        rad/s, rad/s, rad^2/s.
    """
    tilt, depth = abs(detuning) / diffusion, abs(locking) / diffusion

    peak = 2 * np.arccos(min(1.0, tilt / depth)) if depth else 0.0
    highest = -tilt * peak + 2 * depth * np.sin(peak / 2)

    def integrand(y: float) -> float:
        argument = 2 * depth * np.sin(y / 2)
        return float(np.exp(-tilt * y + argument - highest) * i0e(argument))

    narrow = 10 / max(np.hypot(tilt, depth) ** 0.5, abs(tilt - depth), 1.0)  # about how wide the peak is
    places = np.clip([peak - narrow, peak, peak + narrow], 1e-6, TURN - 1e-6)
    total, _ = quad(integrand, 0, TURN, points=np.unique(places), limit=300)
    current = diffusion * -np.expm1(-TURN * tilt) / (TURN * total) * np.exp(-highest)
    return float(np.sign(detuning) * current)


def fit_adler(relative: xr.DataArray) -> AdlerFit:
    """Fit Adler's equation with noise to a relative phase by maximum likelihood.

    Parameters
    ----------
    relative : xarray.DataArray
        From `relative_phase`.

    Returns
    -------
    AdlerFit
        Errors from the curvature of the likelihood. Noise of the detectors enters the diffusion as its
        variance over the step, and should be far below `SPREAD`.

    Raises
    ------
    ResolutionError
        If the phase moves too far from sample to sample, or there are too few independent steps.
    RecordError
        If the phase is empty or not finite.
    """
    values = checked_phase(relative)
    rate = float(relative.attrs["sample_rate_hz"])
    *drift, diffusing = _regressed(values, 1.0)
    spread = 2 * max(diffusing, 1e-12)
    if spread > 2.0:
        raise ResolutionError(
            f"The phase moves by {spread**0.5:.1f} rad from one sample to the next; demodulate a wider band."
        )
    fastest = abs(drift[0]) + float(np.hypot(*drift[1:]))
    lag = int(min(SPREAD / spread, FURTHEST / max(fastest, 1e-12), values.size / 500))
    lag = max(lag, 1)
    step = lag / rate
    start = _regressed(values[::lag], step)
    pairs = _pairs(values[::lag])

    with threadpool_limits(1, "blas"):  # threads that wait for each other cost more than such small matrices
        at, covariance = _most_likely(pairs, np.array([*start[:3] * step, np.log(start[3] * step)]))
    detuning, sine, cosine = at[:3] / step
    locking = float(np.hypot(sine, cosine))
    std = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    whole = max(locking, 1e-300)
    along = np.array([sine, cosine]) / whole
    across = np.array([along[1], -along[0]])
    both = covariance[1:3, 1:3] / step**2
    diffusion = float(np.exp(at[3])) / step
    return AdlerFit(
        Value(float(detuning), float(std[0]) / step),
        Value(locking, float(np.sqrt(max(float(along @ both @ along), 0.0)))),
        Value(diffusion, diffusion * float(std[3])),
        Value(
            float(np.arctan2(cosine, sine)), float(np.sqrt(max(float(across @ both @ across), 0.0))) / whole
        ),
        step,
    )


def _regressed(values: np.ndarray, step: float) -> np.ndarray:
    """Return detuning, both parts of the locking term and D from a straight regression, for a start.

    The drift is detuning - sine sin(phi) + cosine cos(phi).
    """
    at, change = values[:-1], np.diff(values)
    design = np.stack([np.ones_like(at), -np.sin(at), np.cos(at)], axis=1)
    found, *_ = np.linalg.lstsq(design, change, rcond=None)
    return np.array([*found / step, float(np.var(change - design @ found)) / (2 * step)])


def _pairs(values: np.ndarray) -> np.ndarray:
    """Count transitions between bins of the phase modulo one turn, (from, to)."""
    at = np.floor(values / TURN % 1.0 * BINS).astype(np.int64) % BINS
    return np.bincount(at[:-1] * BINS + at[1:], minlength=BINS**2).reshape(BINS, BINS)


def _most_likely(pairs: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return parameters and covariance by Fisher scoring.

    Parameters are the rates over one step: detuning, both parts of the locking, logarithm of the diffusion.
    """
    starts = pairs.sum(axis=1)[:, np.newaxis]
    probability = _transitions(at)
    cost = _cost(pairs, probability)
    damping = 0.0
    for _ in range(50):
        slopes = np.stack([(_transitions(at + shift) - probability) / 1e-5 for shift in 1e-5 * np.eye(4)])
        information = np.einsum("aij,bij->ab", slopes, slopes * starts / probability)
        gradient = np.einsum("aij,ij->a", slopes, pairs / probability)
        damped = information + damping * np.diag(np.diag(information))
        trial = at + np.linalg.lstsq(damped, gradient, rcond=None)[0]
        trial[3] = np.clip(trial[3], at[3] - 1, min(at[3] + 1, np.log(FURTHEST_SPREAD)))
        trial_probability = _transitions(trial)
        trial_cost = _cost(pairs, trial_probability)
        if not trial_cost <= cost + 1e-9 * abs(cost):
            damping = max(10 * damping, 1e-2)
            if damping > 1e6:
                break
            continue
        gained, at, probability, cost, damping = cost - trial_cost, trial, trial_probability, trial_cost, 0.0
        if gained < 1e-3:
            break
    return at, np.linalg.pinv(information)


def _cost(pairs: np.ndarray, probability: np.ndarray) -> float:
    return -float(np.sum(pairs * np.log(probability)))


def _transitions(at: np.ndarray) -> np.ndarray:
    """Return the probabilities of transitions over one step, (from, to)."""
    detuning, sine, cosine = at[:3].tolist()
    diffusion = float(np.exp(at[3]))
    kept = int(min(64, max(8, np.ceil(np.sqrt(25 / max(diffusion, 0.006))))))
    k = np.arange(-kept, kept + 1)
    # p' = -d/dphi[(detuning - sine sin + cosine cos) p] + D p'' for p = sum c_k exp(i k phi)
    rates = np.diag(-1j * k * detuning - diffusion * k**2)
    up, down = (sine - 1j * cosine) / 2, (-sine - 1j * cosine) / 2
    rates += np.diag((k * up)[1:], -1) + np.diag((k * down)[:-1], 1)
    middle = (np.arange(BINS) + 0.5) * TURN / BINS
    waves = np.exp(1j * np.outer(middle, k)) * np.sinc(k / BINS)  # averaged over a bin
    probability = (waves @ expm(rates) @ waves.conj().T).real.T / BINS
    return np.asarray(np.maximum(probability, 1e-12))
