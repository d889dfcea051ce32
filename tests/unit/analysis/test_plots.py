"""Figures: what is drawn, not how it looks."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis import fit_locking, reduce_map
from analysis.plots import example_spectrum, heat_map, locking_slopes


@pytest.fixture
def reduced(make_scan):
    return reduce_map(make_scan(0, nu=np.linspace(-2, 2, 21)))


def test_heat_map_draws_centres_of_experiment_and_model(reduced):
    figure = heat_map(reduced, reduced)
    axes = figure.axes
    assert isinstance(figure, Figure)
    assert axes[0].get_xlabel() == "nominal detuning (GHz)"
    for p in range(2):
        drawn = {line.get_label(): line.get_ydata() for line in axes[p].lines}
        np.testing.assert_array_equal(drawn["fit"], reduced["centre_ghz"].sortby("detuning_ghz")[:, p])
        np.testing.assert_array_equal(drawn["model"], drawn["fit"])
    assert "GHz" in axes[2].get_ylabel()
    figure.canvas.draw()


def test_locking_slopes_quotes_the_fitted_numbers(reduced):
    fit = fit_locking(reduced)
    figure = locking_slopes(reduced, fit)
    labels = [text.get_text() for axis in figure.axes for text in axis.get_legend().get_texts()]
    assert any(str(fit.slope_p1) in label for label in labels)
    assert any(str(fit.locking_range_ghz) in label for label in labels)
    figure.canvas.draw()


def test_locking_slopes_tells_why_there_is_no_fit(make_map):
    apart = make_map(0, nu=np.linspace(1, 3, 20))
    figure = locking_slopes(apart, fit_locking(apart))
    assert "no crossing in range" in figure.axes[0].get_title()
    figure.canvas.draw()


def test_example_spectrum_has_residuals_of_unit_scatter(reduced):
    figure = example_spectrum(reduced, 2, "P1")
    residual = figure.axes[1].lines[0].get_ydata()
    frequency = figure.axes[1].lines[0].get_xdata()
    near = np.abs(frequency) < 0.5
    assert residual[near].std() == pytest.approx(1.0, abs=0.35)
    figure.canvas.draw()
