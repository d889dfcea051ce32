"""Simulated time series: statistics that are known, convergence, reproducibility, conventions."""

from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pytest

from models import micropillars as mp

WORKING_POINT = mp.kreinberg2019(25, 23.5, inactive_loss_factor=1.34)


def mean_and_error(values):
    """Mean over trajectories and times, and its standard error from the scatter of the trajectories."""
    each = values.mean("time_ns", dtype=float)
    return each.mean("trajectory").values, each.std("trajectory", ddof=1).values / np.sqrt(
        each.sizes["trajectory"]
    )


@pytest.fixture(scope="module")
def lasing():
    return mp.simulate(WORKING_POINT, duration_ns=400, seed=1)


@pytest.fixture(scope="module")
def dark():
    pair = mp.kreinberg2019(24.0, 23.7, coupling=0.0)
    return pair, mp.simulate(pair, duration_ns=40, settle_ns=10, sample_ps=1.0, trajectories=32, seed=3)


def test_far_below_threshold_photon_numbers_balance_spontaneous_emission_and_loss(dark):
    pair, dataset = dark
    photons, error = mean_and_error(dataset.photon_number)
    for k, pillar in enumerate(pair.pillars):
        rates, rho = pillar.rates, dataset.occupation.isel(pillar=k).values.astype(float)
        u = photons[k]
        gains = np.array(
            [
                rates.gain_s / (1 + rates.a_ss * u[0] + rates.a_sw * u[1]),
                rates.gain_w / (1 + rates.a_ws * u[0] + rates.a_ww * u[1]),
            ]
        )
        net = gains * (2 * rho.mean() - 1) - [39.0, 38.5]
        expected = rates.noise**2 * (rho**2).mean() / (2 * np.abs(net))
        assert (np.abs(net) > 10).all()
        assert (np.abs(u - expected) < 4 * error[k] + 0.005 * expected).all()
        assert (error[k] < 0.02 * expected).all()


def test_far_below_threshold_the_light_is_thermal(dark):
    _, dataset = dark
    n = dataset.photon_number.astype(float)
    each = (n**2).mean("time_ns") / n.mean("time_ns") ** 2
    g2, error = each.mean("trajectory"), each.std("trajectory", ddof=1) / np.sqrt(32)
    assert (error < 0.03).all()
    assert (np.abs(g2 - 2) < 4 * error + 0.01).all()


def test_far_below_threshold_the_modes_are_independent(dark):
    field = dark[1].field.values.reshape(32, 4, -1).astype(complex)
    power = (np.abs(field) ** 2).mean(axis=(0, 2))
    overlap = np.einsum("kit,kjt->ij", field, field.conj()) / (field.shape[0] * field.shape[2])
    coherence = np.abs(overlap) / np.sqrt(np.outer(power, power)) - np.eye(4)
    assert np.abs(coherence).max() < 0.05  # 32 x 40 ns of a coherence time of some 50 ps


def test_halving_and_quartering_the_step_leaves_the_photon_numbers_within_their_errors():
    results = [
        mean_and_error(
            mp.simulate(
                WORKING_POINT, 300, step, trajectories=64, seed=seed, average_phase=True
            ).photon_number
        )
        for seed, step in ((11, 1.0), (12, 0.5), (13, 0.25))
    ]
    finest, finest_error = results[-1]
    assert (finest_error[:, 0] < 0.005 * finest[:, 0]).all()
    for mean, error in results[:-1]:
        assert (np.abs(mean - finest) < 4 * np.hypot(error, finest_error)).all()


def test_two_seeds_agree_in_the_means_and_share_no_noise(lasing):
    other = mp.simulate(WORKING_POINT, duration_ns=400, seed=2)
    (a, da), (b, db) = mean_and_error(lasing.photon_number), mean_and_error(other.photon_number)
    assert (np.abs(a - b) < 4 * np.hypot(da, db)).all()
    first, second = (d.photon_number - d.photon_number.mean("time_ns") for d in (lasing, other))
    correlation = (first * second).mean(("time_ns", "trajectory")) / (
        first.std(("time_ns", "trajectory")) * second.std(("time_ns", "trajectory"))
    )
    # correlation times are below 10 ns: at least 640 independent pieces
    assert float(np.abs(correlation).max()) < 4 / np.sqrt(640)


def test_the_same_seed_gives_the_same_numbers():
    runs = [mp.simulate(WORKING_POINT, duration_ns=5, settle_ns=1, seed=7) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].field, runs[1].field)


def test_lanes_agree_with_the_scalar_reference():
    short = [
        mp.simulate(WORKING_POINT, 0.2, settle_ns=0, sample_ps=20, trajectories=3, engine=e)
        for e in ("lanes", "scalar")
    ]
    np.testing.assert_allclose(short[0].field, short[1].field, atol=3e-4)
    np.testing.assert_allclose(short[0].reservoir, short[1].reservoir, rtol=1e-4)
    long = [
        mean_and_error(mp.simulate(WORKING_POINT, 150, seed=seed, trajectories=16, engine=e).photon_number)
        for seed, e in ((3, "lanes"), (4, "scalar"))
    ]
    assert (np.abs(long[0][0] - long[1][0]) < 4 * np.hypot(long[0][1], long[1][1])).all()


def test_with_little_noise_the_simulation_stays_in_the_noise_free_state():
    quiet = [replace(p, spontaneous_factor=1e-9) for p in WORKING_POINT.pillars]
    pair = mp.Pair(*quiet, coupling=0.025, detuning_ghz=0.1)
    state = mp.steady_state(pair)
    assert state.attrs["locked"] == 1
    dataset = mp.simulate(pair, 100, trajectories=1, settle_ns=400)
    np.testing.assert_allclose(
        dataset.photon_number.mean(("trajectory", "time_ns")),
        state.coupled_photon_number,
        rtol=2e-3,
        atol=2e-3,
    )
    np.testing.assert_allclose(
        dataset.occupation.mean(("trajectory", "time_ns")), state.coupled_occupation, rtol=1e-4
    )


def test_without_coupling_a_pillar_does_not_feel_the_other_and_detuning_only_rotates():
    pair = replace(WORKING_POINT, coupling=0.0)
    arguments = {
        "duration_ns": 10,
        "settle_ns": 2,
        "sample_ps": 1.0,
        "trajectories": 4,
        "seed": 5,
        "engine": "scalar",
    }
    base = mp.simulate(pair, **arguments)
    brighter = mp.simulate(replace(pair, pillar_2=replace(pair.pillar_2, current_ua=40.0)), **arguments)
    np.testing.assert_array_equal(base.field.sel(pillar="P1"), brighter.field.sel(pillar="P1"))
    assert float(np.abs(base.field - brighter.field).sel(pillar="P2").max()) > 0.5


def test_the_round_trip_phase_is_spread_evenly_only_when_asked():
    pair = replace(WORKING_POINT, round_trip_phase_rad=0.5)
    spread = mp.simulate(pair, 0.1, settle_ns=0, trajectories=8, average_phase=True)
    np.testing.assert_allclose(spread.round_trip_phase_rad, 0.5 + 2 * np.pi * np.arange(8) / 8)
    single = mp.simulate(pair, 0.1, settle_ns=0, trajectories=8)
    np.testing.assert_array_equal(single.round_trip_phase_rad, 0.5)


def test_the_round_trip_phase_matters_only_as_a_sum_of_both_ways():
    # noise-free: moving the phase by 2 pi changes nothing, by pi it shifts the compound modes
    states = [
        mp.steady_state(replace(WORKING_POINT, round_trip_phase_rad=p)) for p in (0.0, 2 * np.pi, np.pi)
    ]
    frequencies = [s.coupled_frequency_ghz.values[0, 0] for s in states]
    assert frequencies[0] == pytest.approx(frequencies[1], abs=1e-4)
    assert abs(frequencies[0] - frequencies[2]) > 0.01


def test_variables_dimensions_units_and_attributes_are_complete(lasing):
    assert dict(lasing.field.sizes) == {"trajectory": 16, "pillar": 2, "mode": 2, "time_ns": 16000}
    assert lasing.field.dtype == np.complex64
    assert lasing.occupation.dims == lasing.reservoir.dims == ("trajectory", "pillar", "time_ns")
    assert list(lasing.pillar.values) == ["P1", "P2"]
    assert list(lasing.mode.values) == ["strong", "weak"]
    assert lasing.time_ns.values[0] == pytest.approx(0.0125)
    units = {
        name: lasing[name].attrs["units"] for name in lasing.variables if lasing[name].dtype.kind in "fc"
    }
    assert units == {
        "field": "1",
        "photon_number": "1",
        "occupation": "1",
        "reservoir": "1/ns",
        "time_ns": "ns",
        "round_trip_phase_rad": "rad",
        "reflection_phase_rad": "rad",
    }
    expected = {"seed": 1, "step_ps": 1.0, "engine": "lanes", "inactive_loss_factor": 1.34, "coupling": 0.025}
    assert expected.items() <= lasing.attrs.items()
    assert lasing.attrs["labsync_version"] == version("labsync")
    assert "Ito" in lasing.attrs["method"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"step_ps": 0.8}, "delay_ns is 3.85, not a positive multiple of the step 0.0008; nearest is 3.8496"),
        ({"step_ps": 0.0}, "step_ps is 0; it must be positive"),
        ({"duration_ns": -5}, "duration_ns is -5; it must be positive"),
        ({"duration_ns": 0.01}, "shorter than one sample"),
        ({"sample_ps": 2.5}, "sample_ps is 2.5, not a positive multiple of the step 1; nearest is 2"),
        ({"settle_ns": -1}, "settle is -1"),
        ({"trajectories": 0}, "trajectories is 0; at least one is needed"),
        ({"seed": -1}, "seed is -1"),
        ({"engine": "fast"}, "engine is 'fast'"),
    ],
)
def test_wrong_run_settings_are_refused_with_one_clear_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        mp.simulate(WORKING_POINT, **change)
