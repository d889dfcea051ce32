"""Beat notes of runs: lines, combs and slopes, figures, and the model beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from rich.console import Console
from rich.progress import track
from rich.table import Table

from analysis import Value, plots
from analysis._values import NOT_KNOWN, finite_or_none
from analysis.beat_combs import Comb, Tooth, fit_comb, fit_lines, strongest_line
from analysis.comb_slopes import CombSlopes, comb_slopes
from labsync.errors import UsageError
from labsync.figures import save
from labsync.procedures import HeterodyneScan
from labsync.store import Run
from models import micropillars

__all__ = ["BeatFit", "StepFit", "compare", "fit_run", "fit_table", "scan_data", "show", "show_comparison"]


@dataclass(frozen=True)
class StepFit:
    """Free line and coupled comb of one step.

    Parameters
    ----------
    detuning_ghz
        Nominal.
    free
        The free line; None if it does not stand out.
    comb
        The coupled spectrum; None if nothing stands out.
    """

    detuning_ghz: float
    free: Tooth | None
    comb: Comb | None

    def above_free_ghz(self, sense: int) -> Value:
        """Return where the strongest tooth lies, from the free line."""
        if self.free is None or self.comb is None:
            return NOT_KNOWN
        tooth = self.comb.teeth[self.comb.main].centre_ghz
        zero = self.free.centre_ghz
        return Value(sense * (tooth.value - zero.value), float(np.hypot(tooth.std, zero.std)))


@dataclass(frozen=True)
class BeatFit:
    """Fits of all steps of one detector."""

    detector: str
    steps: tuple[StepFit, ...]
    slopes: CombSlopes
    sense: int

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers ready for JSON."""
        return {
            "detector": self.detector,
            "tooth_slope": self.slopes.tooth.as_dict(),
            "envelope_slope": self.slopes.envelope.as_dict(),
            "steps": [
                {
                    "detuning_ghz": finite_or_none(step.detuning_ghz),
                    "free_beat_ghz": _of(step.free, "centre_ghz").as_dict(),
                    "free_width_ghz": _of(step.free, "width_ghz").as_dict(),
                    "free_width_bound_ghz": step.free.bound_ghz if step.free else None,
                    "teeth": len(step.comb.teeth) if step.comb else 0,
                    "spacing_ghz": (step.comb.spacing_ghz if step.comb else NOT_KNOWN).as_dict(),
                    "main_tooth_ghz": step.above_free_ghz(self.sense).as_dict(),
                    "main_width_ghz": _of(_main(step.comb), "width_ghz").as_dict(),
                    "envelope_width_ghz": step.comb.envelope_width_ghz if step.comb else None,
                }
                for step in self.steps
            ],
        }


def _of(tooth: Tooth | None, name: str) -> Value:
    return NOT_KNOWN if tooth is None else getattr(tooth, name)


def _main(comb: Comb | None) -> Tooth | None:
    return None if comb is None else comb.teeth[comb.main]


def scan_data(run: Run) -> xr.Dataset:
    """Return the data of a heterodyne scan, with the nominal detuning of every step.

    Raises
    ------
    UsageError
        If the run is of another procedure or empty.
    """
    if run.procedure != HeterodyneScan.slug:
        raise UsageError(f"{run.uid} is a {run.procedure}; beat notes are fitted to a {HeterodyneScan.slug}.")
    data = run.dataset()
    if not data.sizes.get("step"):
        raise UsageError(f"{run.uid} has no committed step; there is nothing to fit.")
    rows = [entry.get("row", {}).get("detuning_ghz") for entry in run.journal()]
    detuning = np.array([np.nan if each is None else each for each in rows], dtype=float)
    return data.assign_coords(detuning_ghz=("step", detuning, {"units": "GHz"}))


def fit_run(run: Run, detector: str | None = None) -> BeatFit:
    """Fit free lines and combs of a heterodyne scan and keep the result in the run folder.

    Parameters
    ----------
    run
        The scan.
    detector
        "P1" or "P2"; the first one recorded if not given.

    Raises
    ------
    UsageError
        If the run is of another procedure, or has no such detector.
    """
    data = scan_data(run)
    names = [str(each) for each in data["detector"].values]
    name = names[0] if detector is None else detector
    if name not in names:
        raise UsageError(f"{run.uid} has beat notes of {' and '.join(names)}, not of {name}.")
    fit = _fit(data.sel(detector=name), name)
    run.save_result(f"heterodyne-{name}", fit.as_dict())
    return fit


def _fit(one: xr.Dataset, name: str) -> BeatFit:
    frequency = 1e-9 * one["beat_frequency_hz"].values
    resolution = 1e-9 * float(one.attrs["resolution_bandwidth_hz"])
    steps = []
    for nu, free, coupled in zip(
        one["detuning_ghz"].values,
        one["beat_density_free"].values,
        one["beat_density"].values,
        strict=True,
    ):
        steps.append(
            StepFit(float(nu), _free_line(frequency, free, resolution), _comb(frequency, coupled, resolution))
        )
    sense = -1 if one.attrs.get("oscillator") == "above" else 1
    zero = np.array([_of(step.free, "centre_ghz").value for step in steps])
    slopes = comb_slopes(one["detuning_ghz"].values, [step.comb for step in steps], zero, sense=sense)
    return BeatFit(name, tuple(steps), slopes, sense)


def _free_line(frequency: np.ndarray, density: np.ndarray, resolution: float) -> Tooth | None:
    start = strongest_line(frequency, density, resolution)
    return None if start is None else fit_lines(frequency, density, resolution, [start])[0]


def _comb(frequency: np.ndarray, density: np.ndarray, resolution: float) -> Comb | None:
    try:
        return fit_comb(frequency, density, resolution)
    except ValueError:  # nothing stands out of the noise
        return None


def fit_table(fit: BeatFit) -> Table:
    """Return the fits as a table."""
    table = Table(
        "detuning (GHz)",
        "free width (MHz)",
        "teeth",
        "spacing (MHz)",
        "strongest (GHz from free)",
        "its width (MHz)",
        "envelope FWHM (GHz)",
        title=f"beat notes of {fit.detector}",
    )
    for step in fit.steps:
        main = _main(step.comb)
        table.add_row(
            f"{step.detuning_ghz:+.3f}",
            step.free.width_text if step.free else "-",
            str(len(step.comb.teeth)) if step.comb else "0",
            str(_in_mhz(step.comb.spacing_ghz)) if step.comb else "-",
            str(step.above_free_ghz(fit.sense)),
            main.width_text if main else "-",
            f"{step.comb.envelope_width_ghz:.3f}" if step.comb else "-",
        )
    return table


def _in_mhz(value: Value) -> Value:
    return Value(1e3 * value.value, 1e3 * value.std)


def slope_sentence(fit: BeatFit) -> str:
    """Return the slopes in one sentence."""
    if not fit.slopes.tooth:
        return f"slopes: not known, {fit.slopes.steps} steps lie within the locking range"
    return (
        f"slope of single teeth {fit.slopes.tooth}, of their envelope {fit.slopes.envelope} "
        f"({fit.slopes.steps} steps)"
    )


def show(run: Run, console: Console) -> None:
    """Print the recorder's health and draw the spectrogram of a heterodyne scan."""
    data = scan_data(run)
    console.print(health_sentence(data), highlight=False)
    if np.count_nonzero(np.isfinite(data["detuning_ghz"])) >= 2:
        save(run.path / "figures", {"spectrogram": plots.spectrogram(data)}, console)


def health_sentence(data: xr.Dataset) -> str:
    """Return in one sentence whether records were clipped, lost, or timed by a wrong clock."""
    clipped = float(data["beat_clipped"].mean())
    lost = int(data["beat_records_lost"].sum())
    clock = data["beat_clock_error"].values
    said = [f"{100 * clipped:.0f} % of the records clipped and left out" if clipped else "no record clipped"]
    said.append(f"{lost} without a trigger" if lost else "no trigger lost")
    known = clock[np.isfinite(clock)]
    said.append(
        f"clock {1e6 * known.mean():+.1f} ppm off the pilot tone"
        if len(known)
        else "clock not checked (no pilot tone)"
    )
    return f"{data.attrs['read_by'].replace('_', ' ')}: {', '.join(said)}"


@dataclass(frozen=True)
class BeatComparison:
    """A fit of measured beat notes and the same fit of the model's."""

    experiment: BeatFit
    model: BeatFit

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
    round-trip phase 0; its spectra, relative to free-running P1, are shifted to the free beat note, seen by
    the photodiodes with the measured power above the measured floor, and resolved like the measured ones.

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
        As for `fit_run`.
    """
    fit = fit_run(run, detector)
    data = scan_data(run).sel(detector=fit.detector)
    pair = micropillars.kreinberg2019(
        float(data["current_1_ua"].mean()),
        float(data["current_2_ua"].mean()),
        coupling=0.025 * float(np.sqrt(data["coupling_transmission"].mean())),
        inactive_loss_factor=inactive_loss_factor,
    )
    effort = {"duration_ns": 2000.0, "trajectories": 8, **(simulation or {})}
    modelled = data.copy(deep=True)
    for k, step in enumerate(track(fit.steps, "running the model", console=console, transient=True)):
        if step.free is None or not np.isfinite(step.detuning_ghz):
            continue
        light = micropillars.simulate(pair.detuned(step.detuning_ghz), seed=k + 1, **effort)
        modelled["beat_density"][k] = _seen(data.isel(step=k), light, step.free, fit)
    result = BeatComparison(fit, _fit(modelled, fit.detector))
    run.save_result(f"heterodyne-comparison-{fit.detector}", result.as_dict())
    return result


def _seen(one: xr.Dataset, light: xr.Dataset, free: Tooth, fit: BeatFit) -> np.ndarray:
    """Return the density that the recorder would show of the model's light."""
    frequency = 1e-9 * one["beat_frequency_hz"].values
    resolution = 1e-9 * float(one.attrs["resolution_bandwidth_hz"])
    mode = one.attrs[f"mode_{fit.detector[1:]}"]
    spectrum = micropillars.spectrum(light, resolution_ghz=resolution).sel(pillar=fit.detector, mode=mode)
    at = fit.sense * (frequency - free.centre_ghz.value)
    power = np.interp(at, spectrum["frequency_ghz"].values, spectrum["power"].values)
    measured = one["beat_density"].values
    floor = float(np.quantile(measured, 0.2))
    return np.asarray(floor + power * max(0.0, float((measured - floor).clip(min=0).sum())) / power.sum())


def show_comparison(run: Run, result: BeatComparison, console: Console) -> None:
    """Print experiment and model side by side."""
    table = Table(
        "detuning (GHz)", "teeth", "model", "spacing (MHz)", "model", "strongest (GHz)", "model", title="comb"
    )
    for ours, theirs in zip(result.experiment.steps, result.model.steps, strict=True):
        cells = [f"{ours.detuning_ghz:+.3f}"]
        pair = (ours, theirs)
        cells += [str(len(each.comb.teeth)) if each.comb else "0" for each in pair]
        cells += [str(_in_mhz(each.comb.spacing_ghz)) if each.comb else "-" for each in pair]
        cells += [str(each.above_free_ghz(result.experiment.sense)) for each in pair]
        table.add_row(*cells)
    console.print(table)
    console.print(f"experiment: {slope_sentence(result.experiment)}", highlight=False)
    console.print(f"model: {slope_sentence(result.model)}", highlight=False)
    console.print(f"run folder: {run.path}", highlight=False, soft_wrap=True)
