"""PyMeasure's worker hangs when `shutdown` raises: its recorder never stops, its end is never told."""

import pytest
import xarray as xr
from pymeasure.experiment import Procedure, Results, Worker

from instruments.errors import InstrumentTimeout
from labsync import store
from labsync.scan import Scan
from labsync.settings import read_station_file
from labsync.station import Station


class Once(Scan):
    slug = "once"
    DATA_COLUMNS = ["value"]
    broken = False

    def next_point(self, history):
        return {"x": 1.0} if history.sizes["step"] == 0 else None

    def approach(self, station, point, report):
        report(point)

    def observe(self, station, point):
        if self.broken:
            raise InstrumentTimeout("pump_1 is silent")
        return xr.Dataset({"value": ((), 2.0, {"units": "1"})})

    def summarise(self, step):
        return {"value": float(step["value"])}

    def shutdown(self):
        raise RuntimeError("the shutdown failed")


class Deaf:
    """A pump that cannot be switched off."""

    def shutdown(self):
        raise InstrumentTimeout("pump_1 is silent")


@pytest.mark.parametrize(
    ("broken", "status", "in_folder"),
    [(False, Procedure.FINISHED, "finished"), (True, Procedure.FAILED, "failed")],
)
def test_a_worker_ends_although_the_shutdown_and_the_safe_state_fail(tmp_path, broken, status, in_folder):
    scan = Once()
    scan.broken = broken
    bench = read_station_file("minimal")[0]
    bench = bench.model_copy(update={"retries": bench.retries.model_copy(update={"attempts": 1})})
    scan.run = store.create(tmp_path, "once", {"parameters": {}})
    scan.station = Station(bench, clock=None, instruments={"pump_1": Deaf()}, identities={})
    worker = Worker(Results(scan, str(tmp_path / "rows.csv")))
    worker.start()
    worker.join(20)
    assert not worker.is_alive()
    assert worker.recorder._thread is None  # stopped
    said = []
    while (word := worker.monitor_queue.get(timeout=60)) is not None:
        said.append(word)
    assert ("status", status) in said
    assert scan.run.status == in_folder
    assert scan.run.stop["safe_state_problems"] == ["pump_1 to zero: pump_1 is silent"]
