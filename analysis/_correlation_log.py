"""Correlations from nanoseconds to seconds on a logarithmic axis."""

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr

from analysis._correlation_coarse import FIRST_LAG, LAGS, CoarseCorrelator
from analysis._correlation_estimate import expected_counts, jackknife_std
from analysis._correlation_live import aligned
from analysis._correlation_pass import Grid, PairCounter
from analysis._correlation_request import Tags, opened, ordered_pairs, shifts_of
from analysis._correlation_result import tag_rates

__all__ = ["g2_log"]

_FINE_BINS = 1024
_LINEAR = 16
_QUIET_BLOCK = 4


def g2_log(
    tags: Tags,
    pairs: Iterable[int] | Iterable[tuple[int, int]] | None = None,
    *,
    longest_s: float = 1.0,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Correlate time tags at delays from 1 ns to a second, eight or more to an octave.

    Up to about 1 us all pairs of tags are counted exactly in bins of 1 ns, which are joined to 2, 4, ... 64
    ns. Beyond, counts in samples of 128 ns, 256 ns, ... are correlated at the delays of 8 to 15 samples; such
    a delay collects those within a triangle of one sample on either side.

    Parameters
    ----------
    tags
        A stream in memory, an open file or the path of one; files are read in chunks with constant memory.
    pairs
        Ordered pairs of channels, e.g. ``[(1, 2), (2, 1)]``: the second comes later. Of channels all ordered
        pairs are taken. By default all channels of a stream in memory.
    longest_s
        Longest delay.
    progress
        Called with the fraction done.

    Returns
    -------
    xarray.Dataset
        Dims pair ("1-2"), delay (ns, centre). ``g2`` and ``g2_std`` (jackknife; NaN where a block is shorter
        than four delays), ``counts`` (pairs counted) and ``expected`` (those of uncorrelated light with the
        rates of that part of the recording which has partners), ``width_ns`` (delay), ``exact`` (delay):
        counted in bins, not in triangles. Delays of more than half the recording are NaN.

    Raises
    ------
    ValueError
        If the pairs are impossible or the longest delay is not above 2 us.
    analysis.timetags.TagFileError
        If the file is damaged.
    """
    source = opened(tags)
    chosen = ordered_pairs(source, pairs)
    base = max(round(1e3 / source.unit_ps), 1)
    sample = base * _FINE_BINS // FIRST_LAG
    last_lag = sample * (FIRST_LAG + LAGS - 1)
    if not 2e-6 < longest_s < 1e6:
        raise ValueError(f"The longest delay is {longest_s} s; it must be above 2e-6 s.")
    levels = max(int(np.ceil(np.log2(longest_s * 1e12 / source.unit_ps / last_lag))), 0) + 1
    shifts = shifts_of(source)
    unordered = sorted({(min(pair), max(pair)) for pair in chosen})
    counter = PairCounter(
        unordered, Grid(base, _FINE_BINS), -min([0, *shifts.values()]), source.expected_duration
    )
    rows = [(counter.channels.index(a), counter.channels.index(b)) for a, b in chosen]
    coarse = CoarseCorrelator(counter.channels, rows, sample, levels, counter.blocks)
    elapsed = counter.live.begin
    for chunk in aligned(source.chunks(), shifts):
        time, channel = counter.feed(chunk)
        elapsed = chunk.elapsed
        coarse.feed(time, channel, counter.live.dead, elapsed)
        if progress is not None:
            progress(chunk.fraction)
    counter.finish(elapsed)
    coarse.finish(counter.live.dead, counter.live.end)
    parts = [_fine(counter, chosen, base), *(_coarse(counter, coarse, number) for number in range(levels))]
    return _dataset(parts, chosen, counter, source)


def _fine(counter: PairCounter, pairs: list[tuple[int, int]], base: int) -> dict[str, Any]:
    """Return the bins of the exact counts, joined along the logarithm."""
    octaves = 1 << np.arange(int(np.log2(_LINEAR)), int(np.log2(_FINE_BINS)))
    starts = np.concatenate(
        [np.arange(1, _LINEAR), *(octave + octave // 8 * np.arange(8) for octave in octaves)]
    )
    widths = np.diff(np.append(starts, _FINE_BINS))
    expected = expected_counts(counter)
    total, half = counter.counts, counter.grid.half
    counts, blocks, wanted = [], [], []
    for a, b in pairs:
        row = counter.pairs.index((min(a, b), max(a, b)))
        side = slice(half, None) if a <= b else slice(half - 1, None, -1)
        each = np.add.reduceat(total[:, row, side], starts, axis=1)
        blocks.append(each)
        counts.append(each.sum(axis=0))
        wanted.append(np.add.reduceat(expected[row, side], starts))
    return {
        "delay": (starts + widths / 2) * base - 0.5,
        "width": widths * base,
        "counts": np.array(counts, float),
        "expected": np.array(wanted),
        "blocks": np.stack(blocks, axis=1).astype(float),
    }


def _coarse(counter: PairCounter, coarse: CoarseCorrelator, number: int) -> dict[str, Any]:
    """Return the delays of a level of the coarse correlator."""
    level, length = coarse.levels[number], coarse.sample << number
    products = level.products[: len(counter.counts)].transpose(0, 2, 1)
    return {
        "delay": (FIRST_LAG + np.arange(LAGS)) * float(length),
        "width": np.full(LAGS, float(length)),
        "counts": products.sum(axis=0),
        "expected": coarse.expected(number).T,
        "blocks": products,
    }


def _dataset(
    parts: list[dict[str, Any]], pairs: list[tuple[int, int]], counter: PairCounter, source: Any
) -> xr.Dataset:
    unit_ns = source.unit_ps * 1e-3
    rates, live_s = tag_rates(counter, source.unit_ps)
    delay, width, counts, expected, blocks = (
        np.concatenate([part[name] for part in parts], axis=-1)
        for name in ("delay", "width", "counts", "expected", "blocks")
    )
    duration = counter.live.end - counter.live.begin
    expected = np.where((expected > 0) & (delay < duration / 2), expected, np.nan)
    tags = counter.tags.sum(axis=0)
    live = counter.live.live_in(
        counter.blocks.begin + counter.blocks.length * np.arange(len(counter.tags) + 1)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = 1 - counter.tags / tags
        place = {channel: k for k, channel in enumerate(counter.channels)}
        share = np.stack([rest[:, place[a]] * rest[:, place[b]] for a, b in pairs], axis=1)
        each = (counts - blocks) / (expected * (share / (1 - live / live.sum())[:, None])[:, :, None])
    std = np.where(delay * _QUIET_BLOCK <= counter.blocks.length, jackknife_std(each), np.nan)
    pair = ("pair", "delay")
    return xr.Dataset(
        {
            "g2": (pair, counts / expected, {"units": "1"}),
            "g2_std": (pair, std, {"units": "1"}),
            "counts": (pair, counts, {"units": "counts"}),
            "expected": (pair, expected, {"units": "counts"}),
            "width_ns": ("delay", width * unit_ns, {"units": "ns"}),
            "exact": ("delay", np.arange(delay.size) < parts[0]["delay"].size),
            **rates,
        },
        coords={
            "pair": [f"{a}-{b}" for a, b in pairs],
            "delay": ("delay", delay * unit_ns, {"units": "ns"}),
            "channel": counter.channels,
        },
        attrs={
            "duration_s": duration * source.unit_ps * 1e-12,
            "live_s": live_s,
            "blocks": len(counter.counts),
            "block_s": counter.blocks.length * source.unit_ps * 1e-12,
            "unit_ps": source.unit_ps,
            "source": source.source,
            "format": source.format,
            "labsync_version": version("labsync"),
            "notes": "; ".join(source.notes),
        },
    )
