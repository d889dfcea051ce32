import pytest

from labsync.errors import UsageError
from labsync.settings import BUILT_IN, read_station_file

SIMULATED = (BUILT_IN / "minimal.toml").read_text()


@pytest.fixture
def read(tmp_path):
    def read(text: str):
        path = tmp_path / "station.toml"
        path.write_text(text)
        return read_station_file(str(path))[0]

    return read


def test_quantities_are_read_in_the_unit_of_their_field(read):
    settings = read(SIMULATED.replace('band = "3 mK"', 'band = "0.003 K"').replace('"5 mA"', '"4500 uA"'))
    assert settings.cryostat_1.settle.band == pytest.approx(0.003)
    assert settings.cryostat_1.settle.deadline == pytest.approx(600)
    assert settings.pump_2.current_limit == pytest.approx(4.5e-3)
    assert settings.fabry_perot.free_spectral_range == pytest.approx(15)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "current_limit",
            "curent_limit",
            r"unknown key 'curent_limit' in \[pump_1\]; did you mean 'current_limit'",
        ),
        ("[ramp]", "[rammp]", r"unknown section \[rammp\]; did you mean 'ramp'"),
        (
            'band = "3 mK"',
            'bend = "3 mK"',
            r"unknown key 'settle.bend' in \[cryostat_1\]; did you mean 'band'",
        ),
        ('"3 mK"', '"4 mV"', r"\[cryostat_1\] settle.band: '4 mV' is not in a unit of K"),
        (
            '"3 mK"',
            '"4 furlongz"',
            r"\[cryostat_1\] settle.band: '4 furlongz' is not a number with a known unit",
        ),
        (
            '"15 GHz"',
            "15",
            r'\[fabry_perot\] free_spectral_range: give a number with its unit, such as "15 GHz"',
        ),
        ('clock = "lock-step"', 'clock = "fast"', r"\[twin\] clock: 'fast' is no clock"),
        ('clock = "lock-step"', "clock = -2", r"\[twin\] clock: -2 is no clock"),
        ("finesse = 200", "", r"\[fabry_perot\] lacks 'finesse'"),
        ('"twin"', '"hardware"', r"\[cryostat_1\] has no address"),
        (
            'driver = "id900"',
            'driver = "id900"\naddress = "tcp://10.0.0.1:5555"',
            r"\[correlator\] has an address",
        ),
        ("[station]", "[station", "not a TOML file"),
        ("keithley2450", "keithly2450", r"\[pump_1\] driver: .*'keithley2450', not 'keithly2450'\."),
        ('["5 K", "60 K"]', '["60 K", "5 K"]', r"setpoint_limits: the lower limit comes first, and 60"),
        ("inputs = [3, 4]", "inputs = [3, 3]", r"both detectors cannot be connected to input 3"),
        ("seed = 1", "seed = -1", r"\[twin\] seed: .*greater than or equal to 0, not -1\."),
        ('"5 mA"', '"0 mA"', r"\[pump_1\] current_limit: .*greater than 0, not 0\.0\."),
        ("current_limit", "curent_limit", r"mean 'current_limit'\?$"),
    ],
)
def test_a_wrong_station_file_is_refused_with_place_and_remedy(read, old, new, sentence):
    assert old in SIMULATED
    with pytest.raises(UsageError, match=sentence):
        read(SIMULATED.replace(old, new, 1))


def test_a_missing_station_file_names_the_built_in_ones():
    with pytest.raises(UsageError, match=r"No readable station file 'nowhere.toml'.*simulated"):
        read_station_file("nowhere.toml")


def test_a_board_of_a_mercury_is_refused_before_anything_connects(read):
    text = (BUILT_IN / "mercury-scope.toml").read_text()
    with pytest.raises(UsageError, match=r"\[cryostat_1\] sensor: .* like MB1\.T1.* not 'A'\."):
        read(text.replace('"MB1.T1"', '"A"', 1))
