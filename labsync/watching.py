"""Watching a run from another terminal: its last rows and its heat map, as they are committed."""

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from labsync._heatmap import HeatMap
from labsync._profiles import profile
from labsync.columns import column, in_order
from labsync.errors import DamagedRun
from labsync.following import Following
from labsync.procedures import PROCEDURES, SIMULATIONS
from labsync.store import Run

LOOK_S = 0.05
_LONGEST_LOOK_S = 0.1  # for taking in steps, between two pictures
_LINES_AROUND_MAP = 8  # head of two lines, titles and axis of the map, table's heading, cursor
_LINES = ("detuning_ghz", "centre_1_ghz", "centre_2_ghz")
_BEYOND_GHZ = 1.0


def watch(run: Run, console: Console) -> str:
    """Show a run until it ends, and return its status.

    On a terminal table and heat map are drawn anew with each step; elsewhere the rows are printed. The run is
    looked at 20 times a second, without a lock.

    Parameters
    ----------
    run : Run
        Any run; of one that has ended the last picture is shown.
    console : Console
        Where to draw.
    """
    view = View(run)
    drawn: tuple[object, ...] = ()
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        while True:
            begun = time.monotonic()
            status = run.status  # before the look: what was committed until the end is seen then
            new = view.look()
            if not console.is_terminal:
                for number in new:
                    console.print(view.line(number), highlight=False, soft_wrap=True)
            elif new or drawn != (status, view.lines_read, console.size):
                drawn = status, view.lines_read, console.size
                live.update(view.picture(status, console.width, console.height), refresh=True)
            if status != "running" and not new:
                return status
            time.sleep(max(LOOK_S - (time.monotonic() - begun), 0.0))


class View:
    """What is shown of a run.

    Parameters
    ----------
    run : Run
        Opened for reading.
    """

    def __init__(self, run: Run):
        self._run = run
        self._following = Following(run)
        self._waiting: dict[int, None] = {}
        self._curves: dict[int, xr.DataArray] = {}
        self._total = _expected_steps(run)

    def look(self) -> list[int]:
        """Take in what is new and return the numbers of those steps.

        Many at once, as at the first look, are taken in over several looks.
        """
        self._waiting |= dict.fromkeys(self._following.poll())
        begun, taken = time.monotonic(), []
        while self._waiting and time.monotonic() - begun < _LONGEST_LOOK_S:
            number = next(iter(self._waiting))
            del self._waiting[number]
            taken.append(number)
            self._curves.pop(number, None)
            with contextlib.suppress(DamagedRun):  # or being done again: then it comes once more
                curve = profile(self._run.procedure, self._following.step(number))
                if curve is not None and all(curve.shape == each.shape for each in self._curves.values()):
                    self._curves[number] = curve
        return taken

    @property
    def lines_read(self) -> int:
        """Number of lines of the journal that were seen: steps, retries, pauses."""
        return len(self._following.entries) + len(self._following.events)

    def row(self, number: int) -> Mapping[str, Any]:
        """Return the scalars of one committed step."""
        entry = self._following.entries[number]
        scalars: Mapping[str, Any] = entry.get("row") or entry.get("point", {})
        return scalars

    def curve(self, number: int) -> xr.DataArray | None:
        """Return what the heat map shows of one committed step, if there is anything."""
        return self._curves.get(number)

    def line(self, number: int) -> str:
        """Return one committed row as text."""
        cells = [
            f"{column(name).label} {column(name).text(value)}" for name, value in self.row(number).items()
        ]
        return f"{number + 1:>4}/{self._total or '?'}  {'  '.join(cells)}"

    def picture(self, status: str, width: int, height: int) -> RenderableType:
        """Return head, heat map and table for a terminal of that size."""
        parts: list[RenderableType] = [self._head(status)]
        rows = max(height // 6, 1)
        room = height - rows - _LINES_AROUND_MAP
        if self._curves and room > 1:
            parts.append(self._map(room))
        if self._following.entries:
            parts.append(self._table(rows))
        return Group(*parts)

    def _head(self, status: str) -> Text:
        steps = self._following.entries
        head = Text.assemble((self._run.uid, "bold"), f"  {status}  {len(steps)}/{self._total or '?'} steps")
        if self._following.events:
            event = self._following.events[-1]
            facts = "".join(f" {name} {event[name]}" for name in ("step", "error") if name in event)
            head.append(f"\n{event['time'][11:19]} {event['kind']}{facts}", "yellow")
        return head

    def _table(self, rows: int) -> Table:
        numbers = sorted(self._following.entries)
        names = in_order({name: None for number in numbers[:1] for name in self.row(number)})
        table = Table("step", *[column(name).title for name in names], box=box.SIMPLE_HEAD, show_edge=False)
        for number in numbers[-rows:]:
            values = self.row(number)
            table.add_row(str(number + 1), *[column(name).text(values.get(name)) for name in names])
        return table

    def _map(self, height: int) -> HeatMap:
        order = self._order()
        first = self._curves[order[0]]
        x, panels = first["x"].values, {}
        shown = self._shown(x) if first.attrs["of_lines"] else np.ones(x.size, dtype=bool)
        for index, title in enumerate(first["panel"].values):
            panels[str(title)] = np.array([self._curves[number].values[index, shown] for number in order])
        ends = f"{x[shown][0]:.3g}", f"{x[shown][-1]:.3g} {first.attrs['axis']}"
        return HeatMap(panels, [self._label(number) for number in order], ends, height)

    def _order(self) -> list[int]:
        """Return the steps with a curve, sorted by where they were measured, in the direction of the scan."""
        numbers = sorted(self._curves)
        where = {number: next(iter(self._following.entries[number]["point"].values())) for number in numbers}
        down = len(numbers) > 1 and where[numbers[1]] < where[numbers[0]]
        return sorted(numbers, key=lambda number: where[number], reverse=down)

    def _shown(self, x: np.ndarray) -> np.ndarray:
        """Return which part of the axis is worth the room: that around the lines, where they are known."""
        lines = [
            value for number in self._curves for name, value in self.row(number).items() if name in _LINES
        ]
        lines = [value for value in lines if value is not None]
        if not lines:
            return np.ones(x.size, dtype=bool)
        return (x >= min(0.0, *lines) - _BEYOND_GHZ) & (x <= max(0.0, *lines) + _BEYOND_GHZ)

    def _label(self, number: int) -> str:
        row = self.row(number)
        name = "detuning_ghz" if "detuning_ghz" in row else next(iter(row), "")
        return column(name).text(row.get(name))


def _expected_steps(run: Run) -> int:
    known = {**PROCEDURES, **{each.slug: each for each in SIMULATIONS.values()}}
    if run.procedure not in known:
        return 0
    try:
        return known[run.procedure](**run.start["parameters"]).expected_steps()
    except (KeyError, TypeError, ValueError):  # written by another version
        return 0
