"""Keysight InfiniiVision oscilloscopes: triggered, averaged and untriggered records as voltages.

PyMeasure's driver of this family reads ASCII only; here waveforms travel as 16-bit words. Waveforms are
read after ``:DIGitize``, the only way to a complete average (Keysight, InfiniiVision 4000 X-Series
Programmer's Guide, "Synchronizing Acquisitions"). It blocks the instrument until the last trigger came, and
a socket cannot clear the device: the driver waits as long as it is told the acquisition takes, asks
``*OPC?``, and sends ``:STOP`` where no answer comes.

The time axis is as good as the instrument's oscillator (parts per million): one that drifts cannot be seen by
the instrument itself, only against a signal of known frequency.

Unchecked on hardware: that ``:STOP`` on a fresh connection ends a blocked acquisition, that ``:TER?`` counts
triggers of the mains (source LINE), and the codes 0x0100 and 0xFF00 of the converter's stops.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from instruments._blocks import ask_block
from instruments._driver import log_failure
from instruments._errors import ScpiDriver
from instruments._records import voltage_record
from instruments._replies import finite, whole
from instruments.clock import Clock
from instruments.errors import InstrumentError, InstrumentProtocolError, InstrumentTimeout, OutOfRange

__all__ = ["InfiniiVision", "Preamble", "parse_preamble"]

CHANNELS = (1, 2, 3, 4)
TRIGGER_SOURCES = ("CHAN1", "CHAN2", "CHAN3", "CHAN4", "EXT", "LINE")
LOW_STOP, HIGH_STOP = 0x0100, 0xFF00
# An average of records that were clipped in part stays a little inside the stops.
AVERAGE_MARGIN = 0x0300
MAINS_PERIOD_S = 0.025


@dataclass(frozen=True)
class Preamble:
    """Scale of a waveform: time = (i - reference) step + origin, voltage likewise from the code."""

    points: int
    count: int
    time_step_s: float
    time_origin_s: float
    time_reference: int
    voltage_step_v: float
    voltage_origin_v: float
    voltage_reference: int

    def time_s(self) -> np.ndarray:
        """Return the time of each point after the trigger, in s."""
        return (np.arange(self.points) - self.time_reference) * self.time_step_s + self.time_origin_s

    def voltage_v(self, codes: np.ndarray) -> np.ndarray:
        """Return the voltages of unsigned codes, in V."""
        offset = codes.astype(float) - self.voltage_reference
        return np.asarray(offset * self.voltage_step_v + self.voltage_origin_v)


def parse_preamble(reply: str) -> Preamble:
    """Return the scale in an answer to ``:WAV:PRE?``.

    Raises
    ------
    ValueError
        Not ten numbers, not of words, or a scale that cannot be.
    """
    fields = reply.split(",")
    if len(fields) != 10:
        raise ValueError(f"{len(fields)} fields instead of ten")
    form, _, points, count = (whole(field) for field in fields[:4])
    time_step, time_origin, voltage_step, voltage_origin = (finite(fields[k]) for k in (4, 5, 7, 8))
    time_reference, voltage_reference = (whole(fields[k]) for k in (6, 9))
    if form != 1:
        raise ValueError(f"format {form} is not that of words, 1")
    if not (points > 0 and count > 0 and time_step > 0 and voltage_step > 0):
        raise ValueError("points, count and both steps must be positive")
    return Preamble(
        points, count, time_step, time_origin, time_reference, voltage_step, voltage_origin, voltage_reference
    )


class InfiniiVision(ScpiDriver, Instrument):
    """An oscilloscope of the InfiniiVision X series (2000 to 6000).

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`. The instrument's port is 5025.
    """

    _kind = "Keysight InfiniiVision"
    _identity_pattern = r"^(AGILENT|KEYSIGHT) TECHNOLOGIES,\s*(DSO|MSO|EDU)-?X"
    _error_query = ":SYST:ERR?"
    _once = ("ERR", "*ESR?", "*STB?", ":TER?")

    def __init__(self, address: str | Adapter, *, clock: Clock | None = None, timeout_s: float = 2.0) -> None:
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._freeze()

    def set_timebase(self, start_s: float, duration_s: float) -> None:
        """Choose what is recorded: from `start_s` after the trigger, for `duration_s`, both in s.

        Raises
        ------
        OutOfRange
            The duration is not 10 ns to 500 s; nothing was sent.
        InstrumentProtocolError
            The oscilloscope refuses, or reads back something else.
        """
        if not 1e-8 <= duration_s <= 500 or not abs(start_s) <= 500:
            raise OutOfRange(
                f"{self.where}: {duration_s} s from {start_s} s; use 10 ns to 500 s, starting within 500 s."
            )
        self.write(":TIM:REF CENT")
        self._set_and_verify(":TIM:RANG", duration_s, duration_s)
        self._set_and_verify(":TIM:POS", start_s + duration_s / 2, duration_s)

    def set_range(self, channel: int, range_v: float, offset_v: float = 0.0) -> None:
        """Switch a channel on; set its full scale and the voltage at its middle, in V.

        Raises
        ------
        OutOfRange
            There is no such channel or range; nothing was sent.
        InstrumentProtocolError
            The oscilloscope refuses, or reads back something else.
        """
        if channel not in CHANNELS or not 8e-3 <= range_v <= 40 or not abs(offset_v) <= 40:
            raise OutOfRange(
                f"{self.where}: {range_v} V around {offset_v} V on channel {channel!r}; use channels 1 to 4, "
                "full scales of 8 mV to 40 V and offsets of up to 40 V."
            )
        self.write(f":CHAN{channel}:DISP 1")
        self._set_and_verify(f":CHAN{channel}:RANG", range_v, range_v)
        self._set_and_verify(f":CHAN{channel}:OFFS", offset_v, range_v)

    def set_trigger(self, source: str, level_v: float = 0.0, slope: str = "rising") -> None:
        """Trigger on an edge, and on nothing else: without a trigger nothing is recorded.

        Parameters
        ----------
        source
            One of `TRIGGER_SOURCES`: "CHAN1" to "CHAN4", "EXT", or "LINE", the mains.
        level_v
            Threshold, in V; of no meaning for the mains.
        slope
            "rising" or "falling".
        """
        slopes = {"rising": "POS", "falling": "NEG"}
        if source not in TRIGGER_SOURCES or slope not in slopes or not abs(level_v) <= 40:
            raise OutOfRange(
                f"{self.where}: no trigger on {source!r}, {slope!r} edge through {level_v} V; sources are "
                f"{', '.join(TRIGGER_SOURCES)}, slopes rising and falling."
            )
        self.write(":TRIG:MODE EDGE")
        self.write(":TRIG:SWE NORM")
        self.write(f":TRIG:EDGE:SOUR {source}")
        if source != "LINE":
            self.write(f":TRIG:EDGE:LEV {level_v:g}")
        self.write(f":TRIG:EDGE:SLOP {slopes[slope]}")
        self.check_errors()
        chosen = self.ask(":TRIG:EDGE:SOUR?").strip().upper(), self.ask(":TRIG:SWE?").strip().upper()
        if chosen != (source, "NORM"):
            self._reject(":TRIG:EDGE:SOUR?", str(chosen), f"expected {(source, 'NORM')}")

    def capture(
        self,
        channels: Sequence[int],
        *,
        averages: int = 1,
        points: int = 2000,
        wait_s: float = 0.0,
        accept_clipped: bool = False,
    ) -> xr.Dataset:
        """Record after a trigger, or average over many.

        Parameters
        ----------
        channels
            Inputs to record, of 1 to 4.
        averages
            Number of triggers to average over, 1 to 65536.
        points
            Points per channel, 100 to 62500; the oscilloscope may give fewer.
        wait_s
            How long the triggers take to come, in s. They are missing if they have not come within twice the
            timeout after that.
        accept_clipped
            Return a record that touches the converter's stops instead of raising Interlock.

        Returns
        -------
        xarray.Dataset
            `voltage_v(channel, time_s)` in V, float32, time after the trigger; attrs `sample_rate_hz`,
            `clipped` (per channel, 0 or 1) and `averages`.

        Raises
        ------
        InstrumentTimeout
            The triggers did not come; the acquisition was stopped.
        InstrumentProtocolError
            The oscilloscope offers an old record, or a malformed one.
        Interlock
            A channel was clipped.
        """
        if not channels or not set(channels) <= set(CHANNELS) or len(set(channels)) != len(channels):
            raise OutOfRange(f"{self.where}: channels {list(channels)}; name some of 1 to 4, each once.")
        if not (1 <= averages <= 65536 and 100 <= points <= 62500 and wait_s >= 0):
            raise OutOfRange(
                f"{self.where}: {averages} averages of {points} points after {wait_s} s; use 1 to 65536 "
                "averages, 100 to 62500 points and a wait that is not negative."
            )
        self._digitise(channels, averages, wait_s)
        return self._read_waveforms(channels, averages, points, accept_clipped)

    def record(
        self, channels: Sequence[int], duration_s: float, *, accept_clipped: bool = False
    ) -> xr.Dataset:
        """Record without a trigger event of interest: from the next zero crossing of the mains.

        The oscilloscope's trigger and timebase are changed. See `roles.Digitizer`.
        """
        self.set_timebase(0.0, duration_s)
        self.set_trigger("LINE")
        wait_s = MAINS_PERIOD_S + duration_s
        return self.capture(channels, points=16000, wait_s=wait_s, accept_clipped=accept_clipped)

    def shutdown(self) -> None:
        """Stop acquiring; never raises, but logs what failed."""
        try:
            self.write(":STOP")
        except Exception as error:
            log_failure(self.where, "stopping the acquisition", error)

    def _set_and_verify(self, header: str, value: float, scale: float) -> None:
        self.write(f"{header} {value:.9g}")
        self.check_errors()
        reached = self.parsed(f"{header}?", finite, "a number")
        if not abs(reached - value) <= 0.01 * abs(scale):
            self._reject(f"{header}?", f"{reached:g}", f"asked for {value:g}")

    def _digitise(self, channels: Sequence[int], averages: int, wait_s: float) -> None:
        """Acquire, and make sure that something was."""
        if averages > 1:
            self.write(":ACQ:TYPE AVER")
            self.write(f":ACQ:COUN {averages:d}")
        else:
            self.write(":ACQ:TYPE NORM")
        self.check_errors()
        self.parsed(":TER?", _flag, "0 or 1")  # reading clears it
        self.write(":DIG " + ",".join(f"CHAN{number}" for number in channels))
        self.clock.sleep(wait_s)
        try:
            self.parsed("*OPC?", _done, "1")
        except InstrumentTimeout as cause:
            self._stop(cause)
        if not self.parsed(":TER?", _flag, "0 or 1"):
            raise InstrumentProtocolError(
                f"{self.where} offers an old record: it says that it is done, but no trigger came since it "
                "was armed; the record was not read."
            )

    def _stop(self, cause: InstrumentTimeout) -> None:
        try:
            self.write(":STOP")
        except InstrumentError as error:
            log_failure(self.where, "stopping the acquisition", error)
        raise InstrumentTimeout(
            f"{self.where}: the trigger did not come in time, or not often enough; check its source, level "
            "and cable. The acquisition was stopped."
        ) from cause

    def _read_waveforms(
        self, channels: Sequence[int], averages: int, points: int, accept_clipped: bool
    ) -> xr.Dataset:
        for setting in ("FORM WORD", "BYT LSBF", "UNS 1", "POIN:MODE MAX"):
            self.write(f":WAV:{setting}")
        self.check_errors()
        self.parsed(":WAV:BYT?", lambda reply: _word(reply, "LSBF"), "LSBF")
        self.parsed(":WAV:UNS?", lambda reply: _word(reply, "1"), "1")
        rows, clipped, scale = [], [], None
        for number in channels:
            codes, scale = self._read_waveform(number, averages, points)
            margin = AVERAGE_MARGIN if averages > 1 else 0
            clipped.append(bool(codes.min() <= LOW_STOP + margin or codes.max() >= HIGH_STOP - margin))
            rows.append(scale.voltage_v(codes))
        assert scale is not None
        return voltage_record(
            self.where,
            channels,
            rows,
            scale.time_s(),
            clipped,
            accept_clipped=accept_clipped,
            averages=averages,
        )

    def _read_waveform(self, number: int, averages: int, points: int) -> tuple[np.ndarray, Preamble]:
        self.write(f":WAV:SOUR CHAN{number}")
        self.write(f":WAV:POIN {points:d}")
        self.check_errors()
        scale = self.parsed(":WAV:PRE?", parse_preamble, "ten numbers of a word waveform")
        if averages > 1 and scale.count < averages:
            self._reject(":WAV:PRE?", str(scale), f"{scale.count} of {averages} averages were taken")
        codes = np.frombuffer(ask_block(self, ":WAV:DATA?", b"\n", 2), "<u2")
        if len(codes) != scale.points:
            self._reject(":WAV:DATA?", f"{len(codes)} points", f"the preamble says {scale.points}")
        if not codes.all():
            self._reject(":WAV:DATA?", "code 0", "the record has holes; it was not filled")
        return codes, scale


def _flag(reply: str) -> bool:
    if not re.fullmatch(r"\+?[01]", reply):
        raise ValueError(reply)
    return reply.endswith("1")


def _done(reply: str) -> None:
    if not re.fullmatch(r"\+?1", reply):
        raise ValueError(reply)


def _word(reply: str, expected: str) -> None:
    if reply.upper() != expected:
        raise ValueError(reply)
