"""The transport against servers that misbehave on purpose."""

import logging
import socket
import time

import pytest

from instruments.errors import InstrumentDisconnected, InstrumentProtocolError, InstrumentTimeout
from instruments.transport import open_transport

TIMEOUT_S = 0.2


def visa(port, **options):
    return open_transport(
        f"TCPIP::127.0.0.1::{port}::SOCKET", instrument="Test box", timeout_s=TIMEOUT_S, **options
    )


def serial(port):
    return open_transport(f"ASRLsocket://127.0.0.1:{port}::INSTR", instrument="Test box", timeout_s=TIMEOUT_S)


def zeromq(port):
    return open_transport(f"tcp://127.0.0.1:{port}", instrument="Test box", timeout_s=TIMEOUT_S)


def ask(transport, command):
    transport.write(command)
    return transport.read()


def echo(command):
    return f"{command} yes\n".encode()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.mark.parametrize("opened", [visa, serial])
def test_a_query_returns_its_reply_over_each_visa_kind(serve, opened):
    server = serve(echo)
    assert ask(opened(server.port), "A?") == "A? yes"
    assert server.received == ["A?"]


def test_a_query_returns_its_reply_over_zeromq(serve_messages):
    server = serve_messages(lambda command: command.encode() + b" yes")
    assert ask(zeromq(server.port), "A?") == "A? yes"


@pytest.mark.parametrize("opened", [visa, serial])
def test_nagle_is_off_after_opening_and_after_reopening(serve, opened):
    server = serve(lambda command: None if command == "SILENT?" else echo(command))
    transport = opened(server.port)
    assert transport.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    with pytest.raises(InstrumentTimeout):
        ask(transport, "SILENT?")
    ask(transport, "A?")
    assert transport.reconnects == 1
    assert transport.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_write_then_query_does_not_wait_for_a_delayed_acknowledgement(serve):
    server = serve(lambda command: echo(command) if command.endswith("?") else None)
    transport = visa(server.port)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        transport.write("SET")
        ask(transport, "A?")
        times.append(time.perf_counter() - start)
    assert sorted(times)[5] < 0.03  # 0.044 s with Nagle's algorithm


@pytest.mark.parametrize("opened", [visa, serial])
def test_a_late_reply_is_never_read_as_the_answer_to_the_next_query(serve, opened):
    late = [(1.3 * TIMEOUT_S, b"OLD\n")]
    server = serve(lambda command: late if command == "SLOW?" else echo(command))
    transport = opened(server.port)
    with pytest.raises(InstrumentTimeout, match=r"Test box at .*'SLOW\?'.*no reply"):
        ask(transport, "SLOW?")
    time.sleep(0.5 * TIMEOUT_S)  # now the late reply is on its way to the old connection
    assert ask(transport, "NEXT?") == "NEXT? yes"
    assert server.connections == 2


def test_a_late_zeromq_reply_is_never_read_as_the_answer_to_the_next_query(serve_messages):
    late = [(1.3 * TIMEOUT_S, b"OLD")]
    server = serve_messages(lambda command: late if command == "SLOW?" else b"NEW")
    transport = zeromq(server.port)
    with pytest.raises(InstrumentTimeout):
        ask(transport, "SLOW?")
    time.sleep(0.5 * TIMEOUT_S)
    assert ask(transport, "NEXT?") == "NEW"


@pytest.mark.parametrize("opened", [visa, serial])
@pytest.mark.parametrize("pause_s", [0.0, 0.03])
def test_a_duplicate_reply_is_dropped_and_the_connection_renewed(serve, opened, pause_s, caplog):
    twice = [(0.0, b"ONE\n"), (pause_s, b"ONE\n")]
    server = serve(lambda command: twice if command == "TWICE?" else echo(command))
    transport = opened(server.port)
    assert ask(transport, "TWICE?") == "ONE"
    time.sleep(0.06)
    with caplog.at_level(logging.WARNING):
        assert ask(transport, "NEXT?") == "NEXT? yes"
    assert transport.reconnects == 1
    assert "nobody asked for" in caplog.text


def test_a_reply_in_single_bytes_is_put_together(serve):
    server = serve(lambda _: [(0.002, bytes([byte])) for byte in b"+012.345\n"])
    assert ask(visa(server.port), "A?") == "+012.345"


@pytest.mark.parametrize("opened", [visa, serial])
def test_a_reply_without_its_end_is_a_protocol_error_that_shows_the_part(serve, opened):
    server = serve(lambda command: b"+012." if command == "A?" else echo(command))
    transport = opened(server.port)
    with pytest.raises(InstrumentProtocolError, match=r"broke off after b'\+012\.'"):
        ask(transport, "A?")
    assert ask(transport, "B?") == "B? yes"


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x81\n", b"\x00\x07\n", b"caf\xe9\n"])
def test_garbled_bytes_are_a_protocol_error_and_the_connection_is_renewed(serve, garbage):
    server = serve(lambda command: garbage if command == "A?" else echo(command))
    transport = visa(server.port)
    with pytest.raises(InstrumentProtocolError, match="garbled"):
        ask(transport, "A?")
    assert ask(transport, "B?") == "B? yes"
    assert server.connections == 2


def test_a_reply_with_another_terminator_is_a_protocol_error(serve):
    server = serve(lambda _: b"+012.345\n")
    with pytest.raises(InstrumentProtocolError, match="does not end with"):
        ask(visa(server.port, read_termination="\r\n"), "A?")


def test_garbled_zeromq_messages_are_a_protocol_error(serve_messages):
    server = serve_messages(lambda _: b"\xff\xfe")
    with pytest.raises(InstrumentProtocolError, match="garbled"):
        ask(zeromq(server.port), "A?")


@pytest.mark.parametrize("opened", [visa, serial, zeromq])
def test_a_refused_connection_is_reported_at_opening(opened):
    with pytest.raises(InstrumentDisconnected, match="Test box at .* could not connect"):
        opened(free_port())


@pytest.mark.parametrize("opened", [visa, serial])
def test_a_peer_that_leaves_during_a_query_is_found_at_once(serve, opened):
    server = serve(lambda _: "close")
    transport = opened(server.port)
    with pytest.raises(InstrumentDisconnected, match="closed the connection"):  # not a timeout
        ask(transport, "A?")


@pytest.mark.parametrize("opened", [visa, serial])
def test_a_peer_that_left_between_queries_is_reconnected_before_anything_is_sent(serve, opened):
    server = serve(echo)
    transport = opened(server.port)
    ask(transport, "A?")
    server.sockets[0].shutdown(socket.SHUT_RDWR)
    time.sleep(0.02)
    assert ask(transport, "B?") == "B? yes"
    assert server.received == ["A?", "B?"]


@pytest.mark.parametrize("opened", [visa, serial])
def test_a_peer_that_is_gone_for_good_is_disconnected_on_every_attempt(serve, opened):
    server = serve(echo)
    transport = opened(server.port)
    ask(transport, "A?")
    server.stop()
    for _ in range(3):
        with pytest.raises(InstrumentDisconnected):
            ask(transport, "B?")


def test_a_zeromq_server_that_is_gone_is_told_from_a_silent_one(serve_messages):
    server = serve_messages(lambda command: b"yes" if command == "A?" else None)
    transport = zeromq(server.port)
    assert ask(transport, "A?") == "yes"
    with pytest.raises(InstrumentTimeout):
        ask(transport, "B?")
    server.stop()
    with pytest.raises(InstrumentDisconnected):
        ask(transport, "A?")


def test_a_closed_transport_says_that_it_is_closed(serve):
    server = serve(echo)
    transport = visa(server.port)
    transport.close()
    transport.close()
    with pytest.raises(InstrumentDisconnected, match="was closed"):
        transport.write("A?")


def test_a_binary_block_with_newlines_inside_is_read_to_the_last_byte(serve):
    block = bytes(range(256)) * 128
    server = serve(lambda command: block + b"\n" if command == "DATA?" else echo(command))
    transport = visa(server.port)
    transport.write("DATA?")
    assert transport.read_bytes(len(block)) == block
    assert transport.read_bytes(1) == b"\n"
    assert ask(transport, "A?") == "A? yes"
    assert transport.reconnects == 0


@pytest.mark.parametrize("address", ["COM3", "TCPIP::host::INSTR", "127.0.0.1:5025", "tcp://127.0.0.1"])
def test_an_address_of_unknown_form_is_refused_with_the_right_forms(address):
    with pytest.raises(ValueError, match=r"tcp://host:port"):
        open_transport(address, instrument="Test box", timeout_s=1.0)


def test_a_timeout_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        open_transport("tcp://127.0.0.1:1", instrument="Test box", timeout_s=0.0)
