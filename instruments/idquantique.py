"""ID Quantique ID900 Time Controller.

The instrument speaks SCPI text over ZeroMQ (REQ/REP, port 5555); every command is answered, settings too.
The wiring of its blocks follows ID Quantique's published examples: input n feeds delay block n, which feeds
time stamp combiner TSCO n+4; the START input is the block STAR; the gate TSGE8 enables the histograms.
Unchecked on hardware: the text that confirms each setting (only error texts are rejected), that
``TSCOn:OPIN ONLYFIR`` is part of the default configuration, and that a counter in cyclic mode holds the
count of the last complete integration time.
"""

import json
from collections.abc import Sequence

import numpy as np
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from instruments._driver import Driver, log_failure
from instruments._replies import whole
from instruments.clock import Clock
from instruments.errors import InstrumentProtocolError, OutOfRange

__all__ = ["ID900", "START"]

START = 5
"""Number of the START input, for `ID900.start_stop_histogram` and `ID900.counts`."""


class ID900(Driver, Instrument):
    """A time controller with four inputs, a START input and four histograms.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`; the address is ``tcp://host:5555``.
    """

    _kind = "ID900"
    _identity_pattern = r"ID900"

    def __init__(self, address: str | Adapter, *, clock: Clock | None = None, timeout_s: float = 2.0) -> None:
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._freeze()

    def command(self, command: str) -> str:
        """Send a setting and return the instrument's confirmation.

        Raises
        ------
        InstrumentProtocolError
            The instrument refuses the command.
        """
        reply = self.ask(command)
        if "SCPI_ERR" in reply or reply.startswith("No connection"):
            raise InstrumentProtocolError(f"{self.where}, command {command!r}: refused with {reply[:80]!r}.")
        return reply

    def counts(self, channel: int, integration_s: float) -> int:
        """Count the events on a channel.

        The counter works in cycles that are not synchronous with the computer, so two integration times pass
        before the count of one complete cycle is read.

        Parameters
        ----------
        channel
            Input 1 to 4, or START (5).
        integration_s
            Integration time, in s: 1 ms to 65.535 s in steps of 1 ms.

        Returns
        -------
        int
            Events during one integration time.
        """
        source = _input(channel)
        milliseconds = round(1000 * integration_s)
        if not 1 <= milliseconds <= 65535 or abs(1000 * integration_s - milliseconds) > 1e-6:
            raise OutOfRange(
                f"{self.where}: cannot integrate for {integration_s} s; use 0.001 to 65.535 s in "
                "steps of 0.001 s."
            )
        for setting in ("ENAB ON", "COUN:MODE CYCL", f"COUN:INTE {milliseconds}", "COUN:RESET"):
            self.command(f"{source}:{setting}")
        self.clock.sleep(2 * integration_s + 1e-3)
        return self._number(f"{source}:COUN?")

    def start_stop_histogram(
        self,
        reference: int,
        channels: Sequence[int],
        bin_width_ps: int,
        bins: int,
        integration_s: float,
    ) -> np.ndarray:
        """Histogram the delay of each channel's events after the reference.

        Parameters
        ----------
        reference
            Input of the reference, 1 to 4 or START (5).
        channels
            One to four inputs, 1 to 4; the k-th one uses the k-th histogram of the instrument.
        bin_width_ps
            Bin width, in ps: 100 ps to 1 ms in steps of 100 ps.
        bins
            Number of bins, 1 to 16384; the histogram starts at delay 0.
        integration_s
            Time that the gate is open, in s.

        Returns
        -------
        numpy.ndarray
            Counts, int64, shape (channel, bin).

        Raises
        ------
        OutOfRange
            A parameter is impossible; nothing was sent.
        InstrumentProtocolError
            A command is refused, a setting does not read back, or the data are incomplete.
        """
        self._check_histogram(reference, channels, bin_width_ps, bins, integration_s)
        self.command("TSGE8:ENAB OFF")
        for histogram, channel in enumerate(channels, start=1):
            self._configure(histogram, reference, channel, bin_width_ps, bins)
        self.command("TSGE8:ENAB ON")
        try:
            self.clock.sleep(integration_s)
        except BaseException:
            self._close_gate()
            raise
        self.command("TSGE8:ENAB OFF")
        return np.stack([self._data(histogram, bins) for histogram in range(1, len(channels) + 1)])

    def _close_gate(self) -> None:
        """Close the gate after a measurement that broke off; what broke it off must not be masked."""
        try:
            self.command("TSGE8:ENAB OFF")
        except Exception as error:
            log_failure(self.where, "closing the gate", error)

    def _check_histogram(
        self, reference: int, channels: Sequence[int], bin_width_ps: int, bins: int, integration_s: float
    ) -> None:
        _input(reference)
        if not 1 <= len(channels) <= 4 or any(c not in (1, 2, 3, 4) for c in channels):
            raise OutOfRange(
                f"{self.where}: channels {list(channels)} are not one to four of the inputs 1 to 4."
            )
        if not 100 <= bin_width_ps <= 1_000_000_000 or bin_width_ps % 100:
            raise OutOfRange(
                f"{self.where}: bin width {bin_width_ps} ps; use 100 ps to 1 ms (1000000000) in steps "
                "of 100 ps."
            )
        if not 1 <= bins <= 16384:
            raise OutOfRange(f"{self.where}: {bins} bins; use 1 to 16384.")
        if not integration_s > 0:
            raise OutOfRange(f"{self.where}: integration time {integration_s} s; it must be positive.")

    def _configure(self, histogram: int, reference: int, channel: int, bin_width_ps: int, bins: int) -> None:
        name = f"HIST{histogram}"
        for source in (reference, channel):
            self.command(f"{_input(source)}:ENAB ON")
        self.command(f"{name}:INPO:REF:LINK {_combiner(reference)}")
        self.command(f"{name}:INPO:STOP:LINK {_combiner(channel)}")
        self.command(f"{name}:INPO:ENAB:LINK TSGE8")
        for key, value in (("MIN", 0), ("BWID", bin_width_ps), ("BCOU", bins)):
            self.command(f"{name}:{key} {value}")
            if (after := self._number(f"{name}:{key}?")) != value:
                raise InstrumentProtocolError(
                    f"{self.where}: {name}:{key} set to {value} reads back {after}."
                )
        self.command(f"{name}:FLUSH")

    def _number(self, query: str) -> int:
        return self.parsed(query, whole, "a whole number such as 100 or 100TB")

    def _data(self, histogram: int, bins: int) -> np.ndarray:
        return self.parsed(
            f"HIST{histogram}:DATA?", lambda reply: _counts(reply, bins), f"[n,n,...] of {bins} counts"
        )


def _input(channel: int) -> str:
    if channel not in (1, 2, 3, 4, START):
        raise OutOfRange(f"The ID900 has no input {channel!r}; use 1 to 4, or {START} for START.")
    return "STAR" if channel == START else f"INPU{channel}"


def _combiner(channel: int) -> str:
    return "STAR" if channel == START else f"TSCO{channel + 4}"


def _counts(reply: str, bins: int) -> np.ndarray:
    if not (reply.startswith("[") and reply.endswith("]")):
        raise ValueError("the data are not between brackets")
    data = json.loads(reply)
    if len(data) != bins or not all(type(count) is int and count >= 0 for count in data):
        raise ValueError(f"{len(data)} values, or a value that is no count")
    return np.array(data, dtype=np.int64)
