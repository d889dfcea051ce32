import numpy as np
import pytest
from pymeasure.test import expected_protocol

from instruments import ID900, InstrumentDisconnected, InstrumentProtocolError, Interlock, OutOfRange
from instruments.idquantique import START

IDN = ("*IDN?", "ID QUANTIQUE,ID900,123456,1.13.0")


def done(*commands):
    return [(command, "Value set to 1") for command in commands]


def histogram_setup(number, stop, bins=4, width=100, reference="STAR", start="STAR", source="INPU1"):
    name = f"HIST{number}"
    return [
        *done(f"{start}:ENAB ON", f"{source}:ENAB ON"),
        *done(f"{name}:INPO:REF:LINK {reference}", f"{name}:INPO:STOP:LINK {stop}"),
        *done(f"{name}:INPO:ENAB:LINK TSGE8", f"{name}:MIN 0"),
        (f"{name}:MIN?", "0"),
        *done(f"{name}:BWID {width}"),
        (f"{name}:BWID?", f"{width}TB"),
        *done(f"{name}:BCOU {bins}"),
        (f"{name}:BCOU?", str(bins)),
        (f"{name}:FLUSH", "Flushed Histogram!"),
    ]


def counting(*sources):
    return [
        pair
        for source in sources
        for pair in [
            (f"{source}:COUN:MODE ACCU", "Value set to ACCU"),
            (f"{source}:COUN:RESET", "Counter value set to 0 "),
        ]
    ]


GATE_OFF = ("TSGE8:ENAB OFF", "Value set to OFF")
GATE_ON = ("TSGE8:ENAB ON", "Value set to ON")


def test_counting_waits_two_cycles_of_the_free_running_counter(clock):
    pairs = [
        IDN,
        *done("INPU2:ENAB ON", "INPU2:COUN:MODE CYCL", "INPU2:COUN:INTE 250"),
        ("INPU2:COUN:RESET", "Counter value set to 0 "),
        ("INPU2:COUN?", "12345"),
    ]
    with expected_protocol(ID900, pairs, clock=clock) as correlator:
        assert correlator.counts(2, 0.25) == 12345
    assert clock.sleeps == [pytest.approx(0.501)]


def test_one_histogram_per_channel_is_gated_for_the_integration_time(clock):
    pairs = [
        IDN,
        GATE_OFF,
        *histogram_setup(1, "TSCO5"),
        *histogram_setup(2, "TSCO6", source="INPU2"),
        *counting("STAR"),
        GATE_ON,
        GATE_OFF,
        ("STAR:COUN?", "25"),
        ("HIST1:DATA?", "[0,3,1,2]"),
        ("HIST2:DATA?", "[5,0,0,7]"),
    ]
    with expected_protocol(ID900, pairs, clock=clock) as correlator:
        data = correlator.start_stop_histogram(START, (1, 2), 100, 4, 0.5)
    assert data.dtype == np.int64
    np.testing.assert_array_equal(data, [[0, 3, 1, 2], [5, 0, 0, 7]])
    assert clock.sleeps == [0.5]


def test_an_input_can_be_the_reference(clock):
    setup = histogram_setup(1, "TSCO8", reference="TSCO7", start="INPU3", source="INPU4", width=1000)
    counts = [("INPU3:COUN?", "1000"), ("INPU4:COUN?", "2000")]
    pairs = [IDN, GATE_OFF, *setup, *counting("INPU3", "INPU4"), GATE_ON, GATE_OFF, *counts]
    pairs.append(("HIST1:DATA?", "[1,2,3,4]"))
    with expected_protocol(ID900, pairs, clock=clock) as correlator:
        assert correlator.start_stop_histogram(3, [4], 1000, 4, 0.1).tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    "data",
    [
        "[0,3,1]",
        "[0,3,1,2,9]",
        "[0,3,1,2",
        "0,3,1,2",
        "[0,3,1,-2]",
        "[0,3,1.5,2]",
        "[0,3,1,true]",
        "[]",
        "[0,,1,2]",
    ],
)
def test_data_of_wrong_length_or_form_are_a_protocol_error(data, clock):
    pairs = [IDN, GATE_OFF, *histogram_setup(1, "TSCO5"), *counting("STAR"), GATE_ON, GATE_OFF]
    pairs += [("STAR:COUN?", "25"), ("HIST1:DATA?", data)]
    with (
        expected_protocol(ID900, pairs, clock=clock) as correlator,
        pytest.raises(InstrumentProtocolError, match="of 4 counts"),
    ):
        correlator.start_stop_histogram(START, [1], 100, 4, 0.5)


@pytest.mark.parametrize(
    "request_",
    [
        (0, [1], 100, 4, 1.0),
        (6, [1], 100, 4, 1.0),
        (START, [], 100, 4, 1.0),
        (START, [5], 100, 4, 1.0),
        (START, [1, 2, 3, 4, 1], 100, 4, 1.0),
        (START, [1], 99, 4, 1.0),
        (START, [1], 150, 4, 1.0),
        (START, [1], 1_000_000_100, 4, 1.0),
        (START, [1], 100, 0, 1.0),
        (START, [1], 100, 16385, 1.0),
        (START, [1], 100, 4, 0.0),
    ],
)
def test_impossible_histograms_are_refused_before_anything_is_sent(request_):
    with expected_protocol(ID900, [IDN]) as correlator, pytest.raises(OutOfRange):
        correlator.start_stop_histogram(*request_)


@pytest.mark.parametrize("integration_s", [0.0, 0.0005, 0.0105, 66.0, -1.0])
def test_impossible_integration_times_are_refused_before_anything_is_sent(integration_s):
    with expected_protocol(ID900, [IDN]) as correlator, pytest.raises(OutOfRange, match="steps of 0.001"):
        correlator.counts(1, integration_s)


@pytest.mark.parametrize(
    "reply", ["Undefined header SCPI_ERR_INVALID_CMD", "SCPI_ERR_PARAM_TYPE", "No connection"]
)
def test_a_refused_command_is_a_protocol_error(reply):
    with (
        expected_protocol(ID900, [IDN, ("INPU1:ENAB ON", reply)]) as correlator,
        pytest.raises(InstrumentProtocolError, match=r"'INPU1:ENAB ON': refused"),
    ):
        correlator.counts(1, 0.1)


def test_a_setting_that_reads_back_otherwise_is_a_protocol_error():
    setup = histogram_setup(1, "TSCO5")
    at = setup.index(("HIST1:BWID?", "100TB"))
    pairs = [IDN, GATE_OFF, *setup[:at], ("HIST1:BWID?", "200TB")]
    with (
        expected_protocol(ID900, pairs) as correlator,
        pytest.raises(InstrumentProtocolError, match="set to 100 reads back 200"),
    ):
        correlator.start_stop_histogram(START, [1], 100, 4, 0.5)


def test_the_gate_is_closed_even_when_the_wait_is_interrupted(clock):
    def interrupt(seconds):
        raise KeyboardInterrupt

    clock.sleep = interrupt
    pairs = [IDN, GATE_OFF, *histogram_setup(1, "TSCO5"), *counting("STAR"), GATE_ON, GATE_OFF]
    with expected_protocol(ID900, pairs, clock=clock) as correlator, pytest.raises(KeyboardInterrupt):
        correlator.start_stop_histogram(START, [1], 100, 4, 0.5)


def test_a_count_that_only_a_saturated_detector_gives_is_an_interlock(clock):
    pairs = [
        IDN,
        *done("INPU3:ENAB ON", "INPU3:COUN:MODE CYCL", "INPU3:COUN:INTE 100"),
        ("INPU3:COUN:RESET", "Counter value set to 0 "),
        ("INPU3:COUN?", "3000000"),
    ]
    with (
        expected_protocol(ID900, pairs, clock=clock) as correlator,
        pytest.raises(Interlock, match="saturated"),
    ):
        correlator.counts(3, 0.1)


@pytest.mark.parametrize(
    ("setup", "counted"),
    [
        ({"width": 1_000_000}, {"STAR": "25"}),
        ({"reference": "TSCO7", "start": "INPU3", "width": 100}, {"INPU1": "9", "INPU3": "15000000"}),
    ],
)
def test_a_histogram_of_a_saturated_detector_is_an_interlock(setup, counted, clock):
    pairs = [IDN, GATE_OFF, *histogram_setup(1, "TSCO5", **setup), *counting(*counted), GATE_ON, GATE_OFF]
    pairs += [(f"{source}:COUN?", count) for source, count in counted.items()]
    pairs.append(("HIST1:DATA?", "[2001,0,0,0]"))
    reference = START if "STAR" in counted else 3
    with (
        expected_protocol(ID900, pairs, clock=clock) as correlator,
        pytest.raises(Interlock, match="saturated"),
    ):
        correlator.start_stop_histogram(reference, [1], setup["width"], 4, 0.5)


@pytest.mark.parametrize(
    "request_", [([], 1.0), ([5], 1.0), ([1, 1], 1.0), ([1], 0.0), ([1], 1e6), ([0], 1.0)]
)
def test_impossible_recordings_are_refused_before_anything_is_sent(request_):
    with expected_protocol(ID900, [IDN]) as correlator, pytest.raises(OutOfRange):
        correlator.record(*request_)


def test_recording_needs_the_data_link():
    with (
        expected_protocol(ID900, [IDN]) as correlator,
        pytest.raises(InstrumentDisconnected, match="data_link"),
    ):
        correlator.record([3, 4], 1.0)
