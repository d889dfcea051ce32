import pytest
from pymeasure.test import expected_protocol

from instruments import ELL14, InstrumentProtocolError, InstrumentTimeout, Interlock, OutOfRange

IN = ("0in", "0IN0E1140000120231701016800023000")  # 0x23000 = 143360 pulses per turn


def test_the_pulses_per_turn_are_read_from_the_mount():
    pairs = [("0in", "0IN0E1140000120231701016800010000"), ("0gp", "0PO00008000")]
    with expected_protocol(ELL14, pairs) as mount:
        assert mount.angle_deg == 180.0


@pytest.mark.parametrize(
    ("reply", "angle_deg"),
    [
        ("00000000", 0.0),
        ("00004600", 45.0),
        ("FFFFFFFF", 360 - 360 / 143360),
        ("FFFFB9FF", 360 - 17921 * 360 / 143360),
    ],
)
def test_positions_are_two_s_complement(reply, angle_deg):
    with expected_protocol(ELL14, [IN, ("0gp", "0PO" + reply)]) as mount:
        assert mount.angle_deg == pytest.approx(angle_deg, abs=1e-9)


def test_a_move_waits_on_the_clock_for_its_answer(clock):
    pairs = [IN, ("0gp", "0PO00000000"), ("0ma00008C00", "0PO00008C01")]
    with expected_protocol(ELL14, pairs, clock=clock) as mount:
        assert mount.move_to_deg(90.0) == pytest.approx(90.0 + 360 / 143360)
    assert clock.sleeps == [pytest.approx(0.2 + 90 / 180)]


def test_homing_sends_the_clockwise_command(clock):
    with expected_protocol(ELL14, [IN, ("0ho0", "0PO00000000")], clock=clock) as mount:
        mount.home()


def test_a_busy_mount_is_polled_until_it_arrives(clock):
    pairs = [
        IN,
        ("0gp", "0PO00000000"),
        ("0ma00004600", "0GS09"),
        ("0gs", "0GS09"),
        ("0gs", "0GS00"),
        ("0gp", "0PO00004600"),
    ]
    with expected_protocol(ELL14, pairs, clock=clock) as mount:
        assert mount.move_to_deg(45.0) == 45.0


def test_a_mount_that_stays_busy_times_out_at_the_deadline(clock):
    pairs = [IN, ("0gp", "0PO00000000"), ("0ma00004600", "0GS09"), *[("0gs", "0GS09")] * 6]
    with (
        expected_protocol(ELL14, pairs, clock=clock, move_deadline_s=1.0) as mount,
        pytest.raises(InstrumentTimeout, match="still moving after 1.0 s"),
    ):
        mount.move_to_deg(45.0)
    assert clock.time_s == pytest.approx(1.05)


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("01", InstrumentProtocolError, "communication timeout"),
        ("02", Interlock, "mechanical timeout"),
        ("03", InstrumentProtocolError, "not supported"),
        ("04", OutOfRange, "out of range"),
        ("05", InstrumentProtocolError, "isolated"),
        ("07", Interlock, "initialising"),
        ("08", Interlock, "thermal"),
        ("0A", Interlock, "sensor error"),
        ("0B", Interlock, "motor error"),
        ("0C", OutOfRange, "out of range"),
        ("0D", Interlock, "overcurrent"),
        ("7F", InstrumentProtocolError, "unknown status"),
    ],
)
def test_each_status_code_of_a_move_is_its_own_error(code, error, words, clock):
    pairs = [IN, ("0gp", "0PO00000000"), ("0ma00004600", "0GS" + code)]
    with expected_protocol(ELL14, pairs, clock=clock) as mount, pytest.raises(error, match=words):
        mount.move_to_deg(45.0)


def test_a_mount_that_stops_elsewhere_is_an_interlock(clock):
    pairs = [IN, ("0gp", "0PO00000000"), ("0ma00008C00", "0PO00004600")]
    with (
        expected_protocol(ELL14, pairs, clock=clock) as mount,
        pytest.raises(Interlock, match=r"stopped at 45\.000"),
    ):
        mount.move_to_deg(90.0)


@pytest.mark.parametrize("angle_deg", [-0.1, 360.0, float("nan")])
def test_an_angle_outside_one_turn_is_refused_before_anything_is_sent(angle_deg):
    with expected_protocol(ELL14, [IN]) as mount, pytest.raises(OutOfRange):
        mount.move_to_deg(angle_deg)


def test_a_move_whose_answer_is_lost_is_not_repeated_but_polled(serve, clock):
    replies = {"0in": b"0IN0E1140000120231701016800023000\r\n", "0gs": b"0GS00\r\n"}
    positions = [b"0PO00000000\r\n", b"0PO00004600\r\n"]
    server = serve(lambda command: positions.pop(0) if command == "0gp" else replies.get(command), None)
    with ELL14(f"ASRLsocket://127.0.0.1:{server.port}::INSTR", clock=clock, timeout_s=0.3) as mount:
        assert mount.move_to_deg(45.0) == 45.0
    assert server.received.count("0ma00004600") == 1


def test_another_mount_on_the_bus_is_addressed():
    with expected_protocol(
        ELL14, [("Bin", IN[1].replace("0IN", "BIN")), ("Bgp", "BPO00000000")], bus="B"
    ) as mount:
        assert mount.angle_deg == 0.0


def test_an_impossible_bus_address_is_refused():
    with pytest.raises(ValueError, match="bus address"):
        ELL14("ASRLsocket://127.0.0.1:1::INSTR", bus="G")


def test_senseless_pulses_per_turn_are_refused():
    with (
        pytest.raises(InstrumentProtocolError, match="make no sense"),
        expected_protocol(ELL14, [("0in", "0IN0E1140000120231701016800000000")]),
    ):
        pass
