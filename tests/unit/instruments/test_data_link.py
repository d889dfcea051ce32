import json

import numpy as np
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from instruments import InstrumentProtocolError, InstrumentTimeout
from instruments._data_link import DataLink, words


class Service:
    """A DataLinkTarget service; `send` puts its messages on the stream that was opened."""

    def __init__(self, messages, **answers):
        self.messages, self.answers = messages, answers
        self.asked = []
        self.socket = None

    def __call__(self, message):
        self.asked.append(message.split()[0])
        if self.asked[-1] in self.answers:
            return self.answers[self.asked[-1]]
        if self.asked[-1] == "start-stream":
            self.socket = zmq.Context.instance().socket(zmq.PAIR)
            self.socket.setsockopt(zmq.LINGER, 0)
            self.socket.setsockopt(zmq.SNDTIMEO, 5000)
            self.socket.bind(f"tcp://127.0.0.1:{message.split()[-1]}")
            return b'{"id": "stream-1"}'
        return b"[]" if self.asked[-1] == "list" else b"{}"

    def send(self):
        for part in self.messages:
            self.socket.send(part)


@pytest.fixture
def link(serve_messages):
    opened = []

    def connect(service):
        server = serve_messages(service)
        opened.append((service, DataLink(f"tcp://127.0.0.1:{server.port}", "tcp://127.0.0.1:5555", 0.2)))
        return opened[-1][1].__enter__()

    yield connect
    for service, each in opened:
        each.__exit__(None, None, None)
        if service.socket is not None:
            service.socket.close(linger=0)


def test_messages_of_a_stream_become_times(link):
    parts = [np.array([1, 20], "<u8").tobytes(), np.array([300], "<u8").tobytes(), b""]
    service = Service(parts)
    data = link(service)
    data.clear()
    data.open(3)
    service.send()
    times = data.receive(3, 3)
    assert times.dtype == np.int64
    assert times.tolist() == [1, 20, 300]


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([np.array([1], "<u8").tobytes()], InstrumentTimeout),
        ([np.array([1], "<u8").tobytes(), b""], InstrumentProtocolError),
        ([np.array([1, 2, 3], "<u8").tobytes(), b""], InstrumentProtocolError),
        ([bytes(15), b""], InstrumentProtocolError),
        ([np.array([1, 1 << 63], "<u8").tobytes(), b""], InstrumentProtocolError),
    ],
)
def test_a_stream_that_is_not_what_was_announced_is_a_typed_error(link, parts, error):
    service = Service(parts)
    data = link(service)
    data.open(3)
    service.send()
    with pytest.raises(error, match="DataLinkTarget service"):
        data.receive(3, 2)


@pytest.mark.parametrize("answer", [b"", b"{", b'{"error": {"description": "no"}}', b"[]", b'{"id": "a b"}'])
def test_a_stream_that_is_refused_is_a_protocol_error(link, answer):
    data = link(Service([], **{"start-stream": answer}))
    with pytest.raises(InstrumentProtocolError):
        data.open(3)


@pytest.mark.parametrize(
    "status",
    [{}, {"acquisitions_count": 1}, {"acquisitions_count": True, "timestamps_count": 1}, [], "done", None]
    + [{"acquisitions_count": 1, "timestamps_count": -1}, {"acquisitions_count": 1.0, "timestamps_count": 5}],
)
def test_a_status_without_counts_is_a_protocol_error(link, status):
    data = link(Service([], status=json.dumps(status).encode()))
    data.open(3)
    with pytest.raises(InstrumentProtocolError):
        data.status(3)


@given(st.binary(max_size=120))
def test_bytes_are_times_or_a_value_error(data):
    try:
        times = words(data)
    except ValueError:
        assert len(data) % 8 or any(data[7::8][i] >= 128 for i in range(len(data) // 8))
    else:
        assert times.astype("<u8").tobytes() == data
