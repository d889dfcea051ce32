"""Files of recorded voltages: labsync's segments, .npy, .wav, raw IQ samples, tables of oscilloscopes."""

import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError

import numpy as np
from scipy.io import wavfile

from analysis._beat_errors import RecordError
from analysis._beat_records import NUMBERS, Record, scaling
from analysis._beat_stretches import BLOCK_BYTES, FileStretch
from analysis._beat_tables import kind_of_table, read_oscilloscope

SEGMENTS = "segments.json"
TABLES = (".csv", ".txt", ".tsv", ".dat", ".asc")
RAW = (".iq", ".raw", ".bin", ".cs16", ".sc16")
MOST_CHANNELS = 64
LOOKED_AT = 2**16
"""Numbers of a raw file in which the wrong byte order would show."""
SPECTRUM = 64
"""Samples of the spectra that it would make white."""


def kind_of(path: Path | str) -> str | None:
    """Return what a file holds: "record", "readings" of a counter, or "trace" of a spectrum analyser.

    Parameters
    ----------
    path
        The file or folder.

    Returns
    -------
    str or None
        None for a table whose headings do not tell.

    Raises
    ------
    RecordError
        If there is no such file, or it is of no known kind.
    """
    path = _existing(path)
    if path.is_dir() or path.name == SEGMENTS or path.suffix.lower() in (".npy", ".wav", *RAW):
        return "record"
    if path.suffix.lower() in TABLES:
        return kind_of_table(path)
    raise _unknown(path)


def read_record(
    path: Path | str,
    sample_rate_hz: float | None = None,
    *,
    scale_v: float | None = None,
    byte_order: str | None = None,
    iq: bool = False,
) -> Record:
    """Open recorded voltages; samples are read when they are analysed, but for tables.

    Parameters
    ----------
    path
        Folder of raw records that a heterodyne scan has kept (with ``segments.json``); ``.npy``, (sample,) or
        (channel, sample), real or complex; ``.wav``; ``.iq``, ``.raw``, ``.bin``, ``.cs16`` or ``.sc16``,
        pairs of int16 without header; ``.csv``, ``.txt``, ``.tsv``, ``.dat`` or ``.asc``, a column of times
        and columns of voltages.
    sample_rate_hz
        Samples per second, of ``.npy`` and raw files, which do not tell it.
    scale_v
        Volts per code, of files of integers; they are codes without it.
    byte_order
        "little" or "big", of raw files.
    iq
        Whether both channels of a ``.wav`` are real and imaginary part of one signal.

    Returns
    -------
    Record

    Raises
    ------
    RecordError
        If the file is missing, damaged, of unknown kind, or does not tell what is not given.
    """
    path = _existing(path)
    suffix = path.suffix.lower()
    kept = path.is_dir() or path.name == SEGMENTS
    if byte_order is not None and (kept or suffix not in RAW):
        raise RecordError(f"{path.name} tells its byte order; leave byte_order='{byte_order}' out.")
    if iq and suffix != ".wav":
        raise RecordError(f"{path.name} tells whether it is complex; iq is for two channels of a .wav.")
    if kept and scale_v is not None:
        raise RecordError(f"{path.name} is in V already; leave scale_v out.")
    if kept:
        return _segments(path if path.is_dir() else path.parent, sample_rate_hz)
    if suffix in TABLES:
        return read_oscilloscope(path, sample_rate_hz, scale_v)
    if path.stat().st_size == 0:
        raise RecordError(f"There is no sample in {path.name}.")
    if suffix == ".npy":
        return _npy(path, sample_rate_hz, scale_v)
    if suffix == ".wav":
        return _wav(path, sample_rate_hz, scale_v, iq)
    if suffix in RAW:
        return _raw(path, sample_rate_hz, scale_v, byte_order)
    raise _unknown(path)


def _existing(path: Path | str) -> Path:
    path = Path(path)
    if not path.exists():
        raise RecordError(f"There is no file '{path}'.")
    return path


def _unknown(path: Path) -> RecordError:
    known = ", ".join((".npy", ".wav", *RAW, *TABLES))
    return RecordError(f"{path.name} is of no known kind; known are {known} and folders with {SEGMENTS}.")


def _contradicted(path: Path, told: float, given: float) -> RecordError:
    return RecordError(f"The sampling rate of {path.name} is {told:g} Hz, not {given:g} Hz; leave it out.")


def _segments(folder: Path, rate: float | None) -> Record:
    """Open segments, verifying their checksums."""
    try:
        about = json.loads((folder / SEGMENTS).read_text())
        channels, samples = tuple(map(str, about["channels"])), int(about["samples"])
        dtype, told, segments = np.dtype(about["dtype"]), float(about["sample_rate_hz"]), about["segments"]
        files = [(Path(str(each["file"])).name, str(each["sha256"])) for each in segments]
        clipped = [list(map(bool, each.get("clipped", [0] * len(channels)))) for each in segments]
        lost = int(about.get("lost", 0))
    except FileNotFoundError:
        raise RecordError(f"There is no {SEGMENTS} in '{folder}'; give a folder of raw records.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{folder / SEGMENTS} is damaged: {error!r}.") from None
    if dtype.char not in NUMBERS:
        raise RecordError(f"{folder / SEGMENTS} is damaged: samples are no {dtype}.")
    if not channels or samples < 1 or any(len(each) != len(channels) for each in clipped):
        raise RecordError(f"{folder / SEGMENTS} is damaged: {samples} samples of {len(channels)} channels.")
    if rate is not None and abs(rate / told - 1) > 1e-6:
        raise _contradicted(folder, told, rate)
    if not files:
        raise RecordError(f"There is no sample in {folder.name}.")
    stretches = tuple(_segment(folder, *each, dtype, len(channels), samples) for each in files)
    return Record(
        told,
        channels,
        (1.0,) * len(channels),
        stretches,
        clipped=tuple(map(any, zip(*clipped, strict=True))),
        lost=lost,
        source=folder.name,
    )


def _segment(
    folder: Path, name: str, checksum: str, dtype: np.dtype, channels: int, samples: int
) -> FileStretch:
    path = folder / name
    if not path.is_file():
        raise RecordError(f"{path.name} of {folder.name} is missing.")
    size, expected = path.stat().st_size, channels * samples * dtype.itemsize
    if size != expected:
        raise RecordError(f"{path.name} of {folder.name} has {size} bytes instead of {expected}.")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(BLOCK_BYTES):
            digest.update(piece)
    if digest.hexdigest() != checksum:
        raise RecordError(f"{path.name} of {folder.name} is not what was written: its checksum differs.")
    return FileStretch(path, 0, dtype, channels, samples, by_channel=True)


def _npy(path: Path, rate: float | None, scale_v: float | None) -> Record:
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
            shape, by_column, dtype = (read or np.lib.format.read_array_header_2_0)(file)
        except (ValueError, TokenError) as error:
            raise RecordError(f"{path.name} is no .npy file: {error}.") from None
        offset = file.tell()
    rows = shape[0] if len(shape) == 2 else 1
    if dtype.char not in NUMBERS or len(shape) not in (1, 2) or rows > MOST_CHANNELS:
        raise RecordError(
            f"{path.name} holds an array of {dtype} of shape {shape}; integers, float32, float64 or complex "
            "numbers of shape (sample,) or (channel, sample) are needed."
        )
    if 0 in shape:
        raise RecordError(f"There is no sample in {path.name}.")
    channels, samples = (1, shape[0]) if len(shape) == 1 else shape
    if path.stat().st_size < offset + channels * samples * dtype.itemsize:
        raise RecordError(f"{path.name} ends before its {channels * samples} samples; it was cut.")
    stretch = FileStretch(path, offset, dtype, channels, samples, not by_column, dtype.kind == "c")
    return _opened(stretch, rate, scale_v)


def _wav(path: Path, rate: float | None, scale_v: float | None, iq: bool) -> Record:
    try:
        with warnings.catch_warnings(action="error", category=wavfile.WavFileWarning):
            warnings.filterwarnings("ignore", message="Chunk .*not understood")  # remarks of a program
            told, data = wavfile.read(path, mmap=True)
    except Exception as error:  # whatever a damaged header leads to
        raise RecordError(f"{path.name} cannot be read as .wav: {error}.") from None
    if rate is not None and abs(rate / told - 1) > 1e-6:
        raise _contradicted(path, told, rate)
    channels = 1 if data.ndim == 1 else data.shape[1]
    if iq and channels != 2:
        raise RecordError(f"{path.name} has {channels} channels; IQ samples take two.")
    if not data.size:
        raise RecordError(f"There is no sample in {path.name}.")
    stretch = FileStretch(path, data.offset, data.dtype, 1 if iq else channels, len(data), iq=iq)
    return _opened(stretch, float(told), scale_v)


def _raw(path: Path, rate: float | None, scale_v: float | None, byte_order: str | None) -> Record:
    if byte_order not in ("little", "big"):
        raise RecordError(
            f"{path.name} does not tell its byte order; give byte_order='little' or byte_order='big'."
        )
    size = path.stat().st_size
    if size % 4:
        raise RecordError(
            f"{path.name} has {size} bytes, no whole number of IQ pairs of int16 (4 bytes each): it was cut, "
            "or is something else."
        )
    dtype = np.dtype("<i2" if byte_order == "little" else ">i2")
    if _swapped(np.fromfile(path, np.int8, 2 * LOOKED_AT), byte_order):
        raise RecordError(
            f"{path.name} is not {byte_order}-endian: its high bytes are all numbers alike, as those of "
            "noise, and its low bytes are those of a signal."
        )
    return _opened(FileStretch(path, 0, dtype, 1, size // 4, iq=True), rate, scale_v)


def _swapped(pairs: np.ndarray, byte_order: str) -> bool:
    """Return whether the low bytes of int16 are surely the high ones.

    High bytes of samples well below full scale are few numbers of both signs; low ones are all numbers, and
    those of codes that a converter has shifted up are multiples. Low bytes taken for high ones turn a line
    into white noise.
    """
    given, other = "<>" if byte_order == "little" else "><"
    whole = pairs[: pairs.size // (4 * SPECTRUM) * 4 * SPECTRUM].tobytes()
    if whole and _coloured(whole, other) > max(0.1, 2 * _coloured(whole, given)):
        return True
    first, second = pairs[::2].astype(float), pairs[1::2].astype(float)
    low, high = (first, second) if byte_order == "little" else (second, first)
    signed = min(np.mean(low < 0), np.mean(low >= 0))
    spread = [np.mean(np.abs(each + 0.5)) for each in (low, high)]
    return bool(np.mean(np.abs(low) <= 64) > 0.99 and signed > 0.05 and spread[1] > 2 * spread[0])


def _coloured(pairs: bytes, order: str) -> float:
    """Return the logarithm of the mean of a spectrum over its geometric mean: zero if it is white."""
    values = np.frombuffer(pairs, f"{order}i2").astype(np.float32).view(np.complex64).reshape(-1, SPECTRUM)
    power = np.mean(np.abs(np.fft.fft((values - values.mean()) * np.hanning(SPECTRUM))) ** 2, axis=0)
    power += 1e-6 * power.mean() + 1e-12
    return float(np.log(power.mean()) - np.log(power).mean())


def _opened(stretch: FileStretch, rate: float | None, scale_v: float | Sequence[float] | None) -> Record:
    if rate is None:
        raise RecordError(f"{stretch.path.name} does not tell its sampling rate; give sample_rate_hz.")
    names = tuple(str(k + 1) for k in range(stretch.channels))
    scales, unit = scaling(scale_v, stretch.channels, stretch.dtype)
    return Record(rate, names, scales, (stretch,), source=stretch.path.name, unit=unit)
