"""From counted pairs to g2: what uncorrelated light would give, and errors from blocks."""

import numpy as np

from analysis._correlation_pass import PairCounter

__all__ = ["expected_counts", "jackknife_covariance", "jackknife_std", "left_out"]


def expected_counts(counter: PairCounter) -> np.ndarray:
    """Return the counts of uncorrelated light of the same rates, (pairs, bins).

    At a delay tau the first tag of a pair lies where the recording is also live tau later, the second where
    it is also live tau earlier. The tags that do, and the live time that they do it in, give
    N1(tau) N2(tau) width/T(tau); NaN where no live time is left.
    """
    live, grid = counter.live, counter.grid
    total = counter.tags.sum(axis=0)
    cumulated = np.concatenate([np.zeros((len(total), 1)), np.cumsum(counter.edges, axis=1)], axis=1)
    # at delay 0 every tag counts: all of them lie in the live time
    lost = cumulated - cumulated[:, [grid.half]]
    kept_first, kept_second = (total[:, None] - _between(side) for side in (lost, lost[:, ::-1]))
    overlap = _between(live.overlap(grid.edges())[None])[0]
    place = {channel: k for k, channel in enumerate(counter.channels)}
    rows = [kept_first[place[a]] * kept_second[place[b]] for a, b in counter.pairs]
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.array(rows) * grid.width / overlap
    expected[:, overlap <= 0] = np.nan
    return expected


def _between(edges: np.ndarray) -> np.ndarray:
    """Return bin means of what is known at the edges."""
    return (edges[:, 1:] + edges[:, :-1]) / 2


def left_out(counts: np.ndarray, expected: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return g2 with each block left out in turn, (blocks, pairs, bins).

    Parameters
    ----------
    counts : ndarray, (blocks, pairs, bins)
        Counts of the blocks.
    expected : ndarray, (pairs, bins)
        Expected counts of the whole recording.
    share : ndarray, (blocks, pairs)
        By what factor the expected counts shrink without a block.
    """
    total = counts.sum(axis=0, dtype=np.int64)
    rest = expected * share[:, :, None]
    return np.divide(total - counts, rest, out=np.full(rest.shape, np.nan), where=rest > 0)


def jackknife_std(replicates: np.ndarray) -> np.ndarray:
    """Return standard errors from leave-one-out replicates along the first axis; NaN for fewer than two."""
    blocks = len(replicates)
    if blocks < 2:
        return np.full(replicates.shape[1:], np.nan)
    spread = replicates - replicates.mean(axis=0)
    return np.asarray(np.sqrt((blocks - 1) / blocks * np.sum(spread**2, axis=0)))


def jackknife_covariance(replicates: np.ndarray) -> np.ndarray:
    """Return the covariance of leave-one-out replicates (blocks, values), (values, values)."""
    blocks = len(replicates)
    spread = replicates - replicates.mean(axis=0)
    return np.asarray((blocks - 1) / blocks * spread.T @ spread)
