import zlib

import numpy as np
import pytest
from pymeasure.adapters import Adapter

from instruments import FrameCamera, InstrumentError, InstrumentProtocolError, InstrumentTimeout, OutOfRange

IMAGE = np.arange(12, dtype=np.uint16).reshape(3, 4) * 340  # holds line feeds as pixel bytes


def frame(number=7, image=IMAGE, full_scale=4095):
    rows, columns = image.shape
    header = f"FRAME {number} 12.500000 0.020000 {rows} {columns} {full_scale}".encode()
    data = image.astype("<u2").tobytes()
    return b"%s %08x\n%s\n" % (header, zlib.crc32(data, zlib.crc32(header)), data)


class Stream(Adapter):
    """A connection that knows a camera's lines and hands out the frames it was given."""

    def __init__(self, *frames):
        super().__init__()
        self.frames = list(frames)
        self.exposure = "0.020000"
        self.waiting = b""
        self.sent = []

    def _write(self, command, **kwargs):
        self.sent.append(command)
        if command.startswith("EXPO "):
            self.exposure = command.removeprefix("EXPO ")
        lines = {"*IDN?": "LABSYNC,FRAMECAMERA,1,1", "ERR?": '0,"No error"', "EXPO?": self.exposure}
        if command in lines:
            self.waiting = lines[command].encode() + b"\n"
        elif command == "FRAME?":
            self.waiting = self.frames.pop(0)

    def _read(self, **kwargs):
        line, end, self.waiting = self.waiting.partition(b"\n")
        text = line.decode("latin-1")
        if not (end and text.isascii() and text.isprintable()):
            raise InstrumentProtocolError("garbled or cut")
        return text

    def _read_bytes(self, count, break_on_termchar=False, **kwargs):
        data, self.waiting = self.waiting[:count], self.waiting[count:]
        if len(data) < count:
            raise InstrumentTimeout("cut")
        return data


def test_a_frame_comes_with_its_number_time_and_exposure_and_cannot_be_changed(clock):
    seen = FrameCamera(Stream(frame()), clock=clock).grab()
    np.testing.assert_array_equal(seen.image, IMAGE)
    assert seen.image.dtype == np.uint16
    assert (seen.number, seen.time_s, seen.exposure_s, seen.full_scale) == (7, 12.5, 0.02, 4095)
    assert clock.sleeps == [0.02]
    with pytest.raises(ValueError, match="read-only"):
        seen.image[0, 0] = 1


def test_the_saturated_part_of_a_frame_counts_pixels_at_full_scale():
    seen = FrameCamera(Stream(frame(full_scale=3400))).grab()
    assert seen.saturated_part == pytest.approx(2 / 12)


def test_a_frame_with_any_byte_changed_is_never_another_frame(clock):
    camera = FrameCamera(Stream(), clock=clock)
    for position in range(len(frame())):
        for change in (0x01, 0x10, 0x80):
            damaged = bytearray(frame())
            damaged[position] ^= change
            camera.adapter.frames = [bytes(damaged)]
            with pytest.raises((InstrumentProtocolError, InstrumentTimeout)):
                pytest.fail(f"{bytes(damaged)!r} was taken for {camera.grab()}")


def test_a_frame_torn_at_any_byte_is_an_error_and_the_next_one_is_whole(clock):
    camera = FrameCamera(Stream(), clock=clock)
    for length in range(len(frame())):
        camera.adapter.frames = [frame(2 * length)[:length], frame(2 * length + 1)]
        with pytest.raises(InstrumentError):
            camera.grab()
        assert camera.grab().number == 2 * length + 1


def test_a_lost_frame_is_a_timeout_and_the_next_one_comes():
    camera = FrameCamera(Stream(b"LOST 7\n", frame(8)))
    with pytest.raises(InstrumentTimeout, match="frame 7 was exposed but lost"):
        camera.grab()
    assert camera.grab().number == 8


def test_a_frame_that_was_seen_before_is_refused():
    camera = FrameCamera(Stream(frame(7), frame(7), frame(7), frame(8), frame(3), frame(4)))
    camera.grab()
    for _ in range(2):
        with pytest.raises(InstrumentProtocolError, match="frame 7 after frame 7 is an old one"):
            camera.grab()
    assert camera.grab().number == 8
    with pytest.raises(InstrumentProtocolError, match="the camera was restarted"):
        camera.grab()
    assert camera.grab().number == 4


def test_a_header_that_promises_more_pixels_than_any_camera_has_is_refused_unread():
    line = b"FRAME 7 12.500000 0.020000 99999 99999 4095 00000000\n"
    with pytest.raises(InstrumentProtocolError, match="at most 33554432 bytes"):
        FrameCamera(Stream(line)).grab()


def test_the_exposure_is_set_checked_and_read_back():
    stream = Stream()
    camera = FrameCamera(stream, exposure_s=0.004)
    assert stream.sent == ["*IDN?", "EXPO 0.004000", "ERR?", "EXPO?"]
    assert camera.exposure_s == 0.004
    with pytest.raises(OutOfRange, match="outside 1e-05 s to 10 s"):
        camera.set_exposure_s(20.0)
    assert len(stream.sent) == 5


def test_a_camera_that_keeps_another_exposure_is_refused():
    class Stubborn(Stream):
        def _write(self, command, **kwargs):
            super()._write(command, **kwargs)
            self.exposure = "0.100000"

    with pytest.raises(InstrumentProtocolError, match="got 0.1 s"):
        FrameCamera(Stubborn())


@pytest.mark.parametrize("reply", [b"0\n", b"0,No error\n", b'-1,"x"\n', b"\n"])
def test_an_error_queue_of_the_camera_that_answers_in_another_form_is_not_taken_for_empty(reply):
    camera = FrameCamera(Stream())

    def answer(command, **kwargs):
        camera.adapter.waiting = reply

    camera.adapter._write = answer
    with pytest.raises(InstrumentProtocolError):
        camera.check_errors()
