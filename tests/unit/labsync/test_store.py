import json

import numpy as np
import pytest
import xarray as xr

from labsync import store
from labsync.errors import DamagedRun, NotARun, UsageError


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
