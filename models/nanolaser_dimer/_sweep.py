"""Results at several values of one parameter, joined."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

__all__ = ["join_sweep"]


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
