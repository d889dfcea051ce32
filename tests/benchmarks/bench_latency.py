"""Latency of one query through the whole stack, against the round trip of the same bytes over a bare socket.

The stack is driver, PyMeasure, pyvisa-py or ZeroMQ, loopback socket, asyncio server, protocol, simulated
device. The limit is a thread that echoes on a loopback socket; both are measured in turns, in one process.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from instruments import ELL14, ID900, PM100, Keithley2450Pump, LakeShore336
from instruments.twin import TwinSettings, start_twin

QUERIES = 1000
WARM_UP = 50
PEER = "raw loopback socket"

CASES: dict[str, tuple[type, str, Callable[[Any], Any]]] = {
    "LakeShore336, temperature": (LakeShore336, "cryostat_2", lambda d: d.temperature_k),
    "Keithley2450Pump, voltage": (Keithley2450Pump, "pump_1", lambda d: d.voltage_v),
    "ID900, counts": (ID900, "correlator", lambda d: d.ask("INPU1:COUN?")),
    "ELL14, angle": (ELL14, "rotator", lambda d: d.angle_deg),
    "PM100, wavelength": (PM100, "power_meter", lambda d: d.wavelength_nm),
}


def benchmarks() -> Iterator[dict[str, Any]]:
    settings = TwinSettings(clock="lock-step", bench="full", trajectories=8, duration_ns=200.0)
    with start_twin(settings) as twin, echo() as limit:
        for name, (driver, instrument, query) in CASES.items():
            with ExitStack() as closing:
                box = closing.enter_context(driver(twin.addresses[instrument], clock=twin.clock))
                ours, peer = _measure(lambda box=box, query=query: query(box), limit)
            for label, quantile in (("median", 0.5), ("99 %", 0.99)):
                value, peer_value = (1e3 * float(np.quantile(times, quantile)) for times in (ours, peer))
                yield {
                    "name": f"query of {name}, {label}",
                    "value": value,
                    "unit": "ms",
                    "peer": PEER,
                    "peer_value": peer_value,
                    "ratio": peer_value / value,
                }


@contextmanager
def echo() -> Iterator[Callable[[], None]]:
    """Give a round trip of a short line over a bare socket, answered by a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()

    def answer() -> None:
        while line := server.recv(4096):
            server.sendall(line)

    def round_trip() -> None:
        client.sendall(b"KRDG? A;RDGST? A\n")
        client.recv(4096)

    for end in (client, server):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with server, client:
        yield round_trip
        client.shutdown(socket.SHUT_RDWR)
        thread.join()


def _measure(query: Callable[[], Any], limit: Callable[[], None]) -> tuple[list[float], list[float]]:
    """Time both in turns, so that what else the computer does hits both alike."""
    ours, peer = [], []
    for number in range(WARM_UP + QUERIES):
        for action, times in ((query, ours), (limit, peer)):
            begun = time.perf_counter()
            action()
            if number >= WARM_UP:
                times.append(time.perf_counter() - begun)
    return ours, peer
