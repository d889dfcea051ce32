"""How the locking depends on the coupling and on the power of P2."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import curve_fit

from models.micropillars._curves import Progress, part, stack
from models.micropillars.locking import locking, straight_line
from models.micropillars.maps import line_map
from models.micropillars.parameters import Pair

__all__ = ["fit_power_law", "locking_range_curve", "slope_curve"]

FULL_COUPLING = 0.025  # K0, the coupling of the whole light, matched to the published locking range
_REACH_GHZ = 80.0  # detunings scanned at K = 1: some three locking ranges on either side


def locking_range_curve(
    pair: Pair,
    couplings: np.ndarray,
    points: int = 33,
    seed: int = 1,
    on_progress: Progress | None = None,
    **run: Any,
) -> xr.Dataset:
    """Return the locking range against the coupling, with straight lines fitted to it.

    Parameters
    ----------
    pair : Pair
        What is simulated; its own coupling and detuning do not count.
    couplings : array_like
        Couplings K, all positive.
    points : int
        Detunings at each coupling, from -80 K to 80 K GHz.
    seed : int
        Seed of the first simulation.
    on_progress : callable, optional
        Called with the fraction done.
    **run
        Handed to `line_map`.

    Returns
    -------
    xarray.Dataset
        The variables of `locking` along coupling, with the coordinate root_transmission, sqrt(T) = K/0.025.
        range_slope_ghz, range_intercept_ghz (definition: "integral", "half-beat") and range_chi_squared
        (reduced) of the lines range = intercept + slope K, errors ``_std``.
    """
    values = np.asarray(couplings, float)
    if values.ndim != 1 or values.size == 0 or values.min() <= 0:
        raise ValueError(f"couplings must be a list of positive numbers; given: {couplings}")
    steps = []
    for number, coupling in enumerate(values):
        detunings = _REACH_GHZ * coupling * np.linspace(-1.0, 1.0, points)
        progress = part(on_progress, number, values.size)
        first = seed + number * (points + 1)
        coupled = replace(pair, coupling=float(coupling))
        steps.append(locking(line_map(coupled, detunings, seed=first, on_progress=progress, **run)))
    result = stack(steps, "coupling", values, "1", varied={"coupling", "points"})
    result = result.assign_coords(root_transmission=("coupling", values / FULL_COUPLING, {"units": "1"}))
    fits = []
    for name in ("integral_width_ghz", "half_beat_width_ghz"):
        known = np.isfinite(result[name].values)
        fits.append(
            straight_line(values[known], result[name].values[known], result[f"{name}_std"].values[known])
        )
    columns = {
        "range_slope_ghz": ([f.slope for f in fits], "GHz"),
        "range_slope_ghz_std": ([f.slope_std for f in fits], "GHz"),
        "range_intercept_ghz": ([f.intercept for f in fits], "GHz"),
        "range_intercept_ghz_std": ([f.intercept_std for f in fits], "GHz"),
        "range_chi_squared": ([f.reduced_chi_squared for f in fits], "1"),
    }
    for name, (column, units) in columns.items():
        result[name] = ("definition", column, {"units": units})
    return result.assign_coords(definition=["integral", "half-beat"]).assign_attrs(seed=seed)


def slope_curve(
    pair: Pair,
    currents_2_ua: np.ndarray,
    detunings_ghz: np.ndarray,
    seed: int = 1,
    on_progress: Progress | None = None,
    **run: Any,
) -> xr.Dataset:
    """Return the locking slopes of both lines against the output power of P2.

    Parameters
    ----------
    pair : Pair
        What is simulated; P2's own current and the detuning do not count.
    currents_2_ua : array_like
        Currents of P2.
    detunings_ghz : array_like
        Scanned at each current; they should cover the locked region.
    seed : int
        Seed of the first simulation.
    on_progress : callable, optional
        Called with the fraction done.
    **run
        Handed to `line_map`.

    Returns
    -------
    xarray.Dataset
        The variables of `locking` along current_2_ua, and photon_number_2, output_power_2_nw of P2's strong
        mode in the middle of the scan, errors ``_std``.
    """
    values, middle = np.asarray(currents_2_ua, float), int(np.argmin(np.abs(detunings_ghz)))
    steps = []
    for number, current in enumerate(values):
        pumped = replace(pair, pillar_2=replace(pair.pillar_2, current_ua=float(current)))
        progress = part(on_progress, number, values.size)
        first = seed + number * (len(detunings_ghz) + 1)
        lines = line_map(pumped, detunings_ghz, seed=first, on_progress=progress, **run)
        found = locking(lines)
        light = lines.sel(pillar="P2", mode="strong").isel(detuning_ghz=middle)
        for kind in ("", "_std"):
            photons = float(light[f"photon_number{kind}"])
            power = photons * pair.pillar_2.output_nw_per_photon
            found[f"photon_number_2{kind}"] = ((), photons, {"units": "1"})
            found[f"output_power_2_nw{kind}"] = ((), power, {"units": "nW"})
        steps.append(found)
    result = stack(steps, "current_2_ua", values, "uA", varied={"current_2_ua", "current_ua_2", "points"})
    result.attrs["seed"] = seed
    return result


def fit_power_law(power: np.ndarray, slope: np.ndarray, slope_std: np.ndarray) -> xr.Dataset:
    """Fit Eq. 2, ``B P^A = 1/m - 1``, to slopes m; what is fitted is m = 1/(1 + B P^A) with the errors of m.

    Parameters
    ----------
    power : ndarray
        Output powers P of P2, in any unit; B is that of the geometric mean power.
    slope, slope_std : ndarray
        Slopes m and their standard errors.

    Returns
    -------
    xarray.Dataset
        exponent A, factor B at reference_power, reduced chi_squared; errors ``_std``, enlarged where the
        slopes scatter more than their errors.

    Raises
    ------
    ValueError
        For fewer than three known slopes.
    """
    known = np.isfinite(slope) & np.isfinite(slope_std)
    if known.sum() < 3:
        raise ValueError(f"{known.sum()} slopes are known; a power law takes at least 3")
    reference = float(np.exp(np.log(power[known]).mean()))
    relative = np.log(power[known] / reference)

    def model(x: np.ndarray, log_factor: float, exponent: float) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(log_factor + exponent * x))

    start = [float(np.log(1.0 / np.clip(np.mean(slope[known]), 0.02, 0.98) - 1.0)), -0.5]
    best, covariance = curve_fit(model, relative, slope[known], start, slope_std[known], absolute_sigma=True)
    chi = float((((slope[known] - model(relative, *best)) / slope_std[known]) ** 2).sum())
    chi /= max(1, int(known.sum()) - 2)
    log_std, exponent_std = np.sqrt(np.diag(covariance) * max(1.0, chi))
    factor = float(np.exp(best[0]))
    result = xr.Dataset(
        {
            "exponent": ((), best[1], {"units": "1"}),
            "exponent_std": ((), exponent_std, {"units": "1"}),
            "factor": ((), factor, {"units": "1"}),
            "factor_std": ((), factor * log_std, {"units": "1"}),
            "chi_squared": ((), chi, {"units": "1"}),
            "reference_power": ((), reference),
        }
    )
    result.attrs = {"method": "least squares of m = 1/(1 + B P^A), Eq. 2", "points": int(known.sum())}
    return result
