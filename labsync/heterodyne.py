"""Beat notes of runs: lines, combs and slopes, figures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table

from analysis import NoLineError, Value, plots
from analysis._values import NOT_KNOWN, finite_or_none
from analysis.heterodyne import (
    BeatComb,
    BeatLine,
    CombSlopes,
    as_spectrum,
    comb_slopes,
    fit_comb,
    fit_line,
)
from labsync._scan_data import with_detuning
from labsync.errors import UsageError
from labsync.figures import save
from labsync.procedures import HeterodyneScan
from labsync.store import Run

__all__ = [
    "BeatFit",
    "StepFit",
    "fit_data",
    "fit_run",
    "fit_table",
    "scan_data",
    "show",
    "slope_sentence",
]


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
    free: BeatLine | None
    comb: BeatComb | None

    def above_free_ghz(self, sense: int) -> Value:
        """Return where the strongest tooth lies, from the free line."""
        if self.free is None or self.comb is None:
            return NOT_KNOWN
        tooth = self.comb.teeth[self.comb.main].centre_hz
        zero = self.free.centre_hz
        return Value(1e-9 * sense * (tooth.value - zero.value), 1e-9 * float(np.hypot(tooth.std, zero.std)))


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
                    "free_beat_ghz": _of(step.free, "centre_hz").times(1e-9).as_dict(),
                    "free_width_ghz": _of(step.free, "width_hz").times(1e-9).as_dict(),
                    "free_width_bound_ghz": _bound_ghz(step.free),
                    "teeth": len(step.comb.teeth) if step.comb else 0,
                    "spacing_ghz": _of(step.comb, "spacing_hz").times(1e-9).as_dict(),
                    "main_tooth_ghz": step.above_free_ghz(self.sense).as_dict(),
                    "main_width_ghz": _of(_main(step.comb), "width_hz").times(1e-9).as_dict(),
                    "envelope_width_ghz": _of(step.comb, "envelope_width_hz").times(1e-9).as_dict(),
                }
                for step in self.steps
            ],
        }


def _of(fitted: BeatLine | BeatComb | None, name: str) -> Value:
    return NOT_KNOWN if fitted is None else getattr(fitted, name)


def _bound_ghz(line: BeatLine | None) -> float | None:
    return None if line is None or line.bound_hz is None else 1e-9 * line.bound_hz


def _main(comb: BeatComb | None) -> BeatLine | None:
    return None if comb is None else comb.teeth[comb.main]


def scan_data(run: Run) -> xr.Dataset:
    """Return the data of a heterodyne scan, with the nominal detuning of every step.

    Raises
    ------
    UsageError
        If the run is of another procedure or empty.
    """
    return with_detuning(run, HeterodyneScan.slug, "beat notes are")


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
    fit = fit_data(data.sel(detector=name), name)
    run.save_result(f"heterodyne-{name}", fit.as_dict())
    return fit


def fit_data(one: xr.Dataset, name: str) -> BeatFit:
    """Fit the spectra of one detector.

    Parameters
    ----------
    one
        Of this detector alone, with the nominal detunings (see `scan_data`).
    name
        Of the detector.
    """
    frequency = one["beat_frequency_hz"].values
    resolution = float(one.attrs["resolution_bandwidth_hz"])
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
    zero = np.array([1e-9 * _of(step.free, "centre_hz").value for step in steps])
    slopes = comb_slopes(one["detuning_ghz"].values, [step.comb for step in steps], zero, sense=sense)
    return BeatFit(name, tuple(steps), slopes, sense)


def _free_line(frequency: np.ndarray, density: np.ndarray, resolution: float) -> BeatLine | None:
    try:
        return fit_line(as_spectrum(frequency, density, resolution))
    except NoLineError:
        return None


def _comb(frequency: np.ndarray, density: np.ndarray, resolution: float) -> BeatComb | None:
    try:
        return fit_comb(as_spectrum(frequency, density, resolution))
    except NoLineError:
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
            step.free.width_text(1e6) if step.free else "-",
            str(len(step.comb.teeth)) if step.comb else "0",
            str(_of(step.comb, "spacing_hz").times(1e-6)),
            str(step.above_free_ghz(fit.sense)),
            main.width_text(1e6) if main else "-",
            str(_of(step.comb, "envelope_width_hz").times(1e-9)),
        )
    return table


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
