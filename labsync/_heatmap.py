"""A heat map on the terminal: half a character for each row, in colour where the terminal has it."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib import colormaps
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

_COLOURS = [
    Color.from_rgb(*(255 * np.array(colormaps["viridis"](level)[:3]))) for level in np.linspace(0, 1, 64)
]
_SHADES = " .:-=+*#%@"
_NOTHING = -1


class HeatMap:
    """Rows of numbers as colours, one panel beside the other, the newest row at the bottom.

    Parameters
    ----------
    panels : dict of str to array
        By title, all of shape (row, x); NaN stays empty.
    labels : sequence of str
        One for each row.
    ends : (str, str)
        First and last value of x with what it means, below each panel.
    height : int
        Largest number of lines; more rows than that are averaged in groups.
    """

    def __init__(
        self, panels: dict[str, np.ndarray], labels: Sequence[str], ends: tuple[str, str], height: int
    ):
        self._panels = panels
        self._labels = labels
        self._ends = ends
        self._height = max(height, 1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw as wide as there is room."""
        margin = max(map(len, self._labels), default=0) + 1
        width = (options.max_width - margin) // len(self._panels) - 1
        rows = len(self._labels)
        per_line = 2 if console.color_system else 1
        group = -(-rows // (per_line * self._height))  # rows that share a place
        pictures = [_levels(values, group, width) for values in self._panels.values()]
        yield Segment(" " * margin + " ".join(title[:width].center(width) for title in self._panels) + "\n")
        for line in range(0, len(pictures[0]), per_line):
            yield Segment(f"{self._labels[min(line * group, rows - 1)]:>{margin - 1}} ")
            for picture in pictures:
                yield from _coloured(picture, line) if console.color_system else _shaded(picture, line)
                yield Segment(" ")
            yield Segment("\n")
        first, last = self._ends
        below = first + last.rjust(width - len(first))
        yield Segment(" " * margin + " ".join([below] * len(pictures)) + "\n")


def _levels(values: np.ndarray, group: int, width: int) -> np.ndarray:
    """Return integer levels (row, column): groups of rows averaged, of what shares a column the largest."""
    known = np.isfinite(values)
    firsts = np.arange(0, len(values), group)
    sums = np.add.reduceat(np.where(known, values, 0.0), firsts)
    counts = np.add.reduceat(known.astype(int), firsts)
    rows = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    columns = np.linspace(0, values.shape[1], width, endpoint=False).astype(int)
    table = np.fmax.reduceat(rows, columns, axis=1)
    known = np.isfinite(table)
    if not known.any():
        return np.full(table.shape, _NOTHING)
    low, high = np.quantile(table[known], 0.05), table[known].max()
    scaled = np.sqrt(np.clip((np.where(known, table, low) - low) / (high - low or 1.0), 0, 1))
    return np.where(known, scaled * (len(_COLOURS) - 1), _NOTHING).astype(int)


def _coloured(picture: np.ndarray, line: int) -> Iterator[Segment]:
    """Yield one line of half blocks: the upper row in the foreground, the lower one behind it."""
    lower = picture[line + 1] if line + 1 < len(picture) else np.full(picture.shape[1], _NOTHING)
    for above, below in zip(picture[line], lower, strict=True):
        if above == _NOTHING:
            colour = None if below == _NOTHING else _COLOURS[below]
            yield Segment(" " if colour is None else "▄", Style(color=colour))
        else:
            behind = None if below == _NOTHING else _COLOURS[below]
            yield Segment("▀", Style(color=_COLOURS[above], bgcolor=behind))


def _shaded(picture: np.ndarray, line: int) -> Iterator[Segment]:
    levels = picture[line] * len(_SHADES) // len(_COLOURS)
    yield Segment("".join(_SHADES[max(level, 0)] for level in levels))
