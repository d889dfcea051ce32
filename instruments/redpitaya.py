"""Red Pitaya board: ramp generator and digitiser.

PyMeasure's binary read takes 64-bit integers where the board sends big-endian int16 (RAW) or float32 (VOLTS);
it is mended here. Unchecked on hardware: boards with OS 2.00 and later also want ``SOUR1:TRIG:INT`` before
the generator starts.
"""

import re
from collections.abc import Callable

import numpy as np
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument
from pymeasure.instruments.redpitaya.redpitaya_scpi import AnalogInputFastChannel, RedPitayaScpi
from pymeasure.instruments.validators import strict_discrete_set

from instruments._driver import Driver, log_failure
from instruments._frozen import Frozen
from instruments._replies import StrictReplies, finite
from instruments.clock import Clock
from instruments.errors import InstrumentProtocolError, InstrumentTimeout, OutOfRange

__all__ = ["FastInput", "RedPitaya"]

DTYPE: dict[str, np.dtype] = {"RAW": np.dtype(">i2"), "VOLTS": np.dtype(">f4")}


class FastInput(Frozen, StrictReplies, AnalogInputFastChannel):
    """A fast analog input, 1 or 2."""

    gain = Instrument.control(
        "ACQ:SOUR{ch}:GAIN?",
        "ACQ:SOUR{ch}:GAIN %s",
        """Control the gain jumper's setting, LV (+-1 V) or HV (+-20 V).""",
        validator=strict_discrete_set,
        values=["LV", "HV"],
        cast=str,
    )

    def get_data(self, npts: int | None = None, format: str = "BIN") -> np.ndarray:
        """Read the buffer, oldest sample first.

        Parameters
        ----------
        npts
            Number of samples; None reads the whole buffer.
        format
            "BIN" or "ASCII", as set by `RedPitaya.acq_format`.

        Returns
        -------
        numpy.ndarray
            Codes (int16) if the board's units are RAW, else V (float32); ASCII data are float64.

        Raises
        ------
        InstrumentProtocolError
            The data block is malformed or has the wrong length.
        """
        command = "ACQ:SOUR{ch}:DATA?" if npts is None else f"ACQ:SOUR{{ch}}:DATA:OLD:N? {npts:d}"
        if format == "ASCII":
            data = self.parsed(command, _ascii_data, "{v,v,...}")
        elif format == "BIN":
            data = self._block(command, DTYPE[self.parent.acq_units])
        else:
            raise ValueError(f"The format of the data is 'BIN' or 'ASCII', not {format!r}.")
        if npts is not None and len(data) != npts:
            self._reject(command, f"{len(data)} values", f"expected {npts}")
        return data

    def _block(self, command: str, dtype: np.dtype) -> np.ndarray:
        r"""Read ``#<digits><length><data>\\r\\n`` and check each of its parts."""
        self.write(command)
        try:
            return self._read_block(command, dtype)
        except BaseException:
            self._resync()
            raise

    def _read_block(self, command: str, dtype: np.dtype) -> np.ndarray:
        head = self.read_bytes(2)
        if not re.fullmatch(rb"#[1-9]", head):
            self._reject(command, repr(head), "a data block starts with # and a digit")
        length = self.read_bytes(int(head[1:]))
        if not length.isdigit() or int(length) % dtype.itemsize:
            self._reject(command, repr(length), f"not a length in multiples of {dtype.itemsize} bytes")
        data, tail = self.read_bytes(int(length)), self.read_bytes(2)
        if len(data) != int(length) or tail != b"\r\n":
            self._reject(command, repr(tail), "the data block does not end where its header says")
        return np.frombuffer(data, dtype=dtype).astype(dtype.newbyteorder("="))


class RedPitaya(Driver, RedPitayaScpi):
    """A Red Pitaya whose output 1 drives a piezo ramp and whose inputs digitise.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`. The board's port is 5000.
    """

    _kind = "Red Pitaya"
    _identity_pattern = r"^REDPITAYA,"
    _read_termination = "\r\n"
    _write_termination = "\r\n"

    analog_in = Instrument.MultiChannelCreator(FastInput, (1, 2), prefix="ain")
    board_name = Instrument.measurement("SYST:BRD:NAME?", """Get the board's name.""", cast=str)
    acq_units = Instrument.control(
        "ACQ:DATA:UNITS?",
        "ACQ:DATA:UNITS %s",
        """Control the units of the data, RAW or VOLTS.""",
        validator=strict_discrete_set,
        values=["RAW", "VOLTS"],
        cast=str,
    )
    average_skipped_samples = Instrument.control(
        "ACQ:AVG?",
        "ACQ:AVG %s",
        """Control whether the samples skipped by the decimation are averaged.""",
        validator=strict_discrete_set,
        map_values=True,
        values={True: "ON", False: "OFF"},
        cast=str,
    )
    acq_trigger_status = Instrument.measurement(
        "ACQ:TRIG:STAT?",
        """Get whether the trigger came.""",
        map_values=True,
        values={True: "TD", False: "WAIT"},
        cast=str,
    )

    def __init__(self, address: str | Adapter, *, clock: Clock | None = None, timeout_s: float = 2.0) -> None:
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._freeze()

    def start_triangle(self, frequency_hz: float, amplitude_v: float, offset_v: float) -> None:
        """Start a triangle on output 1: offset +- amplitude.

        Parameters
        ----------
        frequency_hz
            Repetition frequency, in Hz, up to 50 MHz.
        amplitude_v, offset_v
            Amplitude and centre, in V; |offset| + amplitude must not exceed 1 V.

        Raises
        ------
        OutOfRange
            The ramp is impossible; nothing was sent.
        InstrumentProtocolError
            The board reports an error.
        """
        if not 0 < frequency_hz <= 50e6:
            raise OutOfRange(
                f"{self.where}: a frequency of {frequency_hz} Hz; use more than 0 and up to 50 MHz."
            )
        if not (amplitude_v >= 0 and amplitude_v + abs(offset_v) <= 1.0 + 1e-9):
            raise OutOfRange(
                f"{self.where}: {offset_v} V +- {amplitude_v} V leaves the output's range of -1 V to 1 V."
            )
        self.write("SOUR1:FUNC TRIANGLE")
        self.write(f"SOUR1:FREQ:FIX {frequency_hz:g}")
        self.write(f"SOUR1:VOLT {amplitude_v:g}")
        self.write(f"SOUR1:VOLT:OFFS {offset_v:g}")
        self.write("OUTPUT1:STATE ON")
        self.check_errors()

    def stop(self) -> None:
        """Switch output 1 off."""
        self.write("OUTPUT1:STATE OFF")
        self.check_errors()

    def shutdown(self) -> None:
        """Switch the ramp off; never raises, but logs what failed."""
        try:
            self.stop()
        except Exception as error:
            log_failure(self.where, "switching the ramp off", error)

    def acquire(
        self, channel: int, *, decimation: int = 1, trigger: str = "NOW", deadline_s: float = 5.0
    ) -> np.ndarray:
        """Record one buffer after a trigger.

        Parameters
        ----------
        channel
            Input 1 or 2.
        decimation
            Power of two, 1 to 65536; the sampling rate is 125 MHz over this.
        trigger
            One of `TRIGGER_SOURCES`, such as "NOW", "CH1_PE" or "EXT_PE".
        deadline_s
            Longest time to wait for the trigger and for the buffer to fill, in s.

        Returns
        -------
        numpy.ndarray
            Voltages in V, float32, one per sample of the buffer.

        Raises
        ------
        InstrumentTimeout
            The trigger did not come, or the buffer did not fill.
        """
        if channel not in (1, 2) or trigger not in self.TRIGGER_SOURCES:
            raise OutOfRange(f"{self.where}: no input {channel!r}, or no trigger source {trigger!r}.")
        self.acquisition_reset()
        self.decimation = decimation
        self.acq_format = "BIN"
        self.acq_units = "VOLTS"
        self.acq_trigger_delay_samples = 8192
        self.acquisition_start()
        self.acq_trigger_source = trigger
        self.check_errors()
        start = self.clock.now()
        self._wait(lambda: self.acq_trigger_status, start + deadline_s, f"the trigger {trigger} did not come")
        self._wait(lambda: self.acq_buffer_filled, start + deadline_s, "the buffer did not fill")
        return self.analog_in[channel].get_data()

    def check_errors(self) -> list:
        """Read the error queue until it is empty; raise InstrumentProtocolError if it was not."""
        errors: list[str] = []
        for _ in range(50):
            reply = self.parsed("SYST:ERR:NEXT?", _error, 'an error such as 0,"No error"')
            if reply is None:
                break
            errors.append(reply)
        if errors:
            raise InstrumentProtocolError(f"{self.where} reports {'; '.join(errors)}.")
        return errors

    def _wait(self, done: Callable[[], bool], until: float, what: str) -> None:
        while not done():
            if self.clock.now() >= until:
                raise InstrumentTimeout(
                    f"{self.where}: {what} in time; check the trigger source and its level."
                )
            self.clock.sleep(0.01)


def _error(reply: str) -> str | None:
    match = re.fullmatch(r"([+-]?\d+),\s*(.+)", reply)
    if match is None:
        raise ValueError(reply)
    return None if int(match[1]) == 0 else reply


def _ascii_data(reply: str) -> np.ndarray:
    if not (reply.startswith("{") and reply.endswith("}")):
        raise ValueError("the data are not between braces")
    return np.array([finite(value) for value in reply[1:-1].split(",")])
