"""Figures of beat notes show the numbers they are given."""

import numpy as np
import pytest
import xarray as xr

from analysis import heterodyne, plots, stability


def curves(axis):
    return {line.get_label(): line.get_xydata() for line in axis.lines}


def test_the_figure_of_a_line_shows_the_spectrum_and_the_fit_upon_it():
    f = np.linspace(0.9e8, 1.1e8, 401)
    density = 1e-14 + 1e-6 / np.pi * 4e5 / ((f - 1e8) ** 2 + 4e5**2)
    density *= np.random.default_rng(1).gamma(400, 1 / 400, f.size)
    spectrum = heterodyne.as_spectrum(f, density, 1e5)
    figure = plots.beat_line(spectrum, heterodyne.fit_line(spectrum))
    shown = curves(figure.axes[0])
    fitted = np.interp(shown["spectrum"][:, 0], *shown["fit"].T)
    assert np.abs(fitted - shown["spectrum"][:, 1]).std() < 0.3  # dB: 400 looks scatter by 0.22
    assert "width 0.79" in figure.axes[0].get_title()
    assert "MHz" in figure.axes[0].get_title()


def test_the_figure_of_frequency_noise_shows_the_beta_line_and_the_floor():
    readings = np.random.default_rng(1).standard_normal(4096)
    noise = heterodyne.counter_noise(readings, 1.0)
    fit = heterodyne.fit_frequency_noise(noise)
    figure = plots.frequency_noise(noise, fit)
    shown = curves(figure.axes[0])
    frequency, beta = shown["beta-separation line"].T
    np.testing.assert_allclose(beta / frequency, 8 * np.log(2) / np.pi**2)
    assert shown["fit"][-1, 1] == pytest.approx(2.0, rel=0.2)
    assert len(shown["density"]) == noise.sizes["frequency_hz"]


def test_the_figure_of_the_allan_deviation_shows_errors_and_the_sum_of_the_noises():
    allan = stability.allan_deviation(np.random.default_rng(1).standard_normal(2000), 1.0)
    figure = plots.allan_deviation(allan, stability.fit_noise(allan))
    axis = figure.axes[0]
    assert len(axis.containers[0].lines[2][0].get_segments()) == allan.sizes["tau_s"]
    total = curves(axis)["sum"]
    assert total[0, 1] == pytest.approx(float(allan["deviation"][0]), rel=0.2)


def test_the_figure_of_the_relative_phase_shows_distribution_and_potential():
    phase = np.convolve(np.random.default_rng(1).standard_normal(4000), 0.95 ** np.arange(200))[:4000] / 4
    relative = xr.DataArray(phase, {"time_s": np.arange(4000.0)}, ("time_s",), attrs={"sample_rate_hz": 1.0})
    figure = plots.phase_potential(relative, bins=24)
    above, below = figure.axes
    areas = sum(bar.get_height() * bar.get_width() for bar in above.patches)
    assert areas == pytest.approx(1)
    lowest = curves(below)["data"] if "data" in curves(below) else below.containers[0].lines[0].get_xydata()
    assert abs(lowest[np.nanargmin(lowest[:, 1]), 0]) < 0.5
