import json

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from labsync import notes, store
from labsync.errors import UsageError
from labsync.exporting import export, metadata

STATION = '[station]\nname = "bench"\n# ' + 70_000 * "x"


@pytest.fixture
def run(tmp_path):
    about = {
        "parameters": {"steps": 2, "seed": 2**70, "relay": True, "unset": None},
        "instruments": {"pump_1": ["K", "2450"]},
    }
    opened = store.create(tmp_path / "runs", "detuning-scan", about, STATION)
    for number in range(2):
        step = xr.Dataset(
            {
                "counts": (("pillar", "bin"), np.arange(8).reshape(2, 4) + number, {"units": "counts"}),
                "temperature_2_k": ((), 34.0 + number, {"units": "K"}),
                "time": ((), 1.8e9 + number, {"units": "seconds since 1970-01-01"}),
            },
            coords={"pillar": ["P1", "P2"]},
        )
        opened.commit(
            step, point={"temperature_2_k": 34.0 + number}, row={"centre_1_ghz": [None, 0.5][number]}
        )
    opened.note("retry", step=1, error="no reply")
    opened.save_result(
        "locking", {"locking_range_ghz": {"value": 0.7, "std": 0.1}, "covariance": [[1.0, 0.0]]}
    )
    notes.add_tags(opened, ["good"])
    notes.add_note(opened, "Kühlwasser")
    opened.finish("finished")
    return opened


def test_the_metadata_are_everything_that_the_folder_knows(run):
    found = metadata(run)
    assert found["provenance"] == run.start
    assert found["stop"]["status"] == "finished"
    assert found["station_file"] == STATION
    assert [line["kind"] for line in found["journal"]] == ["step", "step", "retry"]
    assert found["tags"] == ["good"]
    assert found["notes"][0]["text"] == "Kühlwasser"
    assert found["results"]["locking"]["locking_range_ghz"]["value"] == 0.7


def test_a_netcdf_file_holds_data_units_and_metadata(run, tmp_path):
    (path,) = export(run, "netcdf", tmp_path / "out")
    with xr.open_dataset(path, engine="h5netcdf") as opened:
        found = opened.load()
    xr.testing.assert_equal(found, run.dataset())
    assert (found.attrs["steps"], found.attrs["seed"], found.attrs["relay"]) == (2, str(2**70), 1)
    assert found["temperature_2_k"].attrs["units"] == "K"
    for name, expected in metadata(run).items():
        text = found.attrs[name]
        assert (text if isinstance(expected, str) else json.loads(text)) == expected


def test_an_hdf5_file_holds_data_rows_and_metadata_in_their_own_types(run, tmp_path):
    (path,) = export(run, "hdf5", tmp_path / "out")
    with xr.open_dataset(path, engine="h5netcdf", group="data") as opened:
        xr.testing.assert_equal(opened.load(), run.dataset())
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["data/counts"][1], np.arange(8).reshape(2, 4) + 1)
        np.testing.assert_array_equal(file["rows/centre_1_ghz"], [np.nan, 0.5])
        about = file["metadata"]
        assert about["provenance/parameters"].attrs["steps"] == 2
        assert about["provenance/parameters"].attrs["seed"] == str(2**70)
        assert isinstance(about["provenance/parameters"].attrs["unset"], h5py.Empty)
        assert list(about["provenance/instruments"].attrs["pump_1"]) == ["K", "2450"]
        assert about.attrs["station_file"] == STATION
        assert json.loads(about["journal"].asstr()[2])["error"] == "no reply"
        assert json.loads(about["notes"].asstr()[0])["text"] == "Kühlwasser"
        assert about["results/locking/locking_range_ghz"].attrs["std"] == 0.1


def test_tables_hold_scalars_and_arrays_and_stand_beside_the_metadata(run, tmp_path):
    steps, long, about = export(run, "csv", tmp_path / "out")
    assert list(pd.read_csv(steps)["temperature_2_k"]) == [34.0, 35.0]
    table = pd.read_csv(long)
    assert len(table) == 16
    assert table.query("step == 1 and pillar == 'P2'")["counts"].tolist() == [5, 6, 7, 8]
    assert json.loads(about.read_text(encoding="utf-8")) == metadata(run)


@pytest.mark.parametrize("to", ["netcdf", "hdf5", "csv"])
def test_an_export_is_never_overwritten(run, tmp_path, to):
    export(run, to, tmp_path / "out")
    with pytest.raises(UsageError, match="exists already"):
        export(run, to, tmp_path / "out")
