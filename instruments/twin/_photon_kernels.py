"""Compiled loops from intensities to registered photons."""

import math

import numba
import numpy as np

__all__ = ["cumulate", "fifo", "register", "start_stop"]


BLOCK = 32
"""Samples per entry of the integrals: these stay in the processor's cache, the intensities do not."""


@numba.njit(cache=True)
def cumulate(intensity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integrate intensities along each stretch, block by block, and index the integrals for inversion.

    Parameters
    ----------
    intensity : numpy.ndarray of float32 or float64, (stretch, sample)
        Not negative.

    Returns
    -------
    integral : numpy.ndarray of float64, (stretch, block + 1)
        Starts at 0; one unit per sample of unit intensity.
    index : numpy.ndarray of int32, (stretch, block)
        Last block that starts at or below k / blocks of the stretch's total.
    """
    stretches, samples = intensity.shape
    blocks = -(-samples // BLOCK)
    integral = np.zeros((stretches, blocks + 1))
    index = np.zeros((stretches, blocks), dtype=np.int32)
    for s in range(stretches):
        for b in range(blocks):
            total = 0.0
            for i in range(b * BLOCK, min(samples, (b + 1) * BLOCK)):
                total += intensity[s, i]
            integral[s, b + 1] = integral[s, b] + total
        at = 0
        for k in range(blocks):
            while at < blocks - 1 and integral[s, at + 1] <= integral[s, blocks] * k / blocks:
                at += 1
            index[s, k] = at
    return integral, index


@numba.njit(cache=True)
def _position(intensity: np.ndarray, integral: np.ndarray, index: np.ndarray, s: int, level: float) -> float:
    """Return where a stretch's integral reaches a level, in samples."""
    samples = intensity.shape[1]
    blocks = index.shape[1]
    at = index[s, min(blocks - 1, int(level / integral[s, blocks] * blocks))]
    while at > 0 and integral[s, at] > level:
        at -= 1
    while at < blocks - 1 and integral[s, at + 1] <= level:
        at += 1
    left = level - integral[s, at]
    for i in range(at * BLOCK, min(samples, (at + 1) * BLOCK)):
        if left < intensity[s, i]:
            return i + left / intensity[s, i]
        left -= intensity[s, i]
    return float(min(samples, (at + 1) * BLOCK))  # by rounding only


@numba.njit(cache=True)
def _level(intensity: np.ndarray, integral: np.ndarray, s: int, position: float) -> float:
    """Return a stretch's integral at a position in samples."""
    if position >= intensity.shape[1]:
        return integral[s, -1]
    whole = int(position)
    level = integral[s, whole // BLOCK]
    for i in range(whole // BLOCK * BLOCK, whole):
        level += intensity[s, i]
    return level + (position - whole) * intensity[s, whole]


@numba.njit(cache=True)
def register(
    intensity: np.ndarray,
    integral: np.ndarray,
    index: np.ndarray,
    order: np.ndarray,
    phase: float,
    duration: float,
    sample_ps: float,
    photons_per_unit: float,
    dark_per_ps: float,
    dead_ps: float,
    afterpulse: float,
    afterpulse_ps: float,
    jitter_ps: float,
    state: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Register the photons of one detector over a span of time.

    Photons are a Poisson process in the integrated intensity, so their times are exact at any rate; within a
    sample they are uniform. Photons, dark counts and afterpulses meet the dead time in the order in which
    they arrive; each registered event may leave a carrier behind that fires again once the dead time is over.

    Parameters
    ----------
    intensity, integral, index : numpy.ndarray
        See `cumulate`.
    order : numpy.ndarray of int
        Stretches, one after the other; the first is entered at `phase`, in samples.
    duration : float
        Length of the span, in samples.
    photons_per_unit, dark_per_ps : float
        Detected photons per unit of the integral; dark counts per ps.
    dead_ps, afterpulse, afterpulse_ps, jitter_ps : float
        Dead time; probability of an afterpulse and its mean delay after the dead time; rms jitter.
    state : numpy.ndarray of float64
        End of the dead time, then the pending afterpulses (inf: none), in ps from the start of the span;
        updated to the start of the next span.
    rng : numpy.random.Generator
        Source of everything random.

    Returns
    -------
    numpy.ndarray of float64
        Times from the start of the span in ps, sorted, with jitter.
    """
    samples = intensity.shape[1]
    end_ps = duration * sample_ps
    pending = state[1:]
    light = duration * photons_per_unit * integral[:, -1].mean() / samples
    out = np.empty(1000 + int(1.2 * (light + end_ps * dark_per_ps)))
    count = 0
    dark = rng.standard_exponential() / dark_per_ps if dark_per_ps > 0 else math.inf
    segment = 0
    entered = -phase  # where this stretch's first sample would lie, in samples of the span
    last = _level(intensity, integral, order[0], min(phase + duration, float(samples)))
    level = _level(intensity, integral, order[0], phase)
    photon = math.inf
    wanted = True
    next_pending = pending.min()
    while True:
        if wanted:
            photon = math.inf
            if photons_per_unit > 0:
                step = rng.standard_exponential() / photons_per_unit
                while level + step >= last and segment < order.size:
                    step -= last - level
                    segment += 1
                    if segment < order.size:
                        entered += samples
                        stop = min(duration - entered, float(samples))
                        level = 0.0
                        last = _level(intensity, integral, order[segment], stop)
                if segment < order.size:
                    level += step
                    photon = (
                        entered + _position(intensity, integral, index, order[segment], level)
                    ) * sample_ps
            wanted = False
        time = min(photon, dark, next_pending)
        if time >= end_ps:
            break
        if time == next_pending:
            pending[pending.argmin()] = math.inf
            next_pending = pending.min()
        elif time == photon:
            wanted = True
        else:
            dark += rng.standard_exponential() / dark_per_ps
        if time < state[0]:
            continue
        state[0] = time + dead_ps
        if afterpulse > 0 and rng.random() < afterpulse:
            slot = pending.argmax()
            pending[slot] = state[0] + afterpulse_ps * rng.standard_exponential()
            next_pending = pending.min()
        shown = time + jitter_ps * rng.standard_normal() if jitter_ps > 0 else time
        if count == out.size:
            longer = np.empty(2 * count)
            longer[:count] = out
            out = longer
        at = count
        while at > 0 and out[at - 1] > shown:
            out[at] = out[at - 1]
            at -= 1
        out[at] = shown
        count += 1
    state -= end_ps
    return out[:count].copy()


@numba.njit(cache=True)
def fifo(times_ps: np.ndarray, drained_per_ps: float, size: int, state: np.ndarray) -> tuple[np.ndarray, int]:
    """Pass tags through a buffer that is emptied at a constant rate; what finds it full is lost.

    Parameters
    ----------
    times_ps : numpy.ndarray of int64
        Sorted.
    drained_per_ps : float
        Tags taken out per ps.
    size : int
        Tags that fit.
    state : numpy.ndarray of float64
        Fill and time of the last tag; 1 while overflowing, which lasts until the buffer is half empty.

    Returns
    -------
    kept : numpy.ndarray of bool
    overflows : int
        How often the buffer ran full.
    """
    kept = np.ones(times_ps.size, dtype=np.bool_)
    overflows = 0
    for i in range(times_ps.size):
        state[0] = max(0.0, state[0] - (times_ps[i] - state[1]) * drained_per_ps)
        state[1] = times_ps[i]
        if state[2] == 1 and state[0] <= size / 2:
            state[2] = 0
        if state[2] == 0 and state[0] >= size:
            state[2] = 1
            overflows += 1
        if state[2] == 1:
            kept[i] = False
        else:
            state[0] += 1
    return kept, overflows


@numba.njit(cache=True)
def start_stop(
    starts_ps: np.ndarray,
    stops_ps: np.ndarray,
    minimum_ps: int,
    bin_width_ps: int,
    counts: np.ndarray,
    running_ps: int,
) -> int:
    """Add the delay from each start to its first stop to a histogram; a new start replaces a waiting one.

    Parameters
    ----------
    starts_ps, stops_ps : numpy.ndarray of int64
        Sorted.
    minimum_ps, bin_width_ps : int
        Binning.
    counts : numpy.ndarray of int64
        The histogram; it is added to.
    running_ps : int
        Start that waits from before, or -1.

    Returns
    -------
    int
        Start that still waits, or -1.
    """
    start = 0
    for stop in stops_ps:
        while start < starts_ps.size and starts_ps[start] < stop:
            running_ps = starts_ps[start]
            start += 1
        if running_ps < 0:
            continue
        at = (stop - running_ps - minimum_ps) // bin_width_ps
        if 0 <= at < counts.size:
            counts[at] += 1
        running_ps = -1
    if start < starts_ps.size:
        running_ps = starts_ps[-1]
    return running_ps
