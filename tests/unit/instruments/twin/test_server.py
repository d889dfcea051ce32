import json
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import zmq

from instruments.errors import InstrumentDisconnected, InstrumentError, InstrumentProtocolError
from instruments.twin import TwinClock, TwinSettings, draw_truth, start_twin
from instruments.twin.clock import WallPace
from instruments.twin.spectra import simulate_spectrum

SMALL = {"trajectories": 16, "duration_ns": 200.0}
STREAMS = ("cryostat_1", "cryostat_2", "pump_1", "pump_2", "ramp", "rotator", "control")


def port(twin, name):
    """Return an instrument's port."""
    return int(twin.addresses[name].removesuffix("::SOCKET").removesuffix("::INSTR").rpartition(":")[2])


class Client:
    """A plain socket."""

    def __init__(self, twin, name, timeout_s=5.0):
        self.socket = socket.create_connection(("127.0.0.1", port(twin, name)), timeout_s)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def ask(self, line):
        self.socket.sendall(line)
        return self.file.readline()


def test_an_instrument_that_waits_for_the_model_does_not_keep_the_others_waiting():
    asked, may_go_on = threading.Event(), threading.Event()

    def simulate(*arguments):
        asked.set()
        assert may_go_on.wait(10.0)
        return simulate_spectrum(*arguments)

    with (
        start_twin(TwinSettings(clock=50.0, **SMALL)) as twin,
        Messenger(twin) as correlator,
        Client(twin, "cryostat_2", timeout_s=2.0) as cryostat,
    ):
        world = twin._server.bench.world
        world.light._cache._simulate = simulate
        with Client(twin, "pump_1") as pump:
            pump.socket.sendall(b"SOUR:FUNC CURR\nSOUR:CURR:VLIM 20\nSOUR:CURR 3e-3\nOUTP ON\n")
            assert pump.ask(b"OUTP?\n") == b"1\n"
        time.sleep(0.1)  # several cycles of the counter
        correlator.socket.send_string("INPU1:COUN?")
        assert asked.wait(60.0)
        before = float(world.now_s)
        for _ in range(20):
            assert 34.8 < float(cryostat.ask(b"KRDG? A\r\n")) < 35.0
        time.sleep(0.02)
        cryostat.ask(b"KRDG? A\r\n")
        assert world.now_s > before + 0.5
        may_go_on.set()
        assert int(correlator.socket.recv_string().split()[0]) > 0


class Messenger:
    """A ZeroMQ requester that survives unanswered requests."""

    def __init__(self, twin, timeout_ms=5000):
        self.socket = zmq.Context.instance().socket(zmq.REQ)
        self.socket.setsockopt(zmq.REQ_RELAXED, 1)
        self.socket.setsockopt(zmq.REQ_CORRELATE, 1)
        self.socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(twin.addresses["correlator"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, message):
        self.socket.send(message)
        return self.socket.recv()


def gone(client):
    """Return whether the other side hung up."""
    try:
        return client.ask(b"*LANG?\n") == b""
    except ConnectionError:
        return True


def session(seed):
    """Run one experiment in lock-step and return every byte that came back."""
    received = []
    with (
        start_twin(TwinSettings(seed=seed, clock="lock-step", **SMALL)) as twin,
        Client(twin, "cryostat_2") as cryostat,
        Client(twin, "pump_1") as pump_1,
        Client(twin, "pump_2") as pump_2,
        Client(twin, "ramp") as ramp,
        Messenger(twin) as correlator,
    ):
        for pump, volts in ((pump_1, b"6.25"), (pump_2, b"5.96")):
            received.append(pump.ask(b":SOUR:VOLT:ILIM 5e-3;:SOUR:VOLT " + volts + b";:OUTP ON;:READ?\n"))
        ramp.socket.sendall(b"SOUR1:FUNC TRIANGLE;FREQ:FIX 50;:SOUR1:VOLT 0.9;:OUTPUT1:STATE ON\r\n")
        received.append(ramp.ask(b"*OPC?\r\n"))
        cryostat.socket.sendall(b"SETP 1,34.500\n")
        for _ in range(20):
            twin.clock.sleep(1.7)
            received.append(cryostat.ask(b"KRDG? A\n"))
        for text in (
            b"HIST2:INPO:REF:LINK STAR;:HIST2:INPO:STOP:LINK TSCO6;:HIST2:INPO:ENAB:LINK TSGE8",
            b"HIST2:BWID 2441406;BCOU 4096",
            b"TSGE8:ENAB ON",
        ):
            received.append(correlator.ask(text))
        twin.clock.sleep(2.0)
        received += [correlator.ask(b"TSGE8:ENAB OFF"), correlator.ask(b"HIST2:DATA?")]
        received += [pump_1.ask(b":READ?\n"), cryostat.ask(b"HTR? 1\n"), correlator.ask(b"INPU2:COUN?")]
    return received


def test_two_identical_lock_step_sessions_return_identical_bytes_and_another_seed_does_not():
    first, again, other = session(5), session(5), session(6)
    assert first == again
    assert sum(json.loads(first[-4])) > 1000
    assert [a != b for a, b in zip(first, other, strict=True)][-4]


def test_in_lock_step_time_passes_only_when_it_is_advanced():
    with start_twin(TwinSettings(clock="lock-step")) as twin, Client(twin, "cryostat_1") as cryostat:
        for _ in range(5):
            cryostat.ask(b"KRDG? A\n")
        time.sleep(0.2)
        assert twin.clock.now() == 0.0
        twin.clock.sleep(1.25)
        assert twin.clock.now() == pytest.approx(1.25)
        with pytest.raises(InstrumentProtocolError, match="advance_s must lie"):
            twin.clock.ask({"advance_s": -1})


def test_a_factor_speeds_the_world_up():
    with start_twin(TwinSettings(clock=100.0)) as twin:
        before, real = twin.clock.now(), time.monotonic()
        twin.clock.sleep(40.0)
        passed, real = twin.clock.now() - before, time.monotonic() - real
        assert passed == pytest.approx(100 * real, abs=50)  # the world catches up every 50 ms
        assert real < 20.0
        with pytest.raises(InstrumentProtocolError, match="lock-step"):
            twin.clock.ask({"advance_s": 1})


def test_a_fast_clock_stands_still_while_the_model_computes_what_a_sleep_exposed():
    with (
        start_twin(TwinSettings(seed=8, clock=50.0, **SMALL)) as twin,
        Client(twin, "pump_1") as pump,
        Client(twin, "ramp") as ramp,
        Messenger(twin, timeout_ms=30_000) as correlator,
    ):
        pump.ask(b":SOUR:VOLT:ILIM 5e-3;:SOUR:VOLT 6.25;:OUTP ON;:READ?\n")
        ramp.ask(b"SOUR1:FUNC TRIANGLE;FREQ:FIX 50;:SOUR1:VOLT 0.9;:OUTPUT1:STATE ON;*OPC?\r\n")
        for text in (
            b"HIST1:INPO:REF:LINK STAR;:HIST1:INPO:STOP:LINK TSCO5;:HIST1:INPO:ENAB:LINK TSGE8",
            b"HIST1:BWID 2441406;BCOU 4096",
            b"TSGE8:ENAB ON",
        ):
            correlator.ask(text)
        before = twin.clock.now()
        twin.clock.sleep(20.0)
        assert 20.0 <= twin.clock.now() - before < 60.0
        correlator.ask(b"TSGE8:ENAB OFF")
        counts = np.array(json.loads(correlator.ask(b"HIST1:DATA?")))
        assert counts.max() > 50 * np.median(counts[counts > 0])


def test_a_paused_pace_stands_still_and_then_goes_on():
    pace = WallPace(1000.0)
    with pace.paused():
        first = pace.now_s()
        with pace.paused():
            time.sleep(0.02)
        assert pace.now_s() == first
    time.sleep(0.02)
    assert 20.0 <= pace.now_s() - first < 10_000.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_lab_announces_its_addresses_and_stops_at_a_signal(number):
    program = (
        "from instruments.twin import serve_forever\n"
        "serve_forever(None, lambda addresses: print(addresses['control'], flush=True))"
    )
    background = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]  # as a shell starts what ends in &
    process = subprocess.Popen(
        [*background, sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )
    try:
        clock = TwinClock(process.stdout.readline().strip())
        assert clock.now() >= 0
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
        with pytest.raises(InstrumentDisconnected, match="stopped|does not answer"):
            clock.now()
        clock.close()
    finally:
        process.kill()
        process.stdout.close()


def test_every_instrument_serves_on_loopback_only():
    with start_twin(TwinSettings(clock="lock-step")) as twin:
        assert set(twin.addresses) == {*STREAMS, "correlator", "correlator_stream"}
        assert all("127.0.0.1" in address for address in twin.addresses.values())
        clock = TwinClock(twin.addresses["control"])
        assert clock.ask({"addresses": True})["addresses"] == twin.addresses
        clock.close()


@pytest.mark.parametrize(("name", "index"), [("cryostat_1", 0), ("correlator", 4)])
def test_a_taken_port_gives_one_clear_sentence(name, index):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        base = taken.getsockname()[1] - index
        if not 1024 <= base <= 65000:
            pytest.skip("the system gave a port near the end of the range")
        with (
            pytest.raises(InstrumentError, match=r"port \d+ for \w+ of the simulated lab is taken"),
            start_twin(TwinSettings(port_base=base)),
        ):
            pass
    assert not any(thread.name == "simulated lab" for thread in threading.enumerate())


def test_a_stopped_lab_can_be_started_again_on_the_same_ports():
    with start_twin() as twin:
        base = min(port(twin, name) for name in twin.addresses)
    for _ in range(2):
        try:
            with start_twin(TwinSettings(port_base=base)) as twin:
                assert port(twin, "cryostat_1") == base
                address = twin.addresses["control"]
        except InstrumentError:
            pytest.skip("a neighbouring port is taken")
        with pytest.raises(InstrumentDisconnected, match="no simulated lab"):
            TwinClock(address)


def test_several_clients_talk_to_one_instrument_and_may_come_back():
    with start_twin(TwinSettings(clock="lock-step")) as twin:
        with Client(twin, "pump_1") as first, Client(twin, "pump_1") as second:
            first.ask(b":SOUR:VOLT 3;:SOUR:VOLT?\n")
            assert second.ask(b":SOUR:VOLT?\n") == b"3.000000E+00\n"
        with Client(twin, "pump_1") as third:
            assert third.ask(b":SOUR:VOLT?\n") == b"3.000000E+00\n"


def test_a_silent_instrument_answers_again_after_the_fault_is_cleared():
    with start_twin(TwinSettings(clock="lock-step")) as twin:
        twin.inject("cryostat_2", "timeout")
        with Client(twin, "cryostat_2", timeout_s=0.2) as client, pytest.raises(TimeoutError):
            client.ask(b"RANGE? 1\n")
        with Client(twin, "cryostat_1") as client:
            assert client.ask(b"RANGE? 1\n") == b"2\r\n"
        twin.clear("cryostat_2", "timeout")
        with Client(twin, "cryostat_2") as client:
            assert client.ask(b"RANGE? 1\n") == b"2\r\n"
        twin.inject("correlator", "timeout")
        with Messenger(twin, timeout_ms=200) as correlator:
            with pytest.raises(zmq.Again):
                correlator.ask(b"HIST1:BCOU?")
            twin.clear("correlator")
            assert correlator.ask(b"HIST1:MIN?") == b"0"


def test_a_disconnected_instrument_refuses_and_comes_back_on_its_port():
    with start_twin(TwinSettings(clock="lock-step")) as twin:
        with Client(twin, "pump_2") as client:
            assert client.ask(b"*LANG?\n") == b"SCPI\n"
            twin.inject("pump_2", "disconnect")
            assert gone(client)
        with pytest.raises(ConnectionError):
            Client(twin, "pump_2")
        twin.clear("pump_2")
        with Client(twin, "pump_2") as client:
            assert client.ask(b"*LANG?\n") == b"SCPI\n"
        twin.inject("correlator", "disconnect")
        with Messenger(twin, timeout_ms=200) as correlator, pytest.raises(zmq.Again):
            correlator.ask(b"HIST1:BCOU?")
        twin.clear("correlator", "disconnect")
        with Messenger(twin) as correlator:
            assert correlator.ask(b"HIST1:BCOU?") == b"16384"


def test_faults_that_an_instrument_cannot_have_are_refused():
    with start_twin(TwinSettings(clock="lock-step")) as twin:
        with pytest.raises(
            ValueError, match="cannot have the fault 'heater_off'; it can have busy, compliance"
        ):
            twin.inject("pump_1", "heater_off")
        with pytest.raises(ValueError, match="there is no instrument 'laser'"):
            twin.inject("laser", "timeout")


@pytest.mark.parametrize(
    "request_",
    [b"{}", b"[]", b"null", b'{"truth": true}', b'{"advance_s": NaN}', b"x", b'{"advance_s": "a"}'],
)
def test_the_control_port_refuses_what_it_does_not_know(request_):
    with start_twin(TwinSettings(clock="lock-step")) as twin, Client(twin, "control") as client:
        assert list(json.loads(client.ask(request_ + b"\n"))) == ["error"]


def test_the_truth_is_not_among_what_the_control_port_says():
    settings = TwinSettings(clock="lock-step")
    with start_twin(settings) as twin, Client(twin, "control") as client:
        said = client.ask(b'{"now": 1}\n') + client.ask(b'{"addresses": 1}\n')
    truth = draw_truth(settings)
    assert not any(name.encode() in said for name in truth.__dataclass_fields__)
    assert str(truth.coupling)[:8].encode() not in said
