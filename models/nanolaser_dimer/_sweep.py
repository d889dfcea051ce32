"""Results at several values of one parameter, joined."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from models.nanolaser_dimer.parameters import Dimer

__all__ = ["join_sweep", "tunnellings_of"]


def tunnellings_of(dimer: Dimer, given: Sequence[float] | np.ndarray | None) -> np.ndarray:
    """Return the given values of t_c, or the dimer's own.

    Raises
    ------
    ValueError
        If there are none, or they are not finite numbers in a row.
    """
    values = np.atleast_1d(np.asarray(dimer.tunnelling if given is None else given, dtype=float))
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"The tunnellings are {given}; they must be finite numbers, at least one.")
    return values


def join_sweep(points: Sequence[xr.Dataset], name: str, values: np.ndarray) -> xr.Dataset:
    """Return results along a parameter; ``residual`` and ``truncation_weight`` are those of the worst.

    Attributes that differ between the points, such as the parameter itself, are left out.
    """
    axis = xr.Variable(name, np.asarray(values, dtype=float), {"units": "1"})
    joined = xr.concat(points, dim=name, combine_attrs="drop_conflicts").assign_coords({name: axis})
    for worst in ("residual", "edge_weight", "truncation_weight"):
        if worst in points[0].attrs:
            joined.attrs[worst] = max(point.attrs[worst] for point in points)
    return joined
