"""Scans of the detuning and the compound-cavity comb."""

from dataclasses import replace

import numpy as np
import pytest

from models import micropillars as mp

PAIR = mp.kreinberg2019(25, 23.5, inactive_loss_factor=1.34)


def test_a_map_holds_spectra_and_correlations_of_each_detuning():
    done = []
    found = mp.detuning_map(
        PAIR, [4.0, 5.0, 9.0], 6.0, duration_ns=100, trajectories=16, on_progress=done.append
    )
    assert done == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert found.power.dims == ("detuning_ghz", "pillar", "mode", "frequency_ghz")
    assert found.g2_w1w2.dims == found.g2_w1w2_std.dims == ("detuning_ghz", "lag_ns")
    np.testing.assert_allclose(found.weak_detuning_ghz, [-1.0, 0.0, 4.0])
    peak = found.power.sel(mode="strong", pillar="P2").idxmax("frequency_ghz")
    np.testing.assert_allclose(peak, [4.0, 5.0, 9.0], atol=0.1)
    assert float(abs(found.lag_ns).max()) == pytest.approx(6.0)
    expected = {"phase": "averaged", "seed": 1, "average_phase": 1, "coupling": 0.025}
    assert expected.items() <= found.attrs.items()
    assert "detuning_ghz" not in found.attrs
    units = {name: found[name].attrs["units"] for name in found.variables if found[name].dtype.kind == "f"}
    assert units["power"] == "1/GHz"
    assert units["weak_detuning_ghz"] == "GHz"
    assert units["lag_ns"] == "ns"


def test_one_detuning_of_a_map_is_the_simulation_of_that_detuning():
    run = {"duration_ns": 60.0, "trajectories": 8, "average_phase": False}
    found = mp.detuning_map(PAIR, [0.0, 0.3], 5.0, 0.1, seed=4, **run)
    light = mp.simulate(PAIR.detuned(0.3), seed=5, **run)
    across = mp.correlations(light, 5.0).g2.sel(mode="weak", pillar="P1", other_pillar="P2")
    np.testing.assert_array_equal(found.g2_w1w2[1], across)
    np.testing.assert_array_equal(found.power[1], mp.spectrum(light, 0.1).power)
    assert found.attrs["phase"] == "fixed path"


def test_lines_without_coupling_lie_at_the_nominal_detuning():
    lines = mp.line_map(replace(PAIR, coupling=0.0), [-0.4, 0.6], duration_ns=200)
    strong = lines.sel(mode="strong")
    np.testing.assert_allclose(strong.beat_ghz, [-0.4, 0.6], atol=0.02)
    np.testing.assert_allclose(strong.free_centre_ghz, 0.0, atol=0.03)
    # a weak mode does not lase: alpha pulls it by its missing gain, see test_spectra
    assert float(lines.free_centre_ghz.sel(mode="weak", pillar="P1")) == pytest.approx(-0.42, abs=0.08)


def test_a_map_of_no_detunings_is_refused():
    with pytest.raises(ValueError, match="give a list of detunings"):
        mp.line_map(PAIR, [])


@pytest.mark.parametrize(("seed", "phase"), [(1, 0.0), (2, 2.0)])
def test_compound_modes_lie_as_far_apart_as_the_reduction_with_alpha_says(seed, phase):
    light = mp.simulate(replace(PAIR, round_trip_phase_rad=phase), 1000, trajectories=16, seed=seed)
    comb = mp.comb_spacing(light)
    assert float(comb.round_trip_spacing_ghz) == pytest.approx(0.1299, abs=1e-4)
    photons = tuple(float(n) for n in light.photon_number.sel(mode="strong").mean(("trajectory", "time_ns")))
    states = mp.locked_states(PAIR, photons, with_alpha=True)
    places = states.frequency_ghz.values[states.stable.values]
    expected = np.diff(places)[np.argsort(np.abs(places[1:] + places[:-1]))[:2]].mean()
    assert (comb.spacing_ghz_std < 0.002).all()
    assert (np.abs(comb.spacing_ghz - expected) < 4 * comb.spacing_ghz_std + 0.003).all()
    assert (comb.spacing_ghz < 0.9 * comb.round_trip_spacing_ghz).all()


def test_averaged_phases_have_no_comb():
    light = mp.simulate(PAIR, 20, trajectories=2, average_phase=True)
    with pytest.raises(ValueError, match="modes show at a fixed phase only"):
        mp.comb_spacing(light)
