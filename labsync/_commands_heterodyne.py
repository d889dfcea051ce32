"""Command for beat notes: ``labsync fit heterodyne``."""

from typing import Annotated

import typer

from labsync._terminal import RUNS, JsonOption, RunsOption, explained, fit_app, out, print_json


@fit_app.command("heterodyne")
@explained
def fit_heterodyne(
    source: Annotated[str, typer.Argument(metavar="RUN", help="A run of heterodyne-scan.")],
    detector: Annotated[
        str | None, typer.Option(help="P1 or P2, of a run; the first one recorded if not given.")
    ] = None,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """Fit beat notes: lines, combs and their slopes: labsync fit heterodyne latest."""
    from labsync import heterodyne, store

    fit = heterodyne.fit_run(store.find(runs, source), detector)
    if as_json:
        print_json(fit.as_dict())
    else:
        out.print(heterodyne.fit_table(fit))
        out.print(heterodyne.slope_sentence(fit), highlight=False)
