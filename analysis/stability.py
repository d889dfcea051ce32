"""Stability of a frequency from counter readings: overlapping Allan deviation and the noise behind it.

D. W. Allan, Proc. IEEE 54, 221 (1966); W. J. Riley, Handbook of Frequency Stability Analysis, NIST
SP 1065 (2008).
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numba import njit
from scipy.special import gammaincinv

from analysis._beat_errors import RecordError
from analysis._beat_likelihood import nonnegative_strengths
from analysis._values import Value

__all__ = ["allan_deviation", "fit_noise"]

CONFIDENCE = 0.6827
FEWEST = 4
FEWEST_AVERAGES, MOST_AVERAGES = 30, 2**15
NEIGHBOURS = 1.4
"""By this much the errors grow since averages over one time and twice that share noise."""
LAWS = {
    "phase": (lambda tau: 3 / tau**2),
    "white": (lambda tau: 1 / (2 * tau)),
    "flicker": (lambda tau: 2 * np.log(2) + 0 * tau),
    "random_walk": (lambda tau: 2 * np.pi**2 / 3 * tau),
    "drift": (lambda tau: tau**2 / 2),
}
"""Allan variance over strength: of white noise of the phase, of S(f) = h0, h-1/f, h-2/f^2, and of a drift."""


def allan_deviation(
    frequency_hz: np.ndarray, interval_s: float, taus_s: Sequence[float] | None = None
) -> xr.Dataset:
    """Return the overlapping Allan deviation of frequency readings that follow each other without a gap.

    Parameters
    ----------
    frequency_hz : numpy.ndarray, (reading,)
        Mean frequencies over one interval each; dividing them by the carrier gives the fractional deviation.
    interval_s : float
        Of a reading.
    taus_s : sequence of float, optional
        Averaging times, rounded to whole intervals; octaves by default, as far as there are two averages.

    Returns
    -------
    xarray.Dataset
        (tau_s): ``deviation`` with limits ``low`` and ``high`` that hold it with 68 % probability, in the
        unit of the readings; ``exponent`` of the noise S(f) ~ f^exponent that prevails, -2 to 2 (2 is white
        noise of the phase), from the correlation of at least 30 averages, beyond as at the last such time;
        ``edf``, the equivalent degrees of freedom for that noise. ``attrs``: ``interval_s``, ``readings``,
        ``mean``.

    Raises
    ------
    RecordError
        If readings are too few, constant or not finite, or an averaging time does not fit.
    """
    y = np.asarray(frequency_hz, dtype=float)
    if y.ndim != 1 or y.size < FEWEST:
        raise RecordError(f"Readings of shape {y.shape} are too few; a row of at least {FEWEST} is needed.")
    if not (np.isfinite(interval_s) and interval_s > 0):
        raise RecordError(f"The interval of the readings is {interval_s} s; it must be a positive number.")
    mean = float(y.mean())
    if not np.isfinite(mean):
        bad = int(np.flatnonzero(~np.isfinite(y))[0])
        raise RecordError(
            f"Reading {bad} is {y[bad]}; a gap in the readings cannot be bridged, cut them there."
        )
    if np.ptp(y) == 0:
        raise RecordError(f"All {y.size} readings are {y[0]:g}: the counter stood still.")
    factors = _factors(y.size, interval_s, taus_s)
    phase = np.concatenate([[0.0], np.cumsum(y - mean)])
    variance = np.array([_second_differences(phase, m) for m in factors]) / (2.0 * factors**2)
    deviation = np.sqrt(variance)
    exponents = _exponents(phase, factors)
    edf = np.array(
        [degrees_of_freedom(phase.size, m, each) for m, each in zip(factors, exponents, strict=True)]
    )
    tail = (1 - CONFIDENCE) / 2
    low, high = (np.sqrt(edf / (2 * gammaincinv(edf / 2, p))) for p in (1 - tail, tail))
    return xr.Dataset(
        {
            "deviation": ("tau_s", deviation),
            "low": ("tau_s", deviation * low),
            "high": ("tau_s", deviation * high),
            "edf": ("tau_s", edf, {"units": "1"}),
            "exponent": ("tau_s", exponents, {"units": "1"}),
        },
        {"tau_s": ("tau_s", factors * interval_s, {"units": "s"})},
        {"interval_s": interval_s, "readings": y.size, "mean": mean},
    )


def _factors(readings: int, interval: float, taus: Sequence[float] | None) -> np.ndarray:
    if taus is None:
        return 2 ** np.arange(int(np.log2(readings // 2)) + 1)
    factors = np.unique(np.round(np.asarray(taus, dtype=float) / interval).astype(np.int64))
    if not factors.size or factors[0] < 1 or 2 * factors[-1] > readings:
        raise RecordError(
            f"The averaging times must lie between {interval:g} s and half the recording, "
            f"{readings // 2 * interval:g} s."
        )
    return factors


@njit(cache=True, nogil=True, fastmath=True)
def _second_differences(phase: np.ndarray, m: int) -> float:
    """Return the mean square of the second differences at a lag."""
    count = phase.size - 2 * m
    early, middle, late = phase[:count], phase[m : m + count], phase[2 * m :]
    total = 0.0
    for i in range(count):
        difference = late[i] - 2.0 * middle[i] + early[i]
        total += difference * difference
    return total / count


def _exponents(phase: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return the exponent of the noise at each averaging time from the correlation of neighbouring averages.

    W. J. Riley, C. A. Greenhall, Proc. 18th European Frequency and Time Forum, 2004.
    """
    found: list[int] = []
    for m in factors:
        averages = np.diff(phase[: m * MOST_AVERAGES + 1 : m]) / m
        if averages.size < FEWEST_AVERAGES and found:
            found.append(found[-1])
            continue
        differences = 0
        while True:
            centred = averages - averages.mean()
            power = float(np.sum(centred**2))
            correlation = float(np.sum(centred[1:] * centred[:-1])) / power if power > 0 else 0.0
            delta = correlation / (1 + correlation)
            if delta < 0.25 or differences == 2:
                break
            averages, differences = np.diff(averages), differences + 1
        found.append(int(np.clip(np.round(-2 * (delta + differences)), -2, 2)))
    return np.array(found)


COVARIANCES = {
    2: lambda t: (t == 0) * 1.0,
    0: lambda t: -np.abs(t),
    -1: lambda t: t**2 * np.log(np.maximum(np.abs(t), 1e-9)),
    -2: lambda t: np.abs(t) ** 3,
}
"""Generalised autocovariances of the phase for noises of a frequency S(f) ~ f^exponent."""


def degrees_of_freedom(points: int, m: int, exponent: int) -> float:
    """Return the equivalent degrees of freedom of an overlapping Allan variance.

    C. A. Greenhall, W. J. Riley, Proc. 35th PTTI Meeting, 267 (2003): from the autocovariance of the second
    differences that are averaged.

    Parameters
    ----------
    points : int
        Of the phase, one more than readings.
    m : int
        Averaging time in readings.
    exponent : int
        Of the noise; 1 counts as 0, which is on the safe side.
    """
    s = COVARIANCES[0 if exponent == 1 else exponent]
    count = points - 2 * m
    stride = max(1, m // 64) if exponent < 2 else 1
    lag = np.arange(0, min(count, 4 * m + 1), stride) if exponent < 2 else np.array([0, m, 2 * m])
    lag = lag[lag < count].astype(float)
    covariance = 6 * s(lag) - 4 * s(lag - m) - 4 * s(lag + m) + s(lag - 2 * m) + s(lag + 2 * m)
    shares = (covariance / covariance[0]) ** 2 * (1 - lag / count)
    # between the lags that are looked at the sum is an integral
    return float(max(1.0, count / (1 + 2 * stride * shares[1:].sum() + (stride - 1))))


def fit_noise(allan: xr.Dataset) -> dict[str, Value]:
    """Split an Allan variance into the noises that make it up.

    Parameters
    ----------
    allan : xarray.Dataset
        From `allan_deviation`, of readings in Hz.

    Returns
    -------
    dict
        ``phase`` (variance of white noise of the phase, turns^2); ``white`` (h0, Hz^2/Hz), ``flicker`` (h-1,
        Hz^2) and ``random_walk`` (h-2, Hz^3) of the one-sided density of the frequency noise
        h0 + h-1/f + h-2/f^2; ``drift`` (square of the rate, Hz^2/s^2); and ``lorentzian_hz``, the linewidth
        pi h0. None is negative; one that is not there has the value 0 and the error that it could hide in.

    Raises
    ------
    RecordError
        If there are fewer than six averaging times.
    """
    tau = allan["tau_s"].values
    variance = allan["deviation"].values ** 2
    if tau.size <= len(LAWS):
        raise RecordError(f"{tau.size} averaging times cannot tell {len(LAWS)} noises apart; record longer.")
    design = np.stack([law(tau) for law in LAWS.values()], axis=1)
    relative = np.sqrt(2 / allan["edf"].values) * NEIGHBOURS
    strengths, errors = nonnegative_strengths(design, variance, relative)
    found = {name: Value(float(s), float(e)) for name, s, e in zip(LAWS, strengths, errors, strict=True)}
    white = found["white"]
    return {**found, "lorentzian_hz": Value(np.pi * white.value, np.pi * white.std)}
