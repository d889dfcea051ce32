"""The correlation coefficient of two modes from three recordings: table, figure, and the model beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table

from analysis import Value, plots
from analysis._values import finite_or_none
from analysis.coefficient import combined_coefficient, model_coefficient
from labsync.correlations import Correlated, model_lasers, scan_data
from labsync.errors import UsageError
from labsync.figures import save
from labsync.store import Run

__all__ = ["combine", "model", "record", "show"]

DETECTIONS = ("cross", "hbt-1", "hbt-2")
_MULTIPLES = range(-3, 4)
_PEAK_NS = 0.5


def check(runs: Sequence[Run | None]) -> None:
    """Refuse runs that were not recorded as the three that the coefficient needs; files (None) do not tell.

    Raises
    ------
    UsageError
        Naming the run, how it was recorded and how it should have been.
    """
    for run, wanted in zip(runs, DETECTIONS, strict=True):
        if run is not None and (seen := scan_data(run).attrs["detection"]) != wanted:
            raise UsageError(
                f"{run.uid} was recorded with detectors in configuration '{seen}'; rho needs the runs "
                f"{', '.join(DETECTIONS)}, in this order."
            )


def combine(three: Sequence[Correlated], pair: str) -> xr.Dataset:
    """Return rho of three correlations; see `analysis.coefficient.combined_coefficient`.

    Parameters
    ----------
    three
        Cross-correlation, autocorrelation of the first and of the second mode.
    pair
        The two detectors.

    Raises
    ------
    UsageError
        If one has no such pair.
    """
    for one in three:
        if pair not in (known := one.dataset["pair"].values.tolist()):
            raise UsageError(f"{one.name} has no pair {pair}; it has {', '.join(known)}.")
    return combined_coefficient(*(one.dataset.sel(pair=[pair]) for one in three))


def model(run: Run, step: int, delay_ns: np.ndarray, inactive_loss_factor: float) -> xr.Dataset:
    """Return rho of the published lasers at the currents and the detuning of a step of the cross recording.

    Raises
    ------
    UsageError
        If that step's detuning is not known.
    """
    data = scan_data(run)
    detuning_ghz = float(data["detuning_ghz"].values[step - 1])
    if not np.isfinite(detuning_ghz):
        raise UsageError(
            f"The detuning of step {step} of {run.uid} is not known; there is nothing to simulate."
        )
    pair, modes, response = model_lasers(data, inactive_loss_factor, detuning_ghz)
    return model_coefficient(pair, (modes["P1"], modes["P2"]), delay_ns, response)


def peaks(found: xr.Dataset, delay_ns: float = 3.85) -> dict[str, Value]:
    """Return the mean of rho around zero delay and around multiples of the coupling's delay.

    The light answers some tenths of a nanosecond after the delay of the path: the mean is over 1 ns from the
    multiple on, outwards.
    """
    delay, rho, std = (found[name].values for name in ("delay", "rho", "rho_std"))
    means = {}
    for multiple in _MULTIPLES:
        centre = multiple * delay_ns + np.sign(multiple) * _PEAK_NS
        near = np.abs(delay - centre) <= _PEAK_NS
        if near.any():
            error = float(np.sqrt(np.sum(std[near] ** 2))) / np.count_nonzero(near)
            means[f"rho at {multiple:+d} tau" if multiple else "rho at 0"] = Value(
                float(rho[near].mean()), error
            )
    return means


def record(found: xr.Dataset, modelled: xr.Dataset | None) -> dict[str, Any]:
    """Return all numbers ready for JSON."""
    numbers: dict[str, Any] = {"undefined": bool(found["undefined"]), "alarms": int(found["alarm"].sum())}
    for name in ("first_excess", "second_excess"):
        numbers[name] = Value(float(found[name]), float(found[f"{name}_std"])).as_dict()
    curves = {"experiment": found, **({} if modelled is None else {"model": modelled})}
    for title, each in curves.items():
        values = {name: [finite_or_none(x) for x in each[name].values] for name in ("rho", "rho_std")}
        peaked = {name: value.as_dict() for name, value in peaks(each).items()}
        numbers[title] = {"delay_ns": each["delay"].values.tolist(), **values, "peaks": peaked}
    return numbers


def show(found: xr.Dataset, modelled: xr.Dataset | None, folder: Path, console: Console) -> None:
    """Print the peaks of rho and draw it."""
    table = Table("", "experiment", *(["model"] if modelled is not None else []))
    for name, label in (
        ("first_excess", "g2(0) - 1 of the first mode"),
        ("second_excess", "g2(0) - 1 of the second mode"),
    ):
        each = [found] if modelled is None else [found, modelled]
        table.add_row(label, *[str(Value(float(one[name]), float(one[f"{name}_std"]))) for one in each])
    if bool(found["undefined"]):
        console.print(table)
        console.print(
            "[yellow]rho is undefined:[/] a mode is not bunched by two standard errors; record longer."
        )
        return
    expected = peaks(modelled) if modelled is not None else {}
    for name, value in peaks(found).items():
        table.add_row(name, str(value), *([str(expected[name])] if expected else []))
    console.print(table)
    if found["alarm"].any():
        console.print("[yellow]|rho| exceeds 1 beyond errors: are these the right three recordings?[/]")
    save(folder, {"rho": plots.correlation_coefficient(found, modelled)}, console)
