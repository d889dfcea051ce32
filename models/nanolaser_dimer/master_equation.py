"""Master equation of the field alone, the emitter eliminated to fourth order in g/gamma.

    d rho = A (2 a+ rho a - {a a+, rho}) + B (a+ rho a + a a+ rho a a+ - a+^2 rho a^2)
            + C (2 a rho a+ - {a+ a, rho}) - i [eps* a + eps a+, rho],

Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265, Eq. 6.
The negative rate of a+^2 keeps it from being completely positive: far above threshold, and soon for small
gamma/kappa, probabilities turn negative and there is no stationary state but that of the cutoff.
"""

import cmath
import math
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

import numpy as np
import scipy.sparse as sp
import xarray as xr

from models.nanolaser_dimer._moments import LaserMoments
from models.nanolaser_dimer._stationary import check_elements, first_guess, mean_field, null_vector
from models.nanolaser_dimer._validity import warn_of_bad_elimination
from models.nanolaser_dimer.parameters import Nanolaser, describe
from models.numerics import ConvergenceError, TruncationError, check_truncation
from models.validity import ValidityWarning

__all__ = ["Saturation", "eliminated_moments", "solve_eliminated"]

Saturation = Literal["B_r", "B"]

_LEAST_PROBABILITY = -1e-4
_MOST_CUTOFF_CHANGE = 1e-3
_WIDER = 1.25


@dataclass(frozen=True)
class _Field:
    """Stationary elements rho[n, n - q] by row n and difference q."""

    row: np.ndarray
    difference: np.ndarray
    values: np.ndarray
    residual: float

    @property
    def probability(self) -> np.ndarray:
        return self.values[self.difference == 0]

    @property
    def moments(self) -> LaserMoments:
        probability = self.probability
        number = np.arange(probability.size)
        one = self.difference == 1
        photons = float(probability @ number)
        amplitude = float(np.sqrt(self.row[one]) @ self.values[one])
        variance = float(probability @ (number - photons) ** 2)
        return LaserMoments(photons, amplitude, variance, float(abs(probability[-1])))

    @property
    def last_difference(self) -> float:
        size, kept = np.abs(self.values), self.difference.max()
        return 0.0 if kept == 0 else float(size[self.difference == kept].max() / size.max())


def _generator(laser: Nanolaser, saturation: float, row: np.ndarray, column: np.ndarray) -> sp.csc_array:
    """Return the generator in the gauge a = -i exp(i phi) b, in which it is real, on elements ordered by row.

    Transitions out of the kept numbers of photons are left out of both populations.
    """
    highest, kept = int(row.max()), int((row - column).max())
    places = np.full((highest + 1, kept + 1), -1)
    places[row, row - column] = np.arange(row.size)
    n, m = row.astype(float), column.astype(float)
    one, two = 2 * laser.gain + saturation, -saturation
    up, loss = np.sqrt(n * m), -laser.loss * (n + m)
    stays = -laser.gain * (n + m + 2) + saturation * (n + 1) * (m + 1) + loss
    edge = row == column
    stays[edge] = (-one * (n + 1) * (n < highest) - two * (n + 1) * (n + 2) * (n < highest - 1) + loss)[edge]
    flows = [
        (0, 0, stays),
        (-1, -1, one * up),
        (-2, -2, two * up * np.sqrt(np.maximum((n - 1) * (m - 1), 0))),
        (1, 1, 2 * laser.loss * np.sqrt((n + 1) * (m + 1))),
        (-1, 0, laser.drive * np.sqrt(n)),
        (1, 0, -laser.drive * np.sqrt(n + 1)),
        (0, -1, laser.drive * np.sqrt(m)),
        (0, 1, -laser.drive * np.sqrt(m + 1)),
    ]
    targets, sources, rates = [], [], []
    for by_row, by_column, rate in flows:
        high = np.maximum(row + by_row, column + by_column)
        low = np.minimum(row + by_row, column + by_column)
        here = np.flatnonzero((low >= 0) & (high <= highest) & (high - low <= kept) & (rate != 0))
        targets.append(here)
        sources.append(places[high[here], (high - low)[here]])
        rates.append(rate[here])
    where = np.concatenate(targets), np.concatenate(sources)
    return sp.csc_array((np.concatenate(rates), where), shape=(row.size, row.size))


def _field(laser: Nanolaser, saturation: float, highest: int, kept: int) -> _Field:
    check_elements((highest + 1) * (kept + 1), highest + 1, kept)
    row, difference = (part.ravel() for part in np.indices((highest + 1, kept + 1)))
    row, difference = row[difference <= row], difference[difference <= row]
    on = np.flatnonzero(difference == 0)
    photons = mean_field(laser) * laser.saturation / saturation
    anchor = int(on[np.argmin(np.abs(row[on] - photons))])
    matrix = _generator(laser, saturation, row, row - difference)
    return _Field(row, difference, *null_vector(matrix, difference == 0, anchor))


def _refusal(laser: Nanolaser, which: Saturation) -> str:
    return (
        f"The eliminated master equation with {which} is not positive at C_p = {laser.pump_parameter:g}, "
        f"gamma/kappa = {laser.gamma / laser.kappa:g}, and its only stationary state is that of the cutoff"
    )


def _solve(laser: Nanolaser, which: Saturation) -> tuple[_Field, float]:
    """Return the state and the relative change of <n> on a wider space; refuse a state that depends on it."""
    if which not in ("B_r", "B"):
        raise ValueError(f'The saturation is {which!r}; it must be "B_r" or "B".')
    saturation = laser.saturation if which == "B_r" else laser.full_saturation
    (_, highest), kept = first_guess(laser)
    try:
        state, wider = (
            _field(laser, saturation, math.ceil(top), kept) for top in (highest, _WIDER * highest)
        )
        while state.last_difference > 1e-8 and kept < highest:
            kept = min(math.ceil(1.4 * kept), highest)
            state = _field(laser, saturation, highest, kept)
    except ConvergenceError as cause:
        raise TruncationError(_refusal(laser, which) + ".") from cause
    change = abs(wider.moments.photons / state.moments.photons - 1)
    weight = abs(wider.probability[-1])
    if change > _MOST_CUTOFF_CHANGE or weight > -_LEAST_PROBABILITY:
        raise TruncationError(
            _refusal(laser, which)
            + f": with {_WIDER:g} times as many photons <n> changes by {change:.2g} of itself, the last "
            f"probability is {weight:.2g} and the smallest {wider.probability.min():.2g}."
        )
    least = float(state.probability.min())
    if least < _LEAST_PROBABILITY:
        warnings.warn(
            f"The eliminated master equation with {which} is not positive at "
            f"C_p = {laser.pump_parameter:g}: its smallest probability is {least:.2g}, "
            f"below {_LEAST_PROBABILITY:g}.",
            ValidityWarning,
            stacklevel=3,
        )
    return state, change


def eliminated_moments(laser: Nanolaser, saturation: Saturation = "B_r") -> LaserMoments:
    """Return photon number, amplitude and variance of one laser, as numbers.

    Parameters
    ----------
    laser : Nanolaser
        The laser; its drive may be zero.
    saturation : {"B_r", "B"}
        Saturation with the mean-field photon number, or that of the elimination.

    Returns
    -------
    LaserMoments

    Raises
    ------
    TruncationError
        If the stationary state depends on the largest photon number kept.

    Warns
    -----
    ValidityWarning
        If a probability is less than -1e-4.
    """
    return _solve(laser, saturation)[0].moments


def solve_eliminated(laser: Nanolaser, saturation: Saturation = "B_r") -> xr.Dataset:
    """Return the stationary state of one laser's field.

    Parameters
    ----------
    laser : Nanolaser
        The laser; its drive may be zero.
    saturation : {"B_r", "B"}
        Saturation with the mean-field photon number, or that of the elimination.

    Returns
    -------
    xarray.Dataset
        ``photons`` <n>, ``photon_variance``, ``amplitude`` F, ``field`` <a> = -i exp(i phi) F and
        ``probability`` p_n over ``number``. ``attrs["least_probability"]`` is the most negative of these and
        ``attrs["cutoff_dependence"]`` the relative change of <n> on a space larger by a quarter.

    Raises
    ------
    TruncationError
        If the stationary state depends on the largest photon number kept.
    ValueError
        If the saturation is neither "B_r" nor "B", or so strong a drive takes too many elements.

    Warns
    -----
    ValidityWarning
        If gamma is not large against g, or a probability is less than -1e-4.
    """
    state, change = _solve(laser, saturation)
    warn_of_bad_elimination(laser)
    moments, probability, unit = state.moments, state.probability, {"units": "1"}
    least = float(probability.min())
    weight = check_truncation(abs(probability[-1]), f"the photon numbers up to {probability.size - 1}")
    sector = check_truncation(state.last_difference, f"the coherences up to {state.difference.max()}")
    return xr.Dataset(
        {
            "photons": ((), moments.photons, unit),
            "photon_variance": ((), moments.variance, unit),
            "amplitude": ((), moments.amplitude, unit),
            "field": ((), -1j * cmath.exp(1j * laser.phase_rad) * moments.amplitude, unit),
            "probability": ("number", probability, unit),
        },
        coords={"number": ("number", np.arange(probability.size), unit)},
        attrs={
            **describe(laser),
            "method": f"sparse factorisation of {state.values.size} elements",
            "residual": state.residual,
            "truncation_weight": weight,
            "sector_weight": sector,
            "least_probability": least,
            "cutoff_dependence": change,
            "single_site_model": f"eliminated master equation with {saturation}",
            "labsync_version": version("labsync"),
        },
    )
