"""A station: the connected instruments of one bench, their limits, and the way to the safe state."""

import dataclasses
import datetime
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from instruments import roles
from instruments.clock import Clock, SystemClock
from instruments.position_loop import PositionLoop
from instruments.twin import TwinClock, TwinSettings, start_twin
from labsync import safety
from labsync._connections import Connections
from labsync._guard import Guard, WatchedClock
from labsync.errors import UsageError
from labsync.events import Listener
from labsync.settings import StationSettings

Role_co = TypeVar("Role_co", covariant=True)


class _Role(Generic[Role_co]):
    """The instrument that plays a role at a station; UsageError where the bench has none."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, station: "Station", owner: type) -> Role_co:
        return station.role(self._name)


class Station:
    """The instruments of a bench by the role they play; made by `open_station`.

    A role that the bench lacks raises UsageError when it is asked for; `has` tells beforehand.

    Parameters
    ----------
    settings : StationSettings
        The checked station file: limits, settle rules.
    clock : Clock
        The time everything on this bench waits by.
    instruments : mapping of str to object
        What plays each role.
    identities : dict of str to str
        What each instrument answered when asked who it is.
    guard : Guard, optional
        The watchdog, if one watches.

    Attributes
    ----------
    made_safe : bool
        Whether the station was brought to its safe state before.
    """

    cryostat_1 = _Role[roles.TemperatureController]()
    cryostat_2 = _Role[roles.TemperatureController]()
    pump_1 = _Role[roles.PumpSource]()
    pump_2 = _Role[roles.PumpSource]()
    correlator = _Role[roles.Correlator]()
    ramp = _Role[roles.RampGenerator]()
    attenuator = _Role[roles.Attenuator]()
    fabry_perot = _Role[roles.FabryPerot]()
    position_loop = _Role[PositionLoop]()
    time_tagger = _Role[roles.TimeTagger]()
    digitizer = _Role[roles.Digitizer]()
    spectrum_analyser = _Role[roles.SpectrumAnalyser]()

    def __init__(
        self,
        settings: StationSettings,
        clock: Clock,
        instruments: Mapping[str, Any],
        identities: dict[str, str],
        guard: Guard | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.identities = identities
        self.made_safe = False
        self._instruments, self._guard = instruments, guard

    def has(self, role: str) -> bool:
        """Tell whether the bench has what plays `role`."""
        return role in self._instruments

    def role(self, name: str) -> Any:
        """Return what plays a role.

        Raises
        ------
        UsageError
            If the bench has nothing that does.
        """
        if name not in self._instruments:
            raise UsageError(f"Station '{self.settings.station.name}' has no {name}.")
        return self._instruments[name]

    def wall_time_s(self) -> float:
        """Return the time as seconds since 1970, UTC; a lab in lock-step counts from its own epoch."""
        if self.settings.station.backend == "twin" and self.settings.twin.clock == "lock-step":
            return TWIN_EPOCH.timestamp() + self.clock.now()
        return time.time()

    def fabry_perot_attrs(self) -> dict[str, float]:
        """Return what the analysis must know of the interferometer."""
        fpi = self.settings.fabry_perot
        if fpi is None:
            raise UsageError(f"Station '{self.settings.station.name}' has no fabry_perot.")
        return {"free_spectral_range_ghz": fpi.free_spectral_range, "finesse": fpi.finesse}

    def select_modes(self, mode_1: str, mode_2: str) -> None:
        """Turn the analysers of the pillars to the strong or to the weak mode.

        Parameters
        ----------
        mode_1, mode_2 : str
            "strong" or "weak".

        Raises
        ------
        UsageError
            If the weak modes are asked for at a bench without analysers, where polarisers fixed in front
            of the detectors select the strong ones.
        """
        for name, mode in (("analyser_1", mode_1), ("analyser_2", mode_2)):
            turn_deg = {"strong": 0.0, "weak": 45.0}[mode]
            section = getattr(self.settings, name)
            if section is not None:
                self.role(name).move_to_deg((section.angle_of_strong_mode + turn_deg) % 360)
            elif mode == "weak":
                self.settings.require((name,), "the weak mode")

    def watched(self, listener: Listener, folder: Path) -> Listener:
        """Return a listener of a scan that also reports to the station's watchdog, if there is one."""
        if self._guard is None:
            return listener
        return self._guard.listening(listener, self._instruments, folder)

    def make_safe(self) -> list[str]:
        """Do what the station file lists as the way to the safe state, as far as the bench has it.

        Every action is tried; problems are logged and returned, none is raised.
        """
        if self._guard is not None:
            self._guard.stand_down()
        forget = self._instruments.forget if isinstance(self._instruments, Connections) else _nothing
        problems = safety.problems(safety.make_safe(self.settings.safe_state, self._instruments, forget))
        if self._guard is not None:
            self._guard.report_safe(problems)
        self.made_safe = True
        return problems


def _nothing(role: str) -> None:
    pass


# A lock-step run must be the same bit by bit whenever it is made, so its calendar is fixed.
TWIN_EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@contextmanager
def open_station(settings: StationSettings, guarded: bool = True) -> Iterator[Station]:
    """Connect all instruments of a bench; a simulated bench is started, or attached to, first.

    Parameters
    ----------
    settings : StationSettings
        The bench.
    guarded : bool
        Start the watchdog if the station file has one, and go to the safe state when the block ends with an
        error and nobody went there before; without it the bench is left as it is, for those who only look.

    Raises
    ------
    InstrumentError
        If an instrument is silent, gone, or not the one it should be.
    UsageError
        If the simulated bench has no instrument of that name.
    LabsyncError
        If the watchdog does not start.
    """
    with ExitStack() as stack:
        clock, addresses = _world(settings, stack)
        guard = _guard(settings, addresses, stack) if guarded else None
        station = _connect(settings, clock, addresses, stack, guard)
        try:
            yield station
        except UsageError:  # nothing was begun
            raise
        except BaseException:
            if guarded and not station.made_safe:
                station.make_safe()
            raise


def _world(settings: StationSettings, stack: ExitStack) -> tuple[Clock, dict[str, str]]:
    if settings.station.backend == "hardware":
        return SystemClock(), {name: each.address or "" for name, each in settings.instruments.items()}
    chosen = settings.twin
    if chosen.attach is not None:
        attached = TwinClock(chosen.attach)
        stack.callback(attached.close)
        return attached, attached.ask({"addresses": True})["addresses"]
    lab = TwinSettings(
        seed=chosen.seed,
        clock=chosen.clock,
        bench=chosen.bench,
        configuration=chosen.configuration,
        lo_offset_ghz=chosen.local_oscillator,
    )
    if (detectors := settings.detectors) is not None:
        jitter_ps = 1e12 * detectors.timing_jitter
        lab = dataclasses.replace(lab, detection=detectors.configuration, jitter_ps=jitter_ps)
    twin = stack.enter_context(start_twin(lab))
    return twin.clock, twin.addresses


def _guard(settings: StationSettings, addresses: dict[str, str], stack: ExitStack) -> Guard | None:
    """Start the watchdog; it gets ready while the instruments are connected."""
    if settings.watchdog is None:
        return None
    inside = settings.station.backend == "twin" and settings.twin.attach is None
    guard = Guard(settings.watchdog, settings.text, None if inside else addresses)
    stack.callback(guard.end)
    return guard


def _connect(
    settings: StationSettings,
    clock: Clock,
    addresses: dict[str, str],
    stack: ExitStack,
    guard: Guard | None,
) -> Station:
    if guard is not None:
        clock = WatchedClock(clock, guard)
    connections = Connections(settings, addresses, clock)
    stack.callback(connections.close)
    identities = {name: connections[name].identity for name in settings.instruments}
    for name in connections:
        _ = connections[name]
    if guard is not None:
        guard.wait_until_ready()
    return Station(settings, clock, connections, identities, guard)
