"""Recorded voltages, in memory or in files, read in blocks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis._beat_errors import RecordError
from analysis._beat_stretches import ArrayStretch, StreamStretch, Stretch, native

NUMBERS = "bBhHiIlLqQfdFD"
"""Kinds of samples, as numpy calls them."""

SLOWEST_HZ, FASTEST_HZ = 1e-9, 1e18
"""Of sampling rates with which all numbers can be computed."""


@dataclass(frozen=True)
class Record:
    """Voltages over time.

    Parameters
    ----------
    sample_rate_hz : float
        Samples per second, of each channel.
    channels : tuple of str
        Their names.
    scale_v : tuple of float
        Volts per code, of each channel.
    stretches : tuple
        Parts without gaps; between them samples are missing.
    clipped : tuple of bool
        Of each channel, whether the recorder says that it left its range; empty if it says nothing.
    lost : int
        Samples, or triggers, that the recorder says it lost.
    source : str
        Where it is from.
    unit : str
        "V", or "code" where the volts of a converter's code are not known and the scale is 1.

    Raises
    ------
    RecordError
        If the sampling rate is missing or impossible, or names and scales do not fit each other.
    """

    sample_rate_hz: float
    channels: tuple[str, ...]
    scale_v: tuple[float, ...]
    stretches: tuple[Stretch, ...]
    clipped: tuple[bool, ...] = ()
    lost: int = 0
    source: str = "the record"
    unit: str = "V"

    def __post_init__(self) -> None:
        rate = self.sample_rate_hz
        if rate is None or not SLOWEST_HZ <= rate <= FASTEST_HZ:
            raise RecordError(
                f"The sampling rate of {self.source} is {rate}; give as sample_rate_hz a positive number of "
                f"samples per second, {SLOWEST_HZ:g} to {FASTEST_HZ:g}."
            )
        if len(self.channels) != len(self.scale_v):
            raise RecordError(
                f"{len(self.scale_v)} scales are given for {len(self.channels)} channels of {self.source}."
            )
        if not all(np.isfinite(each) and each > 0 for each in self.scale_v):
            raise RecordError(f"The scales are {self.scale_v} V per code; they must be positive numbers.")

    @classmethod
    def of(
        cls,
        values: np.ndarray | Iterable[np.ndarray],
        sample_rate_hz: float,
        *,
        scale_v: float | Sequence[float] | None = None,
        channels: Sequence[str] | None = None,
    ) -> "Record":
        """Take samples from memory, or from any source of blocks.

        Parameters
        ----------
        values : numpy.ndarray, (sample,) or (channel, sample), or iterable of such blocks of any length
            Voltages, codes of a converter, or complex IQ samples. What is not an array can be analysed once.
        sample_rate_hz : float
            Samples per second.
        scale_v : float or sequence of float
            Volts per code, of all channels or of each. Without it, integers stay codes, and all else is in V.
        channels : sequence of str, optional
            Their names; "1", "2", ... by default.

        Raises
        ------
        RecordError
            If there is no sample, or sampling rate, scale or names do not fit.
        """
        stretch: Stretch
        if isinstance(values, np.ndarray):
            stretch = ArrayStretch(_rows(values))
            if not values.size:
                raise RecordError("The record is empty: there is no sample in it.")
            first = stretch.values
        else:
            blocks = (native(block) for block in map(_rows, values) if block.size)
            begin = next(blocks, None)
            if begin is None:
                raise RecordError("The record is empty: there is no sample in it.")
            stretch = StreamStretch(_chained(begin, blocks), np.iscomplexobj(begin))
            first = begin
        number = len(first)
        names = tuple(map(str, channels or range(1, number + 1)))
        if len(names) != number:
            raise RecordError(f"The record has {number} channels, but {len(names)} names are given.")
        scales, unit = scaling(scale_v, number, first.dtype)
        return cls(sample_rate_hz, names, scales, (stretch,), unit=unit)

    @property
    def iq(self) -> bool:
        """Whether the samples are complex."""
        return self.stretches[0].iq

    @property
    def samples(self) -> int | None:
        """Samples of each channel in all stretches; None if only the end of a stream will tell."""
        lengths = [each.samples for each in self.stretches]
        return None if None in lengths else sum(each for each in lengths if each is not None)

    @property
    def longest(self) -> int | None:
        """Samples of the longest stretch without a gap; None if only the end of a stream will tell."""
        lengths = [each.samples for each in self.stretches]
        return None if None in lengths else max(each for each in lengths if each is not None)

    def stretch(self, number: int) -> "Record":
        """Return one part without gaps."""
        return replace(self, stretches=(self.stretches[number],))


def scaling(
    scale_v: float | Sequence[float] | None, channels: int, dtype: np.dtype
) -> tuple[tuple[float, ...], str]:
    """Return volts per code of each channel, and the unit that samples have with it."""
    if scale_v is None:
        return (1.0,) * channels, "code" if dtype.kind in "iu" else "V"
    each = np.broadcast_to(scale_v, channels) if np.ndim(scale_v) == 0 else np.asarray(scale_v)
    return tuple(map(float, each)), "V"


def _rows(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    block = values[np.newaxis] if values.ndim == 1 else values
    if block.ndim != 2 or block.dtype.char not in NUMBERS:
        raise RecordError(
            f"The samples are an array of {values.dtype} of shape {values.shape}; give integers, float32, "
            "float64 or complex numbers of shape (sample,) or (channel, sample)."
        )
    return block


def _chained(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    for block in rest:
        if len(block) != len(first) or block.dtype != first.dtype:
            raise RecordError(
                f"A block of {len(block)} channels of {block.dtype} follows one of {len(first)} channels of "
                f"{first.dtype}; all blocks of a record are alike."
            )
        yield block
