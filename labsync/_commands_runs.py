"""Commands for finding, marking, watching and exporting runs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from labsync._terminal import RUNS, JsonOption, RunArgument, RunsOption, app, err, explained, out, print_json


@app.command()
@explained
def runs(
    where: Annotated[
        str | None,
        typer.Option(metavar="CONDITION", help="'procedure = detuning-scan and temperature_2_k > 33'."),
    ] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Index all run folders anew first.")] = False,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """List the runs: all, or those that fulfil a condition."""
    from labsync import catalogue, listing

    if rebuild:
        catalogue.delete(runs)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("reading run folders", total=None, visible=False)
        found = catalogue.search(
            runs,
            where,
            lambda done, total: bar.update(task, completed=done, total=total, visible=True),
        )
    if as_json:
        print_json(found)
    elif found:
        out.print(listing.run_table(found))
    elif where is None:
        out.print(f"No runs in {runs}. Make one: labsync run detuning-scan")
    else:
        out.print(f"No run in {runs} fulfils the condition.")


@app.command()
@explained
def tag(
    run: RunArgument,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Tags, such as good paper-fig3.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take these tags from the run.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Give a run tags, by which it is found again: labsync runs --where 'tag = good'."""
    from labsync import notes, store

    found = store.find(runs, run)
    notes.add_tags(found, names, remove)
    out.print(f"{found.uid}: {', '.join(notes.read(found).tags) or 'no tags'}", highlight=False, markup=False)


@app.command()
@explained
def note(
    run: RunArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What should be remembered.")],
    runs: RunsOption = RUNS,
) -> None:
    """Add a note to a run; it is kept beside the data and found by: labsync runs --where 'note ~ word'."""
    from labsync import notes, store

    found = store.find(runs, run)
    notes.add_note(found, text)
    out.print(f"{found.uid}: {len(notes.read(found).notes)} notes", highlight=False)


@app.command()
@explained
def watch(run: RunArgument, runs: RunsOption = RUNS) -> None:
    """Watch a run from another terminal until it ends; Ctrl-C ends the watching only."""
    from labsync import store, watching

    status = watching.watch(store.find(runs, run), out)
    out.print(f"The run is {status}.")


@app.command()
@explained
def export(
    run: RunArgument,
    to: Annotated[str, typer.Option("--to", help="Format: netcdf, hdf5 or csv.")] = "netcdf",
    folder: Annotated[Path, typer.Option("--into", help="Folder for the exported files.")] = Path(),
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """Export a run with its metadata; existing files are never overwritten."""
    from labsync import exporting, store

    paths = exporting.export(store.find(runs, run), to, folder)
    if as_json:
        print_json([str(path) for path in paths])
    else:
        for path in paths:
            out.print(str(path), highlight=False, soft_wrap=True)
