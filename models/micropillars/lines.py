"""Centres and widths of the lines: Lorentzians fitted to the envelope of the power spectra."""

import numpy as np
import xarray as xr
from scipy.optimize import leastsq

from models.micropillars._scatter import GROUPS, jackknife
from models.micropillars.simulation import MODES
from models.micropillars.spectra import densities

__all__ = ["fit_lines"]

_REACH = 8.0  # half the fitted band, in widths of the line
_METHOD = (
    "Lorentzian without background, least squares with equal weights, within 8 widths of the highest "
    "point; the width of the window's line is not taken off"
)


def _guess(frequency: np.ndarray, power: np.ndarray) -> tuple[float, float, float]:
    """Return peak, centre and full width of the highest line; the width from its area."""
    bins = max(1, len(frequency) // 400)
    for _ in range(2):  # smooth by a part of the line's own width
        smooth = np.convolve(power, np.ones(bins) / bins, "same")
        top = int(np.argmax(smooth))
        step = frequency[1] - frequency[0]
        width = power.sum() * step / smooth[top] * 2.0 / np.pi
        bins = int(np.clip(width / (3.0 * step), 1, len(frequency) // 20))
    return float(smooth[top]), float(frequency[top]), float(max(width, step))


def _lorentzian(frequency: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Return centre and full width at half maximum of a Lorentzian fitted to one spectrum."""
    peak, centre, width = _guess(frequency, power)
    near = np.abs(frequency - centre) < max(_REACH * width, 6.0 * (frequency[1] - frequency[0]))
    x, y = (frequency[near] - centre) / width, power[near] / peak

    def parts(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distance = 2.0 * (x - v[1]) / v[2]
        return distance, 1.0 / (1.0 + distance**2)

    def residuals(v: np.ndarray) -> np.ndarray:
        return v[0] * parts(v)[1] - y

    def jacobian(v: np.ndarray) -> np.ndarray:
        distance, shape = parts(v)
        slope = 2.0 * v[0] * shape**2 * distance / v[2]
        return np.stack([shape, 2.0 * slope, distance * slope], axis=1)

    # leastsq has a tenth of the overhead of least_squares; a map fits thousands of lines
    best = leastsq(residuals, [1.0, 0.0, 1.0], Dfun=jacobian, full_output=True, maxfev=60)[0]
    return np.array([centre + width * best[1], width * abs(best[2])])


def fit_lines(light: xr.Dataset, resolution_ghz: float | None = None, groups: int = GROUPS) -> xr.Dataset:
    """Fit the line of every mode of both pillars.

    The fine structure of the compound cavity, 1/(2 tau) apart, is not resolved by the fit: it finds the
    envelope, as the published centres do.

    Parameters
    ----------
    light : Dataset
        Result of `simulate`.
    resolution_ghz : float, optional
        Of the spectra, see `spectrum`; a fifth of the line's width is fine enough.
    groups : int
        Groups of trajectories of the jackknife.

    Returns
    -------
    xarray.Dataset
        centre_ghz and linewidth_ghz (full width at half maximum), each (pillar, mode), and beat_ghz (mode),
        the centre of P2 minus that of P1, with jackknife standard errors ``_std``: in a locked pair the
        centres wander together, and the beat is better known than either. Centres are relative to the
        mode of free-running P1, taken without gain (see `simulate`). Where a line has two comparable
        parts, the fit sits on the higher one.

    Raises
    ------
    ValueError
        If the resolution does not fit the time series.
    """
    frequency, density, segment_ns = densities(light, resolution_ghz)

    def fit(power: np.ndarray) -> np.ndarray:
        return np.array([[_lorentzian(frequency, mode) for mode in pillar] for pillar in power])

    def with_beat(power: np.ndarray) -> np.ndarray:
        lines = fit(power)
        return np.concatenate([lines, lines[1:] - lines[:1]])

    value, error = jackknife(with_beat, density, groups)
    beat, beat_error = value[2, :, 0], error[2, :, 0]
    value, error = value[:2], error[:2]
    dims = ("pillar", "mode")
    variables = {
        "centre_ghz": value[..., 0],
        "centre_ghz_std": error[..., 0],
        "linewidth_ghz": value[..., 1],
        "linewidth_ghz_std": error[..., 1],
    }
    result = xr.Dataset(
        {name: (dims, values, {"units": "GHz"}) for name, values in variables.items()},
        coords={"pillar": light["pillar"].values, "mode": MODES},
    )
    result["beat_ghz"] = ("mode", beat, {"units": "GHz"})
    result["beat_ghz_std"] = ("mode", beat_error, {"units": "GHz"})
    result.attrs = dict(light.attrs) | {
        "frame": "free-running P1, one per polarisation",
        "resolution_ghz": 1.5 / segment_ns,
        "line_fit": _METHOD,
        "trajectories": len(density),
    }
    return result
