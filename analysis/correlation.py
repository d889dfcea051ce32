"""Photon correlations from time tags.

``g2`` counts all pairs of tags by their delay, divides by what uncorrelated light of the same rates would
have given in the same live time, and takes its errors from a jackknife over blocks of the recording, which is
right for light that blinks or switches, where Poisson errors are too small.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

import xarray as xr

from analysis._correlation_coefficient import correlation_coefficient
from analysis._correlation_delays import NoFeatureError, delays_from
from analysis._correlation_estimate import expected_counts
from analysis._correlation_live import aligned
from analysis._correlation_log import g2_log
from analysis._correlation_pass import PairCounter, counted
from analysis._correlation_request import Pairs, Tags, grid_of, opened, pairs_of, shifts_of
from analysis._correlation_result import covariance, g2_dataset, replicates, subtract_background
from analysis._values import Value

__all__ = [
    "NoFeatureError",
    "correlation_coefficient",
    "covariance",
    "find_delays",
    "g2",
    "g2_log",
    "replicates",
    "subtract_background",
]


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
    source = opened(tags)
    grid = grid_of(source, window_ns, bin_ps)
    shifts = shifts_of(source)
    begin = -min([0, *shifts.values()])
    counter = PairCounter(pairs_of(source, pairs), grid, begin, source.expected_duration)
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


def find_delays(
    tags: Tags, channels: Sequence[int], *, search_ns: float = 200.0, bin_ps: float = 128.0
) -> dict[int, Value]:
    """Find by how much later the channels' tags come than those of the first, ns.

    Record all of them on the same light: bunched, antibunched or pulsed. The delay is the centroid of the
    most significant peak or dip of their correlation with the first channel; modes of lasers that answer one
    another after a delay have none at zero and are no use here.

    Parameters
    ----------
    tags
        As of `g2`; delays that it already carries are taken off before.
    channels
        The first is the reference.
    search_ns, bin_ps
        How far to look, and in what steps.

    Returns
    -------
    dict
        Delay by channel with its standard error. ``{c: 1e3 * d.value for c, d in found.items()}`` are the
        ``delays_ps`` of a `TagStream` or `TagFile`.

    Raises
    ------
    NoFeatureError
        If a channel shows no peak or dip of seven standard errors.
    ValueError
        As of `g2`.
    """
    if len(set(channels)) < 2:
        raise ValueError(f"Channels {list(channels)} have no delays between them; give at least two.")

    def correlate(pairs: list[tuple[int, int]]) -> xr.Dataset:
        return g2(tags, pairs, window_ns=search_ns, bin_ps=bin_ps)

    return delays_from(correlate, channels[0], channels)
