"""Fine structure of the compound cavity that the delay makes of two pillars."""

import numpy as np
import xarray as xr

from models.micropillars._scatter import jackknife
from models.micropillars.spectra import densities

__all__ = ["comb_spacing"]

_SMOOTHING = 0.08  # of the free spectral range 1/(2 tau)


def _top(frequency: np.ndarray, power: np.ndarray, low: float, high: float) -> float:
    """Return where the power is highest between two frequencies, by a parabola through its logarithm."""
    inside = np.flatnonzero((frequency >= low) & (frequency <= high))
    k = int(np.clip(inside[np.argmax(power[inside])], 1, len(power) - 2))
    left, top, right = np.log(power[k - 1 : k + 2])
    bend = left - 2.0 * top + right
    offset = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(frequency[k] + np.clip(offset, -1.0, 1.0) * (frequency[1] - frequency[0]))


def _spacings(frequency: np.ndarray, power: np.ndarray, expected: float) -> np.ndarray:
    """Return the frequency of the highest mode and the mean distance to its neighbours."""
    bins = max(1, round(_SMOOTHING * expected / (frequency[1] - frequency[0])))
    smooth = np.convolve(power, np.ones(bins) / bins, "same")
    main = _top(frequency, smooth, frequency[0], frequency[-1])
    above = _top(frequency, smooth, main + 0.6 * expected, main + 1.3 * expected)
    below = _top(frequency, smooth, main - 1.3 * expected, main - 0.6 * expected)
    return np.array([main, 0.5 * (above - below)])


def comb_spacing(light: xr.Dataset, resolution_ghz: float = 0.005) -> xr.Dataset:
    """Return the distance between the compound modes around the strongest one, in the strong modes.

    Parameters
    ----------
    light : Dataset
        Result of `simulate` at a fixed phase: an average over phases washes the modes out.
    resolution_ghz : float
        Of the spectra; it should be a small part of 1/(2 tau).

    Returns
    -------
    xarray.Dataset
        main_mode_ghz and spacing_ghz (pillar), the mean distance to the next modes on both sides, with
        jackknife errors ``_std``; round_trip_spacing_ghz, 1/(2 tau) of the empty path. The modes lie closer
        than that: each laser answers to the light it receives with a delay of its own.

    Raises
    ------
    ValueError
        If the phases were averaged over.
    """
    if light.attrs.get("average_phase"):
        raise ValueError(
            "the phases of these time series were averaged over; modes show at a fixed phase only"
        )
    expected = 0.5 / light.attrs["delay_ns"]
    frequency, density, segment_ns = densities(light, resolution_ghz)
    value, error = jackknife(
        lambda power: np.array([_spacings(frequency, p[0], expected) for p in power]), density
    )
    ghz = {"units": "GHz"}
    result = xr.Dataset(
        {
            "main_mode_ghz": ("pillar", value[:, 0], ghz),
            "main_mode_ghz_std": ("pillar", error[:, 0], ghz),
            "spacing_ghz": ("pillar", value[:, 1], ghz),
            "spacing_ghz_std": ("pillar", error[:, 1], ghz),
            "round_trip_spacing_ghz": ((), expected, ghz),
        },
        coords={"pillar": light["pillar"].values},
    )
    result.attrs = dict(light.attrs) | {
        "frame": "free-running P1, one per polarisation",
        "resolution_ghz": 1.5 / segment_ns,
        "trajectories": len(density),
    }
    return result
