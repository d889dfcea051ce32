"""Tables, figures and fits of one run, as the commands show them."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from analysis import detuning, locking, plots
from analysis.comparison import Comparison, CouplingFit, fit_coupling, spectra_map
from analysis.comparison import compare as compare_maps
from analysis.position import Stillness, stillness
from labsync import correlations, heterodyne, notes
from labsync._entries import summary
from labsync.columns import column, in_order
from labsync.errors import UsageError
from labsync.figures import save
from labsync.procedures import (
    CorrelationScan,
    DetuningScan,
    HeterodyneScan,
    MicropillarSweep,
    NanolaserDimerSweep,
    PositionHold,
)
from labsync.scan import Scan
from labsync.store import Run
from models import micropillars


def rows(run: Run) -> list[dict[str, Any]]:
    """Return the row of every committed step."""
    return [{"step": entry["step"], **entry.get("row", {})} for entry in run.journal()]


def parameter_table(scan: Scan) -> Table:
    """Return the parameters of a procedure with their present values."""
    table = Table("parameter", "value", "unit", "meaning", title=scan.slug)
    for name, parameter in scan.parameter_objects().items():
        table.add_row(
            f"--{name.replace('_', '-')}",
            f"{getattr(scan, name)}",
            getattr(parameter, "units", None) or "",
            parameter.name,
        )
    return table


def show(run: Run, console: Console) -> None:
    """Print the steps and what the run found, and write its figures."""
    facts = summary(run)
    console.print(f"[bold]{run.uid}[/]  {facts['status']}  {facts['steps']} steps", highlight=False)
    if facts["message"]:
        console.print(facts["message"], highlight=False)
    for remark in _remarks(facts["remarks"]):
        console.print(f"[yellow]{escape(remark)}[/]", highlight=False)
    said = notes.read(run)
    for line in (
        " ".join(said.tags),
        *(f"{note['time'][:16]} {note['by']}: {note['text']}" for note in said.notes),
    ):
        if line:
            console.print(line, highlight=False, markup=False)
    if facts["steps"] and run.procedure != PositionHold.slug:  # hundreds of frames tell nothing as a table
        console.print(step_table(run))
    if _has_spectra(run):
        _show_detuning_scan(run, console)
    if run.procedure == CorrelationScan.slug and facts["steps"]:
        correlations.show(run, console)
    elif run.procedure == HeterodyneScan.slug and facts["steps"]:
        heterodyne.show(run, console)
    elif run.procedure == PositionHold.slug and facts["steps"]:
        _show_position_hold(run, console)
    elif run.procedure == MicropillarSweep.slug and facts["steps"]:
        figure = plots.simulated_spectra(run.dataset(), swept(run))
        save(run.path / "figures", {"spectra": figure}, console)
    elif run.procedure == NanolaserDimerSweep.slug and facts["steps"]:
        figure = plots.nanolaser_sweep(run.dataset(), swept(run))
        save(run.path / "figures", {"nanolasers": figure}, console)
    if facts["timing_s"]:
        spent = "  ".join(f"{phase} {1e3 * time_s:.0f} ms" for phase, time_s in facts["timing_s"].items())
        console.print(f"time per step (median): {spent}", highlight=False)
    console.print(f"run folder: {run.path}", highlight=False, soft_wrap=True)


def _remarks(remarks: list[str]) -> list[str]:
    """Return of remarks that differ in their numbers only the last, and how many there were."""
    alike: dict[str, list[str]] = {}
    for remark in remarks:
        alike.setdefault(re.sub(r"[-+\d.e]+", "#", remark), []).append(remark)
    return [f"{each[-1]} ({len(each)} such remarks)" if each[1:] else each[0] for each in alike.values()]


def step_table(run: Run) -> Table:
    """Return the committed rows as a table."""
    entries = rows(run)
    names = in_order(name for name in entries[0] if name != "step")
    table = Table("step", *[column(name).title for name in names])
    for entry in entries:
        table.add_row(str(entry["step"] + 1), *[column(name).text(entry.get(name)) for name in names])
    return table


def reduced_map(run: Run) -> xr.Dataset:
    """Return the map of a scan that holds spectra, or of a simulated one as the bench would record it.

    Raises
    ------
    UsageError
        If the run is of another procedure or empty.
    analysis.fabry_perot.CalibrationError
        If the Fabry-Perot ramps cannot be calibrated.
    """
    if not run.history().sizes["step"]:
        raise UsageError(f"{run.uid} has no committed step; there is nothing to fit.")
    if _has_spectra(run):
        return detuning.reduce_map(run.dataset())
    if run.procedure != MicropillarSweep.slug:
        raise UsageError(f"{run.uid} is a {run.procedure}; locking is fitted to a {DetuningScan.slug}.")
    data = run.dataset()
    if swept(run) != "detuning_ghz":
        raise UsageError(f"{run.uid} sweeps {swept(run)}; locking is fitted to a sweep over detuning.")
    return spectra_map(data, model_pair(run, data.attrs["inactive_loss_factor"]))


def _has_spectra(run: Run) -> bool:
    """Whether the run holds coupled and free-running spectra, whatever scan has measured them."""
    return not {"counts_free", "voltage_free"}.isdisjoint(run.history().variables)


def swept(run: Run) -> str:
    """Return the name of the quantity that a run steps through."""
    return str(next(iter(run.journal()[0]["point"])))


def fit_locking(run: Run) -> locking.LockingFit:
    """Fit locking range and slopes of a detuning scan and keep the result in the run folder."""
    fit = locking.fit_locking(reduced_map(run))
    run.save_result("locking", fit.as_dict())
    return fit


def locking_table(fit: locking.LockingFit) -> Table:
    """Return the locking fit as a table."""
    table = Table("locking", "value")
    for name, value in fit.rows() if fit.status == "ok" else fit.rows()[:1]:
        table.add_row(name, value)
    return table


def model_pair(run: Run, inactive_loss_factor: float) -> micropillars.Pair:
    """Return the pair to compare a run with: the simulated one, or the published one at measured currents.

    For a measured scan the first guess of the coupling is K = 0.025 sqrt(T).
    """
    if run.procedure == MicropillarSweep.slug:
        return MicropillarSweep(**run.start["parameters"]).pair(run.journal()[0]["point"])
    data = run.history()  # three scalars per step; the spectra need not be read again
    return micropillars.kreinberg2019(
        float(data["current_1_ua"].mean()),
        float(data["current_2_ua"].mean()),
        coupling=0.025 * float(np.sqrt(data["coupling_transmission"].mean())),
        inactive_loss_factor=inactive_loss_factor,
    )


@dataclass(frozen=True)
class ModelReport:
    """A scan beside the model: the coupling that fits it, and both maps compared at that coupling."""

    map: xr.Dataset
    coupling: CouplingFit
    comparison: Comparison

    def as_dict(self) -> dict[str, object]:
        """Return all numbers ready for JSON."""
        return {"coupling_fit": self.coupling.as_dict(), **self.comparison.as_dict()}


def compare(run: Run, inactive_loss_factor: float, console: Console) -> ModelReport:
    """Fit the coupling K to a detuning scan, run the model with it, and keep the result in the run folder.

    Raises
    ------
    UsageError
        If the run is no detuning scan.
    ValueError
        If too few steps lie near resonance.
    """
    map_ = reduced_map(run)
    pair = model_pair(run, inactive_loss_factor)
    with Progress(console=console, transient=True) as bar:
        fitting = bar.add_task("fitting the coupling", total=1.0)
        coupling = fit_coupling(map_, pair, on_progress=lambda part: bar.update(fitting, completed=part))
        running = bar.add_task("running the model", total=1.0)
        fitted = dataclasses.replace(pair, coupling=coupling.coupling.value)
        compared = compare_maps(map_, fitted, on_progress=lambda part: bar.update(running, completed=part))
    result = ModelReport(map_, coupling, compared)
    run.save_result("comparison", result.as_dict())
    return result


def show_comparison(run: Run, result: ModelReport, console: Console) -> None:
    """Print experiment and model side by side and write the figures with the model in them."""
    table = Table("", "experiment", "model", "difference (sigma)", title="locking, experiment and model")
    for row in result.comparison.rows():
        table.add_row(*row)
    console.print(table)
    console.print(coupling_table(result))
    if not result.coupling.converged:
        console.print("[yellow]K lies outside the couplings the model was run at; take it as a bound.[/]")
    figures = {
        "heat-map": plots.heat_map(result.map, result.comparison.model_map),
        "locking-slopes": plots.locking_slopes(result.map, result.comparison.experiment),
        "comparison": plots.residuals(result.map, result.comparison),
    }
    save(run.path / "figures", figures, console)
    console.print(f"run folder: {run.path}", highlight=False, soft_wrap=True)


def coupling_table(result: ModelReport) -> Table:
    """Return the estimate of K and the quality of the agreement."""
    table = Table("model", "value")
    table.add_row("coupling K", str(result.coupling.coupling))
    table.add_row("reduced chi-squared of the fit of K", f"{result.coupling.reduced_chi_squared:.2f}")
    for pillar, chi in zip(("P1", "P2"), result.comparison.reduced_chi_squared, strict=True):
        table.add_row(f"reduced chi-squared of the centres, {pillar}", f"{chi:.2f}")
    return table


def _show_detuning_scan(run: Run, console: Console) -> None:
    try:
        map_ = reduced_map(run)
    except ValueError as error:
        console.print(f"[yellow]No map:[/] {error}", highlight=False)
        return
    fit = locking.fit_locking(map_)
    run.save_result("locking", fit.as_dict())
    console.print(locking_table(fit))
    known = np.count_nonzero(np.isfinite(map_["detuning_ghz"].values))
    figures = {}
    if known >= 2:
        figures = {"heat-map": plots.heat_map(map_), "locking-slopes": plots.locking_slopes(map_, fit)}
    if known:
        middle = int(np.nanargmin(np.abs(map_["detuning_ghz"].values)))
        figures["example-spectrum"] = plots.example_spectrum(map_, step=middle, pillar="P2")
    save(run.path / "figures", figures, console)


def _show_position_hold(run: Run, console: Console) -> None:
    data = run.dataset()
    phases = stillness(data)
    run.save_result("position", {name: phase.as_dict() for name, phase in phases.items()})
    console.print(position_table(phases))
    if phases:
        save(run.path / "figures", {"position": plots.position_hold(data)}, console)


def position_table(phases: Mapping[str, Stillness]) -> Table:
    """Return how still the sample stood with the loop open and closed."""
    table = Table("loop", "rms (um)", "x (um)", "y (um)", "largest (um)", "frames", "steps", "held")
    for name, phase in phases.items():
        axes = [f"{value:.3f}" for value in (*phase.rms_axis_um, phase.largest_um)]
        counts = [str(count) for count in (phase.frames, phase.steps, phase.held)]
        table.add_row(name, str(phase.rms_um), *axes, *counts)
    return table
