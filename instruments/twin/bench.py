"""The instruments of the simulated lab: which device speaks which protocol, and its faults."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ._streams import stream, stream_seed
from .devices import (
    ELL14,
    ESP300,
    FSV,
    ID900,
    PM100,
    Camera,
    InfiniiVision,
    Keithley2450,
    LakeShore335,
    LakeShore336,
    MercuryITC,
    RedPitaya,
    TagBox,
)
from .devices.tagger import RECORDER_LIMITS, TAGGER_LIMITS
from .heterodyne import Heterodyne
from .optics import HalfWavePlate
from .protocols import (
    CameraSession,
    DataLinkProtocol,
    ElliptecSession,
    ESP300Protocol,
    FSVProtocol,
    ID900Protocol,
    InfiniiVisionProtocol,
    KeithleyProtocol,
    LakeShoreProtocol,
    LineSession,
    MercuryProtocol,
    PM100Protocol,
    RecorderProtocol,
    RedPitayaProtocol,
    Reply,
    Session,
    TaggerProtocol,
)
from .world import World

__all__ = ["Bench", "Station"]


@dataclass
class Station:
    """One instrument on the network.

    Attributes
    ----------
    session : callable
        Returns the protocol's side of a new connection.
    address : str
        Form of its address, with {port} where the port belongs.
    device_faults : set of str
        Faults that are active in the device.
    possible_faults : frozenset of str
        Faults that the device can have.
    message_based : bool
        Whether it answers ZeroMQ messages instead of a stream of bytes.
    """

    session: Callable[[], Session]
    address: str
    device_faults: set[str] = field(default_factory=set)
    possible_faults: frozenset[str] = frozenset()
    message_based: bool = False


SOCKET = "TCPIP::127.0.0.1::{port}::SOCKET"


class Bench:
    """All instruments around one world.

    Parameters
    ----------
    world : World
        Physics and time.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.correlator = ID900(world)
        self.stations: dict[str, Station] = {}
        self._closers: list[Callable[[], None]] = []
        {
            "minimal": self._add_minimal,
            "full": self._add_full,
            "mercury-scope": self._add_mercury_scope,
        }[world.settings.bench]()

    def _add_minimal(self) -> None:
        for number in (1, 2):
            self._add_cryostat(number)
        for number in (1, 2):
            self._add_pump(number)
        self._add_correlator()
        self._add_ramp()
        self._add_rotator()
        self._add_tag_stream()

    def _add_full(self) -> None:
        self._add_minimal()
        self._add_taggers()
        self._add_analysers()
        self._add_power_meter()
        self._add_stage_and_camera()
        self._add_heterodyne()

    def _add_mercury_scope(self) -> None:
        for number in (1, 2):
            self._add_mercury(number)
        for number in (1, 2):
            self._add_pump(number)
        self._add_ramp()
        self._add_scope()
        self._add_rotator()

    def _add_correlator(self) -> None:
        protocol = ID900Protocol(self.correlator, self._serial("correlator"))
        self.stations["correlator"] = Station(
            lambda: _MessageSession(protocol.handle),
            "tcp://127.0.0.1:{port}",
            self.correlator.active_faults,
            self.correlator.faults,
            message_based=True,
        )

    def _add_tag_stream(self) -> None:
        """Add the service through which the correlator's time tags reach a computer."""
        protocol = DataLinkProtocol(self.correlator)
        self._closers.append(protocol.close)
        self.stations["correlator_stream"] = Station(
            lambda: _MessageSession(protocol.handle), "tcp://127.0.0.1:{port}", message_based=True
        )

    def _add_taggers(self) -> None:
        recorder = TagBox(self.world, "recorder", RECORDER_LIMITS)
        tagger = TagBox(self.world, "tagger", TAGGER_LIMITS)
        for name, box, protocol in (
            ("recorder", recorder, RecorderProtocol(recorder, self._serial("recorder"))),
            ("tagger", tagger, TaggerProtocol(tagger, self._serial("tagger"))),
        ):
            self._add_lines(name, protocol.handle, box)

    def _add_lines(self, name: str, handle: Callable[[str], str | bytes | None], box: TagBox) -> None:
        self.stations[name] = Station(
            lambda: LineSession(handle, b"\n"), SOCKET, box.active_faults, box.faults
        )

    def close(self) -> None:
        """Close what instruments opened by themselves."""
        for close in self._closers:
            close()

    def _add_ramp(self) -> None:
        self._add_red_pitaya("ramp", RedPitaya(self.world))

    def _add_heterodyne(self) -> None:
        heterodyne = Heterodyne(self.world)
        self._add_red_pitaya("digitizer", RedPitaya(self.world, heterodyne))
        analyser = FSV(self.world, heterodyne)
        protocol = FSVProtocol(analyser, self._serial("spectrum_analyser")[:6])
        self.stations["spectrum_analyser"] = Station(
            lambda: LineSession(protocol.handle, b"\n"), SOCKET, analyser.active_faults, analyser.faults
        )

    def _add_red_pitaya(self, name: str, device: RedPitaya) -> None:
        protocol = RedPitayaProtocol(device)
        self.stations[name] = Station(
            lambda: LineSession(protocol.handle, b"\r\n"), SOCKET, device.active_faults, device.faults
        )

    def _add_scope(self) -> None:
        device = InfiniiVision(self.world)
        protocol = InfiniiVisionProtocol(device, f"MY{self._serial('scope')}")
        self.stations["scope"] = Station(
            lambda: LineSession(protocol.handle, b"\n"), SOCKET, device.active_faults, device.faults
        )

    def _add_rotator(self) -> None:
        self._add_mount("rotator", self.world.plate)

    def _add_analysers(self) -> None:
        for number, plate in enumerate(self.world.analysers, start=1):
            self._add_mount(f"analyser_{number}", plate)

    def _add_mount(self, name: str, plate: HalfWavePlate) -> None:
        mount = ELL14(self.world, plate)
        self.stations[name] = Station(
            lambda: ElliptecSession(mount),
            "ASRLsocket://127.0.0.1:{port}::INSTR",
            mount.active_faults,
            mount.faults,
        )

    def _add_power_meter(self) -> None:
        protocol = PM100Protocol(PM100(self.world), self._serial("power_meter"))
        self.stations["power_meter"] = Station(lambda: LineSession(protocol.handle, b"\n"), SOCKET)

    def _add_stage_and_camera(self) -> None:
        controller, camera = ESP300(self.world), Camera(self.world)
        protocol = ESP300Protocol(controller)
        self.stations["stage"] = Station(
            lambda: LineSession(protocol.handle, b"\r\n"),
            "ASRLsocket://127.0.0.1:{port}::INSTR",
            controller.active_faults,
            controller.faults,
        )
        self.stations["camera"] = Station(
            lambda: CameraSession(camera, self._serial("camera")), SOCKET, camera.active_faults, camera.faults
        )

    def _add_cryostat(self, number: int) -> None:
        """Add a Lake Shore; on the full bench the first one is a 335, on a serial line."""
        name = f"cryostat_{number}"
        cryostat = self.world.cryostats[number - 1]
        serial_line = self.world.settings.bench == "full" and number == 1
        device = LakeShore335(cryostat) if serial_line else LakeShore336(cryostat)
        protocol = LakeShoreProtocol(device, f"LSA{self._serial(name)}")
        address = "ASRLsocket://127.0.0.1:{port}::INSTR" if serial_line else SOCKET
        self.stations[name] = Station(
            lambda: LineSession(protocol.handle, b"\r\n"), address, cryostat.faults, device.faults
        )

    def _add_mercury(self, number: int) -> None:
        name = f"cryostat_{number}"
        cryostat = self.world.cryostats[number - 1]
        device = MercuryITC(cryostat)
        protocol = MercuryProtocol(device, self._serial(name))
        self.stations[name] = Station(
            lambda: LineSession(protocol.handle, b"\n"), SOCKET, cryostat.faults, device.faults
        )

    def _add_pump(self, number: int) -> None:
        name = f"pump_{number}"
        array = self.world.arrays[number - 1]
        device = Keithley2450(array, stream(self.world.settings.seed, name))
        protocol = KeithleyProtocol(device, f"0{self._serial(name)}")
        self.stations[name] = Station(
            lambda: LineSession(protocol.handle, b"\n"), SOCKET, array.faults, device.faults
        )

    def _serial(self, name: str) -> str:
        return f"{stream_seed(self.world.settings.seed, name, 'serial') % 10_000_000:07d}"


class _MessageSession:
    """A message is complete in itself."""

    def __init__(self, handle: Callable[[str], str]) -> None:
        self._handle = handle

    def feed(self, data: bytes) -> list[Reply]:
        """Answer one message."""
        return [Reply(self._handle(data.decode("latin-1")).encode("latin-1"))]
