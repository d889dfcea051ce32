import io
import threading

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from labsync import store
from labsync._heatmap import HeatMap
from labsync._profiles import profile
from labsync.watching import View, watch


def step(number, lines=(0.0, 0.0)):
    frequency = np.linspace(-7.5, 7.5, 301)
    power = np.array([np.exp(-(((frequency - line) / 0.1) ** 2)) for line in lines])
    return xr.Dataset(
        {"power": (("mode", "pillar", "frequency_ghz"), power[None]), "detuning_ghz": ((), lines[1])},
        coords={"mode": ["strong"], "pillar": ["P1", "P2"], "frequency_ghz": frequency},
    )


@pytest.fixture
def run(tmp_path):
    """A run over a detuning of -2 to 2 GHz; P1 stays at zero, P2 follows the detuning."""
    about = {"parameters": {"detuning": "-2:2:9"}}
    opened = store.create(tmp_path / "runs", "simulate-micropillars", about)
    for number, detuning in enumerate(np.linspace(-2, 2, 9)):
        row = {"detuning_ghz": detuning, "centre_1_ghz": None}
        opened.commit(step(number, (0.0, detuning)), point={"detuning_ghz": detuning}, row=row)
    return opened


def console(width=80, height=24, terminal=True, colour="truecolor"):
    return Console(
        width=width,
        height=height,
        force_terminal=terminal,
        color_system=colour,
        file=io.StringIO(),
        record=True,
    )


def drawn(run, **size):
    view, screen = View(store.Run(run.path)), console(**size)
    while view.look():
        pass
    screen.print(view.picture("running", screen.width, screen.height))
    return screen.export_text().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 12), (40, 8)])
def test_the_picture_fits_the_terminal(run, width, height):
    lines = drawn(run, width=width, height=height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert "9/9 steps" in "".join(lines)
    assert lines[-1].split()[:2] == ["9", "+2.000"]


def test_the_heat_map_shows_where_the_lines_are(run):
    lines = drawn(run, width=100, height=40, colour=None)
    rows = [line for line in lines if "@" in line]
    assert [float(line.split()[0]) for line in rows] == list(np.linspace(-2, 2, 9))
    p1, p2 = (np.array([line.find("@", start) for line in rows]) for start in (8, 54))
    assert np.ptp(p1) <= 1
    slope = np.polyfit(np.linspace(-2, 2, 9), p2, 1)[0]
    assert slope == pytest.approx(45 / 6, rel=0.1)  # columns per GHz: -3 to 3 GHz are shown


def test_rows_of_a_scan_in_any_order_are_sorted_by_where_they_were_measured(tmp_path):
    run = store.create(tmp_path, "simulate-micropillars", {"parameters": {}})
    for number, detuning in enumerate((2.0, -2.0, 0.0, 1.0)):
        run.commit(
            step(number, (0.0, detuning)), point={"detuning_ghz": detuning}, row={"detuning_ghz": detuning}
        )
    rows = [line for line in drawn(run, colour=None) if "@" in line]
    assert [float(line.split()[0]) for line in rows] == [2, 1, 0, -2]


def test_half_characters_hold_two_rows_each_in_the_colours_of_their_values():
    screen = console(width=20)
    heat = HeatMap({"P1": np.array([[0.0, 1.0], [1.0, np.nan], [0.0, 0.0]])}, ["a", "b", "c"], ("0", "1"), 10)
    lines = screen.render_lines(heat, pad=False)
    dark, bright = (68, 1, 84), (253, 231, 36)
    half, cells = lines[1][1:], lines[1]
    assert "".join(segment.text for segment in lines[1]).startswith("a ")
    colours = [
        (cell.style.color.triplet, cell.style.bgcolor and cell.style.bgcolor.triplet)
        for cell in cells
        if cell.text == "▀"
    ]
    assert colours[0] == (dark, bright)
    assert colours[-1] == (bright, None)
    assert len(half) > len(colours)


def test_many_rows_share_places_and_a_narrow_line_survives():
    values = np.zeros((300, 4096))
    values[:, 1000] = 1.0
    screen = console(width=60, colour=None)
    screen.print(HeatMap({"P1": values}, [str(number) for number in range(300)], ("0", "1"), 10))
    rows = [line for line in screen.export_text().splitlines() if "@" in line]
    assert len(rows) == 10
    assert {line.find("@") for line in rows} == {4 + 1000 * 55 // 4096}


def test_a_step_without_an_array_has_no_curve_and_one_with_many_shows_few():
    assert profile("position-hold", xr.Dataset({"x_um": ((), 1.0)})) is None
    many = xr.Dataset({"image": (("a", "b", "x"), np.zeros((3, 4, 50))), "short": ("x", np.zeros(50))})
    assert profile("anything", many).shape == (3, 50)
    assert list(profile("anything", step(0).isel(mode=0))["panel"].values) == ["P1", "P2"]
    assert profile("anything", xr.Dataset({"power": ("x", np.zeros(50))})).shape == (1, 50)
    dark = xr.Dataset(
        {name: (("pillar", "bin"), np.zeros((2, 64), int)) for name in ("counts", "counts_free")},
        coords={"ramp_time_ms": ("bin", np.arange(64.0))},
        attrs={"free_spectral_range_ghz": 15.0, "finesse": 200.0},
    )
    assert profile("detuning-scan", dark) is None


def test_watching_follows_a_run_to_its_end(run):
    def write():
        for number in range(9, 12):
            run.commit(
                step(number), point={"detuning_ghz": float(number)}, row={"detuning_ghz": float(number)}
            )
        run.note("retry", step=12, error="InstrumentTimeout: no reply")
        run.finish("failed", "no reply")

    writer = threading.Timer(0.3, write)
    writer.start()
    screen = console(terminal=False, colour=None)
    assert watch(store.Run(run.path), screen) == "failed"
    writer.join()
    lines = screen.export_text().splitlines()
    assert [int(line.split("/")[0]) for line in lines if "detuning" in line] == list(range(1, 13))


def test_on_a_terminal_the_last_picture_stays_with_the_last_trouble(run):
    run.note("retry", step=9, error="InstrumentTimeout: no reply")
    run.finish("aborted")
    screen = console()
    assert watch(store.Run(run.path), screen) == "aborted"
    text = screen.export_text()
    assert "aborted  9/9 steps" in text
    assert "retry step 9 error InstrumentTimeout: no reply" in text


def test_delays_are_not_cut_to_where_the_lines_are(tmp_path):
    run = store.create(tmp_path, "correlation-scan", {"parameters": {}})
    delay = np.linspace(-50, 50, 101)
    g2 = xr.Dataset(
        {"g2": (("pair", "delay"), 1 + np.exp(-np.abs(delay[None] - 20)))}, coords={"delay": delay}
    )
    run.commit(g2, point={"temperature_2_k": 34.0}, row={"detuning_ghz": 0.5})
    lines = drawn(run, colour=None)
    assert any(line.split()[0] == "-50" and line.endswith("50 delay (ns)") for line in lines)
