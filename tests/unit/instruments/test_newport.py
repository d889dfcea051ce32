import pytest
from pymeasure.test import expected_protocol

from instruments import ESP300, InstrumentProtocolError, InstrumentTimeout, Interlock, OutOfRange

START = [("VE?", "ESP300 Version 3.08 09/09/02"), ("1SN?", "2"), ("2SN?", "2")]
NO_ERROR = ("TB?", "0, 451322, NO ERROR DETECTED")
ENABLED = [("1MO?", "1"), ("1PA0.002500", None), NO_ERROR, ("2MO?", "1"), ("2PA-0.001250", None), NO_ERROR]
DONE = [("1MD?", "1"), ("2MD?", "1"), NO_ERROR]


def test_a_stage_in_millimetres_is_moved_in_micrometres_and_read_back():
    pairs = [*START, *ENABLED, *DONE, ("1TP?", "0.002510"), ("2TP?", "-0.001250")]
    with expected_protocol(ESP300, pairs) as stage:
        assert stage.move_to_um(2.5, -1.25) == pytest.approx((2.51, -1.25))


def test_an_axis_may_count_in_micrometres_but_not_in_degrees():
    micrometres = [START[0], ("1SN?", "3"), ("2SN?", "3"), ("1TP?", "12.34567"), ("2TP?", "0")]
    with expected_protocol(ESP300, micrometres) as stage:
        assert stage.position_um == (12.34567, 0.0)
    with (
        pytest.raises(InstrumentProtocolError, match="axis 2 counts in degree"),
        expected_protocol(ESP300, [START[0], ("1SN?", "2"), ("2SN?", "7")]),
    ):
        pass


@pytest.mark.parametrize("x_um", [-50.01, 50.01, float("nan"), float("inf")])
def test_a_position_beyond_the_limits_is_refused_before_anything_is_sent_to_the_stage(x_um):
    with expected_protocol(ESP300, START) as stage, pytest.raises(OutOfRange, match="outside -50 to 50 um"):
        stage.move_to_um(x_um, 0.0)


def test_a_motor_that_a_stall_switched_off_is_switched_on_before_the_next_move():
    pairs = [
        *START,
        *[("1MO?", "0"), ("1MO", None), NO_ERROR, ("1PA0.000000", None), NO_ERROR],
        *[("2MO?", "1"), ("2PA0.000000", None), NO_ERROR],
        *[*DONE, ("1TP?", "0.0"), ("2TP?", "0.0")],
    ]
    with expected_protocol(ESP300, pairs) as stage:
        assert stage.move_to_um(0.0, 0.0) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("code", "words", "error"),
    [
        (103, "FOLLOWING ERROR THRESHOLD EXCEEDED", Interlock),
        (204, "POSITIVE HARDWARE LIMIT DETECTED", Interlock),
        (207, "NEGATIVE SOFTWARE LIMIT DETECTED", Interlock),
        (113, "MOTOR NOT ENABLED", Interlock),
        (4, "EMERGENCY SOP ACTIVATED", Interlock),
        (101, "PARAMETER OUT OF RANGE", OutOfRange),
        (7, "PARAMETER OUT OF RANGE", OutOfRange),
        (6, "COMMAND DOES NOT EXIST", InstrumentProtocolError),
        (114, "Reserved for future use".upper(), InstrumentProtocolError),
    ],
)
def test_each_entry_of_the_stage_s_error_buffer_is_its_own_error(code, words, error):
    pairs = [*START, ("TB?", f"{code}, 451322, {words}"), NO_ERROR]
    with expected_protocol(ESP300, pairs) as stage, pytest.raises(error, match=rf"{words} \({code}\)"):
        stage.check_errors()


def test_of_several_errors_of_a_stage_the_most_dangerous_decides():
    buffer = [("TB?", "7, 1, PARAMETER OUT OF RANGE"), ("TB?", "203, 2, FOLLOWING ERROR THRESHOLD EXCEEDED")]
    with (
        expected_protocol(ESP300, [*START, *buffer, NO_ERROR]) as stage,
        pytest.raises(Interlock, match="OUT OF RANGE.*FOLLOWING ERROR"),
    ):
        stage.check_errors()


@pytest.mark.parametrize("reply", ["0", "0, NO ERROR DETECTED", "NO ERROR DETECTED", "-1, 2, X", "0, 1, no"])
def test_an_error_buffer_that_answers_in_another_form_is_not_taken_for_empty(reply):
    with expected_protocol(ESP300, [*START, ("TB?", reply)]) as stage, pytest.raises(InstrumentProtocolError):
        stage.check_errors()


def test_a_stage_that_stops_elsewhere_is_an_interlock():
    pairs = [*START, *ENABLED, *DONE, ("1TP?", "0.000100"), ("2TP?", "-0.001250")]
    with (
        expected_protocol(ESP300, pairs) as stage,
        pytest.raises(Interlock, match=r"stopped at \(0.100, -1.250\) um"),
    ):
        stage.move_to_um(2.5, -1.25)


def test_a_stage_that_never_arrives_is_stopped_at_the_deadline(wire, clock):
    answers = dict(START) | {"1MO?": "1", "2MO?": "1", "1MD?": "0"} | dict([NO_ERROR])
    line = wire(answers.get)
    stage = ESP300(line, clock=clock, move_deadline_s=1.0)
    with pytest.raises(InstrumentTimeout, match=r"still moving after 1.0 s"):
        stage.move_to_um(1.0, 1.0)
    assert clock.time_s == pytest.approx(1.0, abs=0.06)
    assert line.sent[-2:] == ["ST", "TB?"]


def test_a_lost_entry_of_the_error_buffer_is_not_asked_for_again(wire):
    answers = dict(START)
    line = wire(answers.get)
    stage = ESP300(line)

    def silent(command):
        raise InstrumentTimeout(command)

    line.answer = silent
    with pytest.raises(InstrumentTimeout):
        stage.check_errors()
    assert line.sent.count("TB?") == 1


def test_limits_of_a_stage_must_be_in_order():
    with pytest.raises(ValueError, match="low, high"):
        ESP300("ASRLsocket://127.0.0.1:1::INSTR", limits_x_um=(5.0, -5.0))
