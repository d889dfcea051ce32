"""Lines of a beat spectrum: Lorentzian or Voigt profiles behind the resolution filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from analysis._beat_errors import BandError, RecordError, ResolutionError
from analysis._beat_peaks import LEAST, find_lines
from analysis._beat_profiles import FWHM, Profiles, fit_profiles
from analysis._lines import NoLineError
from analysis._values import NOT_KNOWN, Value

__all__ = ["BeatLine", "as_spectrum", "fit_line", "fit_lines"]

RESOLVED = 0.2
"""A line narrower than this part of the resolution is not resolved: its width is an upper bound."""

NOT_GAUSSIAN = 0.012
"""Of the resolution: by so much a width is off since a Hann window's filter is taken as a Gaussian one."""

WIDTHS = (40.0, 6.0)
"""A line is fitted this many widths to both sides; the fewer if something else there draws it away."""

TOO_STEEP = 0.01
"""A flank this far below that of the filter is no noise: the filter was another one."""

LEAST_NAMED = 0.01
"""Height of a line whose place is named, in the logarithm of the density: noise is not taken for it, but a
floor that is not flat may be."""

Shape = Literal["lorentz", "voigt"]


@dataclass(frozen=True)
class BeatLine:
    """One line of a spectrum.

    Parameters
    ----------
    centre_hz : Value
        Where it lies.
    width_hz : Value
        Full width at half maximum, the resolution taken off; not known if the line is not resolved.
    power : float
        Its area, V^2, or mW for a trace in dBm (times the filter's noise bandwidth over its resolution).
    bound_hz : float or None
        Upper bound of the width (two standard errors) of a line that is not resolved.
    power_std : float
        Standard error of the area.
    lorentzian_hz, gaussian_hz : Value
        Full widths of both parts; the Gaussian one is zero unless a Voigt profile was fitted.
    floor : float
        Density beside it.
    resolution_hz : float
        Of the spectrum.
    tilt_per_hz : float
        Slope of the logarithm of the floor there, as the recorder's bandwidth makes it.
    """

    centre_hz: Value
    width_hz: Value
    power: float
    bound_hz: float | None = None
    power_std: float = np.nan
    lorentzian_hz: Value = NOT_KNOWN
    gaussian_hz: Value = NOT_KNOWN
    floor: float = np.nan
    resolution_hz: float = np.nan
    tilt_per_hz: float = 0.0

    def width_text(self, unit_hz: float = 1.0) -> str:
        """Return the width with its error, or its bound, in a unit of so many Hz."""
        if self.bound_hz is not None:
            return f"< {self.bound_hz / unit_hz:.3g}"
        return str(self.width_hz.times(1 / unit_hz))


def as_spectrum(frequency_hz: np.ndarray, density: np.ndarray, resolution_hz: float) -> xr.Dataset:
    """Return plain numbers in the form that the fits take.

    Parameters
    ----------
    frequency_hz, density : numpy.ndarray, (points,)
        Rising frequencies, and densities in V^2/Hz.
    resolution_hz : float
        Width of the resolution filter at half its power.
    """
    return xr.Dataset(
        {"power_density": ("frequency_hz", np.asarray(density, dtype=float), {"units": "V2/Hz"})},
        {"frequency_hz": ("frequency_hz", np.asarray(frequency_hz, dtype=float), {"units": "Hz"})},
        {"resolution_bandwidth_hz": float(resolution_hz)},
    )


def fit_line(
    spectrum: xr.Dataset,
    channel: str | None = None,
    *,
    near_hz: float | None = None,
    within_hz: float | None = None,
    shape: Shape = "lorentz",
) -> BeatLine:
    """Fit the strongest line, the resolution filter convolved, by maximum likelihood.

    Parameters
    ----------
    spectrum : xarray.Dataset
        With ``power_density``, as `spectrum` returns it, or an analyser's trace ``power_dbm``;
        (frequency_hz), or with channels before. ``attrs``: ``resolution_bandwidth_hz``.
    channel : str, optional
        Which; the only one by default.
    near_hz, within_hz : float, optional
        Look for the line only that far from there: everywhere, and as far as 20 resolutions, by default.
        Where its place is named, a line may be as low as a hundredth of the floor.
    shape : "lorentz" or "voigt"
        A Voigt profile has a Gaussian part too, as slow drift makes it.

    Returns
    -------
    BeatLine
        Errors from the scatter about the fit.

    Raises
    ------
    NoLineError
        If nothing stands out of the noise there, or what does is fitted by no line.
    BandError
        If the place lies outside the spectrum.
    RecordError
        If the spectrum is unusable.
    ResolutionError
        If the line is narrower than the filter that the spectrum is said to have.
    """
    f, p, resolution = density_of(spectrum, channel)
    looked_at = np.ones(f.size, dtype=bool)
    if near_hz is not None:
        _check_inside(f, near_hz)
        looked_at = np.abs(f - near_hz) <= (20 * resolution if within_hz is None else within_hz)
    least = LEAST if near_hz is None else LEAST_NAMED
    begin = _strongest(f[looked_at], p[looked_at], resolution, least)
    _check_filter(f, p, resolution, begin[0])
    clipped = looked_at if near_hz is not None and within_hz is not None else np.ones(f.size, dtype=bool)
    for widths in WIDTHS:
        found = _fitted(f, p, resolution, begin, widths, clipped, shape == "voigt")
        if found is not None:
            return _lines(found, resolution)[0]
    raise NoLineError(
        f"What stands out at {begin[0]:.6g} Hz is not one line on a flat floor: a fit runs away from it."
    )


def _fitted(
    f: np.ndarray,
    p: np.ndarray,
    resolution: float,
    begin: tuple[float, float],
    widths: float,
    inside: np.ndarray,
    voigt: bool,
) -> Profiles | None:
    """Fit one line within so many widths of it; None if it runs away."""
    middle, width = begin
    for _ in range(3):  # again with what is seen of a line that was thought narrower or wider
        used = inside & (np.abs(f - middle) <= widths * max(width, resolution))
        near = 2 * max(width, resolution)
        found = fit_profiles(f[used], p[used], resolution, [middle], [width], voigt=voigt, near=near)
        fitted = float(np.exp(found.found[1, 0]) + FWHM * np.sqrt(found.found[3, 0]))
        at = float(found.found[0, 0])
        if abs(at - middle) > 0.999 * near or not f[0] <= at <= f[-1]:
            return None
        if max(fitted, resolution) < 1.5 * max(width, resolution) and fitted > width / 3:
            break
        middle, width = at, max(fitted, resolution / 2)
    return found


def fit_lines(
    spectrum: xr.Dataset, near_hz: Sequence[float], channel: str | None = None, *, shape: Shape = "lorentz"
) -> list[BeatLine]:
    """Fit lines near the given frequencies, all at once.

    Parameters
    ----------
    spectrum, channel, shape
        As for `fit_line`.
    near_hz : sequence of float
        Where the lines are about.

    Returns
    -------
    list of BeatLine
        In the order of their centres.

    Raises
    ------
    ResolutionError
        If two lines are closer to each other than the resolution.
    BandError, RecordError
        As for `fit_line`.
    """
    f, p, resolution = density_of(spectrum, channel)
    if not near_hz:
        raise BandError("There is no line to fit: not one frequency is given.")
    for each in near_hz:
        _check_inside(f, each)
    _check_apart(near_hz, resolution)
    width = 2 * resolution
    found = fit_profiles(f, p, resolution, sorted(near_hz), [width] * len(near_hz), voigt=shape == "voigt")
    _check_apart(found.found[0], resolution)
    return _lines(found, resolution)


def _check_inside(f: np.ndarray, near: float) -> None:
    if not f[0] < near < f[-1]:
        raise BandError(f"A line at {near:g} Hz lies outside the spectrum, {f[0]:g} to {f[-1]:g} Hz.")


def _check_filter(f: np.ndarray, p: np.ndarray, resolution: float, near: float) -> None:
    """Refuse a filter whose flanks are less steep than those of the line, on both of its sides."""
    about = np.flatnonzero(np.abs(f - near) <= resolution)
    top = about[np.argmax(p[about])]
    away = (f[about] - f[top]) / resolution
    below = p[about] / p[top] * 16**away**2  # a Gaussian filter at half its power half a resolution away
    for side in (away < 0, away > 0):
        flank = side & (np.abs(away) <= 0.75)
        if not flank.any() or below[flank].min() > TOO_STEEP:
            return
    width = np.ptp(f[about][p[about] > p[top] / 2]) + np.diff(f).min()
    raise ResolutionError(
        f"The line at {f[top]:.6g} Hz is about {width:.2g} Hz wide, narrower "
        f"than the resolution of {resolution:.3g} Hz can show it; give the resolution that it was taken with."
    )


def _check_apart(centres: Sequence[float] | np.ndarray, resolution: float) -> None:
    ordered = np.sort(centres)
    close = np.flatnonzero(np.diff(ordered) < resolution)
    if close.size:
        one, other = ordered[close[0]], ordered[close[0] + 1]
        raise ResolutionError(
            f"Two lines, at {one:.9g} and {other:.9g} Hz, are {other - one:.3g} Hz apart, closer than the "
            f"resolution of {resolution:.3g} Hz; fit one line, or record longer."
        )


def _strongest(f: np.ndarray, p: np.ndarray, resolution: float, least: float) -> tuple[float, float]:
    """Return centre and width, both roughly, of the line that stands out most on any scale."""
    if f.size < 16:
        raise BandError(f"{f.size} points of the spectrum lie where the line is looked for; 16 are needed.")
    best, found = 0.0, None
    scale = 2 * resolution
    while True:
        peaks = find_lines(f, p, resolution, scale, least=least)
        if peaks.places.size and peaks.standing_out.max() > 1.2 * best:
            best = float(peaks.standing_out.max())
            found = float(f[peaks.places[np.argmax(peaks.standing_out)]]), scale
        scale *= 2
        if scale > (f[-1] - f[0]) / 20:
            break
    if found is None:
        raise NoLineError(f"No line stands out of the noise between {f[0]:.6g} and {f[-1]:.6g} Hz.")
    return found


def density_of(spectrum: xr.Dataset, channel: str | None) -> tuple[np.ndarray, np.ndarray, float]:
    """Return frequencies, densities and resolution of one channel.

    Raises
    ------
    RecordError
        If there is no spectrum, no such channel, no resolution, or densities are not positive numbers.
    """
    names = [name for name in ("power_density", "power_dbm") if name in spectrum]
    if not names:
        raise RecordError("There is neither power_density nor power_dbm in the spectrum.")
    one = spectrum[names[0]]
    if "channel" in one.dims:
        known = [str(each) for each in one["channel"].values]
        if (channel is None and len(known) > 1) or (channel is not None and channel not in known):
            raise RecordError(f"The spectrum has the channels {', '.join(known)}; name one of them.")
        one = one.isel(channel=0 if channel is None else known.index(channel))
    resolution = float(spectrum.attrs.get("resolution_bandwidth_hz", np.nan))
    if not resolution > 0:
        raise RecordError(
            "The spectrum does not tell its resolution_bandwidth_hz; no width is known without."
        )
    f, p = np.asarray(one["frequency_hz"].values, dtype=float), np.asarray(one.values, dtype=float)
    if names[0] == "power_dbm":
        p = 10 ** (p / 10) / resolution
    usable = slice(1, None) if f[0] == 0 and f.size > 1 else slice(None)  # the mean of each segment is gone
    f, p = f[usable], p[usable]
    if f.size < 16 or not np.all(np.diff(f) > 0):
        raise RecordError(f"The spectrum has {f.size} points; at least 16 at rising frequencies are needed.")
    if not (np.all(np.isfinite(p)) and np.all(p > 0)):
        raise RecordError("The spectrum has densities that are not positive numbers; it cannot be fitted.")
    return f, p, resolution


def _lines(profiles: Profiles, resolution: float) -> list[BeatLine]:
    every = [
        _line(found, covariance, profiles.floor, resolution, float(tilt))
        for found, covariance, tilt in zip(profiles.found.T, profiles.covariance, profiles.tilt, strict=True)
    ]
    return sorted(every, key=lambda line: line.centre_hz.value)


def _line(
    found: np.ndarray, covariance: np.ndarray, floor: float, resolution: float, tilt: float
) -> BeatLine:
    std = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    width, off = float(np.exp(found[1])), NOT_GAUSSIAN * resolution
    lorentz = Value(width, float(np.hypot(width * std[1], off)))
    root = float(np.sqrt(found[3]))
    of_root = float(std[3]) / (2 * max(root, float(std[3]) ** 0.5)) if std[3] > 0 else 0.0
    gauss = Value(FWHM * root, FWHM * of_root)
    whole = _whole(width, FWHM * root, covariance, off)
    bound = None
    if whole.value < max(RESOLVED * resolution, 2 * whole.std):
        bound = max(RESOLVED * resolution, whole.value + 2 * whole.std)
        whole = lorentz = gauss = NOT_KNOWN
    power = float(np.exp(found[2]))
    return BeatLine(
        Value(float(found[0]), float(std[0])),
        whole,
        power,
        bound,
        power * float(std[2]),
        lorentz,
        gauss,
        floor,
        resolution,
        tilt,
    )


def _whole(lorentz: float, gauss: float, covariance: np.ndarray, off: float) -> Value:
    """Return the full width of a Voigt profile (J. J. Olivero, R. L. Longbothum, JQSRT 17, 233 (1977))."""
    root = float(np.hypot(0.2166**0.5 * lorentz, gauss))
    by_lorentz = (0.5346 + 0.2166 * lorentz / root) * lorentz
    by = np.array([0.0, by_lorentz, 0.0, FWHM**2 / (2 * root)])
    return Value(0.5346 * lorentz + root, float(np.sqrt(max(by @ covariance @ by, 0.0) + off**2)))
