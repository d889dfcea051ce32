"""Records that a heterodyne scan has kept: the relative phase of both pillars, step by step."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis import heterodyne, plots
from analysis._values import finite_or_none
from labsync._beat_fits import fit_record
from labsync._beat_notes import RECORDS
from labsync._beat_results import RecordFit
from labsync.figures import save
from labsync.heterodyne import scan_data
from labsync.store import Run

__all__ = ["KeptFit", "fit_kept", "show_kept"]

EDGE = 4.0
"""Of a band, in resolutions."""

CHANCE = 1e-3
"""Probability that independent channels show as much coherence."""


@dataclass(frozen=True)
class KeptFit:
    """What the coupled record of one step tells.

    Parameters
    ----------
    step
        From 1.
    detuning_ghz
        Nominal.
    found
        None if the record cannot be used or shows no line; then `untold` says why.
    untold
        Empty if nothing is missing.
    """

    step: int
    detuning_ghz: float
    found: RecordFit | None
    untold: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers ready for JSON."""
        return {
            "step": self.step,
            "detuning_ghz": finite_or_none(self.detuning_ghz),
            "record": None if self.found is None else self.found.as_dict(),
            "untold": self.untold,
        }


def fit_kept(run: Run) -> list[KeptFit]:
    """Analyse the kept coupled records of both pillars, one fit for each step; none if none were kept."""
    fits = []
    for k, detuning in enumerate(scan_data(run)["detuning_ghz"].values, start=1):
        folder = run.path / RECORDS / f"step-{k:04d}-coupled"
        if not folder.is_dir():
            continue
        try:
            record = heterodyne.read_record(folder)
            found = fit_record(replace(record, channels=("P1", "P2")))
            doubt = _doubt(found)
            fits.append(KeptFit(k, float(detuning), None if doubt else found, doubt))
        except ValueError as error:
            fits.append(KeptFit(k, float(detuning), None, str(error)))
    return fits


def _doubt(found: RecordFit) -> str:
    """Return why a fit is none of a tooth, or nothing."""
    density = found.spectrum["power_density"].sel(channel="P1")
    f, line = density["frequency_hz"].values, found.channels[0].line
    ends = (f < f[0] + EDGE * line.resolution_hz) | (f > f[-1] - EDGE * line.resolution_hz)
    at_line = np.abs(f - line.centre_hz.value) < EDGE * line.resolution_hz
    if density.values[ends].max() > density.values[at_line].max():
        edge = f[ends][np.argmax(density.values[ends])]
        return (
            f"The light is strongest at {1e-6 * edge:.3g} MHz, at the edge of the band: the line at "
            f"{1e-6 * line.centre_hz.value:.4g} MHz may be the image of a tooth outside; tune the oscillator."
        )
    weakest = min(each.snr for each in found.channels)
    chance = -np.log(CHANCE) / float(found.spectrum.attrs["looks"])
    if found.phase is not None and found.phase.coherence < chance and weakest < 1:
        return (
            f"The channels share nothing at {1e-6 * line.centre_hz.value:.4g} MHz (coherence "
            f"{found.phase.coherence:.3f}, chance makes {chance:.3f}), where noise is stronger than light."
        )
    return ""


def show_kept(run: Run, fits: list[KeptFit], console: Console) -> None:
    """Print the relative phase of every step, and draw that of the step nearest to resonance."""
    if not fits:
        return
    table = Table(
        "detuning (GHz)",
        "line (MHz)",
        "coherence",
        "|mean of exp(i phase)|",
        "slips (1/ms)",
        "depth of the well",
        "half locking range (MHz)",
        title="phase of P2 over P1 at the strongest line of P1",
    )
    for each in fits:
        table.add_row(f"{each.detuning_ghz:+.3f}", *_cells(each.found))
    console.print(table)
    notes = {each.untold or (each.found.untold if each.found else "") for each in fits}
    notes |= {each.found.phase.untold for each in fits if each.found and each.found.phase}
    for text in sorted(filter(None, notes)):
        console.print(f"[yellow]note:[/] {escape(text)}", highlight=False)
    told = [each for each in fits if each.found and each.found.phase]
    if told:
        nearest = min(told, key=lambda each: np.nan_to_num(abs(each.detuning_ghz), nan=np.inf))
        assert nearest.found is not None
        assert nearest.found.phase is not None
        figure = plots.phase_potential(nearest.found.phase.relative, nearest.found.phase.adler)
        save(run.path / "figures", {"relative-phase": figure}, console)


def _cells(found: RecordFit | None) -> list[str]:
    if found is None:
        return ["-"] * 6
    line = str(found.channels[0].line.centre_hz.times(1e-6))
    phase = found.phase
    if phase is None:
        return [line, *["-"] * 5]
    half_range = "-" if phase.adler is None else str(phase.adler.locking.times(1 / (2e6 * np.pi)))
    return [
        line,
        f"{phase.coherence:.3f}",
        f"{phase.concentration:.3f}",
        str(phase.slips.rate_hz.times(1e-3)),
        f"{phase.depth:.2f}",
        half_range,
    ]
