import os
import sqlite3
import threading
import time

import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labsync import catalogue, notes, store
from labsync._where import parse
from labsync.errors import UsageError

# uid's number: procedure, station, parameter average_phase, temperatures measured, coupling, stop
RUNS = [
    ("detuning-scan", "bench A", "on", (33.5, 34.5), 0.02, "finished"),
    ("detuning-scan", "bench A", "off", (31.0, 32.0), 0.03, "aborted"),
    ("detuning-scan", "simulated", "on", (), 0.02, "failed"),
    ("position-hold", "simulated", "on", (33.0, 33.0), 0.04, "finished"),
    ("simulate-micropillars", None, "on", (30.0, 36.0), "0.01:0.05:5", "finished"),
]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    root = tmp_path_factory.mktemp("shelf") / "runs"
    for number, (procedure, station, phase, temperatures, coupling, status) in enumerate(RUNS):
        parameters = {"average_phase": phase, "coupling": coupling, "integration_s": 4.0, "unset": None}
        run = store.create(
            root, procedure, {"parameters": parameters, "station": station, "seed": 10**number}
        )
        for kelvin in temperatures:
            row = {"temperature_2_k": kelvin, "centre_1_ghz": None}
            run.commit(xr.Dataset({"value": ((), 1.0)}), point={"temperature_2_k": kelvin}, row=row)
        run.finish(status, "the light went out" if status == "failed" else "")
    return root


@pytest.fixture
def run(tmp_path):
    opened = store.create(tmp_path / "runs", "detuning-scan", {"parameters": {"integration_s": 2.0}})
    opened.commit(xr.Dataset({"value": ((), 1.0)}), point={"temperature_2_k": 34.0}, row={})
    return opened


def numbers(root, where):
    """Which runs fulfil a condition, as positions in RUNS."""
    all_runs = [each["uid"] for each in catalogue.search(root)]
    return {all_runs.index(each["uid"]) for each in catalogue.search(root, where)}


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("procedure = detuning-scan and temperature_2_k > 33", {0}),
        ("temperature_2_k > 33", {0, 4}),
        ("temperature_2_k >= 33", {0, 3, 4}),
        ("temperature_2_k = 33.7", {0, 4}),
        ("temperature_2_k != 33.7", {1, 2, 3}),
        ("temperature_2_k < 31", {4}),
        ("not temperature_2_k < 31", {0, 1, 2, 3}),
        ("coupling = 0.02", {0, 2}),
        ("coupling ~ :", {4}),
        ("average_phase = off or coupling = 0.04", {1, 3}),
        ("average_phase = on and (status = failed or status = aborted)", {2}),
        ("average_phase = off and status = aborted or steps = 0", {1, 2}),
        ('station = "bench A"', {0, 1}),
        ("station ~ BENCH", {0, 1}),
        ("not station = 'bench A'", {2, 3, 4}),
        ("seed >= 100 and seed < 1e4", {2, 3}),
        ("message ~ light", {2}),
        ("started >= 2020-01-01 and stopped < 2020", set()),
        ("started > 2020", {0, 1, 2, 3, 4}),
        ("tag = none-has-this or note ~ x", set()),
        ("uid ~ hold", {3}),
    ],
)
def test_a_condition_finds_the_runs_that_fulfil_it(shelf, where, found):
    assert numbers(shelf, where) == found


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("temprature_2_k > 33", "did you mean 'temperature_2_k'"),
        ("temperature_2_k >", "at its end: a value after temperature_2_k > is wanted"),
        ("temperature_2_k 33", "at '33': =, !=, <, <=, >, >= or ~ after temperature_2_k"),
        ("(status = failed", "at its end: '\\)' is wanted"),
        ("status = failed steps = 3", "at 'steps = 3': 'and', 'or' or the end"),
        ("status = 'failed", "at ''failed'"),
        ("status > failed", "compares text"),
        ("steps = many", "no comparison of numbers"),
        ("started = yesterday", "no comparison of times"),
        ("average_phase < off", "compares text"),
        ("", "at its end"),
        ("(" * 50 + "steps = 1" + ")" * 50, "nested more than"),
    ],
)
def test_a_condition_that_cannot_be_read_is_refused_with_the_place(shelf, where, sentence):
    with pytest.raises(UsageError, match=sentence):
        catalogue.search(shelf, where)


COMPARISONS = [
    ("procedure = detuning-scan", lambda run: run[0] == "detuning-scan"),
    ("station ~ a", lambda run: "a" in (run[1] or "").casefold()),
    ("average_phase != on", lambda run: run[2] != "on"),
    ("temperature_2_k > 33", lambda run: any(kelvin > 33 for kelvin in run[3])),
    ("temperature_2_k <= 31", lambda run: any(kelvin <= 31 for kelvin in run[3])),
    ("coupling >= 0.03", lambda run: run[4] in (0.03, 0.04)),
    ("status = finished", lambda run: run[5] == "finished"),
    ("steps < 2", lambda run: len(run[3]) < 2),
]
CONDITIONS = st.recursive(
    st.sampled_from(COMPARISONS),
    lambda inner: st.one_of(
        inner.map(lambda one: (f"not ({one[0]})", lambda run: not one[1](run))),
        st.tuples(inner, inner).map(
            lambda two: (f"({two[0][0]}) and ({two[1][0]})", lambda run: two[0][1](run) and two[1][1](run))
        ),
        st.tuples(inner, inner).map(
            lambda two: (f"({two[0][0]}) or ({two[1][0]})", lambda run: two[0][1](run) or two[1][1](run))
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONDITIONS)
def test_any_nesting_of_conditions_means_what_it_says(shelf, condition):
    where, meaning = condition
    assert numbers(shelf, where) == {number for number, run in enumerate(RUNS) if meaning(run)}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "steps", "=", ">", "~", "(", ")", "and", "not", "'; --", '"x', "3", "%"]))
)
def test_whatever_is_typed_is_a_condition_or_a_sentence_and_never_sql(words):
    try:
        condition = parse(" ".join(words), [])
    except UsageError:
        return
    assert condition.sql.count("?") == len(condition.values)
    assert not {";", "--", "'x", "%"} & set(condition.sql.split())
    assert "'" not in condition.sql.replace("coalesce(r.", "").replace(", '')", "")


def test_what_a_condition_asks_for_is_told_with_its_range(shelf):
    first, last = catalogue.search(shelf, "temperature_2_k > 33 and average_phase = on")
    assert first["quantities"] == {"temperature_2_k": [33.5, 34.5], "average_phase": "on"}
    assert last["quantities"]["temperature_2_k"] == [30.0, 36.0]
    assert first["path"] == str(shelf / first["uid"])


def test_the_index_follows_a_run_from_its_start_to_its_fit(run):
    root = run.path.parent
    assert [(each["status"], each["steps"]) for each in catalogue.search(root)] == [("running", 1)]
    run.commit(xr.Dataset({"value": ((), 1.0)}), point={"temperature_2_k": 35.0}, row={})
    assert len(catalogue.search(root, "temperature_2_k > 34.5 and steps = 2")) == 1
    run.finish("finished")
    assert catalogue.search(root)[0]["status"] == "finished"
    store.Run(run.path).save_result("locking", {"range_ghz": {"value": 0.7, "std": 0.1}, "steps": [1, 2]})
    assert catalogue.search(root, "range_ghz > 0.5")[0]["quantities"] == {"range_ghz": [0.7, 0.7]}


def test_tags_and_notes_are_found_also_when_nothing_else_changed(run, monkeypatch):
    run.finish("finished")
    root = run.path.parent
    catalogue.search(root)
    settle(monkeypatch, root)
    with pytest.raises(AssertionError):
        unread(monkeypatch, lambda: (notes.add_tags(run, ["good"]), catalogue.search(root)))
    assert catalogue.search(root, "tag = good")[0]["tags"] == ["good"]
    notes.add_note(run, "Cryostat was WARM")
    assert catalogue.search(root, "note ~ warm")[0]["notes"][0]["text"] == "Cryostat was WARM"


def settle(monkeypatch, root):
    """Let the index believe that all folders have rested for long, and read them so."""
    with monkeypatch.context() as patch:
        later = time.time_ns() + 10**10
        patch.setattr(catalogue.time, "time_ns", lambda: later)
        catalogue.search(root)


def unread(monkeypatch, action):
    """Do something while no run folder may be read."""

    def refuse(run):
        raise AssertionError(run)

    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "read_entry", refuse)
        return action()


def test_finished_runs_are_read_once(shelf, monkeypatch):
    settle(monkeypatch, shelf)
    assert len(unread(monkeypatch, lambda: catalogue.search(shelf))) == len(RUNS)


def test_a_removed_run_leaves_the_index_and_a_foreign_folder_never_enters(run):
    root = run.path.parent
    (root / "notes").mkdir()
    run.finish("finished")
    assert len(catalogue.search(root)) == 1
    for path in sorted(run.path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    run.path.rmdir()
    assert catalogue.search(root) == []


def test_a_damaged_run_is_listed_as_damaged(run):
    run.commit(xr.Dataset({"value": ((), 1.0)}), point={}, row={})
    run.finish("finished")
    journal = run.path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"34.0", b"35.0", 1))
    (found,) = catalogue.search(run.path.parent)
    assert found["status"] == "damaged"
    assert "line 1" in found["message"]


@pytest.mark.parametrize("damage", ["garbage", "version", "gone"])
def test_a_broken_index_is_built_again(run, damage):
    root = run.path.parent
    catalogue.search(root)
    index = root / catalogue.FOLDER / "index.sqlite"
    if damage == "garbage":
        index.write_bytes(os.urandom(4096))
    elif damage == "version":
        with sqlite3.connect(index) as db:
            db.execute("pragma user_version = 99")
    else:
        catalogue.delete(root)
    assert catalogue.search(root, "temperature_2_k = 34")[0]["uid"] == run.uid


def test_a_shelf_that_cannot_be_written_is_searched_in_memory(run):
    (run.path.parent / catalogue.FOLDER).write_text("no folder")
    assert catalogue.search(run.path.parent, "integration_s = 2")[0]["uid"] == run.uid
    assert catalogue.search(run.path.parent / "nowhere") == []


def test_several_may_search_while_the_index_grows(run):
    root = run.path.parent
    failures = []

    def search():
        try:
            for _ in range(10):
                assert catalogue.search(root, "procedure = detuning-scan")
        except Exception as error:  # of a thread, which pytest does not see
            failures.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(10):
        store.create(root, "detuning-scan", {"parameters": {"number": number}}).finish("finished")
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(catalogue.search(root, "number >= 0")) == 10


def test_ten_thousand_runs_are_searched_within_milliseconds(tmp_path, monkeypatch):
    root = tmp_path / "runs"
    store.create(root, "detuning-scan", {"parameters": {"integration_s": 4.0}}).finish("finished")
    catalogue.search(root)
    with sqlite3.connect(root / catalogue.FOLDER / "index.sqlite") as db:
        (facts,) = db.execute("select facts from runs").fetchone()
        rows = [(f"run-{n}", facts, n) for n in range(10_000)]
        db.executemany(
            "insert into runs(folder, seen, open, uid, procedure, facts, seed) "
            "values(?1, 1, 0, ?1, 'detuning-scan', ?2, ?3)",
            rows,
        )
        db.execute(
            "insert into quantities select 1, id, 'measured', seed, seed + 1, null from runs where seed >= 0"
        )
        db.execute("insert or replace into looked values(1, ?)", (root.stat().st_mtime_ns,))
    begun = time.process_time()
    found = catalogue.search(root, "procedure = detuning-scan and integration_s > 9900")
    assert len(found) == 99 + 1
    assert time.process_time() - begun < 0.3
