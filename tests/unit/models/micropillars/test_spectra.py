"""Spectra of simulated fields: normalisation, axis, resolution, errors."""

from dataclasses import replace

import numpy as np
import pytest

from models import micropillars as mp

WORKING_POINT = mp.kreinberg2019(25, 23.5, detuning_ghz=1.0, inactive_loss_factor=1.34)


@pytest.fixture(scope="module")
def free():
    dataset = mp.simulate(replace(WORKING_POINT, coupling=0.0), 400, trajectories=32, seed=1)
    return dataset, mp.spectrum(dataset)


def test_the_integral_is_the_mean_photon_number(free):
    dataset, spectrum = free
    width = float(np.diff(spectrum.frequency_ghz[:2])[0])
    integral = spectrum.power.sum("frequency_ghz") * width
    expected = dataset.photon_number.mean(("trajectory", "time_ns"))
    np.testing.assert_allclose(integral, expected, rtol=1e-5)
    np.testing.assert_allclose(spectrum.photon_number, expected, rtol=1e-5)
    assert spectrum.attrs["parseval_correction"] < 0.03


def test_free_lasing_lines_peak_at_zero_and_at_the_detuning(free):
    smooth = free[1].power.sel(mode="strong").rolling(frequency_ghz=7, center=True).mean()
    peaks = smooth.idxmax("frequency_ghz")
    np.testing.assert_allclose(peaks, [0.0, 1.0], atol=0.03)  # the lines are 0.1 GHz wide


def test_spontaneous_emission_pulls_the_first_moment_by_the_net_gain_it_makes_up_for(free):
    # <omega> = Im <A* dA/dt>/<u> = alpha <net u>/<u>, and 2 <net u> = -R balances the photon number
    dataset, spectrum = free
    for mode, detuning, tolerance in (("strong", 1.0, 0.01), ("weak", -4.0, 0.05)):
        for k, pillar in enumerate(WORKING_POINT.pillars):
            u = dataset.photon_number.mean(("trajectory", "time_ns")).sel(mode=mode).values[k]
            rho2 = float((dataset.occupation.isel(pillar=k).astype(float) ** 2).mean())
            net = -(pillar.rates.noise**2) * rho2 / (2 * u)
            line = spectrum.power.isel(pillar=k).sel(mode=mode)
            moment = float((line * line.frequency_ghz).sum() / line.sum())
            assert moment == pytest.approx(
                k * detuning + pillar.rates.alpha * net / (2 * np.pi), abs=tolerance
            )


def test_linewidths_are_those_of_the_working_point(free):
    strong = free[1].power.sel(mode="strong")
    for k in (0, 1):
        line = strong.isel(pillar=k)
        peak, width = float(line.max()), float(np.diff(line.frequency_ghz[:2])[0])
        equivalent = (
            float(line.sum()) * width / peak * 2 / np.pi
        )  # of a Lorentzian: full width at half maximum
        assert 0.03 < equivalent < 0.3


def test_a_noise_free_line_has_the_stated_resolution_at_the_right_place():
    # two quiet free lasers: lines much narrower than the window
    quiet = [replace(p, spontaneous_factor=1e-9) for p in WORKING_POINT.pillars]
    pair = mp.Pair(*quiet, coupling=0.0, detuning_ghz=1.0)
    spectrum = mp.spectrum(pair, 0.1, duration_ns=200, settle_ns=100, trajectories=2)
    assert spectrum.attrs["resolution_ghz"] == pytest.approx(0.1, rel=0.01)
    line = spectrum.power.sel(mode="strong")
    width = float(np.diff(spectrum.frequency_ghz[:2])[0])
    for k, place in enumerate((0.0, 1.0)):
        power = line.isel(pillar=k)
        assert float(power.idxmax("frequency_ghz")) == pytest.approx(place, abs=width)
        bandwidth = float(power.sum()) * width / float(power.max())
        assert bandwidth == pytest.approx(
            0.1, rel=0.35
        )  # up to a third more when the line falls between two bins


def test_standard_errors_describe_the_scatter_between_seeds():
    runs = [
        mp.spectrum(
            WORKING_POINT, 0.2, duration_ns=50, settle_ns=20, trajectories=16, seed=s, average_phase=True
        )
        for s in range(8)
    ]
    powers = np.stack([r.power.values for r in runs])
    stated = np.mean([r.power_std.values for r in runs], axis=0)
    bright = powers.mean(axis=0) > 0.1 * powers.mean(axis=0).max(axis=-1, keepdims=True)
    ratio = np.sqrt((powers.std(axis=0, ddof=1)[bright] ** 2).mean() / (stated[bright] ** 2).mean())
    assert 0.75 < ratio < 1.3


def test_a_single_trajectory_has_no_error():
    spectrum = mp.spectrum(WORKING_POINT, duration_ns=20, settle_ns=5, trajectories=1)
    assert np.isnan(spectrum.power_std).all()
    assert np.isfinite(spectrum.power).all()


def test_what_a_spectrum_states_about_itself(free):
    spectrum = free[1]
    assert spectrum.power.dims == ("pillar", "mode", "frequency_ghz")
    assert spectrum.power.attrs["units"] == "1/GHz"
    assert spectrum.frequency_ghz.attrs["units"] == "GHz"
    expected = {
        "window": "hann",
        "trajectories": 32,
        "seed": 1,
        "inactive_loss_factor": 1.34,
        "segment_ns": 80.0,
    }
    assert expected.items() <= spectrum.attrs.items()
    assert (spectrum.power_std > 0).all()


@pytest.mark.parametrize("resolution", [0.001, 0.0, -1.0, 50.0])
def test_an_impossible_resolution_is_refused_with_the_possible_range(free, resolution):
    with pytest.raises(ValueError, match=r"resolution_ghz is .*; these time series allow 0.00375 to 7.5"):
        mp.spectrum(free[0], resolution)


def test_a_time_series_too_short_for_a_spectrum_is_refused(free):
    with pytest.raises(ValueError, match="the time series has 5 samples; a spectrum needs at least 8"):
        mp.spectrum(free[0].isel(time_ns=slice(5)))


def test_simulation_settings_next_to_a_finished_simulation_are_refused(free):
    with pytest.raises(ValueError, match="trajectories: given with a finished simulation"):
        mp.spectrum(free[0], trajectories=4)
