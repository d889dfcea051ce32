"""The parsers of binary replies and of error queues, against all kinds of bytes."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments._blocks import read_block
from instruments._errors import next_error
from instruments.keysight import parse_preamble
from instruments.rohdeschwarz import read_levels


def reader(data):
    return io.BytesIO(data).read


@given(st.binary(max_size=300), st.sampled_from([b"\n", b"\r\n"]), st.integers(0, 5))
def test_every_block_comes_back_as_it_was_sent(data, end, zeros):
    digits = b"0" * zeros + str(len(data)).encode()
    assert read_block(reader(b"#%d" % len(digits) + digits + data + end), end) == data


@given(st.binary(max_size=40))
def test_bytes_that_are_no_block_are_refused(data):
    try:
        block = read_block(reader(data), b"\n")
    except ValueError:
        return
    head = 2 + int(data[1:2])
    assert data[:1] == b"#"
    assert len(block) == int(data[2:head])
    assert data[head + len(block) :].startswith(b"\n")


@given(st.binary(min_size=4, max_size=60), st.data())
def test_a_block_that_lost_bytes_is_refused(data, draw):
    digits = str(len(data)).encode()
    whole = b"#%d" % len(digits) + digits + data + b"\r\n"
    kept = draw.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="block|length"):
        read_block(reader(whole[:kept]), b"\r\n")


def test_a_block_of_words_has_an_even_length():
    with pytest.raises(ValueError, match="multiples of 2"):
        read_block(reader(b"#13abc\n"), b"\n", 2)


finite = st.floats(-1e3, 1e3, allow_nan=False)
positive = st.floats(1e-12, 1e3)


@given(
    st.integers(1, 10**6), st.integers(1, 65536), positive, finite, positive, finite, st.integers(0, 65535)
)
def test_a_preamble_gives_back_its_scale(points, count, time_step, origin, step, offset, reference):
    reply = f"+1,+2,+{points},+{count},{time_step!r},{origin!r},+0,{step!r},{offset!r},+{reference}"
    scale = parse_preamble(reply)
    assert (scale.points, scale.count, scale.time_step_s) == (points, count, time_step)
    voltage = scale.voltage_v(np.array([reference, reference + 1]))
    assert voltage[0] == offset
    assert voltage[1] - voltage[0] == pytest.approx(step, abs=1e-9)


@given(st.text(alphabet="+-0123456789.eE,nainf ", max_size=80))
def test_a_text_that_is_no_preamble_is_refused_or_makes_sense(text):
    try:
        scale = parse_preamble(text)
    except ValueError:
        return
    assert scale.points > 0
    assert np.isfinite([scale.time_step_s, scale.voltage_step_v]).all()


@given(st.lists(st.floats(-200, 30, width=32), min_size=1, max_size=50))
def test_levels_come_back_as_they_were_sent_but_not_in_the_other_byte_order(levels):
    values = np.array(levels, "<f4")
    np.testing.assert_array_equal(read_levels(values.tobytes(), len(levels)), values)
    with pytest.raises(ValueError, match="points instead of"):
        read_levels(values.tobytes(), len(levels) + 1)


def test_levels_in_the_other_byte_order_or_beyond_reason_are_refused():
    for wrong in (np.linspace(-90, -50, 101).astype(">f4"), np.array([np.nan], "<f4"), np.array([99], "<f4")):
        with pytest.raises(ValueError, match="levels outside"):
            read_levels(wrong.tobytes(), len(wrong))


@given(st.integers(-400, 400), st.text(alphabet="abc ;,", min_size=1, max_size=20))
def test_an_error_queue_is_empty_only_at_zero(code, text):
    entry = next_error(f'{code:+d},"{text}"')
    assert (entry is None) == (code == 0)
    with pytest.raises(ValueError, match=r".*"):
        next_error(f'"{text}"')
