import threading
import time

import numpy as np
import pytest
import xarray as xr

from labsync import _journal, store
from labsync.errors import DamagedRun
from labsync.following import Following


def step(number):
    return xr.Dataset(
        {
            "spectrum": (("pillar", "bin"), np.full((2, 512), float(number)), {"units": "counts"}),
            "temperature_2_k": ((), 34.0 + number, {"units": "K"}),
        },
        coords={"pillar": ["P1", "P2"], "time_ms": ("bin", np.arange(512.0))},
        attrs={"finesse": 200.0},
    )


@pytest.fixture
def run(tmp_path):
    return store.create(tmp_path / "runs", "detuning-scan", {"parameters": {}})


def commit(run, number, **facts):
    run.commit(step(number), point={"temperature_2_k": 34.0 + number}, row={"number": number}, **facts)


def test_only_what_is_new_is_told(run):
    following = Following(store.Run(run.path))
    assert following.poll() == []
    commit(run, 0)
    commit(run, 1)
    run.note("retry", step=2, error="no answer")
    assert following.poll() == [0, 1]
    assert following.poll() == []
    assert [event["error"] for event in following.events] == ["no answer"]
    commit(run, 2)
    assert following.poll() == [2]


def test_a_step_is_seen_as_it_was_measured(run):
    commit(run, 0)
    commit(run, 1)
    following = Following(store.Run(run.path))
    following.poll()
    seen = following.step(1)
    xr.testing.assert_identical(
        seen["spectrum"], step(1)["spectrum"].drop_attrs(deep=False).assign_attrs(units="counts")
    )
    assert float(seen["temperature_2_k"]) == 35.0
    assert seen.attrs["finesse"] == 200.0
    with pytest.raises(KeyError):
        following.step(2)


def test_a_line_that_is_being_written_is_not_seen_before_it_is_whole(run):
    commit(run, 0)
    journal = run.path / "journal.jsonl"
    following = Following(store.Run(run.path))
    assert following.poll() == [0]
    text = _journal.to_json({"kind": "step", "step": 1, "sums": {}})
    line = f'{{"body":{text},"sum":"{_journal.checksum(text.encode())}"}}\n'.encode()
    for part in (line[:5], line[5:-1]):
        with journal.open("ab") as file:
            file.write(part)
        assert following.poll() == []
    with journal.open("ab") as file:
        file.write(b"\n")
    assert following.poll() == [1]


def test_a_step_done_again_comes_again_and_is_never_a_mixture(run):
    commit(run, 0)
    following = Following(store.Run(run.path))
    following.poll()
    chunk = run.path / "run.zarr" / "spectrum" / "c.0.0.0"
    chunk.write_bytes(step(5)["spectrum"].values.tobytes())
    with pytest.raises(DamagedRun, match="spectrum of step 0"):
        following.step(0)
    run.commit(step(5), number=0, point={}, row={})
    assert following.poll() == [0]
    assert (following.step(0)["spectrum"] == 5).all()


def test_a_journal_mended_after_a_crash_is_read_from_its_start(run):
    commit(run, 0)
    commit(run, 1)
    following = Following(store.Run(run.path))
    assert following.poll() == [0, 1]
    journal = run.path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"number":0', b'"number":7'))
    _journal.mend(journal)
    assert following.poll() == [1]
    assert list(following.entries) == [1]


def test_a_reader_of_a_busy_run_sees_whole_steps_only(run):
    steps = 40

    def write():
        for number in range(steps):
            commit(run, number)
        run.finish("finished")

    writer = threading.Thread(target=write)
    writer.start()
    reader = store.Run(run.path)
    following, seen = Following(reader), []
    while len(seen) < steps:
        for number in following.poll():
            assert (following.step(number)["spectrum"] == number).all()
            seen.append(number)
        time.sleep(0.001)
    writer.join()
    assert seen == list(range(steps))
