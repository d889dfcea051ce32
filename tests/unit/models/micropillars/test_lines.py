"""Fitted lines: known lines are found within their errors."""

import numpy as np
import pytest

from models import micropillars as mp


@pytest.mark.parametrize("seed", [1, 2])
def test_known_lorentzian_lines_are_found_within_their_errors(as_light, thermal, seed):
    width, centre = np.array([0.1, 1.0, 0.3, 2.0]), np.array([0.0, -0.4, 0.7, 3.0])
    field = thermal(seed, 32, 8000, width, centre).reshape(32, 2, 2, 8000)
    lines = mp.fit_lines(as_light(field), 0.02)
    found, error = lines.centre_ghz.values.ravel(), lines.centre_ghz_std.values.ravel()
    assert (np.abs(found - centre) < 4 * error).all()
    assert (error < 0.1 * width).all()
    found, error = lines.linewidth_ghz.values.ravel(), lines.linewidth_ghz_std.values.ravel()
    # the window's own width of 0.02 GHz broadens the narrowest line by some per cent
    assert (np.abs(found - width) < 4 * error + 0.005).all()
    assert (error < 0.15 * width).all()
    np.testing.assert_allclose(lines.beat_ghz, lines.centre_ghz[1] - lines.centre_ghz[0], atol=1e-12)


def test_errors_of_the_centres_describe_the_scatter_between_seeds(as_light, thermal):
    runs = []
    for seed in range(12):
        field = thermal(seed, 16, 2000, [0.3] * 4, [0.0, 0.5, 1.0, 1.5]).reshape(16, 2, 2, 2000)
        runs.append(mp.fit_lines(as_light(field), 0.05))
    for name in ("centre_ghz", "linewidth_ghz", "beat_ghz"):
        scatter = np.std([r[name].values for r in runs], axis=0, ddof=1)
        stated = np.mean([r[f"{name}_std"].values ** 2 for r in runs], axis=0)
        assert 0.65 < np.sqrt((scatter**2).mean() / stated.mean()) < 1.5, name


def test_lines_that_move_together_have_a_beat_better_known_than_their_places(as_light, thermal):
    field = np.repeat(thermal(3, 16, 4000, [0.2, 0.2], [0.0, 0.0])[:, None], 2, axis=1)
    lines = mp.fit_lines(as_light(field), 0.02)
    assert (lines.beat_ghz_std < 1e-6).all()
    assert (lines.centre_ghz_std > 1e-3).all()


def test_what_the_fit_states_about_itself(as_light, thermal):
    lines = mp.fit_lines(as_light(thermal(1, 4, 1000, [0.5] * 4, [0.0] * 4).reshape(4, 2, 2, 1000)), 0.1)
    assert lines.attrs["resolution_ghz"] == pytest.approx(0.1, rel=0.01)
    assert "Lorentzian" in lines.attrs["line_fit"]
    assert {lines[name].attrs["units"] for name in lines.data_vars} == {"GHz"}
