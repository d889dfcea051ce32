"""Which step tells most of the edges, on synthetic hinges."""

import numpy as np
import pytest
import xarray as xr

from analysis._hinge import hinge
from analysis.edges import edge_errors, edge_gain, live_map, predict_detuning
from analysis.locking import fit_locking

HALF_RANGE = 0.4


def lines(nu: np.ndarray, std: float = 0.002, seed: int = 0, rounding: float = 0.1) -> xr.Dataset:
    """What single steps tell of lines of locked slope zero, f1 kept at zero."""
    noise = std * np.random.default_rng(seed).standard_normal((2, nu.size))
    beat = hinge(nu, 0.0, HALF_RANGE, rounding, 1.0, 0.0) + noise[0]
    values = {"detuning": nu + noise[1], "centre_1": 0 * nu, "centre_2": beat, "beat": beat}
    steps = {f"{name}_ghz": ("step", each) for name, each in values.items()}
    errors = {f"{name}_std_ghz": ("step", np.full(nu.size, std)) for name in values}
    return xr.Dataset(steps | errors | {"temperature_2_k": ("step", 34.4 - nu / 6.0)})


def test_lines_known_modulo_the_free_spectral_range_come_on_one_axis():
    nu = np.linspace(-12.0, 12.0, 25)
    true = lines(nu, std=1e-6)
    folded = true.copy(deep=True)
    orders = 15.0 * np.round(nu / 15.0)
    for name in ("detuning_ghz", "centre_2_ghz", "beat_ghz"):
        folded[name] = true[name] - orders
    map_ = live_map(folded, 15.0)
    np.testing.assert_allclose(map_["detuning_ghz"], nu, atol=1e-5)
    np.testing.assert_allclose(map_["beat_ghz"], true["beat_ghz"], atol=1e-9)
    np.testing.assert_allclose(map_["centre_ghz"][:, 1], true["beat_ghz"], atol=1e-9)


def test_the_tuning_curve_is_that_of_most_steps():
    steps = lines(np.linspace(-3, 3, 13))
    steps["detuning_ghz"][3] += 2.0
    predicted = predict_detuning(live_map(steps, 15.0), np.array([34.35, 34.55]))
    np.testing.assert_allclose(predicted, [0.3, -0.9], atol=0.01)
    assert np.isnan(predict_detuning(live_map(steps.isel(step=slice(4)), 15.0), np.array([34.4]))).all()


def test_the_best_step_lies_at_an_edge_and_not_where_one_was_just_measured():
    nu = np.concatenate([np.linspace(-3, 3, 13), [-0.15, 0.15]])
    map_ = live_map(lines(nu), 15.0)
    candidates = np.linspace(-3, 3, 241)
    gain = edge_gain(fit_locking(map_), map_, candidates)
    best = candidates[np.argmax(gain)]
    assert 0.6 * HALF_RANGE < abs(best) < 2 * HALF_RANGE
    assert gain[np.abs(candidates) > 2.0].max() < 0.1 * gain.max()
    more = live_map(lines(np.append(nu, [best, best])), 15.0)
    again = edge_gain(fit_locking(more), more, np.array([best]))
    assert again < 0.5 * gain.max()


@pytest.mark.parametrize("seed", [0, 1])
def test_stated_errors_cover_the_edges_and_shrink_with_steps_there(seed):
    coarse = np.concatenate([np.linspace(-3, 3, 13), [-0.15, 0.15]])
    near = np.linspace(0.25, 0.7, 8)
    errors = []
    for nu in (coarse, np.concatenate([coarse, near, -near])):
        map_ = live_map(lines(nu, seed=seed), 15.0)
        fit = fit_locking(map_)
        stated = edge_errors(fit, map_)
        off = np.array([edge.value for edge in fit.edges_ghz]) - [-HALF_RANGE, HALF_RANGE]
        assert np.all(np.abs(off) < 3 * stated)
        errors.append(stated.max())
    assert errors[1] < 0.6 * errors[0]
    assert errors[1] < 0.02


def test_without_a_fit_there_is_no_gain():
    map_ = live_map(lines(np.linspace(1, 3, 12)), 15.0)
    with pytest.raises(ValueError, match="no edges to improve: The scan covers 1.00 to 3.00 GHz"):
        edge_gain(fit_locking(map_), map_, np.array([0.0]))
