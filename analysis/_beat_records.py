"""Recorded voltages, in memory or in files, read in blocks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from analysis._beat_errors import RecordError

BLOCK_BYTES = 2**20
"""Of a block: read fast, and small enough for a processor's cache."""

Blocks = Iterator[np.ndarray]


@dataclass(frozen=True)
class ArrayStretch:
    """Samples in memory, (channel, sample)."""

    values: np.ndarray

    @property
    def samples(self) -> int:
        """Number of samples of each channel."""
        return self.values.shape[1]

    def blocks(self) -> Blocks:
        """Yield views of it."""
        step = max(1, BLOCK_BYTES // (self.values.itemsize * len(self.values)))
        for begin in range(0, self.samples, step):
            yield self.values[:, begin : begin + step]


@dataclass(frozen=True)
class FileStretch:
    """Samples in a file, as they lie there.

    Parameters
    ----------
    path, offset
        Where the first sample is.
    dtype
        Of one number, byte order included.
    channels, samples
        How many of each.
    by_channel
        Whether all of one channel comes before the next; else the channels take turns.
    iq
        Whether a sample is a pair of numbers, real and imaginary part.
    """

    path: Path
    offset: int
    dtype: np.dtype
    channels: int
    samples: int
    by_channel: bool = False
    iq: bool = False

    def blocks(self) -> Blocks:
        """Read it block by block, IQ pairs as complex numbers."""
        numbers = 2 if self.iq else 1
        sample_bytes = numbers * self.dtype.itemsize
        step = max(1, BLOCK_BYTES // (sample_bytes * self.channels))
        with self.path.open("rb") as file:
            for begin in range(0, self.samples, step):
                count = min(step, self.samples - begin)
                if self.by_channel:
                    rows = [
                        self._read(file, (k * self.samples + begin) * sample_bytes, count * numbers)
                        for k in range(self.channels)
                    ]
                    block = np.stack(rows)
                else:
                    at = begin * sample_bytes * self.channels
                    flat = self._read(file, at, count * numbers * self.channels)
                    block = flat.reshape(count, self.channels, numbers).swapaxes(0, 1).reshape(
                        self.channels, -1
                    )
                yield as_complex(block) if self.iq else block

    def _read(self, file: object, at: int, count: int) -> np.ndarray:
        file.seek(self.offset + at)  # type: ignore[attr-defined]
        values = np.fromfile(file, self.dtype, count)  # type: ignore[call-overload]
        if values.size < count:
            raise RecordError(f"{self.path.name} ends early: it was cut while it was read.")
        return np.asarray(values.astype(self.dtype.newbyteorder("="), copy=False))


@dataclass(frozen=True)
class StreamStretch:
    """Blocks (channel, sample) that come from elsewhere, once."""

    source: Iterator[np.ndarray]
    samples: None = None

    def blocks(self) -> Blocks:
        """Yield them."""
        return self.source


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
        Of each channel, whether the recorder says that it left its range.
    lost : int
        Samples, or triggers, that the recorder says it lost.
    source : str
        Where it is from.
    """

    sample_rate_hz: float
    channels: tuple[str, ...]
    scale_v: tuple[float, ...]
    stretches: tuple[ArrayStretch | FileStretch | StreamStretch, ...]
    clipped: tuple[bool, ...] = ()
    lost: int = 0
    source: str = "memory"

    @classmethod
    def of(
        cls,
        values: np.ndarray | Iterable[np.ndarray],
        sample_rate_hz: float,
        *,
        scale_v: float | Sequence[float] = 1.0,
        channels: Sequence[str] | None = None,
    ) -> "Record":
        """Take samples from memory, or from any source of blocks.

        Parameters
        ----------
        values : numpy.ndarray, (sample,) or (channel, sample), or iterable of such blocks
            Voltages, codes of a converter, or complex IQ samples.
        sample_rate_hz : float
            Samples per second.
        scale_v : float or sequence of float
            Volts per code, of all channels or of each.
        channels : sequence of str, optional
            Their names; "1", "2", ... by default.

        Raises
        ------
        RecordError
            If there is no sample, or sampling rate, scale or names do not fit.
        """
        stretch: ArrayStretch | StreamStretch
        if isinstance(values, np.ndarray):
            stretch = ArrayStretch(_two_dimensional(values))
            number = len(stretch.values)
        else:
            blocks = map(_two_dimensional, values)
            first = next(blocks, None)
            if first is None:
                raise RecordError("The record is empty: there is no sample in it.")
            number = len(first)
            stretch = StreamStretch(_chained(first, blocks))
        names = tuple(map(str, channels or range(1, number + 1)))
        scale = np.broadcast_to(np.asarray(scale_v, dtype=float), number) if np.ndim(scale_v) == 0 else scale_v
        return cls(sample_rate_hz, names, tuple(float(each) for each in scale), (stretch,))._checked(number)

    def _checked(self, number: int) -> "Record":
        rate = self.sample_rate_hz
        if rate is None or not (np.isfinite(rate) and rate > 0):
            raise RecordError(
                f"The sampling rate is {rate}; give a positive number of samples per second as sample_rate_hz."
            )
        if not number == len(self.channels) == len(self.scale_v):
            raise RecordError(
                f"The record has {number} channels, but {len(self.channels)} names and "
                f"{len(self.scale_v)} scales are given."
            )
        if not all(np.isfinite(each) and each > 0 for each in self.scale_v):
            raise RecordError(f"The scales are {self.scale_v} V per code; they must be positive numbers.")
        return self

    @property
    def samples(self) -> int | None:
        """Samples of each channel in all stretches; None if only the end of a stream will tell."""
        total = 0
        for each in self.stretches:
            if each.samples is None:
                return None
            total += each.samples
        return total

    def stretch(self, number: int) -> "Record":
        """Return one part without gaps."""
        return replace(self, stretches=(self.stretches[number],))


def as_complex(pairs: np.ndarray) -> np.ndarray:
    """Return IQ pairs (channel, 2 sample) as complex numbers (channel, sample)."""
    as_float = np.ascontiguousarray(pairs, dtype=np.float64 if pairs.dtype.itemsize > 4 else np.float32)
    return as_float.view(np.complex128 if as_float.itemsize == 8 else np.complex64)


def _two_dimensional(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    block = values[np.newaxis] if values.ndim == 1 else values
    if block.ndim != 2 or not (np.issubdtype(block.dtype, np.number)):
        raise RecordError(
            f"The samples are an array of {values.dtype} of shape {values.shape}; give numbers of shape "
            "(sample,) or (channel, sample)."
        )
    if not block.size:
        raise RecordError("The record is empty: there is no sample in it.")
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
