import json
import re
import socket
import time
import tomllib
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import zmq

from instruments.twin import TwinSettings, start_twin
from instruments.twin.bench import Bench
from instruments.twin.world import World

ROOT = Path(__file__).parents[4]
SHEETS = ROOT / "tests" / "unit" / "instruments" / "sheets"
BENCHES = ("full", "mercury-scope")
SMALL = {
    "clock": "lock-step",
    "trajectories": 4,
    "duration_ns": 200.0,
    "field_trajectories": 2,
    "field_duration_us": 0.2,
}
RELEASE = {"infiniivision": b":STOP\n"}
"""What ends a state in which an instrument is silent by right, such as waiting for a trigger."""

SLOWEST_S = 5.0
MOST_KEPT_BYTES = 2**20


def instruments():
    """Yield bench, instrument and driver of the built-in stations, each driver once."""
    seen = set()
    for kind in BENCHES:
        station = tomllib.loads((ROOT / "labsync" / "stations" / f"{kind}.toml").read_text())
        for name, section in station.items():
            driver = section.get("driver")
            if driver is not None and driver not in seen:
                seen.add(driver)
                yield kind, name, driver


class Words:
    """What an instrument understands: its identity, and the commands that its driver's sheet lists."""

    def __init__(self, driver):
        sheet = tomllib.loads((SHEETS / f"{driver}.toml").read_text())
        self.end = sheet.get("ends", ["\n", "\n"])[0].encode()
        self.identity = sheet["identity"].encode() + self.end
        self.answer = dict(map(tuple, sheet["opening"][:1]))[sheet["identity"]]
        calls = [call for call in sheet["command"] if isinstance(call.get("wire"), list)]
        sent = {exchange[0] for call in calls for exchange in call["wire"]}
        self.commands = sorted(command.encode("latin-1") for command in sent if command)

    def is_identity(self, reply):
        """Whether a reply names the same maker and model, whatever the serial number."""
        maker = re.split(r"[,\d]{5}|,(?=[^,]*\d{4})", self.answer)[0][:8].encode()
        return reply.startswith(maker) and reply.isascii() and reply.strip() != b""


def noise(rng, words):
    """Return random bytes, a command, or a command that was cut, mixed or bitten."""
    command = bytearray(words.commands[int(rng.integers(len(words.commands)))])
    kind = int(rng.integers(6))
    if kind == 0:
        return rng.bytes(int(rng.integers(1, 200)))
    if kind == 1:
        command = command[: int(rng.integers(len(command) + 1))]
    elif kind == 2:
        for place in rng.integers(len(command), size=2):
            command[place] = int(rng.integers(256))
    elif kind == 3:
        digits = [b"nan", b"1e999", b"-1", b"0", b"99999999999999999999", b"", b"1e-300", b"0x1F", b"\xb2"]
        command = re.sub(rb"\d+\.?\d*", digits[int(rng.integers(len(digits)))], command)
    elif kind == 4:
        command += bytes([int(rng.choice(list(b";:,? #\"'([{")))]) + command
    return bytes(command) + words.end


@pytest.fixture(scope="module")
def benches():
    worlds = {kind: Bench(World(TwinSettings(seed=2, bench=kind, **SMALL))) for kind in BENCHES}
    yield worlds
    for bench in worlds.values():
        bench.close()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("kind", "name", "driver"), list(instruments()))
def test_no_bytes_make_a_protocol_fail_or_hang(kind, name, driver, seed, benches):
    bench, words = benches[kind], Words(driver)
    rng = np.random.default_rng(seed)
    session = bench.stations[name].session()
    slowest_s = 0.0
    for turn in range(150):
        data, begun = noise(rng, words), time.perf_counter()
        session.feed(data)
        slowest_s = max(slowest_s, time.perf_counter() - begun)
        if turn % 10 == 0:
            bench.world.advance(0.1)
    assert slowest_s < SLOWEST_S
    bench.stations[name].session().feed(RELEASE.get(driver, b""))
    replies = bench.stations[name].session().feed(words.identity)
    assert len(replies) == 1
    assert words.is_identity(replies[0].data), replies


@pytest.mark.parametrize("seed", [1, 2])
def test_the_service_that_streams_tags_answers_whatever_it_is_asked(seed, benches):
    session, rng = benches["full"].stations["correlator_stream"].session(), np.random.default_rng(seed)
    words = [b"list", b"start-stream", b"--address", b"--channel", b"1", b"9", b"status", b"--id", b"stop"]
    for _ in range(150):
        asked = [words[n] for n in rng.integers(len(words), size=int(rng.integers(0, 7)))]
        if rng.random() < 0.3:
            asked.append(rng.bytes(int(rng.integers(1, 50))))
        (reply,) = session.feed(b" ".join(asked))
        assert isinstance(json.loads(reply.data), dict | list)
    assert json.loads(session.feed(b"list")[0].data) == []


@pytest.mark.parametrize(("kind", "name", "driver"), list(instruments()))
def test_an_endless_line_is_not_kept(kind, name, driver, benches):
    session = benches[kind].stations[name].session()
    if benches[kind].stations[name].message_based:
        return  # a message has an end
    chunk = b"A" * 65536
    tracemalloc.start()
    begun = time.perf_counter()
    for _ in range(64):
        session.feed(chunk)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < MOST_KEPT_BYTES
    assert time.perf_counter() - begun < SLOWEST_S


def test_every_server_answers_after_random_bytes_and_an_endless_line():
    with start_twin(TwinSettings(seed=2, bench="full", **SMALL)) as twin:
        for kind, name, driver in instruments():
            if kind == "full":
                words, rng = Words(driver), np.random.default_rng(3)
                ask = message if twin.addresses[name].startswith("tcp://") else line
                for _ in range(3):
                    ask(twin.addresses[name], b"".join(noise(rng, words) for _ in range(10)), answered=False)
                ask(twin.addresses[name], b"B" * 2**21, answered=False)
                begun = time.perf_counter()
                assert words.is_identity(ask(twin.addresses[name], words.identity)), name
                assert time.perf_counter() - begun < SLOWEST_S


def test_the_control_port_answers_after_random_bytes_and_an_endless_line():
    with start_twin(TwinSettings(seed=2, **SMALL)) as twin:
        rng = np.random.default_rng(4)
        words = [
            b'{"inject": ',
            b'{"clear": ',
            b'{"instrument": "pump_1"',
            b"}",
            b"null",
            b"[",
            b'"fault"',
            b":",
        ]
        for _ in range(30):
            asked = b"".join(words[n] for n in rng.integers(len(words), size=6)) + rng.bytes(5) + b"\n"
            line(twin.addresses["control"], asked, answered=False)
        line(twin.addresses["control"], b"[" * 2**20 + b"\n", answered=False)
        assert json.loads(line(twin.addresses["control"], b'{"now": 1}\n')) == {"now_s": 0.0, "factor": None}


def line(address, data, answered=True):
    """Send bytes over a connection of their own; return the answer."""
    port = int(address.removesuffix("::SOCKET").removesuffix("::INSTR").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), SLOWEST_S) as connection:
        connection.sendall(data)
        return connection.makefile("rb").readline() if answered else b""


def message(address, data, answered=True):
    """Send bytes as a message; return the answer."""
    with zmq.Context.instance().socket(zmq.REQ) as client:
        client.setsockopt(zmq.RCVTIMEO, int(1000 * SLOWEST_S))
        client.setsockopt(zmq.LINGER, 0)
        client.connect(address)
        client.send(data)
        return client.recv() if answered else b""
