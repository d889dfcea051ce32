"""Photons from intensities: a Cox process, registered by counting modules.

A long recording is put together from independent stretches of simulated light, each played whole and in
random order; only the first is entered at a random phase. All detectors see the same stretch at the same
time, which is what carries their correlation. Pairs of photons at lag t fall into different stretches of
length D with probability t/D and are then uncorrelated, so that g2 - 1 is too small by that fraction: 1 % at
100 ns with stretches of 10 us. Within a sample of the intensity the photons are uniform.
"""

import math
from collections.abc import Mapping

import numpy as np

from instruments.timetags import TimeTags, merge_tags

from ._photon_kernels import cumulate, register
from ._streams import stream
from .detectors import Spcm

__all__ = ["Counter", "Pool", "Track", "synthetic_tags"]

PENDING_AFTERPULSES = 8
SPAN_S = 0.1
FWHM_PER_RMS = 2 * math.sqrt(2 * math.log(2))


class Pool:
    """Independent stretches of light as one detector sees them.

    Parameters
    ----------
    intensity : numpy.ndarray, (stretch, sample)
        Not negative, in any unit.
    sample_ps : float
        Time per sample.

    Attributes
    ----------
    mean : float
        Mean intensity.
    """

    def __init__(self, intensity: np.ndarray, sample_ps: float) -> None:
        if intensity.ndim != 2 or not intensity.size:
            raise ValueError(f"intensities need the shape (stretch, sample), not {intensity.shape}")
        if not np.all(intensity >= 0):
            raise ValueError("an intensity is negative or no number")
        self.stretches, self.samples = intensity.shape
        self.sample_ps = sample_ps
        self.intensity = np.ascontiguousarray(intensity)
        self.integral, self.index = cumulate(self.intensity)
        self.mean = float(self.integral[:, -1].mean()) / self.samples


class Track:
    """Which stretch plays when; one for all detectors of a box.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the order.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._stretches = self._samples = 0

    def advance(self, pool: Pool, duration_ps: float) -> tuple[np.ndarray, float]:
        """Return the stretches that play during the next span, and the phase of the first, in samples.

        A pool of another shape starts anew, at a random phase.
        """
        if (pool.stretches, pool.samples) != (self._stretches, self._samples):
            self._stretches, self._samples = pool.stretches, pool.samples
            self._playing = int(self._rng.integers(pool.stretches))
            self._phase = self._rng.uniform(0, pool.samples)
        phase, end = self._phase, self._phase + duration_ps / pool.sample_ps
        more = int(end // pool.samples)
        order = np.concatenate([[self._playing], self._rng.integers(pool.stretches, size=more)])
        self._playing, self._phase = int(order[-1]), end - more * pool.samples
        return order, phase


class Counter:
    """One counting module: what it remembers between spans of time.

    Parameters
    ----------
    module : Spcm
        Dark counts, dead time, afterpulses, jitter.
    rng : numpy.random.Generator
        Source of photons and noise.
    """

    def __init__(self, module: Spcm, rng: np.random.Generator) -> None:
        self.module = module
        self._rng = rng
        self._state = np.full(1 + PENDING_AFTERPULSES, np.inf)
        self._state[0] = -np.inf

    def register(
        self, pool: Pool, order: np.ndarray, phase: float, duration_ps: float, light_cps: float
    ) -> np.ndarray:
        """Return the times of the next span's counts, in ps from its start.

        Parameters
        ----------
        pool : Pool
            The light.
        order, phase : numpy.ndarray, float
            See `Track.advance`.
        duration_ps : float
            Length of the span.
        light_cps : float
            Mean rate of detected photons before the dead time, in 1/s, dark counts left out.
        """
        module = self.module
        per_unit = light_cps * 1e-12 * pool.sample_ps / pool.mean if pool.mean > 0 else 0.0
        return register(
            pool.intensity,
            pool.integral,
            pool.index,
            order,
            phase,
            duration_ps / pool.sample_ps,
            pool.sample_ps,
            per_unit,
            module.dark_cps * 1e-12,
            module.dead_time_s * 1e12,
            module.afterpulse_probability,
            module.afterpulse_delay_s * 1e12,
            module.jitter_fwhm_s * 1e12 / FWHM_PER_RMS,
            self._state,
            self._rng,
        )


def synthetic_tags(
    intensity: Mapping[int, np.ndarray],
    sample_ps: float,
    light_cps: Mapping[int, float],
    duration_s: float,
    *,
    module: Spcm | None = None,
    seed: int = 1,
    unit_ps: int = 1,
) -> TimeTags:
    """Record photons from simulated intensities, without instruments.

    Parameters
    ----------
    intensity : mapping of int to numpy.ndarray
        Channel to its intensities, (stretch, sample), in any unit; all channels see the same stretch.
    sample_ps : float
        Time per sample.
    light_cps : mapping of int to float
        Channel to its mean rate of detected photons before the dead time, in 1/s.
    duration_s : float
        Length of the recording.
    module : Spcm, optional
        The counting modules; by default without dark counts, dead time, afterpulses and jitter.
    seed : int
        Seed of everything random.
    unit_ps : int
        Width of the time bins.

    Returns
    -------
    TimeTags
        The same for the same seed.

    Raises
    ------
    ValueError
        The channels' intensities differ in shape, or one is negative.
    """
    if len({np.shape(light) for light in intensity.values()}) != 1:
        raise ValueError("the intensities of all channels need the same shape (stretch, sample)")
    module = module or Spcm(0.0, dark_cps=0.0, dead_time_s=0.0, jitter_fwhm_s=0.0)
    pools = {channel: Pool(light, sample_ps) for channel, light in intensity.items()}
    counters = {channel: Counter(module, stream(seed, "photons", channel)) for channel in pools}
    track = Track(stream(seed, "stretches"))
    pieces: dict[int, list[np.ndarray]] = {channel: [] for channel in pools}
    end_ps, now_ps = duration_s * 1e12, 0.0
    while now_ps < end_ps:
        span_ps = min(SPAN_S * 1e12, end_ps - now_ps)
        order, phase = track.advance(next(iter(pools.values())), span_ps)
        for channel, pool in pools.items():
            times = counters[channel].register(pool, order, phase, span_ps, light_cps[channel])
            pieces[channel].append(binned(now_ps + times, unit_ps))
        now_ps += span_ps
    times_ps = {channel: np.sort(np.concatenate(parts)) for channel, parts in pieces.items()}
    inside = {channel: times[(times >= 0) & (times <= end_ps)] for channel, times in times_ps.items()}
    return merge_tags(inside, duration_s, where="synthetic recording", unit_ps=unit_ps)


def binned(times_ps: np.ndarray, unit_ps: int) -> np.ndarray:
    """Return the lower edges of the time bins that times fall into, in ps."""
    return np.floor(times_ps / unit_ps).astype(np.int64) * unit_ps
