"""The adaptive scan on synthetic lasers that lock between -0.32 and 0.36 GHz."""

import types

import numpy as np
import pytest
import xarray as xr

from analysis._hinge import hinge
from analysis.edges import live_map
from analysis.locking import fit_locking
from labsync.errors import UsageError
from labsync.procedures import AdaptiveDetuningScan, DetuningScan
from labsync.settings import read_station_file

pytestmark = pytest.mark.xdist_group("adaptive scan")
EDGES = np.array([-0.32, 0.36])
STD = 0.002


class Lasers:
    """Measures what a scan asks for and keeps the history that the run would hold."""

    def __init__(self, seed, dark=()):
        self._rng, self._dark, self._rows = np.random.default_rng(seed), dark, []

    def measure(self, setpoint_k):
        temperature = setpoint_k + 0.0007 * self._rng.standard_normal()
        nu = 6.05 * (34.43 - temperature) + 0.05 * (34.43 - temperature) ** 2
        beat = float(hinge(np.array([nu]), EDGES.mean(), np.ptp(EDGES) / 2, 0.1, 1.0, 0.0)[0])
        noise = STD * self._rng.standard_normal(3)
        known = np.nan if len(self._rows) in self._dark else 1.0
        c1, c2 = 0.4 * (nu - beat) + noise[0], 0.4 * (nu - beat) + beat + noise[1]
        values = {"detuning": nu + noise[2], "centre_1": c1, "centre_2": c2, "beat": c2 - c1}
        row = {"temperature_setpoint_2_k": setpoint_k, "temperature_2_k": temperature}
        for name, value in values.items():
            row |= {
                f"{name}_ghz": known * value,
                f"{name}_std_ghz": known * STD * (1.4 if name == "beat" else 1),
            }
        self._rows.append(row)

    def history(self, steps=None):
        rows = self._rows[:steps]
        names = rows[0] if rows else ()
        return xr.Dataset(
            {name: ("step", [row[name] for row in rows]) for name in names},
            {"step": np.arange(len(rows))},
            {"free_spectral_range_ghz": 15.0},
        )


def scanned(scan, seed, dark=()):
    lasers, points = Lasers(seed, dark), []
    while (point := scan.next_point(lasers.history())) is not None:
        points.append(point)
        lasers.measure(point["temperature_2_k"])
    return lasers, points


def found(lasers):
    fit = fit_locking(live_map(lasers.history(), 15.0))
    return np.array([edge.value for edge in fit.edges_ghz])


@pytest.fixture(scope="module")
def adaptive():
    return {seed: scanned(AdaptiveDetuningScan(steps=17, edge_precision_ghz=0.0), seed) for seed in (0, 1)}


def test_the_coarse_grid_comes_first_and_the_rest_lies_at_the_edges(adaptive):
    for lasers, points in adaptive.values():
        temperatures = np.array([point["temperature_2_k"] for point in points])
        np.testing.assert_allclose(temperatures[:11], np.linspace(34.9, 33.9, 11))
        assert temperatures.size == 17
        from_edge = np.abs(np.abs(lasers.history()["detuning_ghz"][12:] - EDGES.mean()) - 0.34)
        assert np.all(from_edge < 0.34)


def test_cut_anywhere_a_scan_goes_on_with_the_same_point(adaptive):
    lasers, points = adaptive[0]
    scan = AdaptiveDetuningScan(steps=17, edge_precision_ghz=0.0)
    for done in (0, 5, 10, 11, 13, 16):
        assert scan.next_point(lasers.history(done)) == points[done]
    assert scan.next_point(lasers.history()) is None


def test_at_equal_number_of_spectra_it_knows_the_edges_better_than_a_grid(adaptive):
    ours = np.array([found(lasers) - EDGES for lasers, _ in adaptive.values()])
    grid = np.array([found(scanned(DetuningScan(steps=17), seed)[0]) - EDGES for seed in adaptive])
    assert np.abs(ours).max() < 0.006
    grid_errors = np.nan_to_num(np.abs(grid), nan=np.inf)  # with so few steps a grid may find no locking
    assert np.sqrt(np.mean(ours**2)) < 0.7 * np.sqrt(np.mean(grid_errors**2))


def test_it_ends_when_the_edges_are_known_as_well_as_wanted():
    lasers, points = scanned(AdaptiveDetuningScan(steps=41, edge_precision_ghz=0.015), 2)
    assert 11 < len(points) < 20
    assert np.all(np.abs(found(lasers) - EDGES) < 3 * 0.015)


def test_without_lines_it_bisects_the_widest_gap_and_with_few_the_one_at_resonance():
    scan = AdaptiveDetuningScan(steps=14, coarse_steps=5)
    _, points = scanned(scan, 0, dark=range(14))
    temperatures = sorted(point["temperature_2_k"] for point in points)
    assert np.diff(temperatures).max() <= 0.5 * 1.0 / 4 + 1e-6
    lasers, points = scanned(AdaptiveDetuningScan(steps=7, coarse_steps=5), 0)
    assert len(points) == 7
    assert np.all(np.abs(lasers.history()["detuning_ghz"][5:]) < 1.0)


def test_where_a_step_found_no_lines_none_is_tried_again(adaptive):
    lasers, points = adaptive[1]
    history = lasers.history(14)
    for name in ("beat_ghz", "centre_1_ghz", "centre_2_ghz"):
        history[name][13] = np.nan
    before = AdaptiveDetuningScan(steps=17, edge_precision_ghz=0.0).next_point(lasers.history(13))
    after = AdaptiveDetuningScan(steps=17, edge_precision_ghz=0.0).next_point(history)
    assert before == points[13]
    assert 0.009 < abs(after["temperature_2_k"] - before["temperature_2_k"]) < 0.2


def test_of_steps_equally_good_the_nearer_one_is_taken(adaptive):
    for _, points in adaptive.values():
        moves = np.abs(np.diff([point["temperature_2_k"] for point in points[12:]]))
        assert moves.mean() < 0.1  # the edges are 0.11 K apart


def test_a_coarse_grid_longer_than_the_scan_is_refused():
    station = types.SimpleNamespace(settings=read_station_file("simulated")[0])
    AdaptiveDetuningScan().check(station)
    with pytest.raises(UsageError, match="coarse_steps = 11 is more than all steps, 8"):
        AdaptiveDetuningScan(steps=8).check(station)
