import threading

import pytest
import xarray as xr

from labsync import notes, store
from labsync.errors import DamagedRun, UsageError


@pytest.fixture
def run(tmp_path):
    opened = store.create(tmp_path / "runs", "detuning-scan", {"parameters": {}})
    opened.commit(xr.Dataset({"value": ((), 1.0)}), point={}, row={})
    return opened


def test_tags_are_kept_once_in_order_and_can_be_taken_away(run):
    notes.add_tags(run, ["good", "paper-fig3"])
    notes.add_tags(run, ["again", "good"])
    assert notes.read(run).tags == ("good", "paper-fig3", "again")
    notes.add_tags(run, ["paper-fig3"], remove=True)
    assert notes.read(store.Run(run.path)).tags == ("good", "again")
    with pytest.raises(UsageError, match="has no tag paper-fig3; it has good, again"):
        notes.add_tags(run, ["paper-fig3"], remove=True)


def test_a_note_remembers_who_said_it_and_when_beside_untouched_data(run):
    before = (run.path / "journal.jsonl").read_bytes()
    notes.add_note(run, "  Kühlwasser war warm  ")
    (note,) = notes.read(run).notes
    assert note["text"] == "Kühlwasser war warm"
    assert note["by"]
    assert note["time"] >= run.start["started"]
    assert (run.path / "journal.jsonl").read_bytes() == before
    assert run.status == "running"


@pytest.mark.parametrize("bad", ["two words", "a,b", "", "semi;colon"])
def test_a_tag_that_could_not_be_typed_in_a_condition_is_refused(run, bad):
    with pytest.raises(UsageError, match="cannot be a tag"):
        notes.add_tags(run, ["good", bad])
    assert notes.read(run).tags == ()


def test_an_empty_note_is_refused(run):
    with pytest.raises(UsageError, match="needs some text"):
        notes.add_note(run, " \n")


def test_a_torn_note_never_happened_and_does_not_spoil_the_next(run):
    notes.add_note(run, "first")
    path = run.path / notes.FILE
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:30])
    assert len(notes.read(run).notes) == 1
    notes.add_note(run, "second")
    assert [note["text"] for note in notes.read(run).notes] == ["first", "second"]


def test_a_changed_note_is_noticed(run):
    notes.add_note(run, "the mirror was good")
    notes.add_note(run, "and so on")
    path = run.path / notes.FILE
    path.write_bytes(path.read_bytes().replace(b"good", b"bad."))
    with pytest.raises(DamagedRun, match="line 1"):
        notes.read(run)


def test_notes_of_several_people_at_once_are_all_kept(run):
    def write(name):
        for number in range(5):
            notes.add_note(run, f"{name} {number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(note["text"] for note in notes.read(run).notes) == sorted(
        f"{name} {number}" for name in "abc" for number in range(5)
    )
