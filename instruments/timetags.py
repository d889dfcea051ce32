"""Arrival times of photons, as every time tagger hands them over."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from instruments.errors import InstrumentProtocolError, Interlock

__all__ = ["TimeTags", "check_rate", "merge_tags"]

SATURATED_CPS = 2e7
"""Avalanche modules give at most 20 to 37 Mcounts/s; there, counts tell nothing about the light."""


@dataclass(frozen=True, eq=False)
class TimeTags:
    """A recording of photon arrival times, sorted.

    Attributes
    ----------
    time_ps : numpy.ndarray of int64
        Times since the start of the recording, in ps, by the tagger's own clock: quartz taggers without an
        external reference are wrong by up to some ten parts per million, which no tag shows.
    channel : numpy.ndarray of int8
        Input of each tag, as numbered on the box.
    duration_s : float
        Length of the recording, in s.
    overflows : int
        How often the box reported that tags were lost; 0 for a complete recording.
    unit_ps : int
        Width of the tagger's time bins, in ps: histogram it in multiples of this.
    gaps_ps : tuple of (int, int)
        Spans of time during which tags were lost, where the box tells them. With overflows but without gaps
        the tags may be missing anywhere.

    Raises
    ------
    ValueError
        The arrays differ in length or type, the times are not sorted or lie outside the recording.
    """

    time_ps: np.ndarray
    channel: np.ndarray
    duration_s: float
    overflows: int = 0
    unit_ps: int = 1
    gaps_ps: tuple[tuple[int, int], ...] = field(default=())

    def __post_init__(self) -> None:
        """Check what every user relies on; make the arrays read-only."""
        times, channels = self.time_ps, self.channel
        if times.dtype != np.int64 or channels.dtype != np.int8:
            raise ValueError(f"tags need int64 times and int8 channels, not {times.dtype}, {channels.dtype}")
        if times.ndim != 1 or times.shape != channels.shape:
            raise ValueError(
                f"{times.shape} times do not fit {channels.shape} channels; one channel per time"
            )
        if not self.duration_s > 0 or self.overflows < 0 or self.unit_ps < 1:
            raise ValueError(
                f"duration {self.duration_s} s, {self.overflows} overflows, unit {self.unit_ps} ps; "
                "they must be positive, not negative and at least 1"
            )
        if len(times) and (times[0] < 0 or times[-1] > 1e12 * self.duration_s):
            raise ValueError(
                f"times from {times[0]} to {times[-1]} ps lie outside a recording of {self.duration_s} s"
            )
        if np.any(times[1:] < times[:-1]):
            at = int(np.argmax(times[1:] < times[:-1]))
            raise ValueError(f"times are not sorted: tag {at + 1} comes before tag {at}")
        times.flags.writeable = channels.flags.writeable = False

    def counts(self, channel: int) -> int:
        """Return the number of tags on a channel."""
        return int(np.count_nonzero(self.channel == channel))

    def of(self, channel: int) -> np.ndarray:
        """Return the times of one channel, in ps."""
        return self.time_ps[self.channel == channel]


def merge_tags(
    times_ps: Mapping[int, np.ndarray],
    duration_s: float,
    *,
    where: str,
    overflows: int = 0,
    unit_ps: int = 1,
    gaps_ps: tuple[tuple[int, int], ...] = (),
) -> TimeTags:
    """Merge the sorted times of single channels into one recording.

    Parameters
    ----------
    times_ps
        Channel number to its times, in ps.
    where
        Instrument, for the error message.
    duration_s, overflows, unit_ps, gaps_ps
        See `TimeTags`.

    Raises
    ------
    InstrumentProtocolError
        A channel's times are not sorted (its counter ran over, or recordings are mixed up) or lie outside
        the recording.
    """
    for channel, times in times_ps.items():
        if np.any(times[1:] < times[:-1]):
            at = int(np.argmax(times[1:] < times[:-1]))
            raise InstrumentProtocolError(
                f"{where}: the times of channel {channel} run backwards, from {times[at]} "
                f"to {times[at + 1]} ps."
            )
    merged = np.concatenate([np.zeros(0, np.int64), *times_ps.values()]).astype(np.int64, copy=False)
    channels = np.repeat(np.array(list(times_ps), dtype=np.int8), [len(times) for times in times_ps.values()])
    order = np.argsort(merged, kind="stable")
    try:
        return TimeTags(merged[order], channels[order], duration_s, overflows, unit_ps, gaps_ps)
    except ValueError as cause:
        raise InstrumentProtocolError(f"{where}: the recording cannot be right: {cause}.") from cause


def check_rate(where: str, channel: int, counts: int, duration_s: float) -> None:
    """Raise Interlock if a detector counted so much that it must be saturated."""
    if counts > SATURATED_CPS * duration_s:
        raise Interlock(
            f"{where}: {counts / duration_s:.2g} counts/s on channel {channel}: the detector is saturated; "
            "block the light."
        )
