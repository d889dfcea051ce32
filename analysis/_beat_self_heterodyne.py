"""Linewidth from the beat of a laser with its own delayed light.

L. E. Richter, H. I. Mandelberg, M. S. Kruger, P. A. McGrath, IEEE J. Quantum Electron. 22, 2070 (1986), for
white frequency noise:

    S(f) = A L(f; 2 w) {1 - exp(-2 pi w t) [cos(2 pi f t) + (w/f) sin(2 pi f t)]} + coherent peak

with f counted from the shift, the linewidth w, the delay t and L a Lorentzian of unit area. With a delay far
beyond the coherence time the braces are one: a Lorentzian of twice the width.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from analysis._beat_errors import BandError, ResolutionError
from analysis._beat_likelihood import maximise_likelihood
from analysis._beat_line import density_of
from analysis._values import Value

__all__ = ["SelfHeterodyneFit", "fit_self_heterodyne"]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
FWHM = 2 * (2 * np.log(2)) ** 0.5
PEAK = 4.0
"""Half width of what is left out about the coherent peak, in units of the resolution."""


@dataclass(frozen=True)
class SelfHeterodyneFit:
    """A delayed self-heterodyne spectrum.

    Parameters
    ----------
    linewidth_hz : Value
        Full width at half maximum of the laser's Lorentzian.
    delay_s : float
        Of the delayed arm, as given.
    coherence : float
        exp(-2 pi w t): near zero the envelope is a Lorentzian, near one it is all ripples.
    shift_hz : float
        Where it is centred, as given.
    power, floor : float
        Of the light, coherent peak included, and density beside it.
    """

    linewidth_hz: Value
    delay_s: float
    coherence: float
    shift_hz: float = np.nan
    power: float = np.nan
    floor: float = np.nan


def fit_self_heterodyne(
    spectrum: xr.Dataset, shift_hz: float, delay_s: float, channel: str | None = None, *, within_hz: float
) -> SelfHeterodyneFit:
    """Fit the envelope, coherent or not, of a delayed self-heterodyne spectrum.

    Parameters
    ----------
    spectrum : xarray.Dataset
        As for `fit_line`.
    shift_hz : float
        Frequency of the shifter, where the spectrum is centred.
    delay_s : float
        Of the delayed arm.
    channel : str, optional
        Which; the only one by default.
    within_hz : float
        Use the spectrum this far to both sides of the shift.

    Raises
    ------
    BandError
        If there are too few points there.
    ResolutionError
        If the resolution blurs the ripples, 1/delay apart.
    """
    f, p, resolution = density_of(spectrum, channel)
    x = f - shift_hz
    used = (np.abs(x) <= within_hz) & (np.abs(x) > PEAK * resolution)
    if np.count_nonzero(used) < 16:
        raise BandError(
            f"{np.count_nonzero(used)} points of the spectrum lie within {within_hz:g} Hz of the shift, "
            f"{shift_hz:g} Hz, and clear of its peak; at least 16 are needed."
        )
    x, p = x[used], p[used]
    scale, sigma = float(p.max()), resolution / FWHM

    def model(v: np.ndarray) -> np.ndarray:
        blurred = (
            sum(
                weight * envelope(x + sigma * node, np.exp(v[0]) * unit, delay_s)
                for node, weight in zip(NODES, WEIGHTS, strict=True)
            )
            / WEIGHTS.sum()
        )
        return np.asarray(np.log(np.exp(v[1]) * unit * np.maximum(blurred, 1e-300) + np.exp(v[2])))

    floor = np.log(float(np.quantile(p, 0.1)) / scale)
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    unit = within_hz / 10
    for start in np.log(np.geomspace(1e-4, 2, 7) * 10):
        if np.exp(start) * unit * 1e3 < resolution:
            continue
        begin, low, high = [start, 1.0, floor], [start - 8, -40.0, floor - 12], [start + 8, 40.0, 1.0]
        found, covariance = maximise_likelihood(
            p / scale, model, np.array(begin), np.array(low), np.array(high)
        )
        logarithm = model(found)
        cost = float(np.sum(logarithm + p / scale * np.exp(-logarithm)))
        if best is None or cost < best[0]:
            best = cost, found, covariance
    assert best is not None
    width = float(np.exp(best[1][0])) * unit
    kept = float(np.exp(-2 * np.pi * width * delay_s))
    if kept > 0.01 and resolution * delay_s > 0.5:
        raise ResolutionError(
            f"A resolution of {resolution:g} Hz blurs the ripples of a delay of {delay_s:g} s, "
            f"{1 / delay_s:g} Hz apart; it must be below {0.5 / delay_s:g} Hz."
        )
    # both sides of a coherent spectrum are mirror images and tell the same
    error = float(np.sqrt(best[2][0, 0] * (1 + kept)))
    power, floor = float(np.exp(best[1][1])) * unit * scale, float(np.exp(best[1][2])) * scale
    return SelfHeterodyneFit(Value(width, width * error), delay_s, kept, shift_hz, power, floor)


def envelope(offset_hz: np.ndarray, linewidth_hz: float, delay_s: float) -> np.ndarray:
    """Return the density without the coherent peak, 1/Hz; its area is 1 - exp(-2 pi w t).

    Parameters
    ----------
    offset_hz : numpy.ndarray
        From the shift.
    linewidth_hz : float
        w.
    delay_s : float
        t.
    """
    lorentzian = linewidth_hz / np.pi / (linewidth_hz**2 + offset_hz**2)
    turns = 2 * np.pi * delay_s
    ripple = np.cos(turns * offset_hz) + linewidth_hz * turns * np.sinc(2 * offset_hz * delay_s)
    return np.asarray(lorentzian * (1 - np.exp(-turns * linewidth_hz) * ripple))
