"""Reads records of a fixed size."""

from collections.abc import Iterator

import numpy as np

from analysis.timetags._errors import TagFileError
from analysis.timetags._file import TagFile

__all__ = ["read_words"]


def read_words(file: TagFile, chunk: int, kind: np.dtype) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the records of a file, so many at a time, and how many have been read.

    Raises
    ------
    TagFileError
        If the file ends before.
    """
    done = 0
    with file.path.open("rb") as raw:
        raw.seek(file.offset)
        while done < file.records:
            words = np.frombuffer(raw.read(min(chunk, file.records - done) * kind.itemsize), np.uint8)
            whole = words.size // kind.itemsize
            if whole < min(chunk, file.records - done):
                raise TagFileError(
                    file.path, file.offset + kind.itemsize * (done + whole), "the file ended while read"
                )
            done += whole
            yield words.view(kind), done
