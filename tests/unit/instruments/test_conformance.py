"""What every driver must do, on fake instruments that answer by rote; the facts are in ``sheets``."""

import importlib
import inspect
import pkgutil
import re
import time

import pytest
from pymeasure.instruments import Channel, Instrument

import instruments
from instruments import InstrumentDisconnected, InstrumentProtocolError, InstrumentTimeout, roles

TIMEOUT_S = 0.15
BUSY_S = 1.5
"""What a computer with other work to do may take on top."""
UNITS = {
    "_k": "K",
    "_k_per_min": "K/min",
    "_v": "V",
    "_a": "A",
    "_w": "W",
    "_s": "s",
    "_hz": "Hz",
    "_nm": "nm",
    "_um": "um",
    "_deg": "degrees",
    "_percent": "percent",
    "_dbm": "dBm",
}
VERBS = ("Control", "Get", "Measure", "Set", "Whether")


def drivers():
    """Return every class of `instruments` that drives an instrument."""
    modules = [
        importlib.import_module(f"instruments.{module.name}")
        for module in pkgutil.iter_modules(instruments.__path__)
        if module.name != "twin"
    ]
    classes = {
        (m.__name__, name): each for m in modules for name, each in vars(m).items() if inspect.isclass(each)
    }
    return {
        f"{module}.{name}"
        for (module, name), each in classes.items()
        if each.__module__ == module and issubclass(each, Instrument) and not name.startswith("_")
    }


class Bench:
    """A fake instrument whose replies a test may change, and the driver on it."""

    def __init__(self, sheet, serve, serve_messages, clock):
        self.sheet, self.clock = sheet, clock
        self.replies = dict(sheet.replies)
        start = serve_messages if sheet.address.startswith("tcp") else serve
        self.server = start(self.answer, sheet.ends[0].encode() or None)

    def answer(self, command):
        reply = self.replies.get(command, self.sheet.confirmation)
        if reply is None:
            return None
        return reply.encode("latin-1") + self.sheet.ends[1].encode()

    def connect(self):
        address = self.sheet.address.format(self.server.port)
        return self.sheet.cls(address, clock=self.clock, timeout_s=TIMEOUT_S, **self.sheet.options)


@pytest.fixture
def bench(sheet, serve, serve_messages, clock):
    return Bench(sheet, serve, serve_messages, clock)


def send_query(sheet, driver):
    return eval(sheet.ask, {"driver": driver})


def public(cls):
    """Return name and member of everything public that our own classes in `cls` define."""
    ours = [each for each in cls.__mro__ if each.__module__.startswith("instruments.")]
    names = {name for each in ours for name in vars(each) if not name.startswith("_")}
    return {name: getattr(cls, name) for name in sorted(names)}


def test_every_driver_has_a_sheet_and_every_sheet_a_driver(sheets):
    assert {sheet.driver for sheet in sheets} == drivers()


def test_everything_public_in_a_driver_has_a_docstring(sheet):
    assert sheet.cls.__doc__
    for name, member in public(sheet.cls).items():
        if callable(member) or isinstance(member, property):
            assert inspect.getdoc(member), name


def test_docstrings_of_settings_and_measurements_begin_as_pymeasure_wants(sheet):
    for name, member in public(sheet.cls).items():
        if isinstance(member, property) and member.fget.__module__.startswith("pymeasure."):
            assert member.fget.__doc__.startswith(VERBS), name
        if isinstance(member, property):
            assert re.match(r"[A-Z].*\.", inspect.getdoc(member), re.DOTALL), name


def test_numbers_of_a_driver_carry_their_unit_in_name_and_docstring(sheet):
    """A property that returns a float ends in a unit, and its docstring names it."""
    for name, member in public(sheet.cls).items():
        if isinstance(member, property) and inspect.signature(member.fget).return_annotation is float:
            endings = [ending for ending in UNITS if name.endswith(ending)]
            assert endings, f"{name} has no unit in its name"
            unit = UNITS[max(endings, key=len)]
            assert re.search(rf"\b{unit}\b", inspect.getdoc(member)), f"{name}: {unit} is missing"


def test_a_driver_plays_its_role_and_tells_its_identity(sheet, bench):
    with bench.connect() as driver:
        for role in sheet.roles:
            assert isinstance(driver, getattr(roles, role)), role
        assert isinstance(driver, Instrument)
        assert driver.identity == sheet.replies[sheet.identity]
        assert send_query(sheet, driver) is not None


def test_setting_an_unknown_attribute_is_refused_with_a_near_name(sheet, bench):
    driver = bench.connect()
    wrong, right = sheet.typo
    with pytest.raises(AttributeError, match=f"has no setting.*{right}"):
        setattr(driver, wrong, 1)
    with pytest.raises(AttributeError):
        driver.shutdown = 1
    channels = [value for value in vars(driver).values() if isinstance(value, Channel)]
    frozen = [channel for channel in channels if type(channel).__module__.startswith("instruments")]
    for channel in frozen:
        with pytest.raises(AttributeError):
            channel.heater_range = "low"


@pytest.mark.parametrize(
    "other", ["ACME,MODEL 1,0,0", "LSCI,MODEL331,1,1", "0IN061140000120231701016800023000"]
)
def test_another_box_at_the_address_is_refused(sheet, bench, other):
    bench.replies[sheet.identity] = other
    with pytest.raises(InstrumentProtocolError, match=r"this is not a .*; check the address"):
        bench.connect()


def test_an_instrument_that_is_silent_from_the_start_times_out_within_twice_the_timeout(sheet, bench):
    bench.server.answer = lambda command: None
    start = time.perf_counter()
    with pytest.raises(InstrumentTimeout, match=f"{sheet.identity.replace('*', '.').replace('?', '.')}"):
        bench.connect()
    assert time.perf_counter() - start < 2 * TIMEOUT_S + BUSY_S


def test_an_instrument_that_falls_silent_times_out_within_twice_the_timeout(sheet, bench):
    driver = bench.connect()
    before = bench.server.received.count(sheet.query)
    bench.server.answer = lambda command: None if command == sheet.query else bench.answer(command)
    start = time.perf_counter()
    with pytest.raises(InstrumentTimeout):
        send_query(sheet, driver)
    assert time.perf_counter() - start < 2 * TIMEOUT_S + BUSY_S
    assert bench.server.received.count(sheet.query) == before + 2


def test_an_instrument_that_leaves_is_disconnected(sheet, bench):
    driver = bench.connect()
    bench.server.stop()
    start = time.perf_counter()
    with pytest.raises(InstrumentDisconnected):
        send_query(sheet, driver)
    assert time.perf_counter() - start < 2 * TIMEOUT_S + BUSY_S


def test_garbage_is_a_protocol_error_never_a_number(sheet, bench):
    driver = bench.connect()
    for garbage in ("\xff\x81\x00", "#!?", "", "nan", "9.9E37", "1;2,3", "1 2", "inf;000", *sheet.wrong):
        bench.replies[sheet.query] = garbage
        with pytest.raises(InstrumentProtocolError):
            pytest.fail(f"{garbage!r} was taken for {send_query(sheet, driver)}")


def test_a_single_lost_reply_to_a_query_is_asked_again(sheet, bench):
    driver = bench.connect()
    expected = send_query(sheet, driver)
    lost = []

    def lose_first(command):
        if command == sheet.query and not lost:
            lost.append(command)
            return None
        return bench.answer(command)

    bench.server.answer = lose_first
    assert send_query(sheet, driver) == expected
    assert lost == [sheet.query]
    assert driver.adapter.reconnects == 1


def test_leaving_the_with_block_closes_the_connection_and_changes_nothing(sheet, bench):
    with bench.connect() as driver:
        before = list(bench.server.received)
    assert bench.server.received == before
    with pytest.raises(InstrumentDisconnected, match="closed"):
        send_query(sheet, driver)


def test_shutdown_never_raises_even_when_the_instrument_is_gone(sheet, bench):
    driver = bench.connect()
    bench.server.stop()
    driver.shutdown()


def test_a_late_reply_never_answers_the_next_question(sheet, bench):
    driver = bench.connect()
    expected = send_query(sheet, driver)
    late = []

    def answer_late_once(command):
        if command == sheet.query and not late:
            late.append(command)
            return [(1.2 * TIMEOUT_S, b"late" + sheet.ends[1].encode())]
        return bench.answer(command)

    bench.server.answer = answer_late_once
    assert send_query(sheet, driver) == expected
    time.sleep(0.5 * TIMEOUT_S)  # until the late reply has certainly come
    assert send_query(sheet, driver) == expected
