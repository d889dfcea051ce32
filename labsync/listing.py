"""The list of runs as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from labsync.columns import column

_LONGEST = 100
_COLOURS = {"finished": "green", "running": "bold cyan", "aborted": "yellow", "interrupted": "yellow"}


def run_table(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return a table of runs, oldest first; of very many only the newest.

    Parameters
    ----------
    found : sequence of mapping
        Runs as `catalogue.search` returns them.
    """
    shown = found[-_LONGEST:]
    table = Table(
        Column("uid", no_wrap=True),  # holds time and procedure
        Column("status", no_wrap=True),
        Column("steps", justify="right", no_wrap=True),
        "station",
    )
    for run in shown:
        status = Text(run["status"], _COLOURS.get(run["status"], "red"))
        table.add_row(_described(run), status, str(run["steps"]), Text(run["station"] or "-"))
    if len(found) <= len(shown):
        return table
    more = f"{len(found) - len(shown)} older runs are not shown; narrow the list with --where, or use --json."
    return Group(table, more)


def _described(run: Mapping[str, Any]) -> Text:
    """Return the uid, and below it what the condition asked for, the tags and the last note."""
    lines = [Text(run["uid"])]
    lines += [Text(_range(name, value), "dim") for name, value in run.get("quantities", {}).items()]
    if run["tags"]:
        lines.append(Text(" ".join(run["tags"]), "cyan"))
    if run["notes"]:
        note = Text(" ".join(run["notes"][-1]["text"].split()), "italic")
        note.truncate(len(run["uid"]), overflow="ellipsis")
        lines.append(note)
    return Text("\n").join(lines)


def _range(name: str, value: str | Sequence[float]) -> str:
    """Return a quantity's value, or its range from the smallest to the largest, with its unit."""
    shown = column(name)
    if isinstance(value, str):
        return f"{shown.label} {value}"
    low, high = (shown.text(each) for each in value)
    return f"{shown.label} {low if low == high else f'{low} to {high}'} {shown.unit}".rstrip()
