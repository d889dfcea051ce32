"""PicoQuant-style recorder of time tags.

PicoQuant's instruments speak to a closed library only. On real hardware the exchange is through the files
that PicoQuant's own software writes (.ptu), which `analysis.timetags` reads; this driver is for a recorder
that is asked to write such a file and hands it over, such as the one of the simulated lab. Its line protocol
is our own: ``REC:STAR <ms>``, ``REC:STAT?``, ``FILE:SIZE?``, ``FILE:DATA? <offset>,<bytes>``, ``SYST:ERR?``.
"""

import contextlib
import os
from pathlib import Path

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from instruments._blocks import ask_block
from instruments._driver import Driver
from instruments._errors import next_error
from instruments._ptu import T2_HYDRAHARP_2, PtuHeader, counts_per_channel, parse_header
from instruments._replies import whole
from instruments.clock import Clock
from instruments.errors import InstrumentProtocolError, InstrumentTimeout, OutOfRange
from instruments.timetags import check_rate

__all__ = ["PicoQuantRecorder"]

BLOCK_BYTES = 1 << 20
STATES = ("IDLE", "RUNNING", "DONE", "FIFO_FULL")


class PicoQuantRecorder(Driver, Instrument):
    """A recorder of T2 files: every tag on its own, in ps, on all inputs.

    The time axis is as good as the recorder's oscillator, which nothing in a file can tell.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`.
    """

    _kind = "PicoQuant recorder"
    _identity_pattern = r"^PicoQuant,"

    def __init__(self, address: str | Adapter, *, clock: Clock | None = None, timeout_s: float = 2.0) -> None:
        self._timeout_s = timeout_s
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._freeze()

    def record_to(self, path: str | Path, duration_s: float, *, allow_gaps: bool = False) -> Path:
        """Record for a while and keep the file.

        Parameters
        ----------
        path
            The new file; channel c of it is input c + 1.
        duration_s
            Length of the recording, in s: 1 ms to 100 hours in steps of 1 ms.
        allow_gaps
            Keep a recording that ended early because the recorder's buffer was full; its header tells the
            reason and the time it lasted. Otherwise that raises, and nothing is kept.

        Returns
        -------
        pathlib.Path
            The file, safe on the disk.

        Raises
        ------
        FileExistsError
            The path exists; nothing was recorded.
        OutOfRange
            The duration is impossible; nothing was sent.
        InstrumentProtocolError
            The recorder refuses, its buffer was full, or the file is not what its header says.
        InstrumentTimeout
            The recording does not end.
        Interlock
            A detector is saturated.
        """
        path = Path(path)
        if path.exists():
            raise FileExistsError(f"{path} exists; recordings are never overwritten, choose another name.")
        if not 0.001 <= duration_s <= 360_000 or abs(1000 * duration_s - round(1000 * duration_s)) > 1e-6:
            raise OutOfRange(
                f"{self.where}: cannot record for {duration_s} s; use 0.001 to 360000 s in steps of 0.001 s."
            )
        self._start(round(1000 * duration_s))
        self.clock.sleep(duration_s)
        full = self._await_end() == "FIFO_FULL"
        content = self._fetch()
        self._check(content, duration_s)
        if full and not allow_gaps:
            raise InstrumentProtocolError(
                f"{self.where}: the recording ended early because the buffer was full; weaken the light."
            )
        _keep(path, content)
        return path

    def _start(self, milliseconds: int) -> None:
        self.write(f"REC:STAR {milliseconds}")
        if error := self.parsed("SYST:ERR?", next_error, 'an entry such as 0,"No error"'):
            raise InstrumentProtocolError(f"{self.where}: the recorder refuses to start: {error}.")

    def _await_end(self) -> str:
        deadline = self.clock.now() + self._timeout_s
        while (state := self.parsed("REC:STAT?", _state, " or ".join(STATES))) == "RUNNING":
            if self.clock.now() >= deadline:
                raise InstrumentTimeout(f"{self.where}: the recording does not end.")
            self.clock.sleep(0.01)
        if state == "IDLE":
            raise InstrumentProtocolError(f"{self.where}: the recorder has forgotten the recording.")
        return state

    def _fetch(self) -> bytes:
        size = self.parsed("FILE:SIZE?", whole, "a number of bytes")
        content = bytearray()
        while len(content) < size:
            wanted = min(BLOCK_BYTES, size - len(content))
            part = ask_block(self, f"FILE:DATA? {len(content)},{wanted}", b"\n")
            if len(part) != wanted:
                raise InstrumentProtocolError(
                    f"{self.where}: {len(part)} bytes instead of {wanted} from byte {len(content)} on."
                )
            content += part
        return bytes(content)

    def _check(self, content: bytes, duration_s: float) -> None:
        try:
            header = parse_header(content)
            records = _records(header, content)
        except ValueError as cause:
            raise InstrumentProtocolError(f"{self.where}: the file cannot be right: {cause}.") from cause
        for channel, count in enumerate(counts_per_channel(records)):
            check_rate(self.where, channel + 1, int(count), duration_s)


def _state(reply: str) -> str:
    if reply not in STATES:
        raise ValueError(f"{reply} is no state")
    return reply


def _records(header: PtuHeader, content: bytes) -> bytes:
    """Return the records of a file whose header fits them."""
    kind = header.get("TTResultFormat_TTTRRecType")
    if kind != T2_HYDRAHARP_2:
        raise ValueError(f"its records are of type {kind}, not of {T2_HYDRAHARP_2} (HydraHarp, T2)")
    claimed, held = header.get("TTResult_NumberOfRecords"), len(content) - header.size
    if held != 4 * (claimed if isinstance(claimed, int) else -1):
        raise ValueError(f"its header claims {claimed} records of 4 bytes, but it holds {held} bytes")
    return content[header.size :]


def _keep(path: Path, content: bytes) -> None:
    """Write a file that is there in full or not at all, and never in the place of another."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
