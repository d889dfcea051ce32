"""What is to be correlated."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from analysis._correlation_pass import Grid
from analysis.timetags import TagFile, TagStream, open_tags

__all__ = ["Pairs", "Tags", "grid_of", "opened", "ordered_pairs", "pairs_of", "shifts_of"]

Tags = TagStream | TagFile | Path | str
Pairs = Iterable[int] | Iterable[tuple[int, int]]


def opened(tags: Tags) -> TagStream | TagFile:
    """Open a file by its path."""
    return open_tags(tags) if isinstance(tags, (str, Path)) else tags


def shifts_of(source: TagStream | TagFile) -> dict[int, int]:
    """Return the delays of the channels in whole units."""
    return {channel: round(delay / source.unit_ps) for channel, delay in source.delays_ps.items()}


def pairs_of(source: TagStream | TagFile, pairs: Pairs | None) -> list[tuple[int, int]]:
    """Return the wanted pairs; of channels all with themselves and each other."""
    chosen = _pairs(
        source, pairs, lambda channels: [(a, b) for k, a in enumerate(channels) for b in channels[k:]]
    )
    if len({frozenset(pair) for pair in chosen}) < len(chosen):
        raise ValueError(f"The pairs {chosen} name one twice; give each pair of channels once.")
    return chosen


def ordered_pairs(source: TagStream | TagFile, pairs: Pairs | None) -> list[tuple[int, int]]:
    """Return the wanted ordered pairs; of channels all."""
    chosen = _pairs(source, pairs, lambda channels: [(a, b) for a in channels for b in channels])
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"The pairs {chosen} name one twice; give each ordered pair of channels once.")
    return chosen


def _pairs(source: TagStream | TagFile, pairs: Pairs | None, of_channels: Any) -> list[tuple[int, int]]:
    if pairs is None:
        if isinstance(source, TagFile):
            raise ValueError("Say which channels to correlate, e.g. pairs=[1, 2]; a file does not tell.")
        pairs = source.channels()
    wanted: list[Any] = list(pairs)
    if all(isinstance(channel, (int, np.integer)) for channel in wanted):
        chosen = of_channels(sorted({int(channel) for channel in wanted}))
    else:
        chosen = [(int(a), int(b)) for a, b in wanted]
    if not chosen:
        raise ValueError("There is no channel to correlate.")
    if not all(0 <= channel <= 127 for pair in chosen for channel in pair):
        raise ValueError(f"The pairs {chosen} name impossible channels; they go from 0 to 127.")
    return list(chosen)


def grid_of(source: TagStream | TagFile, window_ns: float, bin_ps: float) -> Grid:
    """Return the bins.

    Raises
    ------
    ValueError
        If they are no whole number of units, or too many or none.
    """
    ratio = bin_ps / source.unit_ps
    width = round(ratio) if np.isfinite(ratio) else 0
    if width < 1 or abs(ratio / width - 1) > 1e-9:
        raise ValueError(
            f"The bins are {bin_ps} ps wide; they must be a whole number of the tags' unit, {source.unit_ps} "
            "ps, else they hold unequal numbers of delays."
        )
    half = int(np.ceil(window_ns * 1e3 / bin_ps - 1e-9)) if np.isfinite(window_ns) else 0
    if not 1 <= half <= 1 << 22:
        raise ValueError(
            f"A window of {window_ns} ns holds {half} bins of {bin_ps} ps on a side, not 1 to 4e6."
        )
    return Grid(width, half)
