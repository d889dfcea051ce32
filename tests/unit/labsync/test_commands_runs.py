import io
import json

import pytest
import xarray as xr
from rich.console import Console
from typer.testing import CliRunner

from labsync import store
from labsync.cli import app
from labsync.listing import run_table


@pytest.fixture
def shelf(tmp_path):
    """Two finished runs at 33 and 35 K; returns a function that runs a command on them."""
    for kelvin in (33.0, 35.0):
        run = store.create(tmp_path / "runs", "counting", {"parameters": {}})
        step = xr.Dataset({"power": ("x", [1.0, 2.0, kelvin]), "temperature_2_k": ((), kelvin)})
        run.commit(step, point={"temperature_2_k": kelvin}, row={"temperature_2_k": kelvin})
        run.finish("finished")

    def command(*arguments, code=0):
        done = CliRunner().invoke(app, [*arguments, "--runs", str(tmp_path / "runs")])
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.stderr.replace("\n", " ")

    return command


def test_a_tagged_run_is_found_again_and_shown_with_its_notes(shelf):
    uids = [run["uid"] for run in json.loads(shelf("runs", "--json"))]
    assert len(uids) == 2
    assert "good paper-fig3" in shelf("tag", uids[0], "good", "paper-fig3").replace(",", "")
    shelf("note", uids[0], "mirror [1] was dusty")
    (found,) = json.loads(shelf("runs", "--json", "--where", "tag = good and note ~ dusty"))
    assert found["uid"] == uids[0]
    table = shelf("runs", "--where", "temperature_2_k < 34")
    assert uids[0] in table
    assert uids[1] not in table
    assert "T2 33.0000 K" in table
    assert "mirror [1] was dusty" in table
    shown = shelf("show", uids[0])
    assert "good paper-fig3" in shown
    assert "mirror [1] was dusty" in shown
    assert json.loads(shelf("show", uids[0], "--json"))["tags"] == ["good", "paper-fig3"]
    assert shelf("tag", uids[0], "--remove", "good").strip() == f"{uids[0]}: paper-fig3"


def test_an_empty_list_says_why(shelf, tmp_path):
    assert "fulfils the condition" in shelf("runs", "--where", "steps > 5")
    done = CliRunner().invoke(app, ["runs", "--runs", str(tmp_path / "none")])
    assert "Make one" in " ".join(done.stdout.split())  # the line may be broken anywhere
    assert not (tmp_path / "none").exists()


def test_the_index_can_be_built_anew(shelf, tmp_path):
    shelf("runs")
    stop = tmp_path / "runs" / json.loads(shelf("runs", "--json"))[0]["uid"] / "stop.json"
    stop.write_text(stop.read_text().replace("finished", "aborted"))  # by hand, behind the index's back
    assert "aborted" in shelf("runs", "--rebuild")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["runs", "--where", "temprature_2_k > 33"], "did you mean 'temperature_2_k'"),
        (["tag", "latest", "two words"], "cannot be a tag"),
        (["note", "latest", " "], "needs some text"),
        (["export", "latest", "--to", "hdf"], "known are netcdf, hdf5, csv"),
        (["watch", "nonsense"], "named 'nonsense'"),
    ],
)
def test_wrong_usage_of_the_catalogue_is_one_sentence(shelf, arguments, sentence):
    assert sentence in shelf(*arguments, code=2)


def test_a_run_that_has_ended_is_watched_once_and_exported(shelf, tmp_path):
    lines = shelf("watch", "latest").splitlines()
    assert lines[0].split() == ["1/?", "T2", "35.0000"]
    assert lines[-1] == "The run is finished."
    (path,) = json.loads(shelf("export", "latest", "--to", "hdf5", "--into", str(tmp_path / "out"), "--json"))
    assert path.endswith(".h5")


def test_of_very_many_runs_the_newest_are_listed():
    run = {"status": "finished", "steps": 3, "station": None, "tags": [], "notes": []}
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(run_table([{**run, "uid": f"run-{number}"} for number in range(250)]))
    text = console.export_text()
    assert "run-249" in text
    assert "run-149" not in text
    assert "150 older runs are not shown" in text
