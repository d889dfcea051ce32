import pytest

from instruments.errors import InstrumentTimeout
from instruments.twin import TwinSettings, start_twin
from labsync import snapshot
from labsync.settings import BUILT_IN, StationSettings, read_station_file
from labsync.station import Station, open_station


@pytest.mark.parametrize("bench", ["full", "mercury-scope"])
def test_every_setting_of_every_instrument_is_read_and_no_error_is_left(bench, tmp_path, caplog):
    with start_twin(TwinSettings(bench=bench, clock="lock-step")) as twin:
        text = (BUILT_IN / f"{bench}.toml").read_text()
        attached = text.replace("\n[twin]", f'\n[twin]\nattach = "{twin.addresses["control"]}"')
        (tmp_path / "station.toml").write_text(attached)
        settings, _ = read_station_file(str(tmp_path / "station.toml"))
        with open_station(settings) as station:
            before = twin.clock.now()
            found = snapshot.take(station)
            assert twin.clock.now() == before
            assert snapshot.take(station) == found
    for name, section in settings.instruments.items():
        assert len(found[name]) == len(snapshot.SETTINGS[section.driver])
    texts = [str(value).lower() for values in found.values() for value in values.values()]
    assert not [text for text in texts if "error" in text or "undefined" in text or "instrument" in text]
    assert found["cryostat_2"]["setpoint_k"] == 34.9
    assert found["pump_1"]["output_on"] is False
    assert not [record for record in caplog.records if record.name.startswith("labsync")]


class Pump:
    """Answers to two properties, then falls silent."""

    output_on, source_mode = True, "voltage"
    asked = 0

    def __getattr__(self, name):
        type(self).asked += 1
        raise InstrumentTimeout("no reply within 2 s")


def test_a_silent_instrument_is_asked_once_and_ends_nothing():
    settings, _ = read_station_file("minimal")
    alone = StationSettings.model_construct(
        **{name: None for name in StationSettings.model_fields} | {"pump_1": settings.pump_1}
    )
    station = Station(alone, clock=None, instruments={"pump_1": Pump()}, identities={})
    assert snapshot.take(station) == {
        "pump_1": {
            "output_on": True,
            "source_mode": "voltage",
            "voltage_v": "InstrumentTimeout: no reply within 2 s",
        }
    }
    assert Pump.asked == 1
