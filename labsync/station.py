"""A station: the connected instruments of one bench, their limits, and the way to the safe state."""

import datetime
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from instruments import roles
from instruments.attenuator import PolarisationAttenuator
from instruments.clock import Clock, SystemClock
from instruments.fabry_perot import ScanningFabryPerot
from instruments.idquantique import ID900
from instruments.keithley import Keithley2450Pump
from instruments.lakeshore import LakeShore336
from instruments.redpitaya import RedPitaya
from instruments.thorlabs import ELL14
from instruments.twin import TwinClock, TwinSettings, start_twin
from labsync.settings import INSTRUMENTS, StationSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Station:
    """The instruments of a bench by the role they play; made by `open_station`.

    Attributes
    ----------
    settings : StationSettings
        The checked station file: limits, settle rules.
    clock : Clock
        The time everything on this bench waits by.
    identities : dict of str to str
        What each instrument answered when asked who it is.
    """

    settings: StationSettings
    clock: Clock
    cryostat_1: roles.TemperatureController
    cryostat_2: roles.TemperatureController
    pump_1: roles.PumpSource
    pump_2: roles.PumpSource
    fabry_perot: roles.FabryPerot
    attenuator: roles.Attenuator
    ramp: roles.RampGenerator
    identities: dict[str, str]

    def wall_time_s(self) -> float:
        """Return the time as seconds since 1970, UTC; a lab in lock-step counts from its own epoch."""
        if self.settings.station.backend == "twin" and self.settings.twin.clock == "lock-step":
            return TWIN_EPOCH.timestamp() + self.clock.now()
        return time.time()

    def fabry_perot_attrs(self) -> dict[str, float]:
        """Return what the analysis must know of the interferometer."""
        fpi = self.settings.fabry_perot
        return {"free_spectral_range_ghz": fpi.free_spectral_range, "finesse": fpi.finesse}

    def make_safe(self) -> list[str]:
        """Ramp the pumps down and stop the piezo.

        Every action is tried; problems are logged and returned, none is raised.
        """
        actions: tuple[tuple[str, Callable[[], object]], ...] = (
            ("pump_1 to zero", self.pump_1.shutdown),
            ("pump_2 to zero", self.pump_2.shutdown),
            ("ramp off", self.ramp.stop),
        )
        problems = []
        for name, action in actions:
            try:
                action()
            except Exception as error:  # the next action must still be tried
                problems.append(f"{name}: {error}")
                log.error("Safe state: %s failed: %s", name, error)
        return problems


# A lock-step run must be the same bit by bit whenever it is made, so its calendar is fixed.
TWIN_EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@contextmanager
def open_station(settings: StationSettings) -> Iterator[Station]:
    """Connect all instruments of a bench; a simulated bench is started, or attached to, first.

    Raises
    ------
    InstrumentError
        If an instrument is silent, gone, or not the one it should be.
    """
    with ExitStack() as stack:
        clock, addresses = _world(settings, stack)
        yield _connect(settings, clock, addresses, stack)


def _world(settings: StationSettings, stack: ExitStack) -> tuple[Clock, dict[str, str]]:
    if settings.station.backend == "hardware":
        return SystemClock(), {name: getattr(settings, name).address for name in INSTRUMENTS}
    if settings.twin.attach is not None:
        attached = TwinClock(settings.twin.attach)
        stack.callback(attached.close)
        return attached, attached.ask({"addresses": True})["addresses"]
    chosen = settings.twin
    twin = stack.enter_context(
        start_twin(TwinSettings(seed=chosen.seed, clock=chosen.clock, bench=chosen.bench))
    )
    return twin.clock, twin.addresses


def _connect(settings: StationSettings, clock: Clock, addresses: dict[str, str], stack: ExitStack) -> Station:
    identities: dict[str, str] = {}

    def connect(driver: Any, name: str, **options: Any) -> Any:
        section = getattr(settings, name)
        instrument = driver(addresses[name], clock=clock, timeout_s=section.timeout, **options)
        stack.callback(instrument.close)
        identities[name] = instrument.identity
        return instrument

    cryostats = {
        name: connect(
            LakeShore336,
            name,
            sensor=section.sensor,
            output=section.heater,
            setpoint_limits_k=section.setpoint_limits,
        )
        for name, section in (("cryostat_1", settings.cryostat_1), ("cryostat_2", settings.cryostat_2))
    }
    pumps = {
        name: connect(
            Keithley2450Pump,
            name,
            voltage_limit_v=section.voltage_limit,
            current_limit_a=section.current_limit,
        )
        for name, section in (("pump_1", settings.pump_1), ("pump_2", settings.pump_2))
    }
    ramp = connect(RedPitaya, "ramp")
    fpi = settings.fabry_perot
    fabry_perot = ScanningFabryPerot(
        ramp,
        connect(ID900, "correlator"),
        frequency_hz=fpi.ramp_frequency,
        amplitude_v=fpi.ramp_amplitude,
        offset_v=fpi.ramp_offset,
        bins=fpi.bins,
        reference=fpi.reference_input,
        channels=fpi.inputs,
        clock=clock,
    )
    attenuator = PolarisationAttenuator(
        connect(ELL14, "rotator"), zero_deg=settings.attenuator.angle_of_full_transmission
    )
    return Station(
        settings=settings,
        clock=clock,
        fabry_perot=fabry_perot,
        attenuator=attenuator,
        ramp=ramp,
        identities=identities,
        **cryostats,
        **pumps,
    )
