"""Relative phase of two beat notes: distribution, slips, residence in wells, and the potential behind it."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.stats import chi2

from analysis._beat_errors import RecordError
from analysis._beat_kernels import TURN, slip_events
from analysis._values import NOT_KNOWN, Value

__all__ = ["Slips", "effective_potential", "find_slips", "phase_distribution", "relative_phase"]

BLOCKS = 10
"""Of a jackknife."""

STILL = 1e-4
"""Radians within which rounding errors of single precision keep a phase."""

FEWEST_VISITS = 5
"""Of a place whose probability is known."""


def relative_phase(phases: xr.Dataset, first: str, second: str) -> xr.DataArray:
    """Return the phase of one channel over another, (time_s).

    The noise of a common oscillator cancels.

    Parameters
    ----------
    phases : xarray.Dataset
        From `phase`, with both channels.
    first, second : str
        The phase of the first is taken off that of the second.

    Raises
    ------
    RecordError
        If there is no such channel.
    """
    names = [str(each) for each in phases["channel"].values]
    missing = [name for name in (first, second) if name not in names]
    if missing:
        raise RecordError(f"There is no channel {missing[0]}; the record has {', '.join(names)}.")
    one, other = (phases["phase_rad"].values[names.index(name)] for name in (first, second))
    rate = float(phases.attrs["sample_rate_hz"])
    return xr.DataArray(
        other - one,
        {"time_s": phases["time_s"]},
        ("time_s",),
        "relative_phase",
        {"units": "rad", "sample_rate_hz": rate, "first": first, "second": second},
    )


def phase_distribution(relative: xr.DataArray, bins: int = 64) -> xr.DataArray:
    """Return the probability density of the phase modulo one turn, (phase_rad) from -pi to pi, per radian.

    Parameters
    ----------
    relative : xarray.DataArray
        From `relative_phase`.
    bins : int
        How many.

    Raises
    ------
    RecordError
        If the phase is empty or not finite.
    """
    values = checked_phase(relative)
    counts, edges = np.histogram(np.angle(np.exp(1j * values)), bins, (-np.pi, np.pi))
    middle = (edges[1:] + edges[:-1]) / 2
    density = counts / values.size * bins / TURN
    return xr.DataArray(
        density,
        {"phase_rad": ("phase_rad", middle, {"units": "rad"})},
        ("phase_rad",),
        "probability_density",
        {"units": "1/rad"},
    )


@dataclass(frozen=True)
class Slips:
    """Jumps of a phase by a whole turn.

    Parameters
    ----------
    time_s : numpy.ndarray, (slip,)
        When, from the beginning.
    direction : numpy.ndarray, (slip,)
        1 or -1.
    duration_s : float
        Watched.
    well_rad : float
        Most probable phase, from which slips are counted.
    """

    time_s: np.ndarray
    direction: np.ndarray
    duration_s: float
    well_rad: float

    @property
    def rate_hz(self) -> Value:
        """Slips of either direction per second, with their Poisson error (that of one slip if there is none).

        A phase that runs freely slips more evenly than at random; the error is too large then.
        """
        return self._rate(self.time_s.size)

    @property
    def forward_hz(self) -> Value:
        """Slips to larger phases per second."""
        return self._rate(int(np.count_nonzero(self.direction > 0)))

    @property
    def backward_hz(self) -> Value:
        """Slips to smaller phases per second."""
        return self._rate(int(np.count_nonzero(self.direction < 0)))

    @property
    def net_hz(self) -> Value:
        """Turns per second: forward less backward slips."""
        return Value(float(self.direction.sum()) / self.duration_s, self.rate_hz.std)

    @property
    def mean_residence_s(self) -> Value:
        """Time between slips for slips that come at random: watched time over slips, with its error.

        Stays that the record cuts off count with what is seen of them, as they must: leaving them out prefers
        short ones. Not known without a slip.
        """
        count = self.time_s.size
        return Value(self.duration_s / count, self.duration_s / count**1.5) if count else NOT_KNOWN

    @property
    def residence_s(self) -> np.ndarray:
        """Times between slips, (slip - 1,); the first and last stay, cut off by the record, are left out."""
        return np.asarray(np.diff(self.time_s))

    def limits_hz(self, probability: float = 0.6827) -> tuple[float, float]:
        """Return limits that hold the true rate so often: F. Garwood, Biometrika 28, 437 (1936)."""
        count, tail = self.time_s.size, (1 - probability) / 2
        low = chi2.ppf(tail, 2 * count) / 2 if count else 0.0
        return float(low) / self.duration_s, float(chi2.ppf(1 - tail, 2 * count + 2)) / 2 / self.duration_s

    def _rate(self, count: int) -> Value:
        return Value(count / self.duration_s, max(count, 1) ** 0.5 / self.duration_s)


def find_slips(relative: xr.DataArray, *, hysteresis_rad: float = np.pi / 2) -> Slips:
    """Find the slips of a phase.

    A slip is counted once the phase is half a turn plus the hysteresis away from the well that it was in, so
    that swinging about the ridge between two wells is one slip, or none. It is dated by the last crossing of
    the ridge before. Slips that noise of the detectors makes look the same: see ``slips_by_noise`` of
    `phase`.

    Parameters
    ----------
    relative : xarray.DataArray
        From `relative_phase`; its rate must be far above that of the slips.
    hysteresis_rad : float
        Above 0 and below half a turn.

    Raises
    ------
    RecordError
        If the phase is empty or not finite, or the hysteresis impossible.
    """
    values = checked_phase(relative)
    if not 0 < hysteresis_rad < np.pi:
        raise RecordError(f"The hysteresis is {hysteresis_rad:g} rad; it must lie between 0 and pi.")
    rate = float(relative.attrs["sample_rate_hz"])
    distribution = phase_distribution(relative)
    first = np.fft.fft(distribution.values)  # smooth: the bins of a flat top are as likely as each other
    first[5:-4] = 0
    well = float(distribution["phase_rad"].values[np.argmax(np.fft.ifft(first).real)])
    reach, room = np.pi + hysteresis_rad, 1024
    while True:
        when, direction = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int8)
        count = slip_events(values, well, reach, when, direction)
        if count <= room:
            break
        room = count
    return Slips(when[:count] / rate, direction[:count], values.size / rate, well)


def effective_potential(relative: xr.DataArray, bins: int = 64) -> xr.Dataset:
    """Return the potential over the diffusion constant in which the phase seems to move.

    In a tilted potential a current J flows, and the stationary density p obeys
    J = -p V' - D p', so V/D = -ln p - (J/D) int dphi/p. Without a current that is -ln p.

    Parameters
    ----------
    relative : xarray.DataArray
        From `relative_phase`.
    bins : int
        How many.

    Returns
    -------
    xarray.Dataset
        (phase_rad): ``potential`` V/D, zero where it is lowest, and its standard error ``potential_std`` from
        a jackknife over blocks of the record, its mean left free; both NaN where the phase hardly ever was.
        ``attrs``: ``diffusion`` D in rad^2/s, ``current_hz`` J in turns per second.

    Raises
    ------
    RecordError
        If the phase is empty or not finite.
    """
    values = checked_phase(relative)
    rate = float(relative.attrs["sample_rate_hz"])
    potential, current, diffusion = _potential(values, bins)
    potential[_visits(values, bins) < FEWEST_VISITS] = np.nan
    blocks = np.array_split(np.arange(values.size), BLOCKS)
    parts = np.array([_potential(np.delete(values, block), bins)[0] for block in blocks])
    often = np.bincount(_bins_of(values, bins), minlength=bins) / values.size
    parts -= np.nansum((parts - potential) * often, axis=1, keepdims=True)
    spread = np.nanvar(np.where(np.isfinite(potential), parts, 0.0), axis=0) * (BLOCKS - 1)
    spread = np.maximum(spread, 1 / np.maximum(_visits(values, bins), 1))
    middle = (np.arange(bins) + 0.5) * TURN / bins - np.pi
    return xr.Dataset(
        {
            "potential": ("phase_rad", potential - np.nanmin(potential), {"units": "1"}),
            "potential_std": (
                "phase_rad",
                np.where(np.isfinite(potential), np.sqrt(spread), np.nan),
                {"units": "1"},
            ),
        },
        {"phase_rad": ("phase_rad", middle, {"units": "rad"})},
        {"diffusion": diffusion * rate, "current_hz": current * rate},
    )


def _bins_of(values: np.ndarray, bins: int) -> np.ndarray:
    return np.floor((values / TURN + 0.5) % 1.0 * bins).astype(np.int64) % bins


def _visits(values: np.ndarray, bins: int) -> np.ndarray:
    """Return how often the phase came to each bin from elsewhere."""
    at = _bins_of(values, bins)
    return np.bincount(at[1:][np.diff(at) != 0], minlength=bins)


def _potential(values: np.ndarray, bins: int) -> tuple[np.ndarray, float, float]:
    """Return V/D, the current in turns per sample and D in rad^2 per sample."""
    at = _bins_of(values, bins)
    counts = np.bincount(at, minlength=bins)
    seen = counts > 0
    p = np.where(seen, counts, 1) / (values.size * TURN / bins)
    change = np.diff(values)
    change = change[np.abs(change) < np.pi]  # what was cut out between two samples is no step
    current, diffusion = float(change.mean()) / TURN, _diffusion(values, at)
    inverse = np.where(seen, 1 / p, 0.0) * TURN / bins
    tilt = np.cumsum(inverse) - inverse / 2
    return np.where(seen, -np.log(p), np.nan) - current / diffusion * tilt, current, diffusion


def _diffusion(values: np.ndarray, at: np.ndarray) -> float:
    """Return D per sample from how fast phases that start in the same bin part.

    Their variance is noise of the detectors + 2 D lag, and less for longer lags, which two more of them tell.
    """
    spread = []
    for lag in (1, 2, 3):
        step = values[lag:] - values[:-lag]
        usual = np.abs(step) < np.pi
        start, step = at[:-lag][usual], step[usual]
        number = np.maximum(np.bincount(start, minlength=at.max() + 1), 1)
        means = np.bincount(start, step, minlength=at.max() + 1) / number
        spread.append(float(np.mean((step - means[start]) ** 2)))
    slope = (-5 * spread[0] + 8 * spread[1] - 3 * spread[2]) / 2
    return max(slope, 1e-3 * spread[0], 1e-300) / 2


def checked_phase(relative: xr.DataArray) -> np.ndarray:
    """Return the samples of a phase, or say what is wrong with them."""
    values = np.ascontiguousarray(relative.values, dtype=float)
    if values.ndim != 1 or values.size < 64:
        raise RecordError(f"A phase of shape {values.shape} is too short; a row of at least 64 is needed.")
    if not np.all(np.isfinite(values)):
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise RecordError(f"Sample {bad} of the phase is {values[bad]}; only finite numbers can be analysed.")
    if np.ptp(values) < STILL:
        raise RecordError(
            f"The phase stands still at {values[0]:.3g} rad: both channels hold the same signal, and nothing "
            "can be learnt from their phase."
        )
    return values
