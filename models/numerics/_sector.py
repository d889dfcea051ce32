"""The part of a Liouvillian that populations reach: its symmetry sector.

A symmetry that is diagonal in the basis, such as the phase symmetry of undriven oscillators, splits the
Liouvillian into blocks. They are found as the connected components of its pattern, whatever the symmetry.
"""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from models.numerics._errors import ConvergenceError
from models.numerics._liouvillian import Liouvillian

__all__ = ["population_sector"]


def population_sector(made: Liouvillian) -> np.ndarray:
    """Return the sorted indices of the elements that populations reach or that reach them.

    Raises
    ------
    ConvergenceError
        If populations fall into groups that never exchange weight or from which there is no way out: each
        group then has a steady state of its own.
    """
    pattern = made.matrix.astype(bool).astype(float)
    _, component = connected_components(pattern, directed=False)
    holding = np.unique(component[made.diagonal])
    sector = np.flatnonzero(np.isin(component, holding))
    populated = np.flatnonzero(np.isin(sector, made.diagonal))
    groups = max(holding.size, _closed(pattern[sector][:, sector], populated))
    if groups > 1:
        raise ConvergenceError(
            f"The steady state is not unique: the populations fall into {groups} groups that keep their "
            "weight, each with a steady state of its own; solve within one of them."
        )
    return sector


def _closed(pattern: sp.csr_array, populated: np.ndarray) -> int:
    """Count the groups with populations that nothing leaves."""
    # element (i, j) feeds i from j
    _, group = connected_components(pattern, directed=True, connection="strong")
    to, origin = (group[index] for index in pattern.nonzero())
    leaving = np.zeros(group.max() + 1, bool)
    leaving[origin[to != origin]] = True
    return int((~leaving[np.unique(group[populated])]).sum())
