"""Rohde & Schwarz signal analysers (FSV, FSVA, FSW): traces of the power of a beat note.

PyMeasure's `FSSeries` supplies the settings; here they are checked, and traces are read as binary blocks. A
sweep is followed by polling ``*ESR?`` for the bit that ``*OPC`` sets, so nothing blocks while it runs.
Overloads come from ``STAT:QUES:POW?``: bit 0 RF input, bit 2 IF path, bit 3 input protection (R&S FSV
Operating Manual, "STATus:QUEStionable:POWer Register").

Unchecked on hardware: the byte order of REAL,32 traces (taken as little-endian; a wrong one is refused
because the levels are then impossible).
"""

import numpy as np
import xarray as xr
from pymeasure.adapters import Adapter
from pymeasure.instruments.rohdeschwarz.fsseries import FSSeries

from instruments._blocks import ask_block
from instruments._driver import log_failure
from instruments._errors import ScpiDriver
from instruments._replies import finite, whole
from instruments.clock import Clock
from instruments.errors import InstrumentTimeout, Interlock, OutOfRange

__all__ = ["FSV", "read_levels"]

DETECTORS = ("RMS", "SAMP", "AVER", "POS")
OVERLOADS = {1: "RF input", 4: "IF path", 8: "input protection"}
LEVELS_DBM = (-250.0, 60.0)
OPERATION_COMPLETE = 1
POLL_S = 0.02


def read_levels(block: bytes, points: int) -> np.ndarray:
    """Return the levels in a REAL,32 block, in dBm.

    Raises
    ------
    ValueError
        A wrong number of points, or levels that cannot be.
    """
    levels = np.frombuffer(block, "<f4").astype(np.float32)
    if len(levels) != points:
        raise ValueError(f"{len(levels)} points instead of {points}")
    if not np.all((levels >= LEVELS_DBM[0]) & (levels <= LEVELS_DBM[1])):
        raise ValueError(f"levels outside {LEVELS_DBM[0]:g} to {LEVELS_DBM[1]:g} dBm")
    return levels


class FSV(ScpiDriver, FSSeries):
    """An FSV, FSVA or FSW in spectrum mode.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`. The instrument's port is 5025.
    """

    _kind = "Rohde & Schwarz FSV"
    _identity_pattern = r"^Rohde\s*&\s*Schwarz,\s*FS(V|W)"

    def __init__(self, address: str | Adapter, *, clock: Clock | None = None, timeout_s: float = 2.0) -> None:
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._timeout_s = timeout_s
        self._freeze()

    def configure(
        self,
        centre_hz: float,
        span_hz: float,
        resolution_bandwidth_hz: float,
        *,
        points: int = 1001,
        averages: int = 1,
        sweep_time_s: float = 0.1,
        reference_level_dbm: float = -20.0,
        detector: str = "RMS",
    ) -> None:
        """Choose what the next trace shows.

        Parameters
        ----------
        centre_hz, span_hz, resolution_bandwidth_hz
            Frequencies, in Hz; the span must be positive and start above zero.
        points
            Points of the trace, 101 to 32001.
        averages
            Sweeps that are averaged, as powers, 1 to 32767.
        sweep_time_s
            Time of one sweep, in s.
        reference_level_dbm
            Level at the top of the screen, in dBm; much stronger signals overload the analyser.
        detector
            How each point comes out of its samples: "RMS", "SAMP", "AVER" or "POS".

        Raises
        ------
        OutOfRange
            A setting is impossible; nothing was sent.
        InstrumentProtocolError
            The analyser refuses a setting, or reads back another one.
        """
        if not (0 < span_hz <= 2 * centre_hz and 1 <= resolution_bandwidth_hz <= span_hz):
            raise OutOfRange(
                f"{self.where}: a span of {span_hz:g} Hz around {centre_hz:g} Hz with a resolution of "
                f"{resolution_bandwidth_hz:g} Hz; the span must start above zero, the resolution fit into it."
            )
        if not (101 <= points <= 32001 and 1 <= averages <= 32767 and 1e-6 <= sweep_time_s <= 16000):
            raise OutOfRange(
                f"{self.where}: {averages} sweeps of {points} points in {sweep_time_s:g} s; use 101 to 32001 "
                "points, 1 to 32767 sweeps and 1 us to 16000 s."
            )
        if detector not in DETECTORS or not -130 <= reference_level_dbm <= 30:
            raise OutOfRange(
                f"{self.where}: detector {detector!r} at {reference_level_dbm:g} dBm; use one of "
                f"{', '.join(DETECTORS)} and -130 to 30 dBm."
            )
        self.continuous_sweep_enabled = False
        for command in ("UNIT:POW DBM", "AVER:TYPE POW", f"DET {detector}", f"SWE:COUN {averages:d}"):
            self.write(command)
        self.trace_mode = "AVER" if averages > 1 else "WRIT"
        self.check_errors()
        for header, value in {
            "FREQ:CENT": centre_hz,
            "FREQ:SPAN": span_hz,
            "BAND:RES": resolution_bandwidth_hz,
            "SWE:POIN": points,
            "SWE:TIME": sweep_time_s,
            "DISP:TRAC:Y:RLEV": reference_level_dbm,
        }.items():
            self._set_and_verify(header, value)

    def trace(self, *, accept_overload: bool = False) -> xr.Dataset:
        """Sweep once, or as often as is averaged, and return the trace.

        Parameters
        ----------
        accept_overload
            Return a trace that was taken with an overloaded input instead of raising Interlock.

        Returns
        -------
        xarray.Dataset
            `power_dbm(frequency_hz)`, float32, power within the resolution bandwidth; attrs
            `resolution_bandwidth_hz`, `averages`, `overloaded` (0 or 1).

        Raises
        ------
        InstrumentTimeout
            The sweep did not end; it was aborted.
        Interlock
            The analyser was overloaded.
        InstrumentProtocolError
            The trace is malformed.
        """
        averages = self.parsed("SWE:COUN?", whole, "a number of sweeps")
        self._register("STAT:QUES:POW?")  # reading clears it
        self._sweep(max(averages, 1) * self.parsed("SWE:TIME?", finite, "a time in s"))
        overloads = self._register("STAT:QUES:POW?")
        names = [name for bit, name in OVERLOADS.items() if overloads & bit]
        if names and not accept_overload:
            raise Interlock(
                f"{self.where}: overload of the {' and the '.join(names)}, so the levels are wrong; raise "
                "the reference level or weaken the signal, or accept overloaded traces."
            )
        points = self.parsed("SWE:POIN?", whole, "a number of points")
        start, stop = (self.parsed(f"FREQ:{edge}?", finite, "a frequency in Hz") for edge in ("STAR", "STOP"))
        self.write("FORM REAL,32")
        block = ask_block(self, "TRAC? TRACE1", b"\n", 4)
        try:
            levels = read_levels(block, points)
        except ValueError as cause:
            self._reject("TRAC? TRACE1", f"{len(block)} bytes", str(cause), cause)
        resolution = self.parsed("BAND:RES?", finite, "a bandwidth in Hz")
        self.check_errors()
        return xr.Dataset(
            {"power_dbm": ("frequency_hz", levels, {"units": "dBm"})},
            coords={"frequency_hz": ("frequency_hz", np.linspace(start, stop, points), {"units": "Hz"})},
            attrs={
                "resolution_bandwidth_hz": resolution,
                "averages": max(averages, 1),
                "overloaded": int(bool(names)),
            },
        )

    def shutdown(self) -> None:
        """Abort the sweep; never raises, but logs what failed."""
        try:
            self.write("ABOR")
        except Exception as error:
            log_failure(self.where, "aborting the sweep", error)

    def _set_and_verify(self, header: str, value: float) -> None:
        self.write(f"{header} {value:.12g}")
        self.check_errors()
        reached = self.parsed(f"{header}?", finite, "a number")
        # bandwidths come in steps of 1, 2, 3, 5, 10; levels may be near zero; the rest is exact
        tolerance = {"BAND:RES": 0.5 * value, "SWE:TIME": 0.1 * value, "DISP:TRAC:Y:RLEV": 0.01}
        if not abs(reached - value) <= tolerance.get(header, 1e-6 * value):
            self._reject(f"{header}?", f"{reached:g}", f"asked for {value:g}")

    def _register(self, query: str) -> int:
        return self.parsed(query, whole, "a status register")

    def _sweep(self, duration_s: float) -> None:
        """Sweep and wait, at most twice as long as it should take and one timeout."""
        self._register("*ESR?")  # reading clears it
        start = self.clock.now()
        self.write("INIT;*OPC")
        self.clock.sleep(duration_s)
        while not self._register("*ESR?") & OPERATION_COMPLETE:
            if self.clock.now() - start > 2 * duration_s + self._timeout_s:
                self.shutdown()
                raise InstrumentTimeout(
                    f"{self.where}: the sweep of {duration_s:g} s did not end in time and was aborted; check "
                    "its trigger."
                )
            self.clock.sleep(POLL_S)
