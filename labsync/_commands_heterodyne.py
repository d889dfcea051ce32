"""Command for beat notes: ``labsync fit heterodyne``."""

from pathlib import Path
from typing import Annotated

import typer

from labsync._terminal import RUNS, JsonOption, RunsOption, explained, fit_app, out, print_json
from labsync.errors import UsageError


@fit_app.command("heterodyne")
@explained
def fit_heterodyne(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|RUN",
            help="A record (.npy, .wav, int16 IQ, CSV, a run's folder of segments), a counter's readings, "
            "a trace of a spectrum analyser, or a heterodyne scan.",
        ),
    ],
    detector: Annotated[
        str | None, typer.Option(help="P1 or P2, of a run; the first one recorded if not given.")
    ] = None,
    resolution_hz: Annotated[
        float | None,
        typer.Option(help="Resolution: of an analyser's trace as it was, of a record as wanted."),
    ] = None,
    sample_rate_hz: Annotated[
        float | None, typer.Option(help="Samples per second, of a record that does not tell.")
    ] = None,
    byte_order: Annotated[
        str | None, typer.Option(metavar="little|big", help="Of int16 IQ, which does not tell.")
    ] = None,
    scale_v: Annotated[float | None, typer.Option(help="Volts per code, of a record; 1.")] = None,
    interval_s: Annotated[
        float | None, typer.Option(help="Time of one reading, of a counter's file that does not tell.")
    ] = None,
    near_hz: Annotated[
        list[float] | None,
        typer.Option(help="Where a record's line is about; the strongest one. Several are fitted at once."),
    ] = None,
    bandwidth_hz: Annotated[
        float | None, typer.Option(help="Band about a record's line whose phase is taken; ten widths.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(metavar="record|readings|trace", help="What a table holds that does not tell it."),
    ] = None,
    iq: Annotated[
        bool, typer.Option("--iq", help="The two channels of a .wav are one complex signal.")
    ] = False,
    shape: Annotated[
        str | None, typer.Option(metavar="lorentz|voigt", help="Of a record's line; lorentz.")
    ] = None,
    self_heterodyne_delay_us: Annotated[
        float | None, typer.Option(help="Of light that beats with itself: delay of one arm, ...")
    ] = None,
    shift_hz: Annotated[float | None, typer.Option(help="... and shift of its frequency.")] = None,
    figures: Annotated[Path, typer.Option(help="Where the figures of a file go.")] = Path("figures"),
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """Fit beat notes, of a run or of a file: labsync fit heterodyne latest."""
    from labsync import beat_records, heterodyne, store
    from labsync._beat_kept import fit_kept, show_kept

    options = {
        "resolution_hz": resolution_hz,
        "sample_rate_hz": sample_rate_hz,
        "byte_order": byte_order,
        "scale_v": scale_v,
        "interval_s": interval_s,
        "near_hz": near_hz or None,
        "bandwidth_hz": bandwidth_hz,
        "shape": shape,
        "self_heterodyne_delay_us": self_heterodyne_delay_us,
        "shift_hz": shift_hz,
        "kind": kind,
        "iq": iq or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    if _is_file(source):
        if detector is not None:
            raise UsageError("--detector chooses a detector of a run; a file has none.")
        found = beat_records.fit_file(Path(source), given)
        if as_json:
            print_json(found.as_dict())
        else:
            beat_records.show_file(found, out, figures)
        return
    if given:
        name = next(iter(given)).replace("_", "-")
        raise UsageError(f"--{name} is for files; the records of a run tell it themselves.")
    run = store.find(runs, source)
    fit = heterodyne.fit_run(run, detector)
    kept = fit_kept(run)
    if as_json:
        print_json({**fit.as_dict(), "kept": [each.as_dict() for each in kept]})
        return
    out.print(heterodyne.fit_table(fit))
    out.print(heterodyne.slope_sentence(fit), highlight=False)
    show_kept(run, kept, out)


def _is_file(source: str) -> bool:
    """Whether a file or a folder of segments is meant, not a run; UsageError if it does not exist."""
    path = Path(source)
    if path.suffix and not path.exists():
        raise UsageError(f"There is no file '{source}'.")
    return path.is_file() or (path / "segments.json").is_file()
