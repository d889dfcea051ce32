"""Commands for safety by hand: ``labsync watchdog`` and ``labsync safe``."""

import logging
from dataclasses import asdict
from typing import Annotated

import typer

from labsync._terminal import JsonOption, app, err, explained, out, print_json
from labsync.errors import EXIT_FAILURE

StationOption = Annotated[str, typer.Option("--station", "-s", help="Station file.")]


@app.command()
@explained
def watchdog(
    station: StationOption,
    pid: Annotated[int | None, typer.Option(help="Process of a program that uses the bench.")] = None,
) -> None:
    """Watch over a bench by hand; a run starts its own where the station file says so."""
    from labsync import guarding
    from labsync.settings import read_station_file

    logging.basicConfig(format="labsync watchdog: %(message)s")
    if guarding.watch(read_station_file(station)[0], pid, err):
        raise typer.Exit(EXIT_FAILURE)


@app.command()
@explained
def safe(station: StationOption, as_json: JsonOption = False) -> None:
    """Bring a bench to its safe state now: pumps to zero, ramp off, or as its station file says."""
    from labsync import guarding
    from labsync.settings import read_station_file

    outcomes = guarding.make_safe(read_station_file(station)[0])
    if as_json:
        print_json([asdict(each) for each in outcomes])
    else:
        guarding.show(outcomes, out)
    if any(each.problem for each in outcomes):
        raise typer.Exit(EXIT_FAILURE)
