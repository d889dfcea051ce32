"""The calls of Swabian's package ``TimeTagger`` over a line protocol, for taggers in the network.

Commands: ``STRE:STAR <ps>,<input>,...``, ``STRE:STAT?``, ``STRE:TIME?``, ``STRE:SIZE?``, ``STRE:DATA?
<offset>,<bytes>`` and ``SYST:ERR?``; a tag is a record of 16 bytes in the maker's layout.
"""

from collections.abc import Sequence

import numpy as np
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from instruments._blocks import ask_block
from instruments._driver import Driver
from instruments._errors import next_error
from instruments._replies import whole
from instruments.clock import Clock
from instruments.errors import InstrumentProtocolError

__all__ = ["TAG", "NetworkTagger", "NetworkTaggerApi", "NetworkTagStream", "TagBuffer"]

TAG = np.dtype([("kind", "u1"), ("reserved", "u1"), ("missed", "<u2"), ("channel", "<i4"), ("time", "<i8")])
BLOCK_BYTES = 1 << 20
KINDS = 5


class NetworkTagger(Driver, Instrument):
    """A tagger in the network; `Driver` explains the parameters."""

    _kind = "Swabian tagger"
    _identity_pattern = r"^Swabian Instruments,"

    def __init__(self, address: str | Adapter, *, clock: Clock | None = None, timeout_s: float = 2.0) -> None:
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._freeze()

    def getModel(self) -> str:
        """Return the model."""
        return self.identity.split(",")[1]

    def getSerial(self) -> str:
        """Return the serial number."""
        return self.identity.split(",")[2]

    def start(self, picoseconds: int, channels: Sequence[int]) -> None:
        """Start to record."""
        self.write(f"STRE:STAR {picoseconds},{','.join(map(str, channels))}")
        if error := self.parsed("SYST:ERR?", next_error, 'an entry such as 0,"No error"'):
            raise InstrumentProtocolError(f"{self.where}: the tagger refuses to start: {error}.")

    def running(self) -> bool:
        """Return whether a recording runs."""
        return self.parsed("STRE:STAT?", _is_running, "RUNNING or IDLE")

    def tags(self) -> tuple[int, np.ndarray]:
        """Return when the recording started by the tagger's clock, in ps, and its tags."""
        start = self.parsed("STRE:TIME?", whole, "a time in ps")
        size = self.parsed("STRE:SIZE?", whole, "a number of bytes")
        content = bytearray()
        while len(content) < size:
            wanted = min(BLOCK_BYTES, size - len(content))
            part = ask_block(self, f"STRE:DATA? {len(content)},{wanted}", b"\n")
            if len(part) != wanted:
                raise InstrumentProtocolError(f"{self.where}: {len(part)} bytes of tags instead of {wanted}.")
            content += part
        try:
            return start, parse_tags(bytes(content))
        except ValueError as cause:
            raise InstrumentProtocolError(f"{self.where}: the tags cannot be right: {cause}.") from cause


def parse_tags(data: bytes) -> np.ndarray:
    """Return tags as an array of the type `TAG`.

    Raises
    ------
    ValueError
        The data are cut, or hold kinds of events that do not exist.
    """
    if len(data) % TAG.itemsize:
        raise ValueError(f"{len(data)} bytes are not a whole number of tags")
    tags = np.frombuffer(data, TAG)
    if np.any(tags["kind"] >= KINDS) or np.any(tags["reserved"]):
        raise ValueError("an event is of a kind that does not exist")
    return tags


class TagBuffer:
    """What `NetworkTagStream.getData` returns; named as the maker's ``TimeTagStreamBuffer``."""

    def __init__(self, start_ps: int, tags: np.ndarray) -> None:
        self.tStart = start_ps
        self.size = len(tags)
        self.hasOverflows = bool(np.any(tags["kind"]))
        self._tags = tags

    def getTimestamps(self) -> np.ndarray:
        """Return the times by the tagger's clock, in ps."""
        return self._tags["time"]

    def getChannels(self) -> np.ndarray:
        """Return the inputs."""
        return self._tags["channel"]

    def getEventTypes(self) -> np.ndarray:
        """Return 0 for a tag; 2, 3 and 4 for begin and end of an overflow and for missed events."""
        return self._tags["kind"]

    def getMissedEvents(self) -> np.ndarray:
        """Return how many events were missed, for events of type 4."""
        return self._tags["missed"]


class NetworkTagStream:
    """A recording; named as the maker's ``TimeTagStream``."""

    def __init__(self, tagger: NetworkTagger, n_max_events: int, channels: Sequence[int]) -> None:
        self._tagger = tagger
        self._channels = channels

    def startFor(self, duration_ps: int) -> None:
        """Start to record."""
        self._tagger.start(duration_ps, self._channels)

    def isRunning(self) -> bool:
        """Return whether the recording runs."""
        return self._tagger.running()

    def stop(self) -> None:
        """Do nothing: a recording ends by itself."""

    def getData(self) -> TagBuffer:
        """Return the tags."""
        return TagBuffer(*self._tagger.tags())


class NetworkTaggerApi:
    """What stands for the maker's package; the parameters are those of `Driver`."""

    TimeTagStream = NetworkTagStream

    def __init__(self, address: str | Adapter, clock: Clock, timeout_s: float) -> None:
        self._address, self._clock, self._timeout_s = address, clock, timeout_s

    def createTimeTagger(self) -> NetworkTagger:
        """Connect."""
        return NetworkTagger(self._address, clock=self._clock, timeout_s=self._timeout_s)

    @staticmethod
    def freeTimeTagger(tagger: NetworkTagger) -> None:
        """Close the connection."""
        tagger.close()


def _is_running(reply: str) -> bool:
    if reply not in ("RUNNING", "IDLE"):
        raise ValueError(f"{reply} is no state")
    return reply == "RUNNING"
