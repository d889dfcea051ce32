"""ID Quantique ID900 Time Controller.

The instrument speaks SCPI text over ZeroMQ (REQ/REP, port 5555); every command is answered, settings too.
The wiring of its blocks follows ID Quantique's published examples: input n feeds delay block n, which feeds
time stamp combiner TSCO n+4; the START input is the block STAR; the gate TSGE8 enables the histograms.
Time tags come through the DataLinkTarget service (see `instruments._data_link`); they are multiples of the
resolution, 13 ps in HIRES and 100 ps in LOWRES, as words of ps that do not roll over.

Unchecked on hardware: the text that confirms each setting (only error texts are rejected), that
``TSCOn:OPIN ONLYFIR`` is part of the default configuration, and that a counter in cyclic mode holds the
count of the last complete integration time; that a histogram of two detectors pairs each start with the first
stop after it only; the texts of ``REC:STAG?``, and the length of a recording in ``REC:DUR``.
"""

import json
from collections.abc import Sequence

import numpy as np
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from instruments._data_link import DataLink
from instruments._driver import Driver, log_failure
from instruments._replies import whole
from instruments.clock import Clock
from instruments.errors import (
    InstrumentDisconnected,
    InstrumentError,
    InstrumentProtocolError,
    InstrumentTimeout,
    OutOfRange,
)
from instruments.timetags import TimeTags, check_rate, merge_tags

__all__ = ["ID900", "START"]

START = 5
"""Number of the START input, for `ID900.start_stop_histogram` and `ID900.counts`."""

SHORTEST_WINDOW_S = 1e-6
"""In shorter windows after the START, pulsed light may exceed any steady rate."""


class ID900(Driver, Instrument):
    """A time controller with four inputs, a START input and four histograms.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`; the address is ``tcp://host:5555``.
    data_link
        Address of the DataLinkTarget service, ``tcp://host:6060``; only `record` needs it.
    """

    _kind = "ID900"
    _identity_pattern = r"ID900"

    def __init__(
        self,
        address: str | Adapter,
        *,
        clock: Clock | None = None,
        timeout_s: float = 2.0,
        data_link: str | None = None,
    ) -> None:
        self._address = address if isinstance(address, str) else ""
        self._data_link, self._timeout_s = data_link, timeout_s
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

        Raises
        ------
        Interlock
            The rate is one that only a saturated detector gives.
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
        count = self._number(f"{source}:COUN?")
        check_rate(self.where, channel, count, integration_s)
        return count

    def start_stop_histogram(
        self,
        reference: int,
        channels: Sequence[int],
        bin_width_ps: int,
        bins: int,
        integration_s: float,
    ) -> np.ndarray:
        """Histogram the delay of each channel's events after the reference.

        After the START input every event counts, after a detector the first one.

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
        Interlock
            A detector is saturated.
        """
        self._check_histogram(reference, channels, bin_width_ps, bins, integration_s)
        self.command("TSGE8:ENAB OFF")
        for histogram, channel in enumerate(channels, start=1):
            self._configure(histogram, reference, channel, bin_width_ps, bins)
        counted = [START] if reference == START else sorted({reference, *channels})
        for channel in counted:
            self.command(f"{_input(channel)}:COUN:MODE ACCU")
            self.command(f"{_input(channel)}:COUN:RESET")
        self.command("TSGE8:ENAB ON")
        try:
            self.clock.sleep(integration_s)
        except BaseException:
            self._close_gate()
            raise
        self.command("TSGE8:ENAB OFF")
        events = {channel: self._number(f"{_input(channel)}:COUN?") for channel in counted}
        data = np.stack([self._data(histogram, bins) for histogram in range(1, len(channels) + 1)])
        for channel in set(counted) - {START}:
            check_rate(self.where, channel, events[channel], integration_s)
        window_s = bins * bin_width_ps * 1e-12
        if events.get(START) and window_s >= SHORTEST_WINDOW_S:
            for channel, counts in zip(channels, data, strict=True):
                check_rate(self.where, channel, int(counts.sum()), events[START] * window_s)
        return data

    def record(self, channels: Sequence[int], duration_s: float, *, allow_gaps: bool = False) -> TimeTags:
        """Record time tags.

        Parameters
        ----------
        channels
            Inputs, 1 to 4.
        duration_s
            Length of the recording, 1 us to 1e5 s, in steps of 1 ps.
        allow_gaps
            Return a recording from which tags were lost, with `TimeTags.overflows` telling how often, instead
            of raising. The box does not tell where they are missing.

        Raises
        ------
        OutOfRange
            A parameter is impossible; nothing was sent.
        InstrumentProtocolError
            Tags were lost, the box or the service refuses, or what arrives is not what was announced.
        InstrumentTimeout
            The recording does not end, or the stream breaks off.
        Interlock
            A detector is saturated.
        """
        channels = self._check_recording(channels, duration_s)
        if self._data_link is None:
            raise InstrumentDisconnected(
                f"{self.where}: give data_link='tcp://host:6060' to record time tags."
            )
        unit_ps = self._number("DEVI:RES:BWID?")
        with DataLink(self._data_link, self._address, self._timeout_s) as link:
            link.clear()
            self._prepare_recording(channels, round(1e12 * duration_s))
            for channel in channels:
                link.open(channel)
                self.command(f"RAW{channel}:SEND ON")
            self.command("REC:PLAY")
            try:
                self.clock.sleep(duration_s)
                self._await_recording()
                times, lost = self._receive(link, channels)
            except BaseException:
                self._stop_recording()
                raise
        for channel in channels:
            check_rate(self.where, channel, len(times[channel]), duration_s)
        if lost and not allow_gaps:
            raise InstrumentProtocolError(
                f"{self.where}: tags were lost {lost} time(s) during {duration_s} s; weaken the light."
            )
        return merge_tags(times, duration_s, where=self.where, overflows=lost, unit_ps=unit_ps)

    def _check_recording(self, channels: Sequence[int], duration_s: float) -> list[int]:
        if not channels or len(set(channels)) < len(channels) or any(c not in (1, 2, 3, 4) for c in channels):
            raise OutOfRange(f"{self.where}: channels {list(channels)} are not some of the inputs 1 to 4.")
        if not 1e-6 <= duration_s <= 1e5:
            raise OutOfRange(f"{self.where}: cannot record for {duration_s} s; use 1e-6 to 1e5 s.")
        return sorted(channels)

    def _prepare_recording(self, channels: list[int], duration_ps: int) -> None:
        for setting in ("TRIG:ARM:MODE MANU", "ENAB ON", "STOP", "NUM 1", f"DUR {duration_ps}"):
            self.command(f"REC:{setting}")
        if (after := self._number("REC:DUR?")) != duration_ps:
            raise InstrumentProtocolError(f"{self.where}: REC:DUR set to {duration_ps} reads back {after}.")
        for channel in (1, 2, 3, 4):
            self.command(f"RAW{channel}:SEND OFF")
        for channel in channels:
            self.command(f"INPU{channel}:ENAB ON")
            self.command(f"RAW{channel}:STOP:LINK {_combiner(channel)}")
            self.command(f"RAW{channel}:REF:LINK NONE")
            self.command(f"RAW{channel}:ERRORS:CLEAR")

    def _await_recording(self) -> None:
        deadline = self.clock.now() + self._timeout_s
        while self.ask("REC:STAG?").strip().upper() == "PLAYING":
            if self.clock.now() >= deadline:
                raise InstrumentTimeout(f"{self.where}: the recording does not end.")
            self.clock.sleep(0.01)

    def _receive(self, link: DataLink, channels: list[int]) -> tuple[dict[int, np.ndarray], int]:
        """Return the tags of each channel, and how often some were lost."""
        times, lost = {}, 0
        for channel in channels:
            deadline = self.clock.now() + self._timeout_s
            while (status := link.status(channel))[0] < 1:
                if self.clock.now() >= deadline:
                    raise InstrumentTimeout(
                        f"{link.where}: the recording of input {channel} does not arrive."
                    )
                self.clock.sleep(0.01)
            times[channel] = link.receive(channel, status[1])
            self.command(f"RAW{channel}:SEND OFF")
            link.close(channel)
            lost = max(lost, self._number(f"RAW{channel}:ERRORS?"), int(status[2]))
        return times, lost

    def _stop_recording(self) -> None:
        """End a recording that broke off; what broke it off must not be masked."""
        try:
            self.command("REC:STOP")
        except InstrumentError as error:
            log_failure(self.where, "stopping the recording", error)

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
