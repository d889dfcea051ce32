"""Spectral densities of records of any length in constant memory.

Averaged periodograms: P. D. Welch, IEEE Trans. Audio Electroacoust. 15, 70 (1967). They are computed in
single precision, whose rounding leaves some 1e-14 of the strongest line's density in all bins.
"""

import numpy as np
import xarray as xr
from scipy.fft import next_fast_len
from scipy.signal import get_window

from analysis._beat_errors import RecordError, ResolutionError
from analysis._beat_health import Health
from analysis._beat_records import Record
from analysis._beat_welch import Welch

LONGEST = 2**20
"""Samples of the longest segment; more of them would not fit into constant memory."""

COARSEST = 8
"""The rate over the widest resolution, for which a segment has a handful of samples."""

WINDOWS = {"boxcar": 0.8859, "hann": 1.4406, "blackmanharris": 1.8995, "flattop": 3.7247}
"""Width of a tone at half its power, in units of the inverse length of a segment."""


def spectrum(
    record: Record, resolution_hz: float, *, window: str = "hann", overlap: float = 0.5
) -> xr.Dataset:
    """Return the averaged spectral density of a record, in constant memory.

    Each segment's mean is taken off; segments do not reach across gaps.

    Parameters
    ----------
    record : Record
        Real samples give a one-sided spectrum, complex ones a two-sided one.
    resolution_hz : float
        Width at half its power that a tone shall have at most.
    window : str
        "hann", "blackmanharris", "flattop" or "boxcar".
    overlap : float
        Of neighbouring segments, 0 to 0.9.

    Returns
    -------
    xarray.Dataset
        ``power_density`` in V^2/Hz (code^2/Hz where the record has no scale) and ``level_db`` in
        dB(V^2/Hz), (channel, frequency_hz);
        ``extreme_share`` and ``clipped``, (channel,): the share of samples at the highest or lowest value,
        and what the recorder says. ``attrs``: ``resolution_bandwidth_hz`` (reached, width at half power),
        ``noise_bandwidth_hz``, ``segment_samples``, ``segments``, ``looks`` (independent averages, whose
        inverse root is the relative standard error), ``window``, ``overlap``, ``lost``, ``sample_rate_hz``.

    Raises
    ------
    ResolutionError
        If the record is too short for the resolution, or its segments too long for constant memory.
    RecordError
        If the record is empty, constant, clipped throughout or holds NaN.
    """
    sums, health, weights, step = _summed(record, resolution_hz, window, overlap)
    frequency, order = _frequencies(record, len(weights), sums.complex)
    density = _scaled(sums.power, record, weights, sums)[:, order]
    return xr.Dataset(
        {
            "power_density": (("channel", "frequency_hz"), density, {"units": f"{record.unit}2/Hz"}),
            "level_db": (
                ("channel", "frequency_hz"),
                10 * np.log10(np.maximum(density, np.finfo(float).tiny)),
                {"units": f"dB({record.unit}2/Hz)"},
            ),
            "extreme_share": ("channel", health.extreme_share(), {"units": "1"}),
            "clipped": ("channel", np.array(record.clipped or [False] * len(density)), {"units": "1"}),
        },
        {"channel": list(record.channels), "frequency_hz": ("frequency_hz", frequency, {"units": "Hz"})},
        _attrs(record, weights, step, sums.segments, window),
    )


def coherence(
    record: Record, resolution_hz: float, *, window: str = "hann", overlap: float = 0.5
) -> xr.Dataset:
    """Return how two channels go together at each frequency.

    Parameters
    ----------
    record : Record
        Of two channels.
    resolution_hz, window, overlap
        As for `spectrum`.

    Returns
    -------
    xarray.Dataset
        ``coherence``, the squared modulus of the cross spectrum over both densities (its mean is 1/looks for
        independent channels), ``phase_rad`` of the second channel over the first, and
        ``cross_density`` in V^2/Hz, complex, (frequency_hz). ``attrs`` as of `spectrum`.

    Raises
    ------
    RecordError, ResolutionError
        If there are not two channels, or as for `spectrum`.
    """
    if len(record.channels) != 2:
        raise RecordError(f"{record.source} has {len(record.channels)} channels; a coherence takes two.")
    sums, _, weights, step = _summed(record, resolution_hz, window, overlap, cross=True)
    assert sums.cross is not None
    frequency, order = _frequencies(record, len(weights), sums.complex)
    product = sums.power[0] * sums.power[1]
    cross = np.abs(sums.cross) ** 2 / np.where(product > 0, product, 1.0)
    to_second = record.scale_v[1] / record.scale_v[0]
    density = to_second * _scaled(sums.cross[np.newaxis], record, weights, sums)[0]
    return xr.Dataset(
        {
            "coherence": ("frequency_hz", cross[order], {"units": "1"}),
            "phase_rad": ("frequency_hz", np.angle(sums.cross)[order], {"units": "rad"}),
            "cross_density": ("frequency_hz", density[order], {"units": f"{record.unit}2/Hz"}),
        },
        {"frequency_hz": ("frequency_hz", frequency, {"units": "Hz"})},
        _attrs(record, weights, step, sums.segments, window),
    )


def _summed(
    record: Record, resolution_hz: float, window: str, overlap: float, cross: bool = False
) -> tuple[Welch, Health, np.ndarray, int]:
    length = _segment_samples(record, resolution_hz, window)
    if not 0 <= overlap <= 0.9:
        raise RecordError(f"The overlap of segments is {overlap:g}; it must be from 0 to 0.9.")
    weights = np.asarray(get_window(window, length))
    step = length - min(int(overlap * length), length - 1)
    health = Health(record)
    sums: Welch | None = None
    longest = 0
    for stretch in record.stretches:
        before = health.samples
        for block in stretch.blocks():
            health.watch(block)
            if sums is None:
                sums = Welch(len(block), weights, step, block.dtype, cross)
            sums.add(block)
        longest = max(longest, health.samples - before)
        if sums is not None:
            sums.gap()
    health.check()
    assert sums is not None
    if not sums.segments:
        raise _too_short(record, resolution_hz, window, length, longest)
    return sums, health, weights, step


def _too_short(
    record: Record, resolution_hz: float, window: str, length: int, longest: int
) -> ResolutionError:
    within_reach = WINDOWS[window] * record.sample_rate_hz / longest
    return ResolutionError(
        f"A resolution of {resolution_hz:g} Hz takes {length} samples without a gap, and {record.source} has "
        f"{longest}; ask for {np.ceil(within_reach * 1e3) * 1e-3:.6g} Hz or more."
    )


def _segment_samples(record: Record, resolution_hz: float, window: str) -> int:
    if window not in WINDOWS:
        raise RecordError(f"There is no window '{window}' here; use one of {', '.join(WINDOWS)}.")
    rate = record.sample_rate_hz
    if not (np.isfinite(resolution_hz) and 0 < resolution_hz <= rate / COARSEST):
        raise ResolutionError(
            f"The resolution is {resolution_hz:g} Hz; at {rate:g} Hz it must be above 0 and at most "
            f"{rate / COARSEST:g} Hz."
        )
    least = int(np.ceil(WINDOWS[window] * rate / resolution_hz * (1 - 1e-9)))
    length = next_fast_len(least, real=True)
    longest = record.longest
    if longest is not None and length > longest >= least:
        length = least  # there is just enough
    if length > LONGEST:
        raise ResolutionError(
            f"A resolution of {resolution_hz:g} Hz at {rate:g} Hz takes segments of {length} samples, more "
            f"than {LONGEST}; demodulate first, which lowers the rate."
        )
    return length


def _frequencies(record: Record, length: int, is_complex: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return rising frequencies and the bins that they belong to."""
    frequency = (np.fft.fftfreq if is_complex else np.fft.rfftfreq)(length, 1 / record.sample_rate_hz)
    order = np.argsort(frequency)
    return frequency[order], order


def _scaled(total: np.ndarray, record: Record, weights: np.ndarray, sums: Welch) -> np.ndarray:
    """Return sums of periodograms in V^2/Hz."""
    scale = np.asarray(record.scale_v)[: len(total), np.newaxis] ** 2
    density = total * scale / (sums.segments * record.sample_rate_hz * (weights @ weights))
    if not sums.complex:
        end = density.shape[1] - 1 if len(weights) % 2 == 0 else density.shape[1]
        density[:, 1:end] *= 2
    return np.asarray(density)


def _attrs(
    record: Record, weights: np.ndarray, step: int, segments: int, window: str
) -> dict[str, float | str]:
    length = len(weights)
    energy = weights @ weights
    shared = [weights[lag:] @ weights[: length - lag] / energy for lag in range(step, length, step)]
    counted = 2 * sum((1 - k / segments) * each**2 for k, each in enumerate(shared, 1) if k < segments)
    return {
        "resolution_bandwidth_hz": WINDOWS[window] * record.sample_rate_hz / length,
        "noise_bandwidth_hz": record.sample_rate_hz * float(energy / weights.sum() ** 2),
        "segment_samples": length,
        "segments": segments,
        "looks": float(segments / (1 + counted)),
        "window": window,
        "overlap": 1 - step / length,
        "sample_rate_hz": record.sample_rate_hz,
        "lost": record.lost,
        "source": record.source,
    }
