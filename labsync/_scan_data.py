"""The data of a scan over detuning, as its fits take them."""

import numpy as np
import xarray as xr

from labsync.errors import UsageError
from labsync.store import Run

__all__ = ["with_detuning"]


def with_detuning(run: Run, procedure: str, fitted: str) -> xr.Dataset:
    """Return the data of a run with the nominal detuning of every step, NaN where it is not known.

    Parameters
    ----------
    run : Run
        The run.
    procedure : str
        What it has to be a run of.
    fitted : str
        What is fitted to such runs, with its verb, for the refusal of others: "g2 is".

    Raises
    ------
    UsageError
        If the run is of another procedure or empty.
    """
    if run.procedure != procedure:
        raise UsageError(f"{run.uid} is a {run.procedure}; {fitted} fitted to a {procedure}.")
    data = run.dataset()
    if not data.sizes.get("step"):
        raise UsageError(f"{run.uid} has no committed step; there is nothing to fit.")
    rows = [entry.get("row", {}).get("detuning_ghz") for entry in run.journal()]
    detuning = np.array([np.nan if each is None else each for each in rows], dtype=float)
    return data.assign_coords(detuning_ghz=("step", detuning, {"units": "GHz"}))
