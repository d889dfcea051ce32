"""Swabian Instruments time taggers.

The maker's protocol is closed, its Python package is not: `SwabianTagger` drives the objects of that package
(``TimeTagger.createTimeTagger``, ``TimeTagStream``; Time Tagger user manual, "Application Programmer's
Interface"). Where the package or the hardware is missing, `NetworkTaggerApi` offers the same calls over a
small line protocol of our own, which the simulated lab speaks. Unchecked on hardware: all of it. The time
axis is as good as the tagger's oscillator, which tags do not tell.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from pymeasure.adapters import Adapter

from instruments._network_tagger import NetworkTaggerApi
from instruments.clock import Clock, SystemClock
from instruments.errors import InstrumentDisconnected, InstrumentProtocolError, InstrumentTimeout, OutOfRange
from instruments.timetags import TimeTags, check_rate, merge_tags

__all__ = ["SwabianTagger", "TaggerApi"]

BUFFER_TAGS = 100_000_000
TIME_TAG, OVERFLOW_BEGIN, OVERFLOW_END = 0, 2, 3


class TaggerApi(Protocol):
    """The part of the maker's package ``TimeTagger`` that is used here."""

    createTimeTagger: Callable[..., Any]
    """Open a tagger; it has getSerial() and getModel()."""
    TimeTagStream: Callable[..., Any]
    """(tagger, n_max_events, channels): startFor(ps), isRunning(), stop(), getData()."""
    freeTimeTagger: Callable[..., Any]
    """Close a tagger."""


class SwabianTagger:
    """A time tagger.

    Parameters
    ----------
    address
        ``swabian:SERIAL`` for a tagger of the maker's package (``swabian:`` for any), or the address of a
        tagger in the network (see `Driver`), or an object that offers the maker's calls.
    clock, timeout_s
        See `Driver`.

    Raises
    ------
    InstrumentDisconnected
        The package or the tagger is not there.
    """

    def __init__(
        self, address: str | Adapter | TaggerApi, *, clock: Clock | None = None, timeout_s: float = 2.0
    ) -> None:
        self.clock = clock if clock is not None else SystemClock()
        self._timeout_s = timeout_s
        self._api, serial = _open_api(address, self.clock, timeout_s)
        self._tagger = self._api.createTimeTagger(serial) if serial else self._api.createTimeTagger()
        self._identity = f"Swabian Instruments,{self._tagger.getModel()},{self._tagger.getSerial()}"
        self.where = f"Swabian tagger {self._tagger.getSerial()}"

    @property
    def identity(self) -> str:
        """Maker, model and serial number."""
        return self._identity

    def close(self) -> None:
        """Close the connection and leave the tagger as it is."""
        self._api.freeTimeTagger(self._tagger)

    def __enter__(self) -> "SwabianTagger":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def shutdown(self) -> None:
        """Nothing to make safe; never raises."""

    def counts(self, channel: int, integration_s: float) -> int:
        """Return the number of events on a channel during the integration time, in s."""
        return self.record([channel], integration_s).counts(channel)

    def record(self, channels: Sequence[int], duration_s: float, *, allow_gaps: bool = False) -> TimeTags:
        """Record time tags.

        Parameters
        ----------
        channels
            Inputs, 1 to 8.
        duration_s
            Length of the recording, 1 us to 1e5 s.
        allow_gaps
            Return a recording from which tags were lost, with its gaps marked, instead of raising.

        Raises
        ------
        OutOfRange
            A parameter is impossible; nothing was sent.
        InstrumentProtocolError
            Tags were lost, or the recording cannot be right.
        InstrumentTimeout
            The recording does not end.
        Interlock
            A detector is saturated.
        """
        if not channels or len(set(channels)) < len(channels) or any(c not in range(1, 9) for c in channels):
            raise OutOfRange(f"{self.where}: channels {list(channels)} are not some of the inputs 1 to 8.")
        if not 1e-6 <= duration_s <= 1e5:
            raise OutOfRange(f"{self.where}: cannot record for {duration_s} s; use 1e-6 to 1e5 s.")
        stream = self._api.TimeTagStream(self._tagger, BUFFER_TAGS, sorted(channels))
        stream.startFor(round(1e12 * duration_s))
        try:
            self.clock.sleep(duration_s)
            self._await_end(stream)
            data = stream.getData()
        finally:
            stream.stop()
        return self._checked(data, sorted(channels), duration_s, allow_gaps)

    def _await_end(self, stream: Any) -> None:
        deadline = self.clock.now() + self._timeout_s
        while stream.isRunning():
            if self.clock.now() >= deadline:
                raise InstrumentTimeout(f"{self.where}: the recording does not end.")
            self.clock.sleep(0.01)

    def _checked(self, data: Any, channels: list[int], duration_s: float, allow_gaps: bool) -> TimeTags:
        kinds = np.asarray(data.getEventTypes())
        times = np.asarray(data.getTimestamps(), dtype=np.int64) - int(data.tStart)
        inputs = np.asarray(data.getChannels())
        if not len(kinds) == len(times) == len(inputs):
            raise InstrumentProtocolError(f"{self.where}: times, channels and kinds differ in number.")
        tags = kinds == TIME_TAG
        if strangers := sorted(set(inputs[tags].tolist()) - set(channels)):
            raise InstrumentProtocolError(
                f"{self.where}: tags of channels {strangers}, which were not asked."
            )
        per_channel = {channel: times[tags & (inputs == channel)] for channel in channels}
        for channel, its in per_channel.items():
            check_rate(self.where, channel, len(its), duration_s)
        begins, ends = times[kinds == OVERFLOW_BEGIN], times[kinds == OVERFLOW_END]
        lost = max(len(begins), int(bool(data.hasOverflows) or not tags.all()))
        if lost and not allow_gaps:
            raise InstrumentProtocolError(
                f"{self.where}: tags were lost {lost} time(s) during {duration_s} s; weaken the light."
            )
        gaps = tuple((int(begin), int(end)) for begin, end in zip(begins, ends, strict=False))
        return merge_tags(per_channel, duration_s, where=self.where, overflows=lost, gaps_ps=gaps)


def _open_api(address: Any, clock: Clock, timeout_s: float) -> tuple[Any, str]:
    """Return an object with the maker's calls, and the serial number of the tagger to open."""
    if isinstance(address, str) and address.startswith("swabian:"):
        try:
            import TimeTagger
        except ImportError as cause:
            raise InstrumentDisconnected(
                f"The tagger {address} needs the package of its maker: pip install Swabian-TimeTagger."
            ) from cause
        return TimeTagger, address.removeprefix("swabian:")
    if isinstance(address, str | Adapter):
        return NetworkTaggerApi(address, clock, timeout_s), ""
    return address, ""
