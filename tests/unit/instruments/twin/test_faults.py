import contextlib
import json
import socket
import time

import numpy as np
import pytest
import zmq
from typer.testing import CliRunner

from instruments import InstrumentDisconnected, InstrumentError, InstrumentTimeout, LakeShore336
from instruments.twin import TwinClock, TwinSettings, parse_fault, start_twin
from instruments.twin.faults import LINK_FAULTS, Schedule
from labsync import serving
from labsync.cli import app

SETTINGS = TwinSettings(seed=5, clock="lock-step")
GOOD = b"SCPI\n"


@pytest.fixture(scope="module")
def lab():
    with start_twin(SETTINGS) as running:
        yield running


@pytest.fixture
def twin(lab):
    yield lab
    lab.clear()


def port(address):
    return int(address.removesuffix("::SOCKET").removesuffix("::INSTR").rpartition(":")[2])


@contextlib.contextmanager
def line(twin, name="pump_1", timeout_s=0.15):
    """Yield a function that sends bytes and returns what comes within the timeout."""
    with socket.create_connection(("127.0.0.1", port(twin.addresses[name])), 2.0) as connection:
        connection.settimeout(timeout_s)

        def ask(message=b"*LANG?\n", length=5):
            if message:
                connection.sendall(message)
            received = b""
            with contextlib.suppress(TimeoutError):
                while len(received) < length and (data := connection.recv(65536)):
                    received += data
            return received

        yield ask


@contextlib.contextmanager
def requester(twin, timeout_ms=150):
    with zmq.Context.instance().socket(zmq.REQ) as client:
        for option, value in ((zmq.REQ_RELAXED, 1), (zmq.REQ_CORRELATE, 1), (zmq.LINGER, 0)):
            client.setsockopt(option, value)
        client.setsockopt(zmq.RCVTIMEO, timeout_ms)
        client.connect(twin.addresses["correlator"])

        def ask(message=b"HIST1:BCOU?"):
            client.send(message)
            return client.recv_multipart()

        yield ask


def test_without_faults_nothing_is_touched_and_nothing_is_logged(twin):
    before = len(twin.fault_log)
    with line(twin) as ask, requester(twin) as request:
        assert ask() == GOOD
        assert request() == [b"16384"]
    assert len(twin.fault_log) == before


def test_a_lost_reply_comes_no_more_and_the_next_one_does(twin):
    twin.inject("pump_1", "timeout", count=1)
    with line(twin) as ask:
        assert ask() == b""
        assert ask() == GOOD


def test_a_late_reply_comes_late_and_in_order(twin):
    twin.inject("pump_1", "late_reply", count=1, delay_s=0.5)
    with line(twin, timeout_s=0.15) as ask:
        begun = time.monotonic()
        assert ask() == b""
        assert ask(b":SOUR:VOLT?\n") == b""
        whole, heard = GOOD + b"0.000000E+00\n", b""
        while len(heard) < len(whole) and time.monotonic() - begun < 30.0:
            heard += ask(b"", length=len(whole) - len(heard))
        assert heard == whole
        assert time.monotonic() - begun >= 0.5


@pytest.mark.parametrize("seed", [5, 6])
def test_garbage_is_never_ascii_and_keeps_the_terminator(seed):
    with start_twin(TwinSettings(seed=seed, clock="lock-step")) as twin, line(twin) as ask:
        twin.inject("pump_1", "garbage")
        heard = {ask(length=5) for _ in range(20)}
    assert len(heard) == 20
    assert all(len(reply) == 5 and reply.endswith(b"\n") and not reply.isascii() for reply in heard)


def test_a_truncated_reply_has_lost_its_end_but_not_its_beginning(twin):
    twin.inject("pump_1", "truncate")
    lengths = set()
    for _ in range(8):
        with line(twin, timeout_s=0.1) as ask:
            reply = ask()
        assert GOOD.startswith(reply)
        lengths.add(len(reply))
    assert lengths <= {1, 2, 3, 4}
    assert len(lengths) > 1


def test_a_wrong_terminator_leaves_the_rest_of_the_reply_as_it_is(twin):
    twin.inject("pump_1", "wrong_terminator")
    heard = set()
    for _ in range(12):
        with line(twin, timeout_s=0.1) as ask:
            heard.add(ask(length=6))
    assert heard == {b"SCPI\r\n", b"SCPI\r", b"SCPI\n\r"}


def test_a_split_or_slow_reply_is_whole_at_its_end(twin):
    with line(twin) as ask:
        twin.inject("pump_1", "slow", delay_s=0.01, count=1)
        begun = time.monotonic()
        assert ask() == GOOD
        assert time.monotonic() - begun >= 0.05
        twin.inject("pump_1", "split_writes", delay_s=0.01)
        assert ask() == GOOD


def test_a_duplicate_reply_comes_in_one_packet(twin):
    twin.inject("pump_1", "duplicate_reply", count=1)
    with line(twin) as ask:
        assert ask() == 2 * GOOD
        assert ask() == GOOD


def test_a_busy_instrument_does_not_carry_out_what_it_drops(twin):
    with line(twin) as ask:
        ask(b":SOUR:VOLT 1;:SOUR:VOLT?\n", length=13)
        twin.inject("pump_1", "busy", count=1, delay_s=0.2)
        assert ask(b":SOUR:VOLT 2;:SOUR:VOLT?\n", length=13) == b""
        time.sleep(0.1)
        assert ask(b":SOUR:VOLT?\n", length=13) == b"1.000000E+00\n"


def test_a_half_open_connection_swallows_everything_and_new_ones_are_accepted_and_deaf_too(twin):
    with line(twin, "pump_2") as old:
        assert old() == GOOD
        twin.inject("pump_2", "half_open")
        assert old() == b""
        with line(twin, "pump_2") as new:
            assert new() == b""
        twin.clear("pump_2", "half_open")
        with pytest.raises(ConnectionError):  # the box is back, and does not know this connection
            old()
    with line(twin, "pump_2") as ask:
        assert ask() == GOOD


def test_a_refused_connection_leaves_the_open_ones_alone(twin):
    with line(twin) as old:
        assert old() == GOOD
        for name in ("pump_1", "correlator"):
            twin.inject(name, "refuse_connect")
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port(twin.addresses[name])), 1.0)
        assert old() == GOOD
        twin.clear()
        with line(twin) as new, requester(twin) as again:
            assert new() == GOOD
            assert again() == [b"16384"]


def test_a_scheduled_disconnect_resets_one_connection_and_the_port_stays_open(twin):
    twin.inject("pump_1", "disconnect", after=1, count=1)
    with line(twin) as ask:
        assert ask() == GOOD
        with pytest.raises(ConnectionResetError):
            ask()
    with line(twin) as ask:
        assert ask() == GOOD


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("timeout", None),
        ("truncate", None),
        ("half_open", None),
        ("busy", None),
        ("duplicate_reply", [b"16384"]),
        ("wrong_terminator", [b"16384\r\n"]),
    ],
)
def test_faults_of_messages_are_those_of_messages(twin, fault, answer):
    with requester(twin, timeout_ms=100) as ask:
        twin.inject("correlator", fault, **({"delay_s": 0.05} if fault == "busy" else {}))
        if answer is None:
            with pytest.raises(zmq.Again):
                ask()
        else:
            assert ask()[0].strip() == answer[0].strip()
        twin.clear("correlator")
        assert ask() == [b"16384"]


def test_a_message_may_come_in_frames_or_late_and_others_need_not_wait(twin):
    with requester(twin, timeout_ms=1000) as first, requester(twin) as second:
        twin.inject("correlator", "split_writes", count=1)
        frames = first()
        assert len(frames) > 1
        assert b"".join(frames) == b"16384"
        twin.inject("correlator", "late_reply", count=1, delay_s=2.0)
        begun = time.monotonic()
        with pytest.raises(zmq.Again):
            second()
        assert first() == [b"16384"]
        assert time.monotonic() - begun < 2.0


@pytest.mark.parametrize("probability", [0.2, 0.6])
def test_random_faults_are_as_frequent_as_asked_and_the_same_for_the_same_seed(probability):
    patterns = []
    for seed in (3, 3, 4):
        with start_twin(TwinSettings(seed=seed, clock="lock-step")) as twin, line(twin) as ask:
            twin.inject("pump_1", "duplicate_reply", probability=probability)
            sizes = [len(ask(length=5)) for _ in range(150)]
            assert {firing.fault for firing in twin.fault_log} == {"duplicate_reply"}
            assert len(twin.fault_log) == sizes.count(10)
            patterns.append(sizes)
    assert patterns[0] == patterns[1] != patterns[2]
    expected, error = 150 * probability, np.sqrt(150 * probability * (1 - probability))
    assert abs(patterns[0].count(10) - expected) < 3.5 * error


def test_after_and_count_choose_the_replies(twin):
    twin.inject("pump_1", "duplicate_reply", after=2, count=2)
    with line(twin) as ask:
        assert [len(ask()) for _ in range(6)] == [5, 5, 10, 10, 5, 5]


def test_a_fault_starts_and_ends_by_world_time(twin):
    def replies():
        with line(twin, timeout_s=0.1) as ask:
            return ask() == GOOD

    twin.inject("pump_1", "timeout", after_s=2.0, for_s=3.0)
    twin.inject("pump_2", "refuse_connect", after_s=2.0, for_s=3.0)
    seen = []
    for _ in range(3):
        try:
            socket.create_connection(("127.0.0.1", port(twin.addresses["pump_2"])), 1.0).close()
            connects = True
        except ConnectionRefusedError:
            connects = False
        seen.append((replies(), connects))
        twin.clock.sleep(2.5)
    assert seen == [(True, True), (False, False), (True, True)]


def test_device_faults_follow_world_time_or_strike_at_random_commands(twin):
    def status():
        with line(twin, "cryostat_2") as ask:
            return ask(b"RDGST? A\n", length=5).strip()

    twin.inject("cryostat_2", "sensor_overrange", after_s=1.0, for_s=2.0)
    seen = []
    for _ in range(4):
        seen.append(status())
        twin.clock.sleep(1.0)
    assert seen == [b"000", b"032", b"032", b"000"]
    twin.clear("cryostat_2")
    twin.inject("cryostat_2", "sensor_underrange", after=1, count=2)
    assert [status() for _ in range(5)] == [b"000", b"016", b"016", b"000", b"000"]
    entries = [f.what for f in twin.fault_log if f.fault == "sensor_underrange"]
    assert entries == ["on", "off"]


def test_the_log_says_when_what_happened_to_whom(twin):
    twin.clock.sleep(1.5)
    twin.inject("pump_2", "timeout")
    with line(twin, "pump_2", timeout_s=0.05) as ask:
        ask()
    (*_, last) = twin.fault_log
    assert (last.instrument, last.fault, last.what) == ("pump_2", "timeout", "reply b'SCPI\\n'")
    assert last.world_s == twin.clock.now()


@pytest.mark.parametrize(
    ("instrument", "fault", "options", "sentence"),
    [
        ("laser", "timeout", {}, "there is no instrument 'laser'; there are cryostat_1"),
        ("pump_1", "heater_off", {}, "pump_1 cannot have the fault 'heater_off'; it can have busy, compli"),
        ("pump_1", "timeout", {"chance": 1}, "a fault has no option 'chance'; there are probability"),
        ("pump_1", "timeout", {"probability": 0}, "probability of a fault must lie above 0 and up to 1"),
        ("pump_1", "timeout", {"count": 0}, "count positive"),
        ("pump_1", "timeout", {"after": 1.5}, "whole numbers"),
        ("pump_1", "timeout", {"after_s": -1.0}, "after_s of a fault must not be negative"),
        ("pump_1", "timeout", {"probability": "often"}, "probability of a fault must be a number"),
        ("pump_1", "timeout", {"delay_s": 1.0}, "timeout takes no delay_s"),
        ("pump_1", "refuse_connect", {"count": 1}, "refuse_connect takes no probability"),
    ],
)
def test_an_impossible_fault_is_refused_in_one_sentence(twin, instrument, fault, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        twin.inject(instrument, fault, **options)
    assert TwinClock(twin.addresses["control"]).ask({"faults": True})["active"] == []


def test_the_control_port_injects_lists_and_clears_faults(twin):
    control = TwinClock(twin.addresses["control"])
    active = control.ask({"inject": {"instrument": "pump_1", "fault": "timeout", "probability": 0.5}})
    entry = {"instrument": "pump_1", "fault": "timeout", "fired": 0, "probability": 0.5}
    assert active == {"active": [entry]}
    report = control.ask({"faults": True})
    assert report["active"] == [entry]
    assert set(report["possible"]["pump_1"]) == LINK_FAULTS | {"compliance", "interlock"}
    assert control.ask({"clear": {"instrument": "pump_1", "fault": "timeout"}}) == {"active": []}
    for request in ({"inject": {"fault": "timeout"}}, {"inject": 1}, {"clear": {"fault": 1, "x": 2}}):
        with pytest.raises(InstrumentError, match="is given as"):
            control.ask(request)
    control.close()


def test_a_fault_is_written_as_text():
    assert parse_fault("cryostat_1:late_reply:probability=0.05,count=3") == {
        "instrument": "cryostat_1",
        "fault": "late_reply",
        "probability": 0.05,
        "count": 3,
    }
    assert Schedule(probability=0.05, count=3).as_dict() == {"probability": 0.05, "count": 3}


def test_the_command_changes_the_faults_of_a_lab_that_runs(twin):
    def labsync(*arguments, code=0):
        done = CliRunner().invoke(app, ["twin", "--attach", twin.addresses["control"], *arguments])
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.stderr.replace("\n", " ")

    labsync("--fault", "pump_1:timeout:probability=0.01", "--fault", "cryostat_2:heater_open")
    report = json.loads(labsync("--json"))
    assert [entry["fault"] for entry in report["active"]] == ["heater_open", "timeout"]
    table = labsync("--faults")
    assert "probability=0.01" in table
    assert "heater_open" in table
    labsync("--clear", "cryostat_2:heater_open")
    assert [entry["fault"] for entry in json.loads(labsync("--json"))["active"]] == ["timeout"]
    labsync("--clear", "all")
    assert json.loads(labsync("--json"))["active"] == []
    assert "there is no instrument 'laser'" in labsync("--fault", "laser:timeout", code=2)
    assert "cannot have the fault 'melted'" in labsync("--clear", "pump_1:melted", code=2)
    assert "is no number" in labsync("--fault", "pump_1:timeout:count=many", code=2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--faults"], "need --attach"),
        (["--fault", "laser:timeout"], "there is no instrument 'laser'"),
        (["--fault", "pump_1"], "a fault is given as INSTRUMENT:FAULT"),
        (["--bench", "huge"], "bench must be one of"),
    ],
)
def test_a_lab_that_cannot_have_the_fault_is_not_served(arguments, sentence):
    done = CliRunner().invoke(app, ["twin", "--clock", "lock-step", *arguments])
    assert done.exit_code == 2
    assert sentence in done.stderr.replace("\n", " ")


def test_nothing_is_bound_but_the_loopback_unless_it_is_told_so_by_name(twin):
    for address in twin.addresses.values():
        with pytest.raises(OSError, match="refused|unreachable|assign"):
            socket.create_connection(("127.0.0.2", port(address)), 1.0)
    with start_twin(TwinSettings(clock="lock-step", host="127.0.0.2")) as elsewhere:
        for address in elsewhere.addresses.values():
            assert "127.0.0.2" in address
            socket.create_connection(("127.0.0.2", port(address)), 1.0).close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port(address)), 1.0)
    with pytest.raises(InstrumentError, match=r"'192\.0\.2\.1' is no address of this computer"):
        start_twin(TwinSettings(host="192.0.2.1")).__enter__()


def test_serving_to_others_prints_a_warning(capsys, monkeypatch):
    def announce(settings, announced, faults):
        announced({"control": f"{settings.host}:1"})

    monkeypatch.setattr(serving, "serve_forever", announce)
    for host, warned in (("127.0.0.1", False), ("0.0.0.0", True)):
        done = CliRunner().invoke(app, ["twin", "--host", host])
        assert ("anyone who reaches it can drive it" in done.stdout.replace("\n", " ")) is warned


def test_a_driver_outlives_a_lab_that_is_stopped_and_started_again_on_its_ports():
    base = 21000
    while True:
        try:
            with start_twin(TwinSettings(port_base=base)) as twin:
                driver = LakeShore336(twin.addresses["cryostat_2"], timeout_s=0.2)
                assert driver.temperature_k == pytest.approx(34.9, abs=3e-3)
            break
        except InstrumentError:
            base += 50
    with pytest.raises(InstrumentDisconnected):
        _ = driver.temperature_k
    with start_twin(TwinSettings(port_base=base)) as twin:
        assert driver.temperature_k == pytest.approx(34.9, abs=3e-3)
        driver.set_setpoint_k(34.5)
        twin.inject("cryostat_2", "half_open")
        with pytest.raises(InstrumentTimeout):
            _ = driver.setpoint_k
    with start_twin(TwinSettings(port_base=base)):
        assert driver.setpoint_k == pytest.approx(34.9, abs=1e-3)  # a lab that starts anew has forgotten
        driver.close()
