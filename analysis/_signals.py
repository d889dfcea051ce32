"""Recordings as numbers whose variance is their mean: photon counts, or voltages as equivalent counts.

The noise of an analog detector has a constant part and one that grows with the signal (shot noise):
``variance = a + b (v - v0)``. Then ``n = (v - v0)/b + a/b**2`` has a variance equal to its mean, and
whatever is right for Poisson counts is right for it (the shifted Poisson approximation: Snyder et al.,
J. Opt. Soc. Am. A 12, 272 (1995)).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

_FEWEST_IN_THE_DARK = 9.0  # equivalent counts without light, so that their noise leaves them positive
_LEAST_SHOT_NOISE = 0.02  # of the constant noise, at the brightest place; where none is seen


@dataclass(frozen=True)
class Signals:
    """Recordings of all steps and pillars.

    Parameters
    ----------
    counts
        Counts or equivalent counts, shape (step, pillar, bin).
    unit
        "counts" or "V", the unit of the recording.
    per_count
        What one count is in that unit, shape (step, pillar).
    zero
        Counts that stand for a recording of zero, shape (step, pillar).
    """

    counts: np.ndarray
    unit: str
    per_count: np.ndarray
    zero: np.ndarray

    @classmethod
    def of_counts(cls, counts: np.ndarray) -> "Signals":
        """Take photon counts as they are, shape (step, pillar, bin)."""
        ones = np.ones(counts.shape[:2])
        return cls(counts, "counts", ones, 0 * ones)


def read_signals(dataset: xr.Dataset, suffix: str = "") -> Signals:
    """Return the recordings of a scan, with the noise they have.

    Parameters
    ----------
    dataset
        With ``counts`` (photons), or ``voltage`` and its standard error ``voltage_std``, of dimensions step,
        pillar, bin.
    suffix
        "" for the coupled recordings, "_free" for the free-running ones.

    Raises
    ------
    ValueError
        If none of them is there, or voltages are not finite or without noise.
    """
    dims = ("step", "pillar", "bin")
    if f"counts{suffix}" in dataset:
        return Signals.of_counts(dataset[f"counts{suffix}"].transpose(*dims).values)
    names = f"voltage{suffix}", f"voltage{suffix}_std"
    missing = [name for name in names if name not in dataset]
    if missing:
        raise ValueError(
            f"The scan lacks counts{suffix}, or {' and '.join(missing)}; a detuning scan records counts or "
            "voltages with their standard errors."
        )
    voltage, error = (dataset[name].transpose(*dims).values.astype(float) for name in names)
    if not (np.all(np.isfinite(voltage)) and np.all(error >= 0) and np.all(error.max(axis=-1) > 0)):
        raise ValueError(
            f"The recordings {names[0]} contain NaN, or their standard errors {names[1]} are negative, NaN "
            "or all zero; leave out such steps."
        )
    parts = [_equivalent(voltage[:, pillar], error[:, pillar]) for pillar in range(voltage.shape[1])]
    counts, per_count, zero = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
    return Signals(counts, "V", per_count, zero)


def noise_law(voltage: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Fit the variance of recordings: its constant part, in V**2, and its growth with the signal, in V.

    Parameters
    ----------
    voltage, error
        Signal above the dark level and its measured standard error, any one shape. Each squared error
        scatters around the true variance in proportion to it, whatever the number of repetitions behind it.

    Returns
    -------
    constant, slope
        The slope is zero where it is less than two standard errors of its own.
    """
    variance, signal = error.ravel() ** 2, voltage.ravel()
    # what is only noise in the dark says nothing on the slope, but would flatten it
    signal = np.where(signal > 3 * np.sqrt(np.median(variance)), signal, 0.0)
    design = np.stack([np.ones_like(signal), signal], axis=1)
    constant, slope, slope_std = float(np.median(variance)) or float(np.mean(variance)), 0.0, 0.0
    for _ in range(8):
        expected = np.maximum(constant + slope * signal, 0.1 * constant)
        weighted = design / expected[:, None]
        inverse = np.linalg.pinv(weighted.T @ weighted)
        constant, slope = (float(x) for x in inverse @ (weighted.T @ (variance / expected)))
        constant = max(constant, 1e-3 * float(np.mean(variance)))
        scatter = np.var(variance / expected - weighted @ [constant, slope])
        slope_std = float(np.sqrt(inverse[1, 1] * scatter))
    if slope > 2 * slope_std:
        return constant, slope
    return float(np.mean(variance)), 0.0


def _equivalent(voltage: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return equivalent counts (step, bin), and per step what one is in V and how many stand for 0 V."""
    dark = np.median(voltage, axis=-1)
    signal = voltage - dark[:, None]
    constant, slope = noise_law(signal, error)
    slope = max(slope, _LEAST_SHOT_NOISE * constant / max(float(signal.max()), 1e-300))
    pedestal = max(constant / slope**2, _FEWEST_IN_THE_DARK)
    counts = np.maximum(signal / slope + pedestal, 0.0)
    return counts, np.full(len(dark), slope), pedestal - dark / slope
