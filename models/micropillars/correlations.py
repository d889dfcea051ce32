"""Intensity correlations of simulated light."""

import numpy as np
import xarray as xr
from scipy import fft

from models.micropillars._scatter import jackknife, mean_and_error
from models.micropillars.simulation import MODES

__all__ = ["correlations", "zero_lag"]

_METHOD = "FFT, divided by the number of products at each lag; means over time and trajectories"


def _products(light: np.ndarray, lags: int) -> np.ndarray:
    """Mean of ``I_i(t) I_j(t + lag)`` for lags from -lags to lags.

    Parameters
    ----------
    light : ndarray, (trajectories, pillars, samples)
        Photon numbers of one mode.
    lags : int
        Longest lag in samples.

    Returns
    -------
    ndarray, (trajectories, pillars, pillars, 2 lags + 1)
    """
    samples = light.shape[-1]
    size = fft.next_fast_len(samples + lags, real=True)
    offset = light.mean(axis=(0, 2), keepdims=True)  # float32 transforms keep the small part exact
    spectra = fft.rfft(light - offset, size, axis=-1)
    product = fft.irfft(spectra[:, :, None].conj() * spectra[:, None, :], size, axis=-1)
    lag = np.arange(-lags, lags + 1)
    weight = samples - np.abs(lag)
    covariance = product[..., lag] / weight
    # the offsets' own contributions: means over the part of the series that meets the other
    total = np.cumsum(np.concatenate([np.zeros_like(light[..., :1]), light - offset], -1, dtype=float), -1)
    first = (total[..., samples - np.maximum(lag, 0)] - total[..., np.maximum(-lag, 0)]) / weight
    second = (total[..., samples - np.maximum(-lag, 0)] - total[..., np.maximum(lag, 0)]) / weight
    level = offset[..., 0].astype(float)
    return (
        covariance
        + level[:, :, None, None] * second[:, None, :]
        + level[:, None, :, None] * first[:, :, None]
        + level[:, :, None, None] * level[:, None, :, None]
    )


def _normalised(moments: np.ndarray) -> np.ndarray:
    """Turn mean products with the two mean photon numbers behind them into g2 and rho.

    Shape (2, 2, lags + 1) in, the last entry being the mean of the first pillar; (2, 2, 2, lags) out.
    """
    products, means = moments[..., :-1], moments[:, 0, -1]
    g2 = products / (means[:, None, None] * means[None, :, None])
    centre = products.shape[-1] // 2
    excess = np.maximum(np.array([g2[0, 0, centre], g2[1, 1, centre]]) - 1.0, 1e-300)
    return np.stack([g2, (g2 - 1.0) / np.sqrt(excess[:, None, None] * excess[None, :, None])])


def correlations(light: xr.Dataset, longest_lag_ns: float = 15.0) -> xr.Dataset:
    """Return the intensity correlations of the same mode within and between the pillars.

    Parameters
    ----------
    light : Dataset
        Result of `simulate`; its ``sample_ps`` is the resolution in the lag.
    longest_lag_ns : float
        Longest lag, less than the time series.

    Returns
    -------
    xarray.Dataset
        g2 (mode, pillar, other_pillar, lag_ns) = <I_i(t) I_j(t + tau)>/(<I_i><I_j>): in the cross-correlation
        of P1 (pillar) with P2 (other_pillar) a peak at +tau means that P2 repeats P1. Means are over time
        and all trajectories together, as a long measurement makes them: where trajectories keep
        different mean photon numbers (phases, slow switching) g2 does not reach 1 at long lags.
        correlation_coefficient = (g2 - 1)/sqrt((g2_ii(0) - 1)(g2_jj(0) - 1)), Eq. 3 with autocorrelations in
        the denominator. Each with its jackknife standard error, ``_std``.

    Raises
    ------
    ValueError
        If the longest lag does not fit the time series.
    """
    step_ns = light.attrs["sample_ps"] * 1e-3
    numbers = light["photon_number"].transpose("mode", "trajectory", "pillar", "time_ns").values
    lags = round(longest_lag_ns / step_ns)
    if not 1 <= lags < numbers.shape[-1]:
        raise ValueError(
            f"longest_lag_ns is {longest_lag_ns:g}; these time series allow "
            f"{step_ns:g} to {(numbers.shape[-1] - 1) * step_ns:g}"
        )
    values, errors = [], []
    for mode in numbers:
        products = _products(mode, lags)
        means = np.broadcast_to(mode.mean(axis=-1, dtype=float)[:, :, None, None], (*products.shape[:3], 1))
        value, error = jackknife(_normalised, np.concatenate([products, means], axis=-1))
        values.append(value)
        errors.append(error)
    dims = ("mode", "pillar", "other_pillar", "lag_ns")
    (g2, rho), (g2_std, rho_std) = (np.stack(v, axis=1) for v in (values, errors))
    result = xr.Dataset(
        {
            "g2": (dims, g2, {"units": "1"}),
            "g2_std": (dims, g2_std, {"units": "1"}),
            "correlation_coefficient": (dims, rho, {"units": "1"}),
            "correlation_coefficient_std": (dims, rho_std, {"units": "1"}),
        },
        coords={
            "mode": light["mode"].values,
            "pillar": light["pillar"].values,
            "other_pillar": light["pillar"].values,
            "lag_ns": ("lag_ns", step_ns * np.arange(-lags, lags + 1), {"units": "ns"}),
        },
    )
    result.attrs = dict(light.attrs) | {"correlation": _METHOD, "trajectories": numbers.shape[1]}
    return result


def zero_lag(light: xr.Dataset) -> xr.Dataset:
    """Return photon numbers and g2(0) of every mode.

    Parameters
    ----------
    light : Dataset
        Result of `simulate`. Box averages shorter than the coherence time are needed: they lower g2(0).

    Returns
    -------
    xarray.Dataset
        photon_number and g2_zero (pillar, mode), with standard errors from the scatter between
        trajectories. g2_zero is <n^2>/<n>^2 with means over time and all trajectories together.
    """
    numbers = light["photon_number"].transpose("trajectory", "pillar", "mode", "time_ns").values
    first = numbers.mean(axis=-1, dtype=float)
    second = np.einsum("tpms,tpms->tpm", numbers, numbers, dtype=float) / numbers.shape[-1]
    mean, error = mean_and_error(first)
    g2, g2_error = jackknife(
        lambda m: m[1] / np.maximum(m[0], 1e-300) ** 2, np.stack([first, second], axis=1)
    )
    dims = ("pillar", "mode")
    values = {
        "photon_number": mean,
        "photon_number_std": error,
        "g2_zero": g2,
        "g2_zero_std": g2_error,
    }
    result = xr.Dataset(
        {name: (dims, value, {"units": "1"}) for name, value in values.items()},
        coords={"pillar": light["pillar"].values, "mode": MODES},
    )
    result.attrs = dict(light.attrs) | {"trajectories": len(first)}
    return result
