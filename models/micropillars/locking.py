"""Locking range and locking slopes, as defined on the lines of a detuning scan."""

from typing import NamedTuple

import numpy as np
import xarray as xr

__all__ = ["locking", "straight_line"]

_DRAWS = 200
_INNER = 0.75  # of the locked region; its rounded edges do not belong to the slope
_SLOPE_METHOD = f"straight line through f_p(nu) in the inner {_INNER:g} of the half-beat width"


class Line(NamedTuple):
    """Straight line ``value = intercept + slope x`` with standard errors."""

    slope: float
    slope_std: float
    intercept: float
    intercept_std: float
    reduced_chi_squared: float


def straight_line(x: np.ndarray, y: np.ndarray, error: np.ndarray) -> Line:
    """Fit a weighted straight line; errors are enlarged where the points scatter more than they should.

    Fewer than three points give NaN.
    """
    if len(x) < 3:
        return Line(*[np.nan] * 5)
    design = np.stack([np.asarray(x, float), np.ones(len(x))], axis=1) / np.asarray(error)[:, None]
    covariance = np.linalg.inv(design.T @ design)
    slope, intercept = covariance @ design.T @ (y / error)
    chi = float((((y - slope * x - intercept) / error) ** 2).sum() / (len(x) - 2))
    spread = np.sqrt(np.diag(covariance) * max(1.0, chi))
    return Line(float(slope), float(spread[0]), float(intercept), float(spread[1]), chi)


def _clipped_ratio(nu: np.ndarray, beat: np.ndarray) -> np.ndarray:
    """Return |f2 - f1|/|nu| within 0..1; at zero detuning it is 0."""
    return np.clip(np.abs(beat) / np.maximum(np.abs(nu), 1e-12), 0.0, 1.0)


def _integral_width(nu: np.ndarray, beat: np.ndarray) -> float:
    """Integral of 1 - |f2 - f1|/|nu|."""
    return float(np.trapezoid(1.0 - _clipped_ratio(nu, beat), nu))


def _half_beat_edges(nu: np.ndarray, beat: np.ndarray) -> tuple[float, float]:
    """Return where |f2 - f1| grows to |nu|/2 on either side of zero detuning; NaN if it never does."""
    excess = np.abs(beat) - 0.5 * np.abs(nu)
    centre = int(np.argmin(np.abs(nu)))
    edges = []
    for way in (-1, 1):
        k = centre
        while 0 <= k + way < len(nu) and excess[k + way] < 0:
            k += way
        if not 0 <= k + way < len(nu):
            edges.append(np.nan)
            continue
        inside, outside = min(excess[k], 0.0), excess[k + way]
        edges.append(nu[k] + (nu[k + way] - nu[k]) * inside / (inside - outside))
    return edges[0], edges[1]


def locking(lines: xr.Dataset, mode: str = "strong", seed: int = 0) -> xr.Dataset:
    """Return locking range and slopes of a scan of the detuning.

    Parameters
    ----------
    lines : Dataset
        Result of `line_map`; the detunings should reach beyond the locked region on both sides.
    mode : str
        "strong" or "weak"; detunings then are those of the weak modes.
    seed : int
        Of the draws that give the errors of the widths.

    Returns
    -------
    xarray.Dataset
        integral_width_ghz, the integral of (1 - |f2 - f1|/|nu|) d nu over the scan, clipped to 0..1, and
        half_beat_width_ghz, the width with |f2 - f1| < |nu|/2 around zero detuning (NaN if an edge lies
        outside the scan); their errors from redrawing the beats. slope (pillar), d f_p/d nu in the locked
        region, f_p from free-running P1: 0 follows P1, 1 follows P2 (NaN with fewer than three points).
        slope_difference, that of the beat, P2 minus P1, has a smaller error than the slopes. The detuning is
        that of the free-running lines. Errors end in ``_std``.
    """
    weak = lines.attrs["splitting_ghz_2"] - lines.attrs["splitting_ghz_1"] if mode == "weak" else 0.0
    shift = lines["free_centre_ghz"].sel(mode=mode)
    nominal = lines["detuning_ghz"].values + weak + float(shift[1] - shift[0])
    order = np.argsort(nominal)
    nu, chosen = nominal[order], lines.sel(mode=mode).isel(detuning_ghz=order)
    beat, beat_std = chosen["beat_ghz"].values, chosen["beat_ghz_std"].values
    random = np.random.default_rng(seed)
    drawn = beat + beat_std * random.standard_normal((_DRAWS, len(beat)))
    integral = np.array([_integral_width(nu, b) for b in drawn])
    edges = np.array([_half_beat_edges(nu, b) for b in drawn])
    low, high = _half_beat_edges(nu, beat)
    reach_low, reach_high = (nu[0] if np.isnan(low) else low, nu[-1] if np.isnan(high) else high)
    middle, half = 0.5 * (reach_low + reach_high), 0.5 * _INNER * (reach_high - reach_low)
    inside = np.abs(nu - middle) <= half
    centre = chosen["centre_ghz"].transpose("detuning_ghz", "pillar").values - float(shift[0])
    error = chosen["centre_ghz_std"].transpose("detuning_ghz", "pillar").values
    apart = straight_line(nu[inside], beat[inside], beat_std[inside])
    fits = [straight_line(nu[inside], centre[inside, p], error[inside, p]) for p in (0, 1)]
    ghz = {"units": "GHz"}
    result = xr.Dataset(
        {
            "integral_width_ghz": ((), _integral_width(nu, beat), ghz),
            "integral_width_ghz_std": ((), integral.std(ddof=1), ghz),
            "half_beat_width_ghz": ((), high - low, ghz),
            "half_beat_width_ghz_std": ((), np.diff(edges, axis=1).std(ddof=1), ghz),
            "slope": ("pillar", [f.slope for f in fits], {"units": "1"}),
            "slope_std": ("pillar", [f.slope_std for f in fits], {"units": "1"}),
            "slope_difference": ((), apart.slope, {"units": "1"}),
            "slope_difference_std": ((), apart.slope_std, {"units": "1"}),
            "slope_chi_squared": ("pillar", [f.reduced_chi_squared for f in fits], {"units": "1"}),
        },
        coords={"pillar": lines["pillar"].values},
    )
    result.attrs = dict(lines.attrs) | {"mode": mode, "slopes": _SLOPE_METHOD, "points": int(inside.sum())}
    return result
