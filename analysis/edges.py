"""Where to measure next so that the edges of a locking range become better known.

The edges are c - h and c + h of the Adler hinge with centre c and half range h (`analysis.locking`). A step
adds to the Fisher information of the hinge what the derivatives of the beat at its detuning tell, and the
best next step is the one that lowers the variance of both edges most: a sequential c-optimal design
(Atkinson, Donev and Tobias, Optimum Experimental Designs, Oxford 2007).

Two things keep it honest. The present fit may be wrong, so the gain is averaged over hinges drawn from its
covariance. And a real transition is no hinge: what the hinge lacks is taken for a smooth random curve, so
that a step where one was measured tells little, and the steps spread over both edges.
"""

import numpy as np
import xarray as xr

from analysis._hinge import hinge
from analysis._scatter import smooth_trend
from analysis._tracking import join_orders
from analysis.locking import LockingFit

__all__ = ["edge_errors", "edge_gain", "live_map", "predict_detuning"]

_DRAWS = 24
# Standard deviation and correlation length of what the hinge lacks, in half ranges. The rate equations of
# Kreinberg et al., Nat. Commun. 10, 1539 (2019) leave it by up to 7 % near the edges, 3 % rms.
_MISFIT, _MISFIT_LENGTH = 0.05, 0.25
_STEPS = np.array([1e-4, 1e-3, 1e-3, 1e-3, 1e-3])  # of the derivatives; the first in half ranges
# what is known of rounding (its logarithm), slope and locked slope before anything is measured
_PRIOR_PRECISION = np.diag([0.0, 0.0, 1 / 1.5**2, 1 / 0.1**2, 1 / 0.2**2])
# how far the drawn hinges may leave the fit: centre (in half ranges), ln h, ln r, slope, locked slope
_FARTHEST = np.array([1.0, 1.0, 2.0, 0.3, 0.5])


def live_map(lines: xr.Dataset, free_spectral_range_ghz: float) -> xr.Dataset:
    """Put the lines found in single steps on one detuning axis, as far as `fit_locking` needs it.

    Parameters
    ----------
    lines
        ``detuning_ghz``, ``centre_1_ghz``, ``centre_2_ghz``, ``beat_ghz`` and their standard errors
        ``*_std_ghz`` (step), from `analysis.detuning.live_detuning`; ``temperature_2_k`` (step).
    free_spectral_range_ghz
        The detunings are known modulo this.

    Returns
    -------
    xarray.Dataset
        A map without spectra.
    """
    folded = lines["detuning_ghz"].values
    detuning = join_orders(folded, lines["temperature_2_k"].values, free_spectral_range_ghz)
    moved = detuning - folded
    centre = np.stack([lines["centre_1_ghz"].values, lines["centre_2_ghz"].values + moved], axis=1)
    centre_std = np.stack([lines["centre_1_std_ghz"].values, lines["centre_2_std_ghz"].values], axis=1)
    return xr.Dataset(
        {
            "centre_ghz": (("step", "pillar"), centre),
            "centre_std_ghz": (("step", "pillar"), centre_std),
            "beat_ghz": ("step", lines["beat_ghz"].values + moved),
            "beat_std_ghz": ("step", lines["beat_std_ghz"].values),
            "detuning_std_ghz": ("step", lines["detuning_std_ghz"].values),
            "temperature_2_k": ("step", lines["temperature_2_k"].values),
        },
        {"detuning_ghz": ("step", detuning)},
    )


def predict_detuning(map_: xr.Dataset, temperature_k: np.ndarray) -> np.ndarray:
    """Return the detuning expected at other temperatures, in GHz, from a smooth curve through the steps.

    All NaN with fewer than five steps.
    """
    unknown = np.full(temperature_k.size, np.nan)
    trend = smooth_trend(
        np.concatenate([map_["temperature_2_k"].values, temperature_k]),
        np.concatenate([map_["detuning_ghz"].values, unknown]),
        np.concatenate([map_["detuning_std_ghz"].values, unknown]),
    )
    return trend[-temperature_k.size :]


def edge_errors(fit: LockingFit, map_: xr.Dataset) -> np.ndarray:
    """Return the standard errors of the lower and the upper edge, in GHz.

    With few steps the fit's own errors can be too small: a hinge with five parameters passes smoothly
    through them. Each of these is the larger of the fit's error and one that allows for what the hinge lacks.

    Parameters
    ----------
    fit, map_
        As for `edge_gain`.

    Raises
    ------
    ValueError
        If the fit's status is not "ok".
    """
    knowledge = _Knowledge(*_measured(fit, map_))
    own = np.sqrt(np.diag(knowledge.edges @ knowledge.covariance @ knowledge.edges.T))
    return np.maximum(own, [edge.std for edge in fit.edges_ghz])


def edge_gain(fit: LockingFit, map_: xr.Dataset, detuning_ghz: np.ndarray) -> np.ndarray:
    """Return by how much one more step is expected to lower the variance of both edges.

    Parameters
    ----------
    fit
        Of ``map_``.
    map_
        What was measured: a map from `live_map` or `analysis.detuning.reduce_map`.
    detuning_ghz
        Where the step might be measured, shape (candidate,).

    Returns
    -------
    numpy.ndarray
        Sum of the decrease of both variances in GHz^2, shape (candidate,).

    Raises
    ------
    ValueError
        If the fit's status is not "ok".
    """
    best, measured, std = _measured(fit, map_)
    # a line will be as well fitted as those beside it
    std_new = np.interp(detuning_ghz, measured, std)
    covariance = _Knowledge(best, measured, std).covariance
    away = np.random.default_rng(0).multivariate_normal(np.zeros(5), covariance, _DRAWS, method="svd")
    farthest = _FARTHEST * [np.exp(best[1]), 1.0, 1.0, 1.0, 1.0]
    hinges = best + np.vstack([np.zeros(5), np.clip(away, -farthest, farthest)])
    return np.mean([_Knowledge(p, measured, std).gain(detuning_ghz, std_new) for p in hinges], axis=0)


def _measured(fit: LockingFit, map_: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the fitted parameters, and detuning and standard error of the complete steps, sorted."""
    if fit.hinge is None:
        raise ValueError(f"There are no edges to improve: {fit.message}")
    centre, half_range, rounding, slope, locked = fit.hinge.parameters
    std = np.hypot(map_["beat_std_ghz"].values, map_["detuning_std_ghz"].values)
    detuning = map_["detuning_ghz"].values
    known = np.flatnonzero(np.isfinite(map_["beat_ghz"].values + detuning + std))
    order = known[np.argsort(detuning[known])]
    return (
        np.array([centre, np.log(half_range), np.log(rounding), slope, locked]),
        detuning[order],
        std[order],
    )


class _Knowledge:
    """What the steps tell about the parameters of the hinge, if these are near `p`.

    `p` is (centre, ln h, ln r, slope, locked slope); `edges` are the derivatives of both edges by them.
    """

    def __init__(self, p: np.ndarray, measured: np.ndarray, std: np.ndarray) -> None:
        self._p, self._measured = p, measured
        self._weights = np.linalg.inv(np.diag(std**2) + _misfit(p, measured, measured))
        self._derivatives = _derivatives(p, measured)
        information = self._derivatives.T @ self._weights @ self._derivatives + _PRIOR_PRECISION
        self.covariance = np.linalg.inv(information)
        half_range = np.exp(p[1])
        self.edges = np.array([[1.0, -half_range, 0.0, 0.0, 0.0], [1.0, half_range, 0.0, 0.0, 0.0]])

    def gain(self, new: np.ndarray, std: np.ndarray) -> np.ndarray:
        """Return the decrease of both edges' variance by one step at each of `new`."""
        # only what does not follow from the steps beside it is new
        shared = _misfit(self._p, new, self._measured)
        foretold = shared @ self._weights
        derivatives = _derivatives(self._p, new) - foretold @ self._derivatives
        own = std**2 + _misfit_std(self._p, new) ** 2 - np.sum(foretold * shared, axis=1)
        variance = own + np.einsum("ni,ij,nj->n", derivatives, self.covariance, derivatives)
        told = derivatives @ self.covariance @ self.edges.T
        return np.asarray(np.sum(told**2, axis=1) / variance)


def _misfit(p: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the covariance of what the hinge lacks at detunings x and y, shape (x, y)."""
    alike = np.exp(-0.5 * ((x[:, None] - y) / (_MISFIT_LENGTH * np.exp(p[1]))) ** 2)
    return _misfit_std(p, x)[:, None] * _misfit_std(p, y) * alike


def _misfit_std(p: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return how much the hinge lacks: most at the edges, nothing at resonance and far away."""
    square = ((x - p[0]) / np.exp(p[1])) ** 2
    return _MISFIT * np.exp(p[1]) * np.minimum(square, 1 / np.maximum(square, 1e-9))


def _derivatives(p: np.ndarray, detuning: np.ndarray) -> np.ndarray:
    """Return the derivatives of the beat by the parameters, shape (point, 5)."""
    steps = np.diag(_STEPS * [np.exp(p[1]), 1.0, 1.0, 1.0, 1.0])
    columns = [(_beat(p + d, detuning) - _beat(p - d, detuning)) / (2 * d.sum()) for d in steps]
    return np.stack(columns, axis=1)


def _beat(p: np.ndarray, detuning: np.ndarray) -> np.ndarray:
    centre, log_half, log_rounding, slope, locked = p
    return hinge(detuning, centre, np.exp(log_half), np.exp(log_rounding), slope, locked)
