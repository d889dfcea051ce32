"""Curves made of one result after the other: stacking them, and the progress of their parts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

__all__ = ["Progress", "part", "stack"]

Progress = Callable[[float], None]


def stack(
    steps: list[xr.Dataset], axis: str, values: np.ndarray, units: str, varied: set[str], **concat: Any
) -> xr.Dataset:
    """Stack results along a new axis; their attributes are kept but for those that vary along it.

    Parameters
    ----------
    steps : list of xarray.Dataset
        One result per value.
    axis, values, units
        The new axis.
    varied : set of str
        Attributes that are left out.
    **concat
        Handed to `xarray.concat`.
    """
    along = xr.Variable(axis, values, {"units": units})
    result = xr.concat([step.drop_attrs(deep=False) for step in steps], along, **concat)
    result.attrs = {name: value for name, value in steps[0].attrs.items() if name not in varied}
    return result


def part(on_progress: Progress | None, number: int, count: int) -> Progress | None:
    """Return the progress callback of one of `count` equal parts."""
    if on_progress is None:
        return None
    return lambda fraction: on_progress((number + fraction) / count)
