"""Photon correlations of files and of runs: tables, fits, figures, and the model beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from analysis import Value, correlation, plots, timetags
from analysis.correlation_fits import MODELS, G2Fit, PairResponse, fit_g2
from analysis.correlation_model import CorrelationComparison, compare_correlations
from labsync._scan_data import with_detuning
from labsync.errors import UsageError
from labsync.figures import save
from labsync.procedures import CorrelationScan
from labsync.store import Run
from models import micropillars

__all__ = [
    "Correlated",
    "compare",
    "correlate_file",
    "correlate_run",
    "describe",
    "fit",
    "fit_table",
    "model_lasers",
    "scan_data",
    "show",
    "show_comparison",
]

_HEADER_ROWS = 12


def describe(path: Path) -> dict[str, Any]:
    """Return what a file of time tags holds; UsageError if there is no such file."""
    if not path.is_file():
        raise UsageError(f"There is no file '{path}'.")
    return timetags.describe(path)


def description_table(facts: Mapping[str, Any]) -> Table:
    """Return the facts of a file of time tags as a table; of its header only the number of entries."""
    table = Table("tags", "value")
    for name, value in facts.items():
        if name == "header":
            table.add_row("header", f"{len(value)} entries (--json shows them)")
        elif name in ("channels", "rates_hz"):
            form = "{:d}" if name == "channels" else "{:.4g}"
            text = ", ".join(f"{channel}: {form.format(each)}" for channel, each in value.items())
            table.add_row({"channels": "tags by channel", "rates_hz": "rate (1/s)"}[name], text or "none")
        elif name == "notes":
            table.add_row("notes", "; ".join(value) or "none")
        else:
            table.add_row(name.replace("_", " "), f"{value:g}" if isinstance(value, float) else str(value))
    return table


@dataclass(frozen=True)
class Correlated:
    """A correlation to fit, and what is known of the detectors behind it.

    Parameters
    ----------
    name
        What it is of, for titles and file names.
    dataset
        As `analysis.correlation.g2` returns it.
    response
        Timing response of a pair of detectors.
    signal_shares
        By pair, the product of the shares of signal among the counts of both detectors.
    folder
        Where its figures go.
    """

    name: str
    dataset: xr.Dataset
    response: PairResponse
    signal_shares: Mapping[str, Value]
    folder: Path


def correlate_file(
    path: Path,
    pairs: Sequence[tuple[int, int]],
    console: Console,
    *,
    window_ns: float = 50.0,
    bin_ps: float = 256.0,
    jitter_ps: float = 0.0,
    dead_time_ns: float = 0.0,
    background_hz: Mapping[int, tuple[float, float]] | None = None,
) -> Correlated:
    """Correlate a file of time tags, with a progress bar.

    Parameters
    ----------
    path
        The file, of any size.
    pairs
        Pairs of channels; all pairs of the channels that hold tags where none is given.
    window_ns, bin_ps, dead_time_ns
        As `analysis.correlation.g2` takes them; the bin is rounded to whole units of the file.
    jitter_ps
        Full width at half maximum of one detector's response.
    background_hz
        Rate of uncorrelated counts and its error, by channel; as `analysis.correlation.subtract_background`.

    Raises
    ------
    UsageError
        If there is no such file, or if it holds no tags, or none on a channel.
    analysis.timetags.TagFileError
        If the file is damaged.
    """
    if not bin_ps > 0:
        raise UsageError(f"A bin of {bin_ps:g} ps is none; it must be wider than 0.")
    facts = describe(path)
    channels = [int(channel) for channel in facts["channels"]]
    if not channels:
        raise UsageError(f"{path.name} holds no time tags; there is nothing to correlate.")
    asked = {channel for pair in pairs for channel in pair} | set(background_hz or {})
    if unknown := sorted(asked - set(channels)):
        known = ", ".join(map(str, channels))
        raise UsageError(f"{path.name} has no tags on channel {unknown[0]}; its channels are {known}.")
    unit_ps = float(facts["resolution_ps"] or facts["unit_ps"])
    wanted = list(pairs) or [(a, b) for k, a in enumerate(channels) for b in channels[k:]]
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"correlating {path.name}", total=1.0)
        found = correlation.g2(
            path,
            wanted,
            window_ns=window_ns,
            bin_ps=max(1, round(bin_ps / unit_ps)) * unit_ps,
            dead_time_ns=dead_time_ns,
            progress=lambda part: bar.update(task, completed=part),
        )
    # what is fitted and drawn stays as it was counted; the fit takes the background into account
    shares = _signal_shares(correlation.subtract_background(found, background_hz)) if background_hz else {}
    return Correlated(path.stem, found, _response(jitter_ps * 1e-3), shares, Path())


def _signal_shares(corrected: xr.Dataset) -> dict[str, Value]:
    """Return the shares of signal with their errors, of a correlation without background."""
    shares = {}
    for label in corrected["pair"].values:
        one = corrected.sel(pair=label)
        share = float(one["signal_fraction"])
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.abs(one["background_std"].values / (one["g2"].values - 1))
        shares[str(label)] = Value(share, share * float(np.nanmedian(relative)))
    return shares


def correlate_run(run: Run, step: int | None = None) -> Correlated:
    """Return the correlation of a step of a correlation scan, by default of the most correlated one.

    Raises
    ------
    UsageError
        If the run is of another procedure, or has no such step.
    """
    data = scan_data(run)
    steps = data.sizes["step"]
    if step is None:
        pulls = ((data["g2"] - 1) / data["g2_std"]).isel(pair=0).transpose("step", "delay").values
        smooth = np.lib.stride_tricks.sliding_window_view(pulls, min(5, pulls.shape[1]), axis=1).mean(axis=2)
        step = int(np.nanmax(np.abs(smooth), axis=1).argmax()) + 1
    if not 1 <= step <= steps:
        raise UsageError(f"{run.uid} has steps 1 to {steps}, not {step}.")
    one = data.isel(step=step - 1)
    channels = np.array([[int(channel) for channel in label.split("-")] for label in data["pair"].values])
    dataset = xr.Dataset(
        {
            "counts": one["coincidences"],
            "expected": one["coincidences_expected"],
            "g2": one["g2"],
            "g2_std": one["g2_std"],
            "valid": one["valid"].astype(bool),
        }
    ).assign_coords(first=("pair", channels[:, 0]), second=("pair", channels[:, 1]))
    shares = {
        str(label): Value(_signal_fraction(one, pair), 0.0)
        for label, pair in zip(data["pair"].values, channels, strict=True)
    }
    response = _response(data.attrs["timing_jitter_ns"])
    return Correlated(f"step-{step}", dataset, response, shares, run.path / "figures")


def _signal_fraction(step: xr.Dataset, pair: np.ndarray) -> float:
    """Return the product of the shares of counts that are not dark ones."""
    rates = step["count_rate_hz"].sel(detector=pair).values
    dark = step.attrs["dark_rate_hz"]
    return float(np.prod(1 - dark / np.maximum(rates, 1.001 * dark + 1e-9)))


def _response(jitter_ns: float) -> PairResponse:
    return PairResponse.gaussian(jitter_ns, jitter_ns)


def fit(
    found: Correlated,
    models: Sequence[str],
    pairs: Sequence[str] = (),
    *,
    exclude_ns: float = 0.0,
) -> list[G2Fit]:
    """Fit models to the pairs of a correlation: one model for all pairs, or one for each.

    Raises
    ------
    UsageError
        For an unknown model, or if the numbers of models and of pairs differ.
    """
    known = found.dataset["g2"].notnull().any("delay").values  # not so within the dead time
    labels = list(pairs) or [str(label) for label in found.dataset["pair"].values[known]]
    names = list(models) * len(labels) if len(models) == 1 else list(models)
    if unknown := [name for name in names if name not in MODELS]:
        raise UsageError(f"Unknown model '{unknown[0]}' of g2; known are {', '.join(MODELS)}.")
    if len(names) != len(labels):
        raise UsageError(
            f"{len(names)} models for the {len(labels)} pairs {', '.join(labels)}; give one, or one for each."
        )
    return [
        fit_g2(
            found.dataset,
            name,
            pair=label,
            response=found.response,
            signal_share=found.signal_shares.get(label),
            exclude_ns=exclude_ns,
        )
        for name, label in zip(names, labels, strict=True)
    ]


def fit_table(one: G2Fit) -> Table:
    """Return a fit as a table."""
    table = Table(f"channels {one.pair}", "value")
    for name, value in one.rows():
        table.add_row(name, value)
    if not one.converged:
        table.add_row("[yellow]warning[/]", "not converged: errors unknown")
    return table


def show_fits(found: Correlated, fits: Sequence[G2Fit], console: Console) -> None:
    """Print the fits, and what is odd about the file, and draw them over the data."""
    if notes := found.dataset.attrs.get("notes"):
        console.print(f"[yellow]note:[/] {escape(notes)}", highlight=False)
    for one in fits:
        console.print(fit_table(one))
    labels = [one.pair for one in fits]
    figure = plots.correlations(found.dataset.sel(pair=labels), fits)
    save(found.folder, {f"g2-{found.name}": figure}, console)


def scan_data(run: Run) -> xr.Dataset:
    """Return the data of a correlation scan, with the nominal detuning of every step.

    Raises
    ------
    UsageError
        If the run is of another procedure or empty.
    """
    return with_detuning(run, CorrelationScan.slug, "g2 is")


def show(run: Run, console: Console) -> None:
    """Draw the map of a correlation scan and its most correlated step."""
    data = scan_data(run)
    found = correlate_run(run)
    figures = {"g2": plots.correlations(found.dataset)}
    cross = _cross(data)
    if np.count_nonzero(np.isfinite(cross["detuning_ghz"])) >= 2:
        figures["g2-map"] = plots.correlation_map(cross)
    save(run.path / "figures", figures, console)


def _cross(data: xr.Dataset) -> xr.Dataset:
    return data[["g2", "g2_std"]].isel(pair=0)


def model_lasers(
    data: xr.Dataset, inactive_loss_factor: float, detuning_ghz: float = 0.0
) -> tuple[micropillars.Pair, dict[str, str], PairResponse]:
    """Return the published lasers at the measured currents, the modes and the response of the detectors.

    The coupling is K = 0.025 sqrt(T); over the relay half of the power goes on and half comes back.
    """
    pair = micropillars.kreinberg2019(
        float(data["current_1_ua"].mean()),
        float(data["current_2_ua"].mean()),
        coupling=0.025 * float(np.sqrt(data["coupling_transmission"].mean())),
        detuning_ghz=detuning_ghz,
        inactive_loss_factor=inactive_loss_factor,
    )
    if data.attrs["coupling_path"] == "relay":
        pair = replace(pair, transmission_amplitude=0.5**0.5, reflection_amplitude=0.5**0.5)
    modes = {"P1": data.attrs["mode_1"], "P2": data.attrs["mode_2"]}
    return pair, modes, _response(data.attrs["timing_jitter_ns"])


def compare(run: Run, inactive_loss_factor: float, console: Console) -> CorrelationComparison:
    """Simulate what a correlation scan should have seen, with the lasers of `model_lasers`.

    The result is kept in the run folder.

    Raises
    ------
    UsageError
        If the run is no correlation scan.
    ValueError
        If no step has a known detuning.
    """
    data = scan_data(run)
    pair, modes, response = model_lasers(data, inactive_loss_factor)
    seen = {"cross": ("P1", "P2"), "hbt-1": ("P1", "P1"), "hbt-2": ("P2", "P2")}[data.attrs["detection"]]
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("running the model", total=1.0)
        result = compare_correlations(
            _cross(data),
            pair,
            (modes[seen[0]], modes[seen[1]]),
            response,
            pillars=seen,
            trajectories=max(64, 512 // data.sizes["step"]),
            on_progress=lambda part: bar.update(task, completed=part),
        )
    run.save_result("correlation-comparison", result.as_dict())
    return result


def show_comparison(run: Run, result: CorrelationComparison, console: Console) -> None:
    """Print measured and modelled peaks side by side and draw both maps."""
    table = Table("", "experiment", "model", "difference (sigma)", title="g2, experiment and model")
    for row in result.rows():
        table.add_row(*row)
    console.print(table)
    console.print(f"reduced chi-squared of all bins: {result.reduced_chi_squared:.2f}", highlight=False)
    cross = _cross(scan_data(run))
    if np.count_nonzero(np.isfinite(cross["detuning_ghz"])) >= 2:
        save(run.path / "figures", {"g2-comparison": plots.correlation_map(cross, result.model_map)}, console)
    console.print(f"run folder: {run.path}", highlight=False, soft_wrap=True)
