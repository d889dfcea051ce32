"""Files of recorded beat notes: read, analysed, shown as tables and figures."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis import Value, heterodyne, plots
from labsync._beat_fits import fit_delayed, fit_readings, fit_record, record_spectrum
from labsync._beat_results import ChannelFit, CounterFit, DelayedFit, PhaseFit, RecordFit
from labsync.beat_files import TraceFit, fit_trace, trace_spectrum, trace_table
from labsync.errors import UsageError
from labsync.figures import save

__all__ = ["FileFit", "fit_file", "health_sentence", "phase_table", "show_file"]

FileFit = TraceFit | RecordFit | CounterFit | DelayedFit

KINDS = {
    "record": "a record of voltages",
    "readings": "readings of a counter",
    "trace": "an analyser's trace",
}
OPTIONS = {
    "record": {"resolution_hz", "near_hz", "bandwidth_hz", "shape"},
    "readings": {"interval_s"},
    "trace": {"resolution_hz"},
}
"""What can be said of the analysis of each kind of file."""

DELAYED = {"self_heterodyne_delay_us", "shift_hz"}
"""What is said of light that beats with itself, in a record or a trace; only the resolution beside it."""

READING = {"sample_rate_hz", "byte_order", "scale_v", "iq"}
"""What can be said of a record."""

SHAPES = ("lorentz", "voigt")


def fit_file(path: Path, given: Mapping[str, Any]) -> FileFit:
    """Read a file and analyse what is in it.

    Parameters
    ----------
    path
        A record (.npy, .wav, int16 IQ, an oscilloscope's CSV, a folder of a run's segments), readings of a
        counter (CSV), or a spectrum analyser's trace.
    given
        Options of the user by name, as in `OPTIONS`.

    Raises
    ------
    UsageError
        If an option is missing, or is not for such a file.
    analysis.heterodyne.RecordError, BandError, ResolutionError, analysis.NoLineError
        If what the file holds cannot be used, or nothing is found in it.
    """
    kind = given.get("kind") or heterodyne.kind_of(path)
    if kind not in KINDS:
        asked = f"'{kind}' is no kind of file" if kind else f"{path.name} does not tell what it holds"
        raise UsageError(f"{asked}; say --kind {', '.join(KINDS)}.")
    _check(path, kind, given)
    try:
        if set(given) & DELAYED:
            return _delayed(path, kind, given)
        if kind == "trace":
            return fit_trace(path, given.get("resolution_hz"))
        if kind == "readings":
            readings = heterodyne.read_readings(path, given.get("interval_s"))
            return fit_readings(readings.frequency_hz, readings.interval_s, path.name)
        record = heterodyne.read_record(path, **{name: given[name] for name in READING & set(given)})
        return fit_record(record, **{name: given[name] for name in OPTIONS[kind] & set(given)})
    except heterodyne.RecordError as error:
        raise _asking(error) from None


def _delayed(path: Path, kind: str, given: Mapping[str, Any]) -> DelayedFit:
    shift_hz, delay_us = given["shift_hz"], given["self_heterodyne_delay_us"]
    if kind == "trace":
        return fit_delayed(trace_spectrum(path, given.get("resolution_hz")), path.name, shift_hz, delay_us)
    record = heterodyne.read_record(path, **{name: given[name] for name in READING & set(given)})
    spectrum = record_spectrum(record, given.get("resolution_hz"))
    return fit_delayed(spectrum, record.source, shift_hz, delay_us)


def _check(path: Path, kind: str, given: Mapping[str, Any]) -> None:
    known = OPTIONS[kind] | {"kind"} | (READING if kind == "record" else set())
    if kind != "readings" and set(given) & DELAYED:
        known = known - OPTIONS[kind] | DELAYED | {"resolution_hz"}
        if lacking := sorted(DELAYED - set(given)):
            raise UsageError(f"Light that beats with itself takes {_option(lacking[0])}, too.")
    if foreign := sorted(set(given) - known):
        raise UsageError(f"{_option(foreign[0])} is not for {path.name}, which is {KINDS[kind]}.")
    if given.get("shape", SHAPES[0]) not in SHAPES:
        raise UsageError(f"'{given['shape']}' is no shape of a line; say --shape {' or '.join(SHAPES)}.")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _asking(error: heterodyne.RecordError) -> Exception:
    """Return the error, with options in place of parameters; if it asks for one, as wrong usage."""
    text = str(error)
    asked = [name for name in ("sample_rate_hz", "byte_order", "interval_s") if name in text]
    for name in asked:
        text = re.sub(rf"{name}=?'?(\w*)'?", rf"{_option(name)} \1", text).replace(" .", ".")
    return UsageError(text) if asked else error


def show_file(found: FileFit, console: Console, folder: Path) -> None:
    """Print a fit as tables and write its figures into a folder."""
    if isinstance(found, TraceFit):
        console.print(trace_table(found))
        source, figures = found.name, {"line": plots.beat_line(found.spectrum, found.line)}
    elif isinstance(found, DelayedFit):
        source, figures = found.source, _self_heterodyne(found, console)
    elif isinstance(found, CounterFit):
        source, figures = found.source, _counter(found, console)
    else:
        source, figures = found.record.source, _record(found, console)
    save(folder, {f"beat-{Path(source).stem}-{name}": figure for name, figure in figures.items()}, console)


def _self_heterodyne(found: DelayedFit, console: Console) -> dict[str, Figure]:
    table = Table("channel", *found.fits, title=found.source)
    fits = found.fits.values()
    table.add_row("linewidth (kHz)", *(str(fit.linewidth_hz.times(1e-3)) for fit in fits))
    table.add_row("coherence exp(-2π width delay)", *(f"{fit.coherence:.3g}" for fit in fits))
    resolution = 1e-3 * float(found.spectrum.attrs["resolution_bandwidth_hz"])
    table.add_row("resolution (kHz)", *(f"{resolution:.4g}" for _ in fits))
    console.print(table)
    named = "channel" in found.spectrum.dims
    return {
        f"self-heterodyne-{name}": plots.self_heterodyne(found.spectrum, fit, name if named else None)
        for name, fit in found.fits.items()
    }


def _counter(found: CounterFit, console: Console) -> dict[str, Figure]:
    mean_hz = float(found.readings_hz.mean())
    unit, hertz = _unit(float(found.allan["deviation"].max()))
    table = Table("averaging time (s)", f"Allan deviation ({unit})", "68 % limits", title=found.source)
    for tau, *row in zip(
        *(found.allan[name].values for name in ("tau_s", "deviation", "low", "high")), strict=True
    ):
        deviation, low, high = (each / hertz for each in row)
        table.add_row(f"{tau:.3g}", f"{deviation:.4g}", f"{low:.4g} to {high:.4g}")
    console.print(table)
    facts = Table("counter", "value")
    facts.add_row("readings", f"{found.readings_hz.size}, one in {found.interval_s:.4g} s")
    facts.add_row("mean (MHz)", f"{1e-6 * mean_hz:.6f}")
    names = {"white": "white noise (Hz²/Hz)", "flicker": "flicker (Hz²)", "random_walk": "random walk (Hz³)"}
    for name, text in names.items():
        facts.add_row(f"{text}, Allan", str(found.noises[name]))
    for text, value in _widths(found.noise, found.beta_hz).items():
        facts.add_row(text, value)
    console.print(facts)
    _note(found.untold, console)
    return {
        "allan": plots.allan_deviation(found.allan, found.noises),
        "noise": plots.frequency_noise(found.density, found.noise),
    }


def _widths(noise: heterodyne.FrequencyNoiseFit, beta_hz: Value) -> dict[str, str]:
    def text(value: Value) -> str:
        unit, hertz = _unit(value.value)
        return f"{value.times(1 / hertz)} {unit}" if value else "-"

    return {
        "white noise (Hz²/Hz), spectrum": str(noise.white),
        "intrinsic width": text(noise.intrinsic_hz),
        "width by the beta-separation line": text(beta_hz),
    }


def _unit(hertz: float) -> tuple[str, float]:
    for unit, size in (("GHz", 1e9), ("MHz", 1e6), ("kHz", 1e3)):
        if hertz >= size:
            return unit, size
    return "Hz", 1.0


def _record(found: RecordFit, console: Console) -> dict[str, Figure]:
    console.print(health_sentence(found), highlight=False)
    table = Table("channel", *(each.name for each in found.channels), title=found.record.source)
    rows = [_channel_rows(each, found) for each in found.channels]
    for name in rows[0]:
        table.add_row(name, *(row[name] for row in rows))
    console.print(table)
    figures = {}
    for name in found.record.channels:
        lines = [each.line for each in found.channels if each.name == name]
        for k, line in enumerate(lines):
            key = f"line-{name}" if len(lines) == 1 else f"line-{name}-{k + 1}"
            beside = [*lines[:k], *lines[k + 1 :]]
            figures[key] = plots.beat_line(found.spectrum, line, name, beside)
    if found.noise is not None:
        figures["noise"] = plots.frequency_noise(
            found.noise, found.channels[0].noise, channel=found.channels[0].name
        )
    if found.allan is not None:
        figures["allan"] = plots.allan_deviation(found.allan)
    if found.phase is not None:
        console.print(phase_table(found.phase))
        figures["phase"] = plots.phase_potential(found.phase.relative, found.phase.adler)
    _note(found.untold, console)
    if found.phase is not None:
        _note(found.phase.untold, console)
    return figures


def _note(text: str, console: Console) -> None:
    if text:
        console.print(f"[yellow]note:[/] {escape(text)}", highlight=False)


def _channel_rows(each: ChannelFit, found: RecordFit) -> dict[str, str]:
    rows = {
        "centre (MHz)": str(each.line.centre_hz.times(1e-6)),
        "width (kHz)": each.line.width_text(1e3),
        "resolution (kHz)": f"{1e-3 * each.line.resolution_hz:.4g}",
        f"power ({found.record.unit}²)": f"{each.line.power:.3g}",
    }
    if np.isfinite(found.bandwidth_hz):
        rows["demodulated band (kHz)"] = f"{1e-3 * found.bandwidth_hz:.4g}"
        rows["light over noise in it"] = f"{each.snr:.3g}"
    return rows if each.noise is None else rows | _widths(each.noise, each.beta_hz)


def health_sentence(found: RecordFit) -> str:
    """Return in one sentence how much was recorded, and what was clipped or lost."""
    record = found.record
    said = [f"{record.samples} samples at {1e-6 * record.sample_rate_hz:g} MHz"]
    if len(record.stretches) > 1:
        said.append(f"in {len(record.stretches)} stretches")
    clipped = [each.name for each in found.channels if each.clipped]
    said.append(f"channel {' and '.join(clipped)} clipped" if clipped else "no channel said to be clipped")
    share = max(each.extreme_share for each in found.channels)
    said.append(f"{100 * share:.2g} % of the samples at the extremes")
    said.append(f"{record.lost} lost" if record.lost else "none lost")
    return f"{record.source}: {', '.join(said)}"


def phase_table(phase: PhaseFit) -> Table:
    """Return what the relative phase tells as a table."""
    table = Table(f"phase of {phase.relative.attrs['second']} over {phase.relative.attrs['first']}", "value")
    low, high = phase.slips.limits_hz()
    table.add_row("coherence at the line", f"{phase.coherence:.3f}")
    table.add_row("|mean of exp(i phase)|", f"{phase.concentration:.3f}")
    table.add_row("slips", f"{phase.slips.time_s.size} in {1e3 * phase.slips.duration_s:.4g} ms")
    table.add_row("slip rate (1/s)", f"{phase.slips.rate_hz.value:.4g} (68 %: {low:.3g} to {high:.3g})")
    table.add_row("mean residence (us)", str(phase.slips.mean_residence_s.times(1e6)))
    table.add_row("depth of the well, ln(p max/p min)", f"{phase.depth:.3g}")
    if phase.adler is not None:
        turn = 2e6 * np.pi
        table.add_row("Adler: detuning (MHz)", str(phase.adler.detuning.times(1 / turn)))
        table.add_row("Adler: half locking range (MHz)", str(phase.adler.locking.times(1 / turn)))
        table.add_row("Adler: diffusion (10⁶ rad²/s)", str(phase.adler.diffusion.times(1e-6)))
        table.add_row("Adler: net slips (1/s)", f"{phase.adler.slip_rate_hz:.4g}")
    return table
