"""Beat notes of the model: its light goes through the same recorder and the same fits as the measured."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from rich.console import Console
from rich.progress import track
from rich.table import Table

from analysis import plots
from labsync._beat_model import calibrated
from labsync.errors import UsageError
from labsync.figures import save
from labsync.heterodyne import BeatFit, fit_data, fit_run, scan_data, slope_sentence
from labsync.store import Run
from models import micropillars

__all__ = ["BeatComparison", "compare", "show_comparison"]

EFFORT = {"duration_ns": 2000.0, "trajectories": 8}


@dataclass(frozen=True)
class BeatComparison:
    """A fit of measured beat notes and the same fit of the model's, and the spectra of both."""

    experiment: BeatFit
    model: BeatFit
    measured: xr.Dataset
    modelled: xr.Dataset

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers ready for JSON."""
        return {"experiment": self.experiment.as_dict(), "model": self.model.as_dict()}


def compare(
    run: Run,
    inactive_loss_factor: float,
    console: Console,
    detector: str | None = None,
    simulation: Mapping[str, Any] | None = None,
) -> BeatComparison:
    """Let the model's light go through the same recorder and the same fits.

    The lasers are the published ones at the measured currents and detunings with K = 0.025 sqrt(T), at the
    round-trip phase 0. Their fields beat with an oscillator on photodiodes whose gain and noise are those of
    the measured free line; an analyser's filter, or a digitizer's sampling and codes, make spectra of the
    voltages, and these are fitted like the measured ones.

    Parameters
    ----------
    run, detector
        As for `fit_run`.
    inactive_loss_factor
        f_in of the model.
    console
        For the progress bar.
    simulation
        Effort, as `models.micropillars.simulate` takes it.

    Raises
    ------
    UsageError
        As for `fit_run`, or if no free line is known.
    """
    fit = fit_run(run, detector)
    data = scan_data(run).sel(detector=fit.detector)
    pair = _pair(data, inactive_loss_factor)
    effort = {**EFFORT, **(simulation or {})}
    free_hz = np.array([np.nan if step.free is None else step.free.centre_hz.value for step in fit.steps])
    if not np.any(np.isfinite(free_hz)):
        raise UsageError(
            f"{run.uid} shows no free line of {fit.detector}, from which the model's are counted."
        )
    alone = micropillars.simulate(replace(pair, coupling=0.0), seed=1000, **effort)
    receiver = calibrated(data, fit.detector, alone, free_hz)
    modelled = data.copy(deep=True)
    for k, step in enumerate(track(fit.steps, "running the model", console=console, transient=True)):
        if not (np.isfinite(free_hz[k]) and np.isfinite(step.detuning_ghz)):
            continue
        light = micropillars.simulate(pair.detuned(step.detuning_ghz), seed=k + 1, **effort)
        modelled["beat_density"][k] = receiver.density(light, float(free_hz[k]), k + 1)
    result = BeatComparison(fit, fit_data(modelled, fit.detector), data, modelled)
    run.save_result(f"heterodyne-comparison-{fit.detector}", result.as_dict())
    return result


def _pair(data: xr.Dataset, inactive_loss_factor: float) -> micropillars.Pair:
    pair = micropillars.kreinberg2019(
        float(data["current_1_ua"].mean()),
        float(data["current_2_ua"].mean()),
        coupling=0.025 * float(np.sqrt(data["coupling_transmission"].mean())),
        inactive_loss_factor=inactive_loss_factor,
    )
    if data.attrs.get("configuration") == "relay":  # a half mirror in the path
        return replace(pair, transmission_amplitude=0.5**0.5, reflection_amplitude=0.5**0.5)
    return pair


def show_comparison(run: Run, result: BeatComparison, console: Console) -> None:
    """Print experiment and model side by side, and draw the step nearest to resonance."""
    table = Table(
        "detuning (GHz)", "teeth", "model", "spacing (MHz)", "model", "strongest (GHz)", "model", title="comb"
    )
    for ours, theirs in zip(result.experiment.steps, result.model.steps, strict=True):
        cells = [f"{ours.detuning_ghz:+.3f}"]
        pair = (ours, theirs)
        cells += [str(len(each.comb.teeth)) if each.comb else "0" for each in pair]
        cells += [str(each.comb.spacing_hz.times(1e-6)) if each.comb else "-" for each in pair]
        cells += [str(each.above_free_ghz(result.experiment.sense)) for each in pair]
        table.add_row(*cells)
    console.print(table)
    console.print(f"experiment: {slope_sentence(result.experiment)}", highlight=False)
    console.print(f"model: {slope_sentence(result.model)}", highlight=False)
    away = np.abs(result.measured["detuning_ghz"].values)
    if np.any(np.isfinite(away)):
        nearest = int(np.nanargmin(away))
        figure = plots.beat_comparison(result.measured.isel(step=nearest), result.modelled.isel(step=nearest))
        save(run.path / "figures", {f"beat-comparison-{result.experiment.detector}": figure}, console)
    console.print(f"run folder: {run.path}", highlight=False, soft_wrap=True)
