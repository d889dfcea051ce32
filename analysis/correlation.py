"""Photon correlations from time tags.

``g2`` counts all pairs of tags by their delay, divides by what uncorrelated light of the same rates would
have given in the same live time, and takes its errors from a jackknife over blocks of the recording, which is
right for light that blinks or switches, where Poisson errors are too small.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from analysis._correlation_coefficient import correlation_coefficient
from analysis._correlation_estimate import expected_counts
from analysis._correlation_live import aligned
from analysis._correlation_pass import Grid, PairCounter, counted
from analysis._correlation_result import covariance, g2_dataset, replicates, subtract_background
from analysis.timetags import TagFile, TagStream, open_tags

__all__ = [
    "correlation_coefficient",
    "covariance",
    "g2",
    "replicates",
    "subtract_background",
]

Tags = TagStream | TagFile | Path | str
Pairs = Iterable[int] | Iterable[tuple[int, int]]


def g2(
    tags: Tags,
    pairs: Pairs | None = None,
    *,
    window_ns: float = 50.0,
    bin_ps: float = 128.0,
    dead_time_ns: float | Mapping[int, float] = 0.0,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Correlate time tags: full start-multistop histograms of all pairs in one pass.

    Parameters
    ----------
    tags
        A stream in memory, an open file or the path of one; files are read in chunks with constant memory.
    pairs
        Pairs of channels, e.g. ``[(1, 2), (1, 1)]``, or channels, of which all pairs with themselves and each
        other are taken. By default all channels of a stream in memory; files need to be told.
    window_ns
        Delays go from -window to window, rounded up to whole bins.
    bin_ps
        Width of a bin; a whole number of the tags' unit.
    dead_time_ns
        Dead time of the detectors (by channel, or of all). A channel's correlation with itself is NaN where
        it is affected.
    progress
        Called with the fraction done.

    Returns
    -------
    xarray.Dataset
        Dims (pair, delay); see `analysis._correlation_result.g2_dataset` for all variables. ``delay`` is
        the centre of a bin in ns and is positive where the second channel of a pair comes later.

    Raises
    ------
    ValueError
        If bins, window or pairs are impossible.
    analysis.timetags.TagFileError
        If the file is damaged.
    """
    source = open_tags(tags) if isinstance(tags, (str, Path)) else tags
    chosen = _pairs(source, pairs)
    grid = _grid(source, window_ns, bin_ps)
    shifts = {channel: round(delay / source.unit_ps) for channel, delay in source.delays_ps.items()}
    begin = -min([0, *shifts.values()])
    counter = PairCounter(chosen, grid, begin, source.expected_duration)
    for fraction in counted(aligned(source.chunks(), shifts), counter):
        if progress is not None:
            progress(fraction)
    result = g2_dataset(counter, expected_counts(counter), source.unit_ps, dead_time_ns)
    resolution = source.resolution_ps or source.unit_ps
    ratio = grid.width * source.unit_ps / resolution
    result.attrs |= {
        "bin_unevenness": 0.0 if abs(ratio - round(ratio)) < 1e-6 else 1 / ratio,
        "source": source.source,
        "format": source.format,
        "labsync_version": version("labsync"),
        "notes": "; ".join(source.notes),
    }
    return result


def _pairs(source: TagStream | TagFile, pairs: Pairs | None) -> list[tuple[int, int]]:
    if pairs is None:
        if isinstance(source, TagFile):
            raise ValueError("Say which channels to correlate, e.g. pairs=[1, 2]; a file does not tell.")
        pairs = source.channels()
    wanted: list[Any] = list(pairs)
    if all(isinstance(channel, (int, np.integer)) for channel in wanted):
        channels = sorted({int(channel) for channel in wanted})
        chosen = [(a, b) for k, a in enumerate(channels) for b in channels[k:]]
    else:
        chosen = [(int(a), int(b)) for a, b in wanted]
    if not chosen or len(set(chosen)) < len(chosen) or len({frozenset(p) for p in chosen}) < len(chosen):
        raise ValueError(f"The pairs {chosen} are none or name one twice; give each pair of channels once.")
    if not all(0 <= channel <= 127 for pair in chosen for channel in pair):
        raise ValueError(f"The pairs {chosen} name impossible channels; they go from 0 to 127.")
    return chosen


def _grid(source: TagStream | TagFile, window_ns: float, bin_ps: float) -> Grid:
    ratio = bin_ps / source.unit_ps
    width = round(ratio) if np.isfinite(ratio) else 0
    if width < 1 or abs(ratio / width - 1) > 1e-9:
        raise ValueError(
            f"The bins are {bin_ps} ps wide; they must be a whole number of the tags' unit, {source.unit_ps} ps, "
            "else they hold unequal numbers of delays."
        )
    half = int(np.ceil(window_ns * 1e3 / bin_ps - 1e-9)) if np.isfinite(window_ns) else 0
    if not 1 <= half <= 1 << 22:
        raise ValueError(
            f"A window of {window_ns} ns holds {half} bins of {bin_ps} ps on a side, not 1 to 4e6."
        )
    return Grid(width, half)
