"""Reduce a detuning scan: frequency axis, nominal detuning and line centres of every step.

All frequencies are relative to free-running P1 in the same step: free P1 lies at 0 and free P2 at the nominal
detuning nu = f2 - f1.
"""

import numpy as np
import xarray as xr

from analysis._lines import wrap
from analysis._live import LiveDetuning, live_detuning
from analysis._map import build_map
from analysis._scatter import robust_std, smooth_trend
from analysis._signals import read_signals
from analysis._tracking import LineTable, fit_free_lines, join_orders, track_lines
from analysis.fabry_perot import calibrate

__all__ = ["LiveDetuning", "live_detuning", "reduce_map"]

_CALIBRATION_STEPS = 30


def reduce_map(dataset: xr.Dataset) -> xr.Dataset:
    """Reduce a scan of both coupled and free-running lines.

    Parameters
    ----------
    dataset
        ``counts`` and ``counts_free`` (step, pillar, bin) with ``ramp_time_ms`` (bin), optionally
        ``temperature_2_k`` and ``integration_s`` (step); attrs ``free_spectral_range_ghz`` and ``finesse``.
        Of analog detectors ``voltage``, ``voltage_free`` and their standard errors ``voltage_std``,
        ``voltage_free_std`` instead of the counts.

    Returns
    -------
    xarray.Dataset
        Dims (step, pillar, frequency_ghz). Coordinate ``detuning_ghz`` (nominal, step); ``centre_ghz``,
        ``width_ghz`` (intrinsic FWHM), ``line_rate`` (detected photons per second in the line, or V),
        ``background``, ``reduced_deviance`` (step, pillar); ``beat_ghz`` = f2 - f1 (step);
        ``spectrum`` (the same per GHz); standard errors as ``*_std``. Errors of centres
        contain the scatter between steps (drift between the free and the coupled recording); what both
        pillars share drops out of ``beat_std_ghz``. Steps without a line are NaN.

    Raises
    ------
    analysis.fabry_perot.CalibrationError
        If the ramp cannot be turned into a frequency axis.
    ValueError
        If variables or attributes are missing or counts are NaN or negative.
    """
    fsr, finesse = _require(dataset)
    signals, counts_free = read_signals(dataset), read_signals(dataset, "_free").counts
    chosen = np.unique(np.linspace(0, len(counts_free) - 1, _CALIBRATION_STEPS).astype(int))
    ramp_time_ms = dataset["ramp_time_ms"].values
    axis = calibrate(counts_free[chosen], ramp_time_ms, fsr, finesse)
    frequency = axis.frequency_ghz(ramp_time_ms)
    free = fit_free_lines(frequency, counts_free, fsr, finesse)
    temperature = _temperature(dataset)
    measured, measured_std = _measured_detuning(free, temperature, fsr)
    detuning, detuning_std = _nominal_detuning(temperature, measured, measured_std)
    reference = free.centre_ghz[:, 0]
    expected = reference[:, None] + np.stack([np.zeros_like(detuning), detuning], axis=1)
    coupled = track_lines(frequency, signals.counts, fsr, finesse, expected)
    result = build_map(
        dataset, axis, signals, coupled, reference, free.centre_std_ghz[:, 0], detuning, detuning_std
    )
    result["detuning_measured_ghz"] = ("step", measured, {"units": "GHz"})
    result["free_width_ghz"] = (("step", "pillar"), free.width_ghz, {"units": "GHz"})
    result.attrs["ramp_drift_ghz"] = _step_drift(reference, fsr)
    result.attrs["tuning_rate_ghz_per_k"] = _tuning_rate(temperature, detuning)
    return result


def _require(dataset: xr.Dataset) -> tuple[float, float]:
    attributes = ("free_spectral_range_ghz", "finesse")
    missing = [f"attribute {name}" for name in attributes if name not in dataset.attrs]
    if "ramp_time_ms" not in dataset.variables:
        missing.append("ramp_time_ms")
    if missing:
        raise ValueError(f"The scan lacks {', '.join(missing)}; a detuning scan records all of them.")
    if dataset.sizes.get("step", 1) == 0:
        raise ValueError("The scan has no steps yet.")
    return float(dataset.attrs["free_spectral_range_ghz"]), float(dataset.attrs["finesse"])


def _temperature(dataset: xr.Dataset) -> np.ndarray:
    if "temperature_2_k" not in dataset:
        return np.full(dataset.sizes["step"], np.nan)
    return np.asarray(dataset["temperature_2_k"].values, dtype=float)


def _measured_detuning(
    free: LineTable, temperature_k: np.ndarray, fsr: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return f2 - f1 of the free lines and its error, orders joined along temperature."""
    folded = wrap(free.centre_ghz[:, 1] - free.centre_ghz[:, 0], fsr)
    std = np.hypot(free.centre_std_ghz[:, 0], free.centre_std_ghz[:, 1])
    return join_orders(folded, temperature_k, fsr), std


def _nominal_detuning(
    temperature_k: np.ndarray, measured: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Combine each step's measured detuning with the smooth curve over temperature.

    The scatter around the curve tells how far the lasers really stray from it (temperature within its band):
    where that is more than the counting error the measurement of the step is kept, else the curve is better.
    A measurement more than six times off, or missing, is replaced by the curve.
    """
    trend = smooth_trend(temperature_k, measured, std)
    if not np.any(np.isfinite(trend)):
        return measured.copy(), std.copy()
    residual = measured - trend
    scatter = robust_std(residual[np.isfinite(residual)])
    stray = max(scatter**2 - float(np.nanmedian(std)) ** 2, 0.0)
    weight = stray / (stray + std**2)
    combined = trend + weight * residual
    curve_std = scatter * np.sqrt(4 / np.count_nonzero(np.isfinite(residual)))
    combined_std = np.sqrt(weight * std**2 + ((1 - weight) * curve_std) ** 2)
    bad = ~(np.abs(residual) <= 6 * max(scatter, float(np.nanmedian(std))))
    return np.where(bad, trend, combined), np.where(bad, max(scatter, float(np.nanmedian(std))), combined_std)


def _step_drift(reference_ghz: np.ndarray, fsr: float) -> float:
    """Robust step-to-step movement of the free P1 line on the ramp, GHz."""
    moves = wrap(np.diff(reference_ghz[np.isfinite(reference_ghz)]), fsr)
    return robust_std(moves)


def _tuning_rate(temperature_k: np.ndarray, detuning_ghz: np.ndarray) -> float:
    good = np.isfinite(temperature_k) & np.isfinite(detuning_ghz)
    if np.count_nonzero(good) < 2 or np.ptp(temperature_k[good]) <= 0:
        return float("nan")
    return float(np.polynomial.polynomial.polyfit(temperature_k[good], detuning_ghz[good], 1)[1])
