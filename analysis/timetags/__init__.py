"""Recordings of time tags: files of many makers, one stream."""

from analysis.timetags._errors import TagFileError
from analysis.timetags._file import TagFile
from analysis.timetags._histograms import read_histograms
from analysis.timetags._labsync import write_tags
from analysis.timetags._open import describe, open_tags, read_tags
from analysis.timetags._stream import Chunk, TagStream
from analysis.timetags._write import write_ptu

__all__ = [
    "Chunk",
    "TagFile",
    "TagFileError",
    "TagStream",
    "describe",
    "open_tags",
    "read_histograms",
    "read_tags",
    "write_ptu",
    "write_tags",
]
