import json
import os
import resource
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from labsync import _durable, store
from labsync.errors import DamagedRun, LabsyncError, NotARun, NotStored, UsageError


def step(number: int) -> xr.Dataset:
    rng = np.random.default_rng(number)
    return xr.Dataset(
        {
            "counts": (
                ("pillar", "bin"),
                rng.integers(0, 1000, (2, 16)).astype(np.int32),
                {"units": "counts"},
            ),
            "temperature_2_k": ((), 34.0 + number, {"units": "K"}),
        },
        coords={"pillar": ["P1", "P2"], "ramp_time_ms": ("bin", np.arange(16.0), {"units": "ms"})},
        attrs={"free_spectral_range_ghz": 15.0},
    )


@pytest.fixture
def run(tmp_path):
    opened = store.create(tmp_path / "runs", "detuning-scan", {"parameters": {"steps": 3}}, "[station]\n")
    for number in range(3):
        opened.commit(step(number), point={"temperature_2_k": 34.0 + number}, row={"detuning_ghz": None})
    return opened


def test_committed_steps_come_back_as_they_were_measured(run):
    data = store.Run(run.path).dataset()
    assert dict(data.sizes) == {"step": 3, "pillar": 2, "bin": 16}
    for number in range(3):
        xr.testing.assert_identical(data.isel(step=number, drop=True)["counts"], step(number)["counts"])
    assert data["temperature_2_k"].attrs["units"] == "K"
    assert list(data["pillar"].values) == ["P1", "P2"]
    assert data.attrs["free_spectral_range_ghz"] == 15.0
    assert data.attrs["steps"] == 3


def test_a_run_folder_opens_with_plain_xarray(run):
    live = xr.open_zarr(run.path / "run.zarr")
    np.testing.assert_array_equal(live["counts"], run.dataset()["counts"])
    run.finish("finished")
    plain = xr.open_zarr(run.path / "run.zarr", consolidated=False)
    np.testing.assert_array_equal(plain["counts"], run.dataset()["counts"])


def test_status_follows_the_life_of_a_run(run):
    other = store.Run(run.path)
    assert other.status == "running"
    run._lock.close()
    assert other.status == "interrupted"
    run.finish("finished")
    assert other.status == "finished"
    assert json.loads((run.path / "stop.json").read_text())["steps"] == 3


def test_a_torn_last_journal_line_never_happened(run):
    journal = run.path / "journal.jsonl"
    whole = journal.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in (last + 1, last + 20, len(whole) - 1):
        journal.write_bytes(whole[:cut])
        steps = store.Run(run.path).dataset().sizes["step"]
        assert steps == (3 if cut == len(whole) - 1 else 2)


def test_a_chunk_without_its_journal_line_does_not_exist(run):
    journal = run.path / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:2]))
    assert store.Run(run.path).dataset().sizes["step"] == 2


def test_a_broken_line_inside_the_journal_is_damage(run):
    journal = run.path / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + lines[1].replace(b"35.0", b"35.1") + lines[2])
    with pytest.raises(DamagedRun, match="line 2"):
        store.Run(run.path).dataset()


def test_one_flipped_bit_in_a_chunk_is_found(run):
    chunk = run.path / "run.zarr" / "counts" / "c.1.0.0"
    data = bytearray(chunk.read_bytes())
    data[17] ^= 4
    chunk.write_bytes(bytes(data))
    with pytest.raises(DamagedRun, match="counts of step 1"):
        run.dataset()


def test_a_missing_chunk_is_found(run):
    (run.path / "run.zarr" / "temperature_2_k" / "c.2").unlink()
    with pytest.raises(DamagedRun, match="temperature_2_k of step 2"):
        run.dataset()


def test_a_step_of_another_shape_is_refused(run):
    with pytest.raises(DamagedRun, match="shape"):
        run.commit(step(3).isel(bin=slice(0, 8)))


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path):
    with pytest.raises(NotARun, match="not a run folder"):
        store.Run(tmp_path)
    (tmp_path / "start.json").write_text("{}")
    with pytest.raises(NotARun, match="not a run folder"):
        store.Run(tmp_path)


def test_runs_are_found_by_folder_uid_beginning_and_latest(run):
    root = run.path.parent
    (root / "not-a-run").mkdir()
    second = store.create(root, "other", {})
    assert [each.uid for each in store.list_runs(root)] == [run.uid, second.uid]
    assert store.find(root, str(run.path)).uid == run.uid
    assert (
        store.find(root, second.uid[:-2] if second.uid[:-2] != run.uid[:-2] else second.uid).uid == second.uid
    )
    assert store.find(root, "latest").uid == second.uid
    with pytest.raises(NotARun, match="No run"):
        store.find(root, "nonsense")
    with pytest.raises(NotARun, match="2 runs"):
        store.find(root, "20")


def test_an_unwritable_place_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Cannot create a run folder"):
        store.create(tmp_path / "file", "detuning-scan", {})


def test_a_history_is_readable_while_the_run_goes_on(run):
    reader = store.Run(run.path)
    assert reader.history().sizes["step"] == 3
    run.commit(step(3))
    assert reader.history().sizes["step"] == 4
    assert float(reader.history()["temperature_2_k"][3]) == 37.0


def again(run):
    """Let go of the run, as if its process had died, and open it for writing."""
    run._lock.close()
    return store.Run(run.path, writable=True)


def test_every_torn_end_of_a_journal_is_cut_off_and_the_run_goes_on(run):
    journal = run.path / "journal.jsonl"
    whole = journal.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(whole) + 1, 7):
        journal.write_bytes(whole[:cut])
        run = again(run)
        kept = 3 if cut >= len(whole) - 1 else 2
        assert run.committed == kept
        for number in range(kept, 4):
            run.commit(step(number))
        data = store.Run(run.path).dataset()
        assert data["temperature_2_k"].values.tolist() == [34.0, 35.0, 36.0, 37.0]
        assert not (run.path / "journal.jsonl.broken").exists()


@pytest.mark.parametrize("renames", range(4))
def test_a_writer_that_dies_between_two_renames_leaves_a_readable_run(run, monkeypatch, renames):
    class Killed(BaseException):
        pass

    left = iter(range(renames))

    def replace(part, path):
        if next(left, None) is None:
            raise Killed
        os.rename(part, path)

    with monkeypatch.context() as patch:
        patch.setattr(_durable.Path, "replace", replace)
        with pytest.raises(Killed):  # at one of four renames: three chunks and the lengths
            run.commit(step(3))
    for reader in (store.Run(run.path).dataset(), xr.open_zarr(run.path / "run.zarr")):
        assert reader["temperature_2_k"][:3].values.tolist() == [34.0, 35.0, 36.0]
    run = again(run)
    assert (run.committed, run.damaged()) == (3, [])
    run.commit(step(3))
    assert run.dataset()["temperature_2_k"].values.tolist() == [34.0, 35.0, 36.0, 37.0]


def test_a_step_whose_line_is_broken_is_done_again(run):
    journal = run.path / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    broken = lines[0] + lines[1].replace(b"35.0", b"35.1") + lines[2]
    journal.write_bytes(broken)
    run = again(run)
    assert (run.committed, run.damaged()) == (3, [1])
    assert (run.path / "journal.jsonl.broken").read_bytes() == broken
    assert run.dataset()["temperature_2_k"].values.tolist() == [34.0, 36.0]
    run.commit(step(1), number=1)
    assert run.damaged() == []
    assert store.Run(run.path).dataset()["temperature_2_k"].values.tolist() == [34.0, 35.0, 36.0]


@pytest.mark.parametrize("harm", ["flip", "remove", "cut"])
def test_a_damaged_step_is_named_and_replaced(run, harm):
    chunk = run.path / "run.zarr" / "counts" / "c.1.0.0"
    data = bytearray(chunk.read_bytes())
    match harm:
        case "flip":
            data[17] ^= 4
            chunk.write_bytes(bytes(data))
        case "cut":
            chunk.write_bytes(bytes(data[:-1]))
        case "remove":
            chunk.unlink()
    run = again(run)
    assert run.damaged() == [1]
    run.commit(step(1), number=1, row={"detuning_ghz": 1.0})
    assert run.damaged() == []
    whole = store.Run(run.path)
    np.testing.assert_array_equal(whole.dataset()["counts"][1], step(1)["counts"])
    assert [entry["step"] for entry in whole.journal()] == [0, 1, 2]
    assert whole.journal()[1]["row"] == {"detuning_ghz": 1.0}


@pytest.mark.parametrize("harm", ["flip", "remove"])
def test_damaged_coordinates_are_found_and_made_anew_with_the_first_step(run, harm):
    wanted = run.dataset()
    chunk = run.path / "run.zarr" / "ramp_time_ms" / "c" / "0"
    data = bytearray(chunk.read_bytes())
    data[-3] ^= 1
    chunk.write_bytes(bytes(data)) if harm == "flip" else shutil.rmtree(chunk.parent.parent)
    with pytest.raises(DamagedRun, match="a coordinate of step 0 fails its checksum"):
        store.Run(run.path).dataset()
    run = again(run)
    assert run.damaged() == [0]
    run.commit(step(0), number=0)
    assert run.damaged() == []
    xr.testing.assert_identical(store.Run(run.path).dataset(), wanted)


def test_a_second_writer_is_told_who_writes(run):
    with pytest.raises(UsageError, match=f"is being written by process {os.getpid()} on .+ since 20"):
        store.Run(run.path, writable=True)
    assert store.Run(run.path).status == "running"


def test_only_the_writer_of_a_run_adds_to_it(run):
    reader = store.Run(run.path)
    with pytest.raises(LabsyncError, match="for reading only"):
        reader.commit(step(3))
    run.finish("finished")
    with pytest.raises(LabsyncError, match="for reading only"):
        run.note("pause")
    assert store.Run(run.path).journal()[-1]["step"] == 2


def test_a_folder_becomes_a_run_only_when_all_it_is_made_of_is_there(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(store, "write_durably", lambda files: made.extend(path.name for path in files))
    with pytest.raises(NotARun):
        store.create(tmp_path, "detuning-scan", {}, "[station]")
    assert made == ["station.toml", "start.json"]


def test_a_run_that_goes_on_remembers_how_it_had_ended(run):
    run.finish("failed", "pump_1 is silent")
    run = store.Run(run.path, writable=True)
    run.reopen(reason="test")
    assert run.status == "running"
    event = run.events()[-1]
    assert (event["kind"], event["reason"], event["ended"]["message"]) == (
        "resume",
        "test",
        "pump_1 is silent",
    )
    assert len(run.journal()) == 3


def test_a_disk_that_refuses_a_step_leaves_the_run_as_it_was(run):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = run.path / "journal.jsonl"
    # every chunk fits, the journal's line does not, and is half written
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 100, hard))
    try:
        with pytest.raises(NotStored, match=f"Step 3 of {run.uid} cannot be stored"):
            run.commit(step(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.Run(run.path).dataset().sizes["step"] == 3
    run.commit(step(3))
    assert store.Run(run.path).dataset()["temperature_2_k"].values.tolist() == [34.0, 35.0, 36.0, 37.0]


def test_a_run_on_a_read_only_shelf_is_read_but_not_written():
    with tempfile.TemporaryDirectory() as folder:
        run = store.create(Path(folder), "counting", {})
        run.commit(step(0))
        run.finish("aborted")
        os.chmod(folder, 0o755)
        for path in (run.path, *run.path.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        with without_privileges():
            assert store.Run(run.path).dataset().sizes["step"] == 1
            with pytest.raises(UsageError, match=f"Run {run.uid} cannot be written: Permission denied"):
                store.Run(run.path, writable=True)
        run.path.chmod(0o755)


@contextmanager
def without_privileges():
    """Be nobody for a while, if we are root, whom no mode stops."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)
