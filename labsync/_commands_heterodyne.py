"""Command for beat notes: ``labsync fit heterodyne``."""

from pathlib import Path
from typing import Annotated

import typer

from labsync._terminal import RUNS, JsonOption, RunsOption, explained, fit_app, out, print_json


@fit_app.command("heterodyne")
@explained
def fit_heterodyne(
    source: Annotated[
        str, typer.Argument(metavar="FILE|RUN", help="A trace of a spectrum analyser, or a heterodyne scan.")
    ],
    detector: Annotated[
        str | None, typer.Option(help="P1 or P2, of a run; the first one recorded if not given.")
    ] = None,
    resolution_hz: Annotated[float | None, typer.Option(help="Resolution bandwidth, of a file.")] = None,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """Fit beat notes: lines, combs and their slopes: labsync fit heterodyne latest."""
    from labsync import beat_files, heterodyne, store

    if Path(source).is_file():
        trace = beat_files.fit_trace(Path(source), resolution_hz)
        if as_json:
            print_json(trace.as_dict())
        else:
            out.print(beat_files.trace_table(trace))
        return
    fit = heterodyne.fit_run(store.find(runs, source), detector)
    if as_json:
        print_json(fit.as_dict())
    else:
        out.print(heterodyne.fit_table(fit))
        out.print(heterodyne.slope_sentence(fit), highlight=False)
