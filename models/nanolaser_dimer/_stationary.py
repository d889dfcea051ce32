"""Stationary density matrix of one laser on a window of photon numbers, and the choice of that window."""

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from models.nanolaser_dimer._moments import LaserMoments
from models.nanolaser_dimer._sectors import Sectors, sectors
from models.nanolaser_dimer.parameters import Nanolaser
from models.numerics import ConvergenceError
from models.numerics._threads import one_thread

__all__ = ["Stationary", "check_elements", "first_guess", "mean_field", "null_vector", "solve", "solve_on"]

_EDGE_WEIGHT = 1e-10  # most probability of the photon numbers at the ends of the window
_SECTOR_WEIGHT = 1e-8  # largest element of the last sector, relative to that of the first
_MOST_ELEMENTS = 250_000  # one to two minutes and 2 GB
_ATTEMPTS = 5
_RESIDUAL = 1e-10  # largest time derivative, relative to the largest rate times the largest element


@dataclass(frozen=True)
class Stationary:
    """Stationary elements of the density matrix and how well they are truncated.

    Attributes
    ----------
    parts : Sectors
        Which elements are kept.
    values : ndarray
        The elements, of trace one.
    window : tuple of int
        Lowest and highest photon number.
    kept : int
        Largest excitation difference.
    residual : float
        Largest time derivative of an element.
    """

    parts: Sectors
    values: np.ndarray
    window: tuple[int, int]
    kept: int
    residual: float

    @property
    def probability(self) -> np.ndarray:
        """Probability of each photon number of the window."""
        on, first = self.parts.population, self.window[0]
        size = self.window[1] - first + 1
        return np.bincount(self.parts.row[on] - first, self.values[on], minlength=size)

    @property
    def edges(self) -> tuple[float, float]:
        """Probability at the lower end, where there are states below, and at the upper one."""
        probability = self.probability
        return abs(probability[0]) if self.window[0] > 0 else 0.0, abs(probability[-1])

    @property
    def last_sector(self) -> float:
        """Largest element of the last sector; 0 where no sector is left out."""
        size = np.abs(self.values)
        last = size[self.parts.difference == self.kept]
        everything = self.kept > self.window[1] - self.window[0] or self.kept == 0
        return 0.0 if everything else float(last.max() / size.max())

    @property
    def ground(self) -> float:
        """Population of the emitter's ground state."""
        return float(self.values[self.parts.population & (self.parts.row_excited == 0)].sum())

    @property
    def moments(self) -> LaserMoments:
        """Photon number, amplitude and variance."""
        number, probability = np.arange(self.window[0], self.window[1] + 1), self.probability
        photons = float(probability @ number)
        parts = self.parts
        one = (parts.row - parts.column == 1) & (parts.row_excited == parts.column_excited)
        amplitude = float((np.sqrt(parts.row[one]) * self.values[one]).sum())
        variance = float(probability @ (number - photons) ** 2)
        return LaserMoments(photons, amplitude, variance, float(max(self.edges)))


def mean_field(laser: Nanolaser) -> float:
    """Return r^2 of the largest r with (kappa r - eps)(1 + 2 C_p kappa r^2/gamma) = kappa C_p r."""
    x = 2 * laser.pump_parameter * laser.kappa / laser.gamma
    cubic = [laser.kappa * x, -laser.drive * x, laser.kappa * (1 - laser.pump_parameter), -laser.drive]
    roots = np.roots(cubic)
    real = roots.real[np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots.real))]
    return float(np.max(real, initial=0.0)) ** 2


def first_guess(laser: Nanolaser) -> tuple[tuple[int, int], int]:
    """Return a window seven standard deviations to each side, and a number of sectors."""
    photons = mean_field(laser)
    spread = 7 * math.sqrt(laser.gamma / (2 * laser.kappa) + photons / 4) + 25
    lowest = photons - spread
    z = 2 * laser.drive * math.sqrt(photons) / ((laser.gain + laser.loss) / 2)
    kept = math.ceil(7 + 6 * math.sqrt(z)) if laser.drive > 0 else 0
    return (max(0, math.floor(lowest)), math.ceil(photons + spread)), kept


def null_vector(matrix: sp.csc_array, population: np.ndarray, anchor: int) -> tuple[np.ndarray, float]:
    """Return the stationary vector of a generator, of trace one, and its largest time derivative.

    Parameters
    ----------
    matrix : csc_array
        Generator that conserves the trace, its unknowns in an order that keeps it banded.
    population : ndarray of bool
        Which unknowns the trace is made of.
    anchor : int
        A population that is not small: the others are solved for in units of it.

    Raises
    ------
    ConvergenceError
        If the factorisation fails or the residual is not that of rounding.
    """
    rest = np.delete(np.arange(population.size), anchor)
    values = np.ones(population.size)
    with one_thread():
        try:
            factors = splu(sp.csc_array(matrix[rest][:, rest]), permc_spec="NATURAL")
        except RuntimeError as cause:
            raise ConvergenceError(
                "The stationary state is not unique: its equations are singular."
            ) from cause
        values[rest] = factors.solve(-matrix[rest][:, [anchor]].toarray()[:, 0])
    values /= values[population].sum()
    residual = float(np.abs(matrix @ values).max())
    if not residual <= _RESIDUAL * float(abs(matrix).max()) * np.abs(values).max():
        raise ConvergenceError(f"The stationary state has the residual {residual:.2g}: it is not solved.")
    return values, residual


def check_elements(elements: int, width: int, kept: int) -> None:
    """Refuse what would take too long.

    Raises
    ------
    ValueError
        If there are too many elements.
    """
    if elements > _MOST_ELEMENTS:
        raise ValueError(
            f"The laser's {width} photon numbers and {kept} excitation differences make {elements} elements, "
            f"more than {_MOST_ELEMENTS}: so strong a drive, or so large a gamma, takes a smaller window."
        )


def solve_on(laser: Nanolaser, window: tuple[int, int], kept: int) -> Stationary:
    """Solve for the elements relative to one population near the middle, whose own equation is redundant."""
    width = window[1] - window[0] + 1
    kept = min(kept, width)
    check_elements(4 * width * (kept + 1), width, kept)
    parts = sectors(laser, window, range(kept + 1))
    excited = np.flatnonzero(parts.population & (parts.row_excited == 1))
    anchor = int(excited[np.argmin(np.abs(parts.row[excited] - mean_field(laser)))])
    values, residual = null_vector(parts.matrix, parts.population, anchor)
    return Stationary(parts, values, window, kept, residual)


def solve(laser: Nanolaser) -> Stationary:
    """Solve, with a wider window or more sectors as long as their last ones hold too much."""
    window, kept = first_guess(laser)
    for _ in range(_ATTEMPTS):
        state = solve_on(laser, window, kept)
        (low, high), width = state.edges, window[1] - window[0]
        narrow = low > _EDGE_WEIGHT, high > _EDGE_WEIGHT
        few = state.last_sector > _SECTOR_WEIGHT
        if not (narrow[0] or narrow[1] or few):
            return state
        window = max(0, window[0] - narrow[0] * width // 3), window[1] + narrow[1] * width // 3
        kept = math.ceil(1.4 * kept) if few else kept
    raise ConvergenceError(
        f"With photon numbers {state.window[0]} to {state.window[1]} and excitation differences up to "
        f"{state.kept} the last ones still hold {max(low, high):.2g} and {state.last_sector:.2g}; "
        "give a window and a largest difference."
    )
