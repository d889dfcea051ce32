"""Faults that a simulated lab can have, when they fire, and what they did.

Link faults stand between an instrument's protocol and its sockets, so every instrument can have them:

==================  ===================================================  =====================================
fault               while it fires                                       when it is cleared
==================  ===================================================  =====================================
timeout             the command is carried out, the reply is lost        the next reply arrives
late_reply          the reply arrives `delay_s` late (3 s), in order     replies still held back arrive late
garbage             random bytes instead of the reply, before the same   the next reply is whole
                    terminator; at least one byte is beyond ASCII
truncate            the end of the reply is missing, with part of its    the next reply is whole
                    terminator at least; a cut message is not delivered
split_writes        the reply comes in up to four parts, `delay_s`       the next reply comes at once
                    (10 ms) apart; of a message, in as many frames
slow                the reply comes byte by byte, `delay_s` (20 ms)      the next reply comes at once
                    apart; a message late by as much in all
duplicate_reply     the reply comes twice, in one packet                 the next reply comes once
wrong_terminator    another line end than the instrument's; a message    the next reply ends as it should
                    has one that it should not have
busy                the command, and all that follow for `delay_s`       commands are heard at once
                    (1 s), are dropped unheard
half_open           the connection swallows what arrives, for good and   connections that went deaf are reset
                    without a word; new ones are accepted and go deaf
disconnect          the connection is reset in place of the reply (a     the port is open again
                    message is lost); if it fires always, the port is
                    closed as well
refuse_connect      the port is closed, open connections live on (those  the port is open again
                    of messages end)
==================  ===================================================  =====================================

An occasion to fire is a reply, or what arrives at once for busy and half_open. refuse_connect follows world
time alone (`after_s`, `for_s`). A device's own faults hold steadily, or from a command at which they fire to
the next command that the instrument hears; what ends them when they are cleared is the device's affair.

garbage is never all ASCII, a truncated reply never ends as a whole one does, and the second copy of a reply
never comes after the next question: what is by chance a valid reply cannot be told from the right one.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from ._fault_effects import DELAYS_S, REPLY_FAULTS
from ._fault_link import COMMAND_FAULTS, FaultyLink
from ._fault_schedule import ActiveFault, Schedule
from ._streams import stream

__all__ = ["LINK_FAULTS", "Faults", "Firing", "parse_fault"]

LINK_FAULTS = frozenset({*REPLY_FAULTS, *COMMAND_FAULTS, "refuse_connect"})
"""Faults of the connection, which every instrument can have."""

LONGEST_LOG = 10_000
OPTIONS = tuple(field.name for field in fields(Schedule))


@dataclass(frozen=True)
class Firing:
    """One entry of the fault log: at which world time (s) which fault of which instrument did what."""

    world_s: float
    instrument: str
    fault: str
    what: str


class FaultyInstrument(Protocol):
    """What is asked of an instrument on the network; see `Station`."""

    device_faults: set[str]
    possible_faults: frozenset[str]
    message_based: bool


class Faults:
    """All faults of a simulated lab.

    Parameters
    ----------
    stations : mapping of str to Station
        The instruments.
    seed : int
        The world's seed; each fault of each instrument has a stream of its own, anew at each injection.
    now : callable
        Returns the world's time, in s.

    Attributes
    ----------
    links : dict of FaultyLink
        Where the faults act, by instrument.
    log : deque of Firing
        The last 10000 firings.
    """

    def __init__(self, stations: Mapping[str, FaultyInstrument], seed: int, now: Callable[[], float]) -> None:
        self._seed = seed
        self._now = now
        self.log: deque[Firing] = deque(maxlen=LONGEST_LOG)
        self.links = {name: self._link(name, station) for name, station in stations.items()}

    def _link(self, name: str, station: FaultyInstrument) -> FaultyLink:
        def log(fault: str, what: str) -> None:
            self.log.append(Firing(self._now(), name, fault, what))

        return FaultyLink(
            station.possible_faults, station.device_faults, station.message_based, self._now, log
        )

    def inject(self, instrument: str, fault: str, **options: Any) -> None:
        """Let a fault begin.

        Parameters
        ----------
        instrument, fault : str
            Names.
        **options
            See `Schedule`.

        Raises
        ------
        ValueError
            If there is no such instrument, fault or option, or the fault cannot have this schedule.
        """
        link = self._checked(instrument, fault)
        if unknown := set(options) - set(OPTIONS):
            raise ValueError(_no_option(sorted(unknown)[0]))
        schedule = Schedule(**options)
        if fault == "refuse_connect" and not schedule.steady:
            raise ValueError("refuse_connect takes no probability, after or count; it has after_s and for_s")
        if schedule.delay_s is not None and fault not in DELAYS_S:
            raise ValueError(f"{fault} takes no delay_s; only {', '.join(sorted(DELAYS_S))} do")
        rng = stream(self._seed, instrument, "fault", fault)
        link.add(fault, ActiveFault(schedule, rng, self._now()))

    def clear(self, instrument: str | None = None, fault: str | None = None) -> None:
        """End a fault, all faults of an instrument, or all of them.

        Raises
        ------
        ValueError
            If there is no such instrument or fault.
        """
        if instrument is None:
            for link in self.links.values():
                _clear(link)
        elif fault is None:
            _clear(self._checked(instrument, None))
        else:
            self._checked(instrument, fault).remove(fault)

    def update(self) -> None:
        """Bring the faults up to the world's time."""
        for link in self.links.values():
            link.update()

    def report(self) -> dict[str, Any]:
        """Return the active and the possible faults and the log, ready for JSON."""
        return {
            "active": [
                {"instrument": name, "fault": fault, "fired": active.fired, **active.schedule.as_dict()}
                for name, link in self.links.items()
                for fault, active in link.active.items()
            ],
            "possible": self.possible(),
            "log": [asdict(firing) for firing in self.log],
        }

    def possible(self) -> dict[str, list[str]]:
        """Return the faults that each instrument can have."""
        return {name: sorted(LINK_FAULTS | link.possible) for name, link in self.links.items()}

    def _checked(self, instrument: str, fault: str | None) -> FaultyLink:
        if instrument not in self.links:
            raise ValueError(f"there is no instrument {instrument!r}; there are {', '.join(self.links)}")
        link = self.links[instrument]
        if fault is not None and fault not in LINK_FAULTS | link.possible:
            known = ", ".join(sorted(LINK_FAULTS | link.possible))
            raise ValueError(f"{instrument} cannot have the fault {fault!r}; it can have {known}")
        return link


def _clear(link: FaultyLink) -> None:
    for fault in [*link.active, *link.in_device]:
        link.remove(fault)


def _no_option(name: str) -> str:
    return f"a fault has no option {name!r}; there are {', '.join(OPTIONS)}"


def parse_fault(text: str) -> dict[str, Any]:
    """Return the arguments of `Faults.inject` that ``INSTRUMENT:FAULT[:OPTION=NUMBER,...]`` stands for.

    Raises
    ------
    ValueError
        If the text is not of this form.
    """
    instrument, _, rest = text.partition(":")
    fault, _, options = rest.partition(":")
    if not instrument or not fault:
        raise ValueError(f"a fault is given as INSTRUMENT:FAULT[:OPTION=NUMBER,...], not {text!r}")
    parsed: dict[str, Any] = {"instrument": instrument, "fault": fault}
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        if name not in OPTIONS:
            raise ValueError(_no_option(name))
        try:
            parsed[name] = int(value) if name in ("after", "count") else float(value)
        except ValueError as error:
            raise ValueError(f"{name} of the fault {text!r} is no number, as {value!r} is none") from error
    return parsed
