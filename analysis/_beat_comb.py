"""The comb that the modes of a compound cavity make in a beat spectrum."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from analysis._beat_line import BeatLine, _lines, density_of
from analysis._beat_peaks import find_lines
from analysis._beat_profiles import FWHM, fit_profiles
from analysis._lines import NoLineError
from analysis._values import NOT_KNOWN, Value

__all__ = ["BeatComb", "fit_comb"]


@dataclass(frozen=True)
class BeatComb:
    """The teeth of one spectrum, lowest first.

    Parameters
    ----------
    teeth : tuple of BeatLine
        At least one.
    main : int
        Index of the strongest.
    spacing_hz : Value
        Mean distance of the strongest tooth from its two neighbours; not known without both.
    envelope_hz : Value
        Mean of the teeth's frequencies weighted with their powers.
    envelope_width_hz : Value
        Full width at half maximum of a Gaussian through the teeth's powers; not known with fewer than three
        teeth, or if the powers do not fall off to both sides.
    """

    teeth: tuple[BeatLine, ...]
    main: int
    spacing_hz: Value
    envelope_hz: Value
    envelope_width_hz: Value


def fit_comb(spectrum: xr.Dataset, channel: str | None = None) -> BeatComb:
    """Find and fit the teeth of a comb, which must be four resolutions apart, on a broad pedestal.

    Parameters
    ----------
    spectrum, channel
        As for `fit_line`.

    Raises
    ------
    NoLineError
        If there is no line.
    RecordError
        If the spectrum is unusable.
    """
    f, p, resolution = density_of(spectrum, channel)
    places = find_lines(f, p, resolution, 2 * resolution, 4 * resolution).places
    if not places.size:
        raise NoLineError(f"No line stands out of the noise between {f[0]:.6g} and {f[-1]:.6g} Hz.")
    starts = f[places]
    several = places.size > 1
    gap = float(np.diff(starts).min()) if several else np.inf
    widths = np.minimum(_widths(f, p, places, resolution), gap / 2)
    found = fit_profiles(
        f,
        p,
        resolution,
        starts.tolist(),
        widths.tolist(),
        widest=gap,
        pedestal=float(np.average(starts, weights=p[places])) if several else None,
    )
    sure = min(gap, f[-1] - f[0]) / 4
    teeth = [each for each in _lines(found, resolution) if each.centre_hz.std < sure]
    if not teeth:
        raise NoLineError(f"What stands out between {f[0]:.6g} and {f[-1]:.6g} Hz is no line.")
    seen = [np.hypot(tooth.width_hz.value if tooth.width_hz else 0.0, resolution) for tooth in teeth]
    main = int(np.argmax([tooth.power / width for tooth, width in zip(teeth, seen, strict=True)]))
    return BeatComb(tuple(teeth), main, _spacing(teeth, main), *envelope_of(teeth))


def _widths(f: np.ndarray, p: np.ndarray, places: np.ndarray, resolution: float) -> np.ndarray:
    """Return rough full widths: a tooth begun too broad hides its neighbours, and they are lost."""
    step = (f[-1] - f[0]) / (f.size - 1)
    cells = max(1, round(resolution / step))
    smooth = np.convolve(np.pad(p, cells, "edge"), np.ones(cells) / cells, "same")[cells:-cells]
    edges = np.array([0, *(places[1:] + places[:-1]) // 2, f.size])
    seen = np.empty(places.size)
    for k, place in enumerate(places):
        left, right = smooth[edges[k] : place + 1][::-1], smooth[place : edges[k + 1]]
        half = (smooth[place] + max(left.min(), right.min())) / 2
        seen[k] = step * sum(int(np.argmax(side < half)) or side.size for side in (left, right))
    filtered = np.hypot(resolution, cells * step)
    return np.asarray(np.maximum(seen - filtered**2 / np.maximum(seen, filtered), 0.1 * resolution))


def _spacing(teeth: Sequence[BeatLine], main: int) -> Value:
    if not 0 < main < len(teeth) - 1:
        return NOT_KNOWN
    below, above = teeth[main - 1].centre_hz, teeth[main + 1].centre_hz
    return Value((above.value - below.value) / 2, float(np.hypot(above.std, below.std)) / 2)


def envelope_of(teeth: Sequence[BeatLine]) -> tuple[Value, Value]:
    """Return mean frequency and Gaussian full width of the teeth's powers."""
    centre = np.array([tooth.centre_hz.value for tooth in teeth])
    power = np.array([tooth.power for tooth in teeth])
    relative = np.array([tooth.power_std for tooth in teeth]) / power
    share = power / power.sum()
    mean = float(share @ centre)
    variance = np.sum((share * relative * (centre - mean)) ** 2)
    variance += np.sum((share * [tooth.centre_hz.std for tooth in teeth]) ** 2)
    return Value(mean, float(np.sqrt(variance))), _gaussian_width(centre - mean, share, relative)


def _gaussian_width(offset: np.ndarray, share: np.ndarray, relative: np.ndarray) -> Value:
    """Fit a parabola to the logarithms of the powers, strong teeth before weak ones."""
    if offset.size < 3:
        return NOT_KNOWN
    unit = float(np.ptp(offset))
    design = np.stack([np.ones_like(offset), offset / unit, (offset / unit) ** 2], axis=1)
    solver = np.linalg.pinv(design.T @ (share[:, np.newaxis] * design)) @ (design.T * share)
    found = solver @ np.log(share)
    left, free = np.log(share) - design @ found, offset.size - 3
    # a comb is no perfect Gaussian: what is left over is scatter too
    beyond = max(0.0, float(share @ (left**2 - relative**2)) * offset.size / free) if free else 0.0
    std = float(np.sqrt(solver[2] ** 2 @ (relative**2 + beyond)))
    if found[2] >= 0:
        return NOT_KNOWN
    width = FWHM * unit / np.sqrt(-2 * found[2])
    return Value(float(width), float(width * std / (-2 * found[2])))
