"""Tables in text files: records of oscilloscopes, and readings of frequency counters."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np

from analysis._beat_errors import RecordError
from analysis._beat_records import Record

UNITS = {
    "s": {
        "s": 1.0,
        "sec": 1.0,
        "second": 1.0,
        "seconds": 1.0,
        "ms": 1e-3,
        "us": 1e-6,
        "ns": 1e-9,
        "ps": 1e-12,
    },
    "Hz": {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
    "V": {"v": 1.0, "volt": 1.0, "volts": 1.0, "mv": 1e-3, "uv": 1e-6},
    "dBm": {"dbm": 1.0},
}
BRACKETS = re.compile(r"[(\[]\s*([^\W\d_]+)\s*[)\]]")
LONGEST_HEADER = 200
UNEVEN = 0.5
"""By so many mean intervals one may differ, for times are rounded."""


@dataclass(frozen=True)
class Table:
    """Columns of numbers under their headings.

    Parameters
    ----------
    name
        Of the file.
    headings
        Of the columns; "" where there are none.
    about
        The lines before the first row.
    values
        (row, column), in the units of the headings.
    """

    name: str
    headings: tuple[str, ...]
    about: str
    values: np.ndarray

    def column(self, number: int, unit: str) -> np.ndarray:
        """Return a column in s, Hz, V or dBm; its heading may name a multiple of that in brackets.

        Raises
        ------
        RecordError
            If it names something else.
        """
        named = BRACKETS.search(self.headings[number])
        factor = UNITS[unit].get(_spelled(named[1]), 0.0) if named else 1.0
        if not factor:
            raise RecordError(
                f"{self.name}: column {number + 1} is '{self.headings[number]}' where {unit}, or a part or "
                "multiple of it, is needed."
            )
        return np.asarray(self.values[:, number] * factor)


@dataclass(frozen=True)
class Readings:
    """Mean frequencies over intervals that follow each other without a gap.

    Parameters
    ----------
    frequency_hz : numpy.ndarray, (reading,)
        In Hz.
    interval_s : float
        Of each.
    source : str
        Where they are from.
    """

    frequency_hz: np.ndarray
    interval_s: float
    source: str


def read_readings(path: Path | str, interval_s: float | None = None) -> Readings:
    """Read a frequency counter's readings from a table: time and frequency, or the frequency alone.

    Parameters
    ----------
    path
        Text, columns separated by comma, semicolon, tabulator or spaces, headings or remarks above them;
        "(MHz)" in a heading is its unit, s and Hz without.
    interval_s
        Of the readings, where there is no column with their times, or they are rounded too much.

    Raises
    ------
    RecordError
        If the file is no such table, or the interval is missing, contradicts the times, or changes.
    """
    table = read_table(Path(path))
    columns = table.values.shape[1]
    if columns > 2:
        raise RecordError(f"{table.name} has {columns} columns; readings are a time and a frequency.")
    frequency = table.column(columns - 1, "Hz")
    if not np.all(np.isfinite(frequency) & (frequency > 0)):
        bad = int(np.flatnonzero(~(np.isfinite(frequency) & (frequency > 0)))[0])
        raise RecordError(
            f"{table.name}: reading {bad} is {frequency[bad]:g} Hz; readings are positive, and a gap "
            "cannot be bridged."
        )
    from_times = _even(table, interval_s is None) if columns == 2 else None
    interval = _agreed(table.name, "interval", "interval_s", "s", from_times, interval_s)
    return Readings(frequency, interval, table.name)


def read_oscilloscope(
    path: Path, sample_rate_hz: float | None = None, scale_v: float | None = None
) -> Record:
    """Read times and voltages from a table, or voltages alone if the sampling rate is given.

    Times that are rounded to more than half an interval pass where the sampling rate is given, too.
    """
    table = read_table(path)
    columns = table.values.shape[1]
    first = 1 if columns > 1 else 0
    counted = first == 1 and _counts_rows(table)
    if counted and sample_rate_hz is None:
        raise RecordError(
            f"The first column of {table.name} counts the rows and names no unit of time; give "
            "sample_rate_hz."
        )
    told = 1 / _even(table, sample_rate_hz is None) if first and not counted else None
    rate = _agreed(table.name, "sampling rate", "sample_rate_hz", "Hz", told, sample_rate_hz)
    volts = np.stack([table.column(k, "V") for k in range(first, columns)])
    names = [table.headings[k] or str(k - first + 1) for k in range(first, columns)]
    record = Record.of(volts, rate, scale_v=1.0 if scale_v is None else scale_v, channels=names)
    return Record(rate, record.channels, record.scale_v, record.stretches, source=table.name)


def _counts_rows(table: Table) -> bool:
    steps = np.diff(table.values[:, 0])
    return bool(steps.size > 2 and np.all(steps == 1) and not BRACKETS.search(table.headings[0]))


def _agreed(name: str, what: str, argument: str, unit: str, told: float | None, given: float | None) -> float:
    if told is None and given is None:
        raise RecordError(f"{name} does not tell its {what}; give {argument}.")
    if told is not None and given is not None and abs(given / told - 1) > 1e-3:
        raise RecordError(f"The {what} of {name} is {told:.6g} {unit}, not {given:g} {unit}; leave it out.")
    value = given if told is None else told
    assert value is not None
    if not (np.isfinite(value) and value > 0):
        raise RecordError(f"The {what} of {name} is {value} {unit}; it must be a positive number.")
    return value


def _even(table: Table, checked: bool = True) -> float:
    """Return the mean interval of the times, checking that none differs by half of it."""
    time = table.column(0, "s")
    if len(time) < 2 or not np.all(np.isfinite(time)) or time[-1] <= time[0]:
        raise RecordError(f"{table.name}: the times in the first column do not rise.")
    interval = (time[-1] - time[0]) / (len(time) - 1)
    off = np.abs(np.diff(time) - interval)
    worst = int(np.argmax(off))
    if checked and off[worst] > UNEVEN * interval:
        raise RecordError(
            f"{table.name}: the times are not evenly spaced, row {worst + 2} comes "
            f"{time[worst + 1] - time[worst]:.6g} s after the one before, and the mean is {interval:.6g} s."
        )
    return float(interval)


def read_table(path: Path) -> Table:
    """Read columns of numbers below any number of remarks.

    Raises
    ------
    RecordError
        If there are none, or something among them is no number.
    """
    with _opened(path) as file:
        above, first = _header(file, path.name)
        separator = next((each for each in ";\t," if each in first), None)
        comma = separator in (";", "\t") and "." not in first
        rows = (_plain(line, separator, comma) for line in _joined(first, file))
        try:
            values = np.loadtxt((row for row in rows if row), delimiter=separator, comments=None, ndmin=2)
        except ValueError:
            raise _wrong_row(path, len(above), separator, comma) from None
    headings = _headings(above, separator, values.shape[1])
    return Table(path.name, headings, "\n".join(above), values)


def _headings(above: list[str], separator: str | None, columns: int) -> tuple[str, ...]:
    """Return the headings, with the units that may stand in a row of their own below them."""
    rows = [row for row in (_cells(line, separator) for line in above) if any(row)]
    if not rows or len(rows[-1]) != columns:
        return ("",) * columns
    last = rows[-1]
    bare = [cell.strip("()[] ") for cell in last]
    if not all(any(_spelled(cell) in known for known in UNITS.values()) for cell in bare):
        return tuple(last)
    names = rows[-2] if len(rows) > 1 and len(rows[-2]) == columns else [""] * columns
    return tuple(f"{name} ({unit})".strip() for name, unit in zip(names, bare, strict=True))


def _cells(line: str, separator: str | None) -> list[str]:
    row = _plain(line.lstrip("#% \t"), separator, comma=False)
    return [part.strip() for part in row.split(separator)]


def _spelled(unit: str) -> str:
    """Return a unit as `UNITS` has it, whichever of the two letters that look like mu it has."""
    return unit.lower().replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")


def _opened(path: Path) -> TextIO:
    """Open a text of one of the encodings that instruments write."""
    with path.open("rb") as file:
        head = file.read(2**16)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return path.open(encoding="utf-16", errors="replace")
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not merely cut
            return path.open(encoding="latin-1")
    return path.open(encoding="utf-8-sig", errors="replace")


def kind_of_table(path: Path) -> str | None:
    """Return what a table's headings say that it is: "trace", "readings" or "record"; None if they do not."""
    with _opened(path) as file:
        above, _ = _header(file, path.name)
    words = "\n".join(above).lower()
    last = "\n".join([line for line in above if line.strip()][-2:]).lower()
    if "dbm" in words:
        return "trace"
    if "freq" in last or re.search(r"[(\[]\s*[kmg]?hz\s*[)\]]", last):
        return "readings"
    return "record" if re.search(r"volt|[(\[]\s*[mu]?v\s*[)\]]|\bch\w*\s*\d", last) else None


def _header(lines: Iterator[str], name: str) -> tuple[list[str], str]:
    """Return the lines above the first row of numbers, and that row."""
    above: list[str] = []
    for line in islice(lines, LONGEST_HEADER):
        if _numeric(line):
            return above, line
        above.append(line.rstrip("\r\n"))
    if not any(above):
        raise RecordError(f"There is no sample in {name}.")
    raise RecordError(f"{name} has no row of numbers in its first {len(above)} lines; it is no table.")


def _numeric(line: str) -> bool:
    parts = [
        part
        for part in re.split(r"[;\t ]+" if ";" in line else r"[,\t ]+", line.replace('"', "").strip())
        if part
    ]
    try:
        return bool([float(part.replace(",", ".")) for part in parts])
    except ValueError:
        return False


def _joined(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _plain(line: str, separator: str | None, comma: bool) -> str:
    row = line.replace('"', "").strip().rstrip(separator).rstrip()
    return row.replace(",", ".") if comma else row


def _wrong_row(path: Path, above: int, separator: str | None, comma: bool) -> RecordError:
    """Find the row that is not like the first."""
    columns = 0
    with _opened(path) as file:
        for number, line in enumerate(islice(file, above, None), start=above + 1):
            row = _plain(line, separator, comma)
            parts = row.split(separator) if row else []
            columns = columns or len(parts)
            try:
                _ = [float(part) for part in parts]
            except ValueError:
                return RecordError(f"{path.name}, line {number}: '{row[:40]}' is no row of numbers.")
            if parts and len(parts) != columns:
                return RecordError(
                    f"{path.name}, line {number}: {len(parts)} numbers where the rows above have {columns}."
                )
    return RecordError(f"{path.name} is no table of numbers.")
