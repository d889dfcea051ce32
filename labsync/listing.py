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
        Runs as `catalogue.search` returns them; what the condition asked for becomes a column.
    """
    shown = found[-_LONGEST:]
    ranges = list(dict.fromkeys(name for run in shown for name in run.get("quantities", {})))
    table = Table(
        Column("uid", no_wrap=True),  # holds time and procedure
        Column("status", no_wrap=True),
        Column("steps", justify="right"),
        "station",
        *[column(name).title for name in ranges],
    )
    for run in shown:
        cells = [_range(name, run.get("quantities", {}).get(name)) for name in ranges]
        table.add_row(
            _named(run), _status(run), *map(Text, (str(run["steps"]), run["station"] or "-", *cells))
        )
    if len(found) <= len(shown):
        return table
    more = f"{len(found) - len(shown)} older runs are not shown; narrow the list with --where, or use --json."
    return Group(table, more)


def _named(run: Mapping[str, Any]) -> Text:
    """Return the uid with tags and last note below it."""
    lines = [Text(run["uid"])]
    if run["tags"]:
        lines.append(Text(" ".join(run["tags"]), "cyan"))
    if run["notes"]:
        note = Text(" ".join(run["notes"][-1]["text"].split()), "italic")
        note.truncate(len(run["uid"]), overflow="ellipsis")
        lines.append(note)
    return Text("\n").join(lines)


def _status(run: Mapping[str, Any]) -> Text:
    return Text(run["status"], _COLOURS.get(run["status"], "red"))


def _range(name: str, value: str | Sequence[float] | None) -> str:
    """Return one value, or the range from the smallest to the largest."""
    if value is None or isinstance(value, str):
        return value or "-"
    low, high = (column(name).text(each) for each in value)
    return low if low == high else f"{low} to {high}"
