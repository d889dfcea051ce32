"""Fast emission curves against stochastic simulation; recovery of Table 1 from simulated curves."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import curve_fit

from analysis._emission_model import emission, model_errors
from analysis.emission import emission_curves, fit_emission
from models import micropillars as mp
from models.micropillars._solitary import net_gains, solitary_state

CURRENTS = np.array([17.5, 18.5, 19.0, 19.5, 20.0, 20.5, 21.0, 22.0, 23.5, 25.0, 27.0, 29.0])
NANOWATT_PER_PHOTON = 17.0


def pillar(number, current_ua=25.0, **changes):
    pair = mp.kreinberg2019(current_ua, current_ua, inactive_loss_factor=1.34)
    return replace(pair.pillars[number], **changes)


def simulated(number, current_ua, seed, duration_ns=300.0):
    """Simulate a pillar without coupling: the run, mean photon numbers and their errors."""
    pair = mp.kreinberg2019(current_ua, current_ua, coupling=0.0, inactive_loss_factor=1.34)
    run = mp.simulate(pair, duration_ns=duration_ns, seed=seed, settle_ns=80.0)
    means = run.photon_number.isel(pillar=number).mean("time_ns")
    error = means.std("trajectory", ddof=1).values / np.sqrt(means.sizes["trajectory"])
    return run, means.mean("trajectory").values, error


def fitted_width_ghz(run, number, mode, expected_ghz):
    """Fit a Lorentzian to the upper half of a simulated line; return width and error."""
    spectrum = mp.spectrum(run, resolution_ghz=max(0.05 * expected_ghz, 0.01))
    frequency = spectrum.frequency_ghz.values
    power, error = (spectrum[name].values[number, mode] for name in ("power", "power_std"))
    centre = frequency[np.argmax(np.convolve(power, np.ones(5), "same"))]
    near = np.abs(frequency - centre) < 0.9 * expected_ghz

    def lorentzian(f, centre, width, height):
        return height / (1 + (2 * (f - centre) / width) ** 2)

    start = [centre, expected_ghz, power[near].max()]
    best, covariance = curve_fit(lorentzian, frequency[near], power[near], start, error[near])
    return best[1], np.sqrt(covariance[1, 1])


def measured(number, seed, error=0.03, currents=CURRENTS):
    """Simulate input-output curves in nanowatts with a relative error on every point."""
    runs = [simulated(number, j, 100 * seed + k) for k, j in enumerate(currents)]
    photons, own = (np.array([run[k] for run in runs]).T for k in (1, 2))
    noise = error * photons * np.random.default_rng(seed).standard_normal(photons.shape)
    return dataset(
        currents,
        output=NANOWATT_PER_PHOTON * (photons + noise),
        output_std=NANOWATT_PER_PHOTON * np.hypot(error * photons, own),
    )


def dataset(currents, **curves):
    coords = {"mode": ["strong", "weak"], "current_ua": currents}
    return xr.Dataset({k: (("mode", "current_ua"), np.array(v)) for k, v in curves.items()}, coords)


@pytest.fixture
def curves():
    """Noise-free curves of P1 with errors of 3 %."""
    model = emission_curves(pillar(0), CURRENTS, linewidths=False)["photon_number"].values
    return dataset(CURRENTS, output=model, output_std=0.03 * model)


def assert_table_1_recovered(fit, number):
    truth = pillar(number)
    for name in ("spontaneous_factor", "injection_efficiency", "parasitic_current_ua"):
        found = getattr(fit, name)
        assert abs(found.value - getattr(truth, name)) < 3 * found.std, name
    threshold = mp.threshold_current_ua(truth)
    assert abs(fit.threshold_current_ua.value - threshold) < 3 * fit.threshold_current_ua.std


@pytest.mark.parametrize(
    ("number", "current_ua", "seed"), [(0, 19.5, 1), (0, 23.0, 2), (1, 20.5, 3), (1, 27.0, 4)]
)
def test_fast_curves_agree_with_stochastic_simulation_within_their_stated_errors(number, current_ua, seed):
    fast = emission(pillar(number, current_ua))
    photon_errors, width_errors = model_errors(fast)
    run, photons, own = simulated(number, current_ua, seed, duration_ns=800.0)
    for mode in (0, 1):
        allowed = photon_errors[mode] * photons[mode] + 3 * own[mode]
        assert abs(fast.photon_number[mode] - photons[mode]) < allowed
        width, error = fitted_width_ghz(run, number, mode, fast.linewidth_ghz[mode])
        # the analysis window broadens the narrow lines by up to 5 %
        assert abs(fast.linewidth_ghz[mode] - width) < (width_errors[mode] + 0.05) * width + 3 * error


def test_far_below_threshold_the_light_is_thermal():
    below = pillar(0, 15.0)
    light = emission(below)
    gains = net_gains(below.rates, solitary_state(below))
    noise = (below.rates.noise * solitary_state(below).rho) ** 2
    for mode in (0, 1):
        assert light.photon_number[mode] == pytest.approx(noise / (2 * abs(gains[mode])), rel=0.02)
        assert light.g2[mode] == pytest.approx(2.0, abs=0.02)
        assert light.linewidth_ghz[mode] == pytest.approx(abs(gains[mode]) / np.pi, rel=0.01)


def test_a_finer_grid_changes_little():
    for current_ua in (19.5, 23.0, 29.0):
        coarse, fine = (emission(pillar(0, current_ua), cells=cells) for cells in (48, 80))
        np.testing.assert_allclose(coarse.photon_number, fine.photon_number, rtol=0.006)
        np.testing.assert_allclose(coarse.linewidth_ghz, fine.linewidth_ghz, rtol=0.02)


def test_without_pump_there_is_no_light():
    curves = emission_curves(pillar(1), [5.0, 25.0])
    assert np.all(curves["photon_number"].sel(current_ua=5.0) == 0)
    assert np.all(curves["photon_number"].sel(current_ua=25.0) > 0.1)


def test_table_1_is_recovered_from_simulated_output_of_unknown_scale():
    seed = 1
    guess = pillar(0, spontaneous_factor=1e-3, injection_efficiency=0.08, parasitic_current_ua=5.0)
    fit = fit_emission(measured(0, seed), guess)
    assert_table_1_recovered(fit, 0)
    assert abs(fit.scale.value - NANOWATT_PER_PHOTON) < 3 * fit.scale.std
    assert fit.scale.std < 0.1 * NANOWATT_PER_PHOTON
    assert 0.15 < fit.reduced_chi_squared < 1.7
    assert fit.free == 4
    std = np.sqrt(np.diag(fit.covariance))
    assert std[:3] == pytest.approx(
        [fit.spontaneous_factor.std, fit.injection_efficiency.std, fit.parasitic_current_ua.std]
    )
    # only eta (J - J_p) pumps: a larger eta goes with a larger parasitic current
    assert fit.covariance[1, 2] / std[1] / std[2] > 0.8
    assert json.loads(json.dumps(fit.as_dict()))["covariance_names"][2] == "parasitic_current_ua"


def test_table_1_is_recovered_from_output_and_linewidth_of_known_scale():
    seed = 3
    currents = CURRENTS[::2]
    currents = np.sort(np.append(currents, [19.5, 22.0]))
    data = measured(1, seed, currents=currents)
    widths = np.full((2, currents.size), np.nan)
    for k, current in enumerate(currents):
        run = simulated(1, current, 1000 * seed + k, duration_ns=400.0)[0]
        expected = emission(pillar(1, current)).linewidth_ghz[0]
        if 0.1 < expected < 5:
            widths[0, k] = fitted_width_ghz(run, 1, 0, expected)[0]
    data["linewidth_ghz"] = (("mode", "current_ua"), widths)
    data["linewidth_std_ghz"] = 0.05 * data["linewidth_ghz"]
    fit = fit_emission(
        data, pillar(1, spontaneous_factor=8e-3, parasitic_current_ua=3.0), NANOWATT_PER_PHOTON
    )
    assert_table_1_recovered(fit, 1)
    assert fit.scale.std == 0
    assert fit.points == 2 * currents.size + np.count_nonzero(np.isfinite(widths))
    shown = np.isfinite(fit.curves["linewidth_residual"].values)
    assert np.array_equal(shown, np.isfinite(widths))


def test_linewidths_alone_leave_the_scale_unknown():
    currents = CURRENTS[1:9]
    model = emission_curves(pillar(0), currents)["linewidth_ghz"].values
    model[1] = np.nan  # only the strong mode was measured
    data = dataset(currents, linewidth_ghz=model, linewidth_std_ghz=0.05 * model)
    fit = fit_emission(data, pillar(0, spontaneous_factor=5e-3))
    assert not fit.scale
    assert fit.spontaneous_factor.value == pytest.approx(3.5e-3, rel=0.02)
    assert fit.free == 3


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: d.isel(current_ua=slice(0, 5)), "5 currents; at least 8"),
        (lambda d: d.assign(output=d.output.where(d.current_ua != 20.0)), "NaN at 20 uA"),
        (lambda d: d.assign(output=d.output - 0.02), "negative at 17.5 uA"),
        (lambda d: d.assign(output_std=0 * d.output_std), "positive standard error"),
        (lambda d: d.drop_vars("output_std"), "lack output_std"),
        (lambda d: d.drop_vars(["output", "output_std"]), "neither output nor linewidth_ghz"),
        (lambda d: d.sel(mode=["strong"]), "lacks the weak mode"),
        (lambda d: d.assign_coords(current_ua=np.round(d.current_ua)), "a current twice"),
        (lambda d: d.drop_vars("current_ua"), "lack the coordinate current_ua"),
    ],
)
def test_bad_curves_are_refused_in_one_sentence(curves, spoil, words):
    with pytest.raises(ValueError, match=words):
        fit_emission(spoil(curves), pillar(0))


def test_a_scale_must_be_positive(curves):
    with pytest.raises(ValueError, match="scale is -1"):
        fit_emission(curves, pillar(0), scale=-1)


@pytest.mark.parametrize(("first", "last"), [(21.0, 31.0), (14.0, 19.0)])
def test_curves_on_one_side_of_threshold_are_refused(first, last):
    currents = np.linspace(first, last, 9)
    photons = emission_curves(pillar(0), currents, linewidths=False)["photon_number"].values
    data = dataset(currents, output=photons, output_std=0.03 * photons)
    with pytest.raises(ValueError, match="No threshold in range"):
        fit_emission(data, pillar(0), scale=1.0)
