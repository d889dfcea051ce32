"""Independent random streams that depend on names, not on the order of their creation."""

import zlib

import numpy as np

__all__ = ["stream", "stream_seed"]


def stream_seed(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed that is a function of the world's seed and of the names alone."""
    words = [seed & 0xFFFFFFFF, seed >> 32, *(zlib.crc32(str(name).encode()) for name in names)]
    high, low = np.random.SeedSequence(words).generate_state(2, np.uint32)
    return (int(high) << 31) ^ int(low)


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator of the stream with the given names."""
    return np.random.default_rng(stream_seed(seed, *names))
