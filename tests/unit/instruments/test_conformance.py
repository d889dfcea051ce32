"""What every driver must do, on fake instruments that answer by rote."""

import inspect
import time
from dataclasses import dataclass

import pytest
from pymeasure.instruments import Channel, Instrument

from instruments import (
    ELL14,
    ID900,
    Correlator,
    InstrumentDisconnected,
    InstrumentProtocolError,
    InstrumentTimeout,
    Keithley2450Pump,
    LakeShore336,
    PumpSource,
    RampGenerator,
    RedPitaya,
    Rotator,
    TemperatureController,
)

TIMEOUT_S = 0.4
NO_ERROR = '0,"No error"'


@dataclass(frozen=True)
class Case:
    driver: type
    role: type
    replies: dict
    ask: str
    """Expression of `driver` that sends one query."""
    query: str
    """The query that it sends."""
    address: str = "TCPIP::127.0.0.1::{}::SOCKET"
    end: bytes | None = b"\n"
    reply_end: bytes = b"\n"
    identity: str = "*IDN?"
    typo: tuple[str, str] = ("", "")
    """A name that does not exist, and the one that the refusal should suggest."""
    wrong: tuple[bytes, ...] = ()
    """Replies to the query that look almost right."""


CASES = [
    Case(
        LakeShore336,
        TemperatureController,
        {
            "*IDN?": "LSCI,MODEL336,LSA1234/LSA5678,2.9",
            "KRDG? A;RDGST? A": "+034.400;000",
            "SETP? 1": "+034.400",
            "HTR? 1": "+012.3",
            "RAMP? 1": "0,+002.0",
        },
        "driver.temperature_k",
        "KRDG? A;RDGST? A",
        reply_end=b"\r\n",
        typo=("ramp_k_per_minute", "ramp_k_per_min"),
        wrong=(
            b"+034.400",
            b"034.400;000",
            b"+034;000",
            b"+034.4;000;1",
            b"-034.400;000",
            b"+nan;000",
            b"+034.400;",
        ),
    ),
    Case(
        Keithley2450Pump,
        PumpSource,
        {
            "*IDN?": "KEITHLEY INSTRUMENTS,MODEL 2450,04400000,1.7.12b",
            "SYST:ERR?": '0,"No error;0;0 0"',
            ":READ?": "1.234567E-03",
            ":SOUR:VOLT?": "6.5",
            "OUTPUT?": "1",
        },
        "driver.current_a",
        ":READ?",
        typo=("complience_current", "compliance_current"),
        wrong=(b"034", b"1.2,3.4", b"1.2E-03A", b"1.2E", b"-inf"),
    ),
    Case(
        ID900,
        Correlator,
        {"*IDN?": "ID QUANTIQUE,ID900,123456,1.13.0", "INPU1:COUN?": "12345"},
        "driver.counts(1, 0.01)",
        "INPU1:COUN?",
        address="tcp://127.0.0.1:{}",
        reply_end=b"",
        typo=("clok", ""),
        wrong=(b"12.5", b"12 TA", b"1,2", b"1e3", b"Value set to 1", b"12 SCPI_ERR_INVALID_CMD"),
    ),
    Case(
        RedPitaya,
        RampGenerator,
        {"*IDN?": "REDPITAYA,INSTR2014,0,01-02", "SYST:ERR:NEXT?": NO_ERROR, "ACQ:BUF:SIZE?": "16384"},
        "driver.buffer_length",
        "ACQ:BUF:SIZE?",
        end=b"\r\n",
        reply_end=b"\r\n",
        typo=("decimatoin", "decimation"),
        wrong=(b"16384.5", b"16384,1", b"ERR!"),
    ),
    Case(
        ELL14,
        Rotator,
        {"0in": "0IN0E1140000120231701016800023000", "0gp": "0PO00000000"},
        "driver.angle_deg",
        "0gp",
        address="ASRLsocket://127.0.0.1:{}::INSTR",
        end=None,
        reply_end=b"\r\n",
        identity="0in",
        typo=("angel", ""),
        wrong=(b"0PO0000000", b"0PO000000000", b"1PO00000000", b"0PO0000000G", b"0IN00000000"),
    ),
]
every_driver = pytest.mark.parametrize("case", CASES, ids=lambda case: case.driver.__name__)


class Bench:
    """A fake instrument whose replies a test may change, and the driver on it."""

    def __init__(self, case, serve, serve_messages, clock):
        self.case, self.clock = case, clock
        self.replies = dict(case.replies)
        start = serve_messages if case.address.startswith("tcp") else serve
        self.server = start(self.answer, case.end)

    def answer(self, command):
        reply = self.replies.get(command, "Value set to 1" if self.case.driver is ID900 else None)
        if reply is None:
            return None
        return (reply if isinstance(reply, bytes) else reply.encode()) + self.case.reply_end

    def connect(self):
        address = self.case.address.format(self.server.port)
        return self.case.driver(address, clock=self.clock, timeout_s=TIMEOUT_S)


@pytest.fixture
def bench(case, serve, serve_messages, clock):
    return Bench(case, serve, serve_messages, clock)


def send_query(case, driver):
    return eval(case.ask, {"driver": driver})


@every_driver
def test_everything_public_in_a_driver_has_a_docstring(case):
    assert case.driver.__doc__
    ours = [cls for cls in case.driver.__mro__ if cls.__module__.startswith("instruments.")]
    for name in {name for cls in ours for name in vars(cls)}:
        member = getattr(case.driver, name)
        if not name.startswith("_") and (callable(member) or isinstance(member, property)):
            assert inspect.getdoc(member), name


@every_driver
def test_a_driver_plays_its_role_and_tells_its_identity(case, bench):
    with bench.connect() as driver:
        assert isinstance(driver, case.role)
        assert isinstance(driver, Instrument)
        assert driver.identity == case.replies[case.identity]
        assert send_query(case, driver) is not None


@every_driver
def test_setting_an_unknown_attribute_is_refused_with_a_near_name(case, bench):
    driver = bench.connect()
    wrong, right = case.typo
    with pytest.raises(AttributeError, match=f"has no setting.*{right}"):
        setattr(driver, wrong, 1)
    with pytest.raises(AttributeError):
        driver.shutdown = 1
    channels = [value for value in vars(driver).values() if isinstance(value, Channel)]
    frozen = [channel for channel in channels if type(channel).__module__.startswith("instruments")]
    for channel in frozen:
        with pytest.raises(AttributeError):
            channel.heater_range = "low"


@every_driver
@pytest.mark.parametrize(
    "other", ["ACME,MODEL 1,0,0", "LSCI,MODEL331,1,1", "0IN061140000120231701016800023000"]
)
def test_another_box_at_the_address_is_refused(case, bench, other):
    bench.replies[case.identity] = other
    with pytest.raises(InstrumentProtocolError, match=r"this is not a .*; check the address"):
        bench.connect()


@every_driver
def test_an_instrument_that_is_silent_from_the_start_times_out_within_twice_the_timeout(case, bench):
    bench.server.answer = lambda command: None
    start = time.perf_counter()
    with pytest.raises(InstrumentTimeout, match=f"{case.identity.replace('*', '.').replace('?', '.')}"):
        bench.connect()
    assert time.perf_counter() - start < 2 * TIMEOUT_S


@every_driver
def test_an_instrument_that_falls_silent_times_out_within_twice_the_timeout(case, bench):
    driver = bench.connect()
    bench.server.answer = lambda command: None if command == case.query else bench.answer(command)
    start = time.perf_counter()
    with pytest.raises(InstrumentTimeout):
        send_query(case, driver)
    assert time.perf_counter() - start < 2 * TIMEOUT_S
    assert bench.server.received.count(case.query) == 2


@every_driver
def test_an_instrument_that_leaves_is_disconnected(case, bench):
    driver = bench.connect()
    bench.server.stop()
    start = time.perf_counter()
    with pytest.raises(InstrumentDisconnected):
        send_query(case, driver)
    assert time.perf_counter() - start < 2 * TIMEOUT_S


@every_driver
def test_garbage_is_a_protocol_error_never_a_number(case, bench):
    driver = bench.connect()
    for garbage in (
        b"\xff\x81\x00",
        b"#!?",
        b"",
        b"nan",
        b"9.9E37",
        b"1;2,3",
        b"1 2",
        b"inf;000",
        *case.wrong,
    ):
        bench.replies[case.query] = garbage
        with pytest.raises(InstrumentProtocolError):
            pytest.fail(f"{garbage!r} was taken for {send_query(case, driver)}")


@every_driver
def test_a_single_lost_reply_to_a_query_is_asked_again(case, bench):
    driver = bench.connect()
    expected = send_query(case, driver)
    lost = []

    def lose_first(command):
        if command == case.query and not lost:
            lost.append(command)
            return None
        return bench.answer(command)

    bench.server.answer = lose_first
    assert send_query(case, driver) == expected
    assert lost == [case.query]
    assert driver.adapter.reconnects == 1


@every_driver
def test_leaving_the_with_block_closes_the_connection_and_changes_nothing(case, bench):
    with bench.connect() as driver:
        before = list(bench.server.received)
    assert bench.server.received == before
    with pytest.raises(InstrumentDisconnected, match="closed"):
        send_query(case, driver)


@every_driver
def test_shutdown_never_raises_even_when_the_instrument_is_gone(case, bench):
    driver = bench.connect()
    bench.server.stop()
    driver.shutdown()
