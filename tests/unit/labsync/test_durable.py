import errno
import os
import resource
from contextlib import contextmanager

import pytest

from labsync import _durable


@contextmanager
def no_file_longer_than(size):
    """Let the kernel refuse to make files longer, as a full disk does: the first part of a write is taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "journal"
    _durable.append_durably(path, b"first\n")
    with no_file_longer_than(10), pytest.raises(OSError, match="File too large"):
        _durable.append_durably(path, b"second line\n")
    assert path.read_bytes() == b"first\n"
    _durable.append_durably(path, b"third\n")
    assert path.read_bytes() == b"first\nthird\n"


def test_files_that_do_not_fit_are_not_written_at_all(tmp_path):
    (tmp_path / "old").write_bytes(b"before")
    files = {tmp_path / "old": b"after", tmp_path / "large": bytes(1000)}
    with no_file_longer_than(100), pytest.raises(OSError, match="File too large"):
        _durable.write_durably(files)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"old": b"before"}


def test_a_file_is_flushed_before_it_gets_its_name_and_the_folder_after(tmp_path, monkeypatch):
    done = []

    def fsync(handle):
        done.append(("flush", os.path.realpath(f"/proc/self/fd/{handle}")))

    def replace(part, path):
        done.append(("rename", str(path)))
        os.rename(part, path)

    monkeypatch.setattr(_durable.os, "fsync", fsync)
    monkeypatch.setattr(_durable.Path, "replace", replace)
    path = tmp_path / "chunk"
    _durable.write_durably({path: b"data"})
    _durable.append_durably(tmp_path / "journal", b"line\n")
    _durable.append_durably(tmp_path / "journal", b"line\n")
    folder = ("flush", str(tmp_path))
    journal = ("flush", f"{tmp_path}/journal")
    assert done == [("flush", f"{path}.part"), ("rename", str(path)), folder, journal, folder, journal]


def test_removing_is_flushed_and_may_find_nothing(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(_durable.os, "fsync", lambda handle: flushed.append(os.fstat(handle).st_ino))
    (tmp_path / "stop.json").write_text("")
    _durable.remove_durably(tmp_path / "stop.json")
    _durable.remove_durably(tmp_path / "stop.json")
    assert not list(tmp_path.iterdir())
    assert flushed == [tmp_path.stat().st_ino] * 2


def test_a_failing_flush_is_an_error_and_leaves_no_parts(tmp_path, monkeypatch):
    def failing(handle):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(_durable.os, "fsync", failing)
    with pytest.raises(OSError, match="Input/output"):
        _durable.write_durably({tmp_path / "chunk": b"data"})
    assert not list(tmp_path.iterdir())
