"""Samples without gaps, in memory, in a file or on their way, read in blocks (channel, sample)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

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
    def iq(self) -> bool:
        """Whether they are complex."""
        return np.iscomplexobj(self.values)

    @property
    def samples(self) -> int:
        """Number of samples of each channel."""
        return self.values.shape[1]

    def blocks(self) -> Blocks:
        """Yield views of them, copies where the bytes are in foreign order."""
        step = max(1, BLOCK_BYTES // (self.values.itemsize * len(self.values)))
        for begin in range(0, self.samples, step):
            yield native(self.values[:, begin : begin + step])


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
        Whether a sample is complex: a complex number, or a pair of real ones.
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
        pairs = self.iq and self.dtype.kind != "c"
        numbers = 2 if pairs else 1
        sample_bytes = numbers * self.dtype.itemsize
        step = max(1, BLOCK_BYTES // (sample_bytes * self.channels))
        with self.path.open("rb") as file:
            for begin in range(0, self.samples, step):
                count = min(step, self.samples - begin)
                block = self._block(file, begin, count, numbers)
                yield as_complex(block) if pairs else block

    def _block(self, file: BinaryIO, begin: int, count: int, numbers: int) -> np.ndarray:
        """Return (channel, numbers of a sample times count)."""
        sample_bytes = numbers * self.dtype.itemsize
        if self.by_channel:
            rows = [
                self._read(file, (k * self.samples + begin) * sample_bytes, count * numbers)
                for k in range(self.channels)
            ]
            return np.stack(rows)
        flat = self._read(file, begin * sample_bytes * self.channels, count * numbers * self.channels)
        return np.ascontiguousarray(
            flat.reshape(count, self.channels, numbers).swapaxes(0, 1).reshape(self.channels, -1)
        )

    def _read(self, file: BinaryIO, at: int, count: int) -> np.ndarray:
        file.seek(self.offset + at)
        values = np.fromfile(file, self.dtype, count)
        if values.size < count:
            raise RecordError(f"{self.path.name} ends early: it was cut while it was read.")
        return native(values)


@dataclass(frozen=True)
class StreamStretch:
    """Blocks (channel, sample) that come from elsewhere, once."""

    source: Blocks
    iq: bool = False
    samples: None = None

    def blocks(self) -> Blocks:
        """Yield them.

        Raises
        ------
        RecordError
            If they were taken before.
        """
        first = next(self.source, None)
        if first is None:
            raise RecordError("The blocks of this record are used up: a stream can be analysed once.")
        yield first
        yield from self.source


Stretch = ArrayStretch | FileStretch | StreamStretch


def native(values: np.ndarray) -> np.ndarray:
    """Return numbers in this machine's byte order."""
    return np.asarray(values, values.dtype.newbyteorder("="))


def as_complex(pairs: np.ndarray) -> np.ndarray:
    """Return IQ pairs (channel, 2 sample) as complex numbers (channel, sample)."""
    as_float = np.ascontiguousarray(pairs, dtype=np.float64 if pairs.dtype.itemsize > 4 else np.float32)
    return as_float.view(np.complex128 if as_float.itemsize == 8 else np.complex64)
