"""Master equation of one laser, sorted by excitation difference, in a gauge in which it is real.

With a = -i exp(i phi) b the Hamiltonian's part of the evolution is real,

    -i H = g (b+ s- - s+ b) + abs(eps) (b+ - b),

and so is the density matrix, which is therefore symmetric: elements between states of n + s and n' + s'
excitations (s = 1 in the emitter's excited state) are kept for differences q >= 0 only. Without drive
different q evolve on their own; the drive couples q to q +- 1.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from models.nanolaser_dimer.parameters import Nanolaser

__all__ = ["Sectors", "sectors"]


@dataclass(frozen=True)
class Sectors:
    """Generator of the kept elements of the density matrix, and which elements these are.

    Attributes
    ----------
    matrix : csc_array, (elements, elements)
        Time derivative of the elements by the elements.
    row, row_excited, column, column_excited : ndarray of int, (elements,)
        Photon number and emitter state of both indices.
    """

    matrix: sp.csc_array
    row: np.ndarray
    row_excited: np.ndarray
    column: np.ndarray
    column_excited: np.ndarray

    @property
    def difference(self) -> np.ndarray:
        """Excitation difference q of each element."""
        return self.row + self.row_excited - self.column - self.column_excited

    @property
    def population(self) -> np.ndarray:
        """Whether an element is on the diagonal."""
        return (self.row == self.column) & (self.row_excited == self.column_excited)


class _Places:
    """Places of the elements in the vector of unknowns, by their two indices."""

    def __init__(self, window: tuple[int, int], kept: range) -> None:
        self.lowest, self.highest = window
        self.kept = kept
        levels = np.arange(self.lowest, self.highest + 1)
        rows, row_excited, columns, column_excited = [], [], [], []
        for q in kept:
            for s, other in ((0, 0), (0, 1), (1, 0), (1, 1)):
                partner = levels + s - other - q
                inside = (partner >= self.lowest) & (partner <= self.highest)
                if q == 0 and (s, other) == (1, 0):
                    continue  # the transpose of (0, 1)
                rows.append(levels[inside])
                columns.append(partner[inside])
                row_excited.append(np.full(inside.sum(), s))
                column_excited.append(np.full(inside.sum(), other))
        n, e, m, f = map(np.concatenate, (rows, row_excited, columns, column_excited))
        order = np.lexsort((e, n + e - m - f, n + m))
        self.elements = n, e, m, f = n[order], e[order], m[order], f[order]
        self.half_width = 2 * kept[-1] + 4
        self.table = np.full((2 * levels.size, 2 * self.half_width + 1), -1)
        first, second = self._flat(n, e), self._flat(m, f)
        self.table[first, second - first + self.half_width] = np.arange(order.size)

    def _flat(self, number: np.ndarray, excited: np.ndarray) -> np.ndarray:
        return 2 * (number - self.lowest) + excited

    def of(self, n: np.ndarray, s: np.ndarray, m: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Return the places of the elements (n, s; m, t), -1 where one is not kept."""
        q = n + s - m - t
        swap = (q < 0) | ((q == 0) & (s > t))
        n, m = np.where(swap, m, n), np.where(swap, n, m)
        s, t = np.where(swap, t, s), np.where(swap, s, t)
        here = np.isin(np.abs(q), self.kept) & (np.minimum(n, m) >= self.lowest)
        here &= np.maximum(n, m) <= self.highest
        first, second = self._flat(n, s), self._flat(m, t)
        first, offset = np.where(here, first, 0), np.where(here, second - first + self.half_width, 0)
        return np.where(here, self.table[first, offset], -1)


def _sources(
    laser: Nanolaser, n: np.ndarray, s: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return states from which amplitude flows into (n, s), with the rates."""
    up, down = np.sqrt(n), np.sqrt(n + 1)
    return [
        (n - 1, np.ones_like(s), laser.coupling * up * (s == 0)),
        (n + 1, np.zeros_like(s), -laser.coupling * down * (s == 1)),
        (n - 1, s, laser.drive * up),
        (n + 1, s, -laser.drive * down),
    ]


def sectors(laser: Nanolaser, window: tuple[int, int], kept: range) -> Sectors:
    """Return the generator on photon numbers of a window, for some differences q.

    The window is closed: light neither rises above it nor decays below it.

    Parameters
    ----------
    laser : Nanolaser
        The laser.
    window : tuple of int
        Lowest and highest photon number.
    kept : range
        Consecutive differences q >= 0.

    Returns
    -------
    Sectors
    """
    places = _Places(window, kept)
    n, s, m, t = places.elements
    own = np.arange(n.size)
    loss = [laser.kappa * k * (k > window[0]) + laser.gamma * (e == 0) for k, e in ((n, s), (m, t))]
    flows = [(own, -loss[0] - loss[1])]
    flows += [(places.of(k, e, m, t), rate) for k, e, rate in _sources(laser, n, s)]
    flows += [(places.of(n, s, k, e), rate) for k, e, rate in _sources(laser, m, t)]
    flows.append((places.of(n + 1, s, m + 1, t), 2 * laser.kappa * np.sqrt((n + 1.0) * (m + 1))))
    pumped = 2 * laser.gamma * ((s == 1) & (t == 1))
    flows.append((places.of(n, np.zeros_like(s), m, np.zeros_like(t)), pumped))
    rows = np.concatenate([own] * len(flows))
    columns, rates = (np.concatenate(part) for part in zip(*flows, strict=True))
    real = (columns >= 0) & (rates != 0)
    matrix = sp.csc_array((rates[real], (rows[real], columns[real])), shape=(n.size, n.size))
    return Sectors(matrix, n, s, m, t)
