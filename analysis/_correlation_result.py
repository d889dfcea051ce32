"""Datasets of correlations and what can be taken from them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from analysis._correlation_estimate import jackknife_covariance, jackknife_std, left_out
from analysis._correlation_pass import PairCounter

__all__ = ["covariance", "g2_dataset", "plateau_bins", "replicates", "subtract_background", "tag_rates"]

_PLATEAU = 0.1
_FEWEST_BLOCKS = 50


def g2_dataset(
    counter: PairCounter,
    expected: np.ndarray,
    unit_ps: float,
    dead_time_ns: float | Mapping[int, float],
) -> xr.Dataset:
    """Return counted pairs as a dataset.

    Returns
    -------
    xarray.Dataset
        Dims pair ("1-2"), delay (ns, centres of the bins), block, channel. ``counts`` int64 (pair, delay),
        ``expected`` (counts of uncorrelated light), ``g2`` (global normalisation: their ratio), ``g2_std``
        (jackknife), ``valid`` (outside of dead times); ``plateau``, ``plateau_std`` (pair): mean g2 of the
        outermost tenth of the delays on each side, divide by it to normalise there; ``block_counts`` int32
        (block, pair, delay), ``block_share`` (block, pair): by what factor ``expected`` shrinks without the
        block; ``tags`` (channel), ``rate_hz`` (channel), ``first`` and ``second`` (pair).

    Notes
    -----
    A delay of d whole units means a delay of the light within (d - 1, d + 1) units, most likely d, because
    both times are rounded down. A bin [a, b) of whole units has its centre at (a + b - 1)/2.
    """
    grid = counter.grid
    unit_ns = unit_ps * 1e-3
    delay = (grid.edges()[:-1] + (grid.width - 1) / 2) * unit_ns
    valid = _outside_dead_time(counter, unit_ns, dead_time_ns)
    counts = counter.counts.sum(axis=0, dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(valid, counts / expected, np.nan)
    rates, live_s = tag_rates(counter, unit_ps)
    pair = ("pair", "delay")
    result = xr.Dataset(
        {
            "counts": (pair, counts, {"units": "counts"}),
            "expected": (pair, expected, {"units": "counts"}),
            "g2": (pair, value, {"units": "1"}),
            "valid": (pair, valid),
            "block_counts": (("block", *pair), counter.counts, {"units": "counts"}),
            "block_share": (("block", "pair"), _shares(counter), {"units": "1"}),
            **rates,
        },
        coords={
            "pair": [f"{a}-{b}" for a, b in counter.pairs],
            "delay": ("delay", delay, {"units": "ns"}),
            "channel": counter.channels,
            "first": ("pair", [a for a, _ in counter.pairs]),
            "second": ("pair", [b for _, b in counter.pairs]),
        },
        attrs={
            "bin_ps": grid.width * unit_ps,
            "window_ns": grid.window * unit_ns,
            "unit_ps": unit_ps,
            "duration_s": (counter.live.end - counter.live.begin) * unit_ps * 1e-12,
            "live_s": live_s,
            "gaps": len(counter.live.dead),
            "blocks": len(counter.counts),
            "block_s": counter.blocks.length * unit_ps * 1e-12,
            "enough_blocks": int(len(counter.counts) >= _FEWEST_BLOCKS),
            "kernel": "sweep" if counter.dense else "scan",
        },
    )
    return _with_errors(result)


def tag_rates(counter: PairCounter, unit_ps: float) -> tuple[dict[str, Any], float]:
    """Return the variables ``tags`` and ``rate_hz`` (channel), and the live time in s."""
    ends = np.array([counter.live.begin, counter.live.end])
    live_s = float(counter.live.live_in(ends)[0]) * unit_ps * 1e-12
    tags = counter.tags.sum(axis=0)
    rate = tags / live_s if live_s > 0 else np.full(tags.size, np.nan)
    return {
        "tags": ("channel", tags, {"units": "counts"}),
        "rate_hz": ("channel", rate, {"units": "Hz"}),
    }, live_s


def _outside_dead_time(
    counter: PairCounter, unit_ns: float, dead_time_ns: float | Mapping[int, float]
) -> np.ndarray:
    edges = counter.grid.edges() * unit_ns
    nearest = np.maximum(edges[:-1], -edges[1:])
    valid = np.full((len(counter.pairs), counter.grid.bins), True)
    for row, (a, b) in enumerate(counter.pairs):
        dead = dead_time_ns.get(a, 0.0) if isinstance(dead_time_ns, Mapping) else dead_time_ns
        if a == b and dead > 0:
            valid[row] = nearest >= dead * (1 - 1e-12)
    return valid


def _shares(counter: PairCounter) -> np.ndarray:
    """Return how the expected counts shrink without each block: N1 N2/T of the rest."""
    borders = counter.live.begin + counter.blocks.length * np.arange(len(counter.counts) + 1)
    live = counter.live.live_in(borders)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = 1 - counter.tags / counter.tags.sum(axis=0)
        time = 1 - live / live.sum()
        place = {channel: k for k, channel in enumerate(counter.channels)}
        return np.stack([rest[:, place[a]] * rest[:, place[b]] / time for a, b in counter.pairs], axis=1)


def plateau_bins(delay: np.ndarray) -> np.ndarray:
    """Return which delays belong to the plateau: the outermost tenth on either side."""
    distance = np.abs(delay - delay.mean())
    return np.asarray(distance >= (1 - _PLATEAU) * distance.max())


def _with_errors(result: xr.Dataset) -> xr.Dataset:
    """Add jackknife errors and the plateau."""
    each = np.where(result["valid"].values, replicates(result).values, np.nan)
    outer = plateau_bins(result["delay"].values)
    plateaus = each[:, :, outer].mean(axis=2)
    return result.assign(
        g2_std=(("pair", "delay"), jackknife_std(each), {"units": "1"}),
        plateau=("pair", result["g2"].values[:, outer].mean(axis=1), {"units": "1"}),
        plateau_std=("pair", jackknife_std(plateaus), {"units": "1"}),
    )


def replicates(correlation: xr.Dataset) -> xr.DataArray:
    """Return g2 with each block left out in turn, (block, pair, delay).

    Anything computed from g2 has the jackknife variance (n - 1)/n sum (x_k - <x>)^2 over the n replicates.
    """
    each = left_out(
        correlation["block_counts"].values, correlation["expected"].values, correlation["block_share"].values
    )
    if "signal_fraction" in correlation:
        each = 1 + (each - 1) / correlation["signal_fraction"].values[:, None]
    return xr.DataArray(
        each, dims=("block", "pair", "delay"), coords={k: correlation[k] for k in ("pair", "delay")}
    )


def covariance(correlation: xr.Dataset, pair: str) -> np.ndarray:
    """Return the jackknife covariance of g2 of one pair, (delay, delay).

    Its rank is at most one less than the number of blocks (attribute ``blocks``): for a fit with more delays
    than that, use the diagonal, or rebin.

    Raises
    ------
    ValueError
        If there is no such pair.
    """
    names = correlation["pair"].values.tolist()
    if pair not in names:
        raise ValueError(f"There is no pair {pair!r}; there are {', '.join(names)}.")
    result = jackknife_covariance(replicates(correlation).values[:, names.index(pair)])
    extra = correlation.get("background_std")
    if extra is not None:
        slope = extra.sel(pair=pair).values
        result = result + np.outer(slope, slope)
    return result


def subtract_background(
    correlation: xr.Dataset, background_hz: Mapping[int, float | tuple[float, float]]
) -> xr.Dataset:
    """Return the correlation of the light alone, without uncorrelated background.

    Parameters
    ----------
    correlation
        Of `g2`, not yet corrected.
    background_hz
        Rate of background counts by channel (dark counts, stray light), or rate and standard error. The other
        channels have none.

    Returns
    -------
    xarray.Dataset
        With ``g2`` = 1 + (g2 - 1)/(s1 s2), s being the fraction of signal in a channel; their product is
        ``signal_fraction`` (pair). ``g2_std`` contains the error of the backgrounds; ``background_std``
        (pair, delay) is that part, common to all delays up to sign.

    Raises
    ------
    ValueError
        If a background is as large as the rate, negative, or has been subtracted before.
    """
    if "signal_fraction" in correlation:
        raise ValueError("The background has been subtracted already.")
    rate = dict(zip(correlation["channel"].values.tolist(), correlation["rate_hz"].values, strict=True))
    signal: dict[int, float] = {}
    relative: dict[int, float] = {}
    for channel, counts in rate.items():
        given: Any = background_hz.get(channel, 0.0)
        value, std = given if isinstance(given, tuple) else (given, 0.0)
        if not (0 <= value < counts and std >= 0):
            raise ValueError(
                f"The background of channel {channel} is {value:g} +- {std:g} Hz; it must lie between 0 and "
                f"the rate, {counts:g} Hz."
            )
        signal[channel] = 1 - value / counts
        relative[channel] = std / counts / signal[channel]
    pairs = list(
        zip(correlation["first"].values.tolist(), correlation["second"].values.tolist(), strict=True)
    )
    fraction = np.array([signal[a] * signal[b] for a, b in pairs])
    # of one channel with itself the same background enters twice
    spread = np.array([2 * relative[a] if a == b else np.hypot(relative[a], relative[b]) for a, b in pairs])
    value = 1 + (correlation["g2"].values - 1) / fraction[:, None]
    result = correlation.assign(
        g2=(("pair", "delay"), value, {"units": "1"}),
        signal_fraction=("pair", fraction, {"units": "1"}),
        background_std=(("pair", "delay"), (value - 1) * spread[:, None], {"units": "1"}),
    )
    result = _with_errors(result)
    std = np.hypot(result["g2_std"].values, result["background_std"].values)
    return result.assign(g2_std=(("pair", "delay"), std, {"units": "1"}))
