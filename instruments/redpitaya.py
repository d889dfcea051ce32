"""Red Pitaya board: ramp generator and digitiser.

PyMeasure's binary read takes 64-bit integers where the board sends big-endian int16 (RAW) or float32 (VOLTS);
it is mended here. Unchecked on hardware: boards with OS 2.00 and later also want ``SOUR1:TRIG:INT`` before
the generator starts; that ``ACQ:WPOS?`` moves all the time while the board acquires.

The time axis of a record is as good as the board's oscillator (tens of parts per million): an oscillator that
drifts cannot be seen by the board itself, only against a signal of known frequency.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument
from pymeasure.instruments.redpitaya.redpitaya_scpi import AnalogInputFastChannel, RedPitayaScpi
from pymeasure.instruments.validators import strict_discrete_set

from instruments._blocks import ask_block
from instruments._driver import log_failure
from instruments._errors import ScpiDriver
from instruments._frozen import Frozen
from instruments._records import voltage_record
from instruments._replies import StrictReplies, finite
from instruments.clock import Clock
from instruments.errors import InstrumentProtocolError, InstrumentTimeout, OutOfRange

__all__ = ["FastInput", "RedPitaya"]

SAMPLES = 16384
DECIMATIONS = [2**n for n in range(17)]
FULL_SCALE_V = {"LV": 1.0, "HV": 20.0}
LOWEST_CODE = -8192
STOP = 0.98  # of the full scale; calibration may move the converter's stops by a per cent
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
            dtype = DTYPE[self.parent.acq_units]
            block = ask_block(self, command, b"\r\n", dtype.itemsize)
            data = np.frombuffer(block, dtype).astype(dtype.newbyteorder("="))
        else:
            raise ValueError(f"The format of the data is 'BIN' or 'ASCII', not {format!r}.")
        if npts is not None and len(data) != npts:
            self._reject(command, f"{len(data)} values", f"expected {npts}")
        return data


class RedPitaya(ScpiDriver, RedPitayaScpi):
    """A Red Pitaya whose output 1 drives a piezo ramp and whose inputs digitise.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`. The board's port is 5000.
    """

    _kind = "Red Pitaya"
    _identity_pattern = r"^REDPITAYA,"
    _error_query = "SYST:ERR:NEXT?"
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

    write_pointer = Instrument.measurement(
        "ACQ:WPOS?", """Get where in the buffer the board writes, or wrote last.""", cast=int
    )

    def __init__(self, address: str | Adapter, *, clock: Clock | None = None, timeout_s: float = 2.0) -> None:
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._timeout_s = timeout_s
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
            The board reports an error, or another setting than was asked for.
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
        ramp = (("FREQ:FIX", frequency_hz), ("VOLT", amplitude_v), ("VOLT:OFFS", offset_v))
        for header, value in ramp:
            self._verify(f"SOUR1:{header}?", finite, float(f"{value:g}"))
        self._verify("SOUR1:FUNC?", str.upper, "TRIANGLE")
        self._verify("OUTPUT1:STATE?", _switch, True)

    def stop(self) -> None:
        """Switch output 1 off."""
        self.write("OUTPUT1:STATE OFF")
        self.check_errors()
        self._verify("OUTPUT1:STATE?", _switch, False)

    def _verify(self, query: str, parse: Callable[[str], Any], asked: Any) -> None:
        """Read a setting back, which a lost command would not have changed."""
        after = self.parsed(query, parse, f"what was set, such as {asked}")
        same = math.isclose(after, asked, rel_tol=1e-4, abs_tol=1e-4) if parse is finite else after == asked
        if not same:
            self._reject(query, str(after), f"asked for {asked}")

    def shutdown(self) -> None:
        """Switch the ramp off; never raises, but logs what failed."""
        try:
            self.stop()
        except Exception as error:
            log_failure(self.where, "switching the ramp off", error)

    def capture(
        self,
        channels: Sequence[int] = (1, 2),
        *,
        decimation: int = 1,
        trigger: str = "NOW",
        deadline_s: float | None = None,
        accept_clipped: bool = False,
    ) -> xr.Dataset:
        """Record one buffer after a trigger.

        Parameters
        ----------
        channels
            Inputs to read, of 1 and 2.
        decimation
            Power of two, 1 to 65536; the sampling rate is 125 MHz over this.
        trigger
            One of `TRIGGER_SOURCES`, such as "NOW", "CH1_PE" or "EXT_PE".
        deadline_s
            Longest time to wait for the trigger and for the buffer to fill, in s; by default the length of
            the record and the driver's timeout.
        accept_clipped
            Return a record that touches the converter's stops instead of raising Interlock.

        Returns
        -------
        xarray.Dataset
            `voltage_v(channel, time_s)` in V, float32, time after the trigger; attrs `sample_rate_hz`,
            `clipped` (per channel, 0 or 1), and of the converter `step_v`, what one code means (the most
            of the channels), `lowest_code` and `highest_code`.

        Raises
        ------
        InstrumentTimeout
            The trigger did not come, or the buffer did not fill; the acquisition was stopped.
        InstrumentProtocolError
            The board offers an old buffer.
        Interlock
            A channel was clipped.
        """
        if not channels or not set(channels) <= {1, 2} or trigger not in self.TRIGGER_SOURCES:
            raise OutOfRange(f"{self.where}: no inputs {list(channels)}, or no trigger source {trigger!r}.")
        if decimation not in DECIMATIONS:
            raise OutOfRange(f"{self.where}: decimation {decimation}; use a power of two, 1 to 65536.")
        if deadline_s is None:
            deadline_s = SAMPLES * decimation / self.CLOCK + self._timeout_s
        # once in 16384 times the pointer of a running board is found in the same place twice
        if not any(self._acquire(decimation, trigger, deadline_s) for _ in range(2)):
            raise InstrumentProtocolError(
                f"{self.where} offers an old buffer: its write pointer does not move; it was not read."
            )
        rows, clipped, scales = [], [], []
        for number in channels:
            rows.append(self.analog_in[number].get_data(SAMPLES))
            scales.append(FULL_SCALE_V[self.analog_in[number].gain])
            clipped.append(bool(np.max(np.abs(rows[-1])) >= STOP * scales[-1]))
        time_s = np.arange(SAMPLES) * decimation / self.CLOCK
        return voltage_record(
            self.where,
            channels,
            rows,
            time_s,
            clipped,
            accept_clipped=accept_clipped,
            step_v=max(scales) / -LOWEST_CODE,
            lowest_code=LOWEST_CODE,
            highest_code=-LOWEST_CODE - 1,
        )

    def record(
        self, channels: Sequence[int], duration_s: float, *, accept_clipped: bool = False
    ) -> xr.Dataset:
        """Record at once, for `duration_s` or a little longer. See `roles.Digitizer`."""
        longest_s = SAMPLES * DECIMATIONS[-1] / self.CLOCK
        if not 0 < duration_s <= longest_s:
            raise OutOfRange(
                f"{self.where}: a record of {duration_s} s; use more than 0 and up to {longest_s:g} s."
            )
        decimation = next(n for n in DECIMATIONS if SAMPLES * n / self.CLOCK >= duration_s)
        return self.capture(channels, decimation=decimation, accept_clipped=accept_clipped)

    def _acquire(self, decimation: int, trigger: str, deadline_s: float) -> bool:
        """Fill the buffer; return whether it was written to."""
        self.acquisition_reset()
        self.decimation = decimation
        self.acq_format = "BIN"
        self.acq_units = "VOLTS"
        self.acq_trigger_delay_samples = SAMPLES // 2
        self.acquisition_start()
        self.check_errors()
        before = self.write_pointer
        self.acq_trigger_source = trigger
        self.check_errors()
        until = self.clock.now() + deadline_s
        self._wait(lambda: self.acq_trigger_status, until, f"the trigger {trigger} did not come")
        self._wait(lambda: self.acq_buffer_filled, until, "the buffer did not fill")
        return self.write_pointer != before

    def _wait(self, done: Callable[[], bool], until: float, what: str) -> None:
        while not done():
            if self.clock.now() >= until:
                self.acquisition_stop()
                raise InstrumentTimeout(
                    f"{self.where}: {what} in time; check the trigger source and its level."
                )
            self.clock.sleep(0.01)


def _switch(reply: str) -> bool:
    if reply not in ("0", "1", "OFF", "ON"):
        raise ValueError(reply)
    return reply in ("1", "ON")


def _ascii_data(reply: str) -> np.ndarray:
    if not (reply.startswith("{") and reply.endswith("}")):
        raise ValueError("the data are not between braces")
    return np.array([finite(value) for value in reply[1:-1].split(",")])
