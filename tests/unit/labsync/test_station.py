from pathlib import Path

import pytest

from instruments.attenuator import PolarisationAttenuator
from labsync._sections import InstrumentSection, Section
from labsync._wiring import DRIVERS
from labsync.acquisition import build
from labsync.errors import UsageError
from labsync.scan import Scan
from labsync.settings import BUILT_IN, COMPOSED, StationSettings, read_station_file
from labsync.station import Station, open_station

BENCHES = sorted(path.stem for path in BUILT_IN.glob("*.toml"))
MINIMAL = (BUILT_IN / "minimal.toml").read_text()


class Part:
    """An instrument that only remembers."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, *arguments))


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "bench.toml").write_text(text)
        return read_station_file(str(tmp_path / "bench.toml"))[0]

    return read


def without(text, *sections):
    blocks = text.split("\n[")
    return "\n[".join(block for block in blocks if block.split("]")[0] not in sections)


def station(settings, **parts):
    return Station(settings, clock=None, instruments=parts, identities={})


@pytest.mark.parametrize("name", BENCHES)
def test_every_built_in_station_is_valid_and_names_only_known_drivers(name):
    settings = read_station_file(name)[0]
    assert {section.driver for section in settings.instruments.values()} <= set(DRIVERS)
    assert settings.twin.bench == name


def test_the_simulated_station_is_the_minimal_one():
    assert read_station_file("simulated") == read_station_file("minimal")


def every_section(kind):
    for section in kind.__subclasses__():
        yield section
        yield from every_section(section)


def drivers_of_sections(kind=InstrumentSection):
    for section in kind.__subclasses__():
        yield from drivers_of_sections(section)
        values = getattr(section.model_fields["driver"].annotation, "__args__", ())
        yield from ((value, section) for value in values)


def test_the_table_of_drivers_is_the_list_of_the_sections_drivers():
    assert set(DRIVERS) == {driver for driver, _ in drivers_of_sections()}


def test_a_bench_that_lacks_a_role_refuses_the_procedure_before_anything_is_started(read, tmp_path):
    settings = read(without(MINIMAL, "correlator", "detectors", "fabry_perot"))
    assert not settings.has("correlator")
    with pytest.raises(
        UsageError, match=r"^Station 'simulated bench' has no fabry_perot; detuning-scan needs one\.$"
    ):
        settings.require(build("detuning-scan", []).needs, "detuning-scan")
    with pytest.raises(UsageError, match=r"has no correlator and no tagger; this needs them"):
        settings.require(("correlator", "ramp", "tagger"), "this")


def test_every_role_that_a_procedure_needs_is_one_that_a_bench_can_have():
    def scans(kind=Scan):
        for scan in kind.__subclasses__():
            yield scan
            yield from scans(scan)

    known = set(StationSettings.model_fields) | set(COMPOSED)
    for scan in scans():
        assert set(scan.needs) <= known, scan


def test_asking_a_station_for_what_it_lacks_names_the_station_and_the_role(read):
    bench = station(read(without(MINIMAL, "attenuator", "rotator")))
    assert not bench.has("attenuator")
    with pytest.raises(UsageError, match=r"Station 'simulated bench' has no attenuator"):
        _ = bench.attenuator


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        (["correlator"], r"\[fabry_perot\] needs a section \[correlator\], which is missing"),
        (["ramp"], r"\[fabry_perot\] needs a section \[ramp\]"),
        (["rotator"], r"\[attenuator\] needs a section \[rotator\]"),
        (["pump_2"], r"section \[pump_2\] is missing"),
    ],
)
def test_a_section_without_the_instruments_it_is_made_of_is_refused(read, sections, sentence):
    with pytest.raises(UsageError, match=sentence):
        read(without(MINIMAL, *sections))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            '"lakeshore336"',
            '"lakeshore9"',
            r"\[cryostat_1\]: 'lakeshore9' is unknown; known are .*'mercuryitc'",
        ),
        ('driver = "lakeshore336"', "", r"\[cryostat_1\] lacks 'driver'"),
        ("dwell", "dwel", r"unknown key 'settle.dwel' in \[cryostat_1\]; did you mean 'dwell'"),
        ('sensor = "A"', 'sensor = "E"', r"\[cryostat_1\] sensor: .*'A', 'B', 'C' or 'D'"),
        (
            "reference_input",
            "referense_input",
            r"unknown key .* in \[fabry_perot\]; did you mean 'reference_input'",
        ),
        ("[fabry_perot]", '[fabry_perot]\nread_by = "eye"', r"\[fabry_perot\]: 'eye' is unknown; .*'scope'"),
        ('clock = "lock-step"', 'bench = "huge"', r"\[twin\] bench: .*'minimal', 'full' or 'mercury-scope'"),
    ],
)
def test_the_explanation_finds_the_place_in_a_section_of_several_kinds(read, old, new, sentence):
    assert old in MINIMAL
    with pytest.raises(UsageError, match=sentence):
        read(MINIMAL.replace(old, new, 1))


def test_a_bench_without_analysers_has_the_strong_modes_and_refuses_the_weak(read):
    plain = station(read_station_file("minimal")[0])
    plain.select_modes("strong", "strong")
    with pytest.raises(
        UsageError, match=r"Station 'simulated bench' has no analyser_1; the weak mode needs one"
    ):
        plain.select_modes("weak", "weak")
    text = MINIMAL + "".join(
        f'\n[analyser_{k}]\ndriver = "ell14"\nangle_of_strong_mode = "{angle} deg"\n'
        for k, angle in ((1, 340), (2, 7))
    )
    mounts = {"analyser_1": Part(), "analyser_2": Part()}
    bench = station(read(text), **mounts)
    bench.select_modes("weak", "weak")
    bench.select_modes("strong", "strong")
    assert mounts["analyser_1"].calls == [("move_to_deg", 25.0), ("move_to_deg", 340.0)]
    assert mounts["analyser_2"].calls == [("move_to_deg", 52.0), ("move_to_deg", 7.0)]


def test_a_station_connects_what_its_file_lists_and_closes_it_again(read):
    settings = read(without(MINIMAL, "correlator", "detectors", "fabry_perot", "ramp", "pump_9"))
    with open_station(settings) as bench:
        assert list(bench.identities) == ["cryostat_1", "cryostat_2", "pump_1", "pump_2", "rotator"]
        assert not bench.has("fabry_perot")
        assert isinstance(bench.attenuator, PolarisationAttenuator)
        assert bench.make_safe() == []
    with pytest.raises(Exception, match="closed"):
        _ = bench.pump_1.voltage_v


def test_an_instrument_that_the_simulated_bench_lacks_is_named(read):
    text = MINIMAL + '\n[analyser_1]\ndriver = "ell14"\n'
    refused = pytest.raises(
        UsageError, match=r"simulated lab has no analyser_1; its instruments are cryostat_1"
    )
    with refused, open_station(read(text)):
        pass


def test_the_page_on_benches_explains_every_section_key_and_driver():
    page = (Path(__file__).parents[3] / "docs" / "benches.md").read_text()
    kinds = [kind for kind in every_section(Section) if kind is not StationSettings]
    names = {name for kind in kinds for name in kind.model_fields} | set(StationSettings.model_fields)
    assert {name for name in names | set(DRIVERS) if f"{name}`" not in page.replace("]`", "`")} == set()
