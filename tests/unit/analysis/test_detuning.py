"""Reduction of synthetic scans with known centres."""

import numpy as np
import pytest

from analysis import CalibrationError, live_detuning, reduce_map


def truth(scan, half_range=0.4, slope=0.3):
    nu = scan.attrs["true_detuning_ghz"]
    apart = np.sign(nu) * np.sqrt(np.maximum(nu**2 - half_range**2, 0.0))
    first = slope * (nu - apart)
    return nu, np.stack([first, first + apart], axis=1)


@pytest.mark.parametrize("seed", [0, 1])
def test_map_recovers_detuning_and_centres_within_honest_errors(make_scan, seed):
    scan = make_scan(seed)
    reduced = reduce_map(scan)
    nu, centres = truth(scan)
    np.testing.assert_allclose(reduced["detuning_ghz"], nu, atol=0.008)
    # drift of 3 MHz between the recordings is the dominant error and must be in the standard errors
    pull = (reduced["centre_ghz"].values - centres) / reduced["centre_std_ghz"].values
    assert np.all(np.abs(pull.mean(axis=0)) < 0.6)
    assert np.all((pull.std(axis=0) > 0.45) & (pull.std(axis=0) < 1.45))
    beat_pull = (reduced["beat_ghz"].values - (centres[:, 1] - centres[:, 0])) / reduced[
        "beat_std_ghz"
    ].values
    assert 0.25 < beat_pull.std() < 1.4
    np.testing.assert_allclose(reduced["width_ghz"].mean("step"), [0.10, 0.14], atol=0.004)
    assert reduced.attrs["tuning_rate_ghz_per_k"] == pytest.approx(-6.0, abs=0.02)


def test_nominal_detuning_improves_on_single_steps_at_low_counts(make_scan):
    scan = make_scan(2, peak=15.0, temperature_noise_k=0.0)
    reduced = reduce_map(scan)
    nu, _ = truth(scan)
    single = (reduced["detuning_measured_ghz"].values - nu).std()
    assert (reduced["detuning_ghz"].values - nu).std() < 0.75 * single


def test_drift_enlarges_errors_of_centres_but_hardly_of_the_beat(make_scan):
    calm, drifting = (reduce_map(make_scan(5, drift_ghz=d)) for d in (0.0, 0.02))
    assert drifting["centre_std_ghz"].median() > 3 * calm["centre_std_ghz"].median()
    assert drifting["beat_std_ghz"].median() < 2.5 * calm["beat_std_ghz"].median()


def test_detunings_beyond_half_an_order_are_joined_by_continuity(make_scan):
    nu = np.linspace(-2.0, 9.0, 45)
    reduced = reduce_map(make_scan(3, nu=nu))
    np.testing.assert_allclose(reduced["detuning_ghz"], nu, atol=0.03)
    np.testing.assert_allclose(reduced["centre_ghz"][-1, 1], nu[-1], atol=0.05)


def test_steps_may_come_in_any_order(make_scan):
    nu = np.linspace(-3, 3, 41)[np.random.default_rng(1).permutation(41)]
    scan = make_scan(4, nu=nu)
    reduced = reduce_map(scan)
    np.testing.assert_allclose(reduced["detuning_ghz"], scan.attrs["true_detuning_ghz"], atol=0.01)


def test_a_dark_step_is_nan_and_the_rest_unharmed(make_scan):
    scan = make_scan(6)
    scan["counts"][10] = 0
    reduced = reduce_map(scan)
    assert np.isnan(reduced["centre_ghz"][10]).all()
    assert np.isfinite(np.delete(reduced["centre_ghz"].values, 10, axis=0)).all()


def test_a_missing_reference_takes_the_detuning_from_the_temperature(make_scan):
    scan = make_scan(7)
    scan["counts_free"][20, 1] = 0
    reduced = reduce_map(scan)
    assert float(reduced["detuning_ghz"][20]) == pytest.approx(scan.attrs["true_detuning_ghz"][20], abs=0.015)


def test_spectra_are_photons_per_second_and_ghz(make_scan):
    scan = make_scan(8)
    reduced = reduce_map(scan)
    step = 2  # far from resonance
    cell = float(reduced["frequency_ghz"].diff("frequency_ghz")[0])
    above = reduced["spectrum"][step, 0] - reduced["background"][step, 0]
    # 4096 bins in the up-ramp, 2.5 s of it; 150 counts on a peak 0.175 GHz wide, instrument 0.075 GHz
    expected = 150 * (np.pi / 2 * 0.175) / (2.5 / 4096) / (np.pi / 2 * 0.075)
    assert float(reduced["line_rate"][step, 0]) == pytest.approx(expected, rel=0.03)
    assert float(above.sum()) * cell == pytest.approx(expected, rel=0.06)


def test_all_dark_scan_cannot_be_calibrated(make_scan):
    scan = make_scan(0, nu=np.linspace(-1, 1, 5))
    scan["counts_free"][:] = 0
    with pytest.raises(CalibrationError, match="No line"):
        reduce_map(scan)


def test_scan_without_finesse_is_refused_by_name(make_scan):
    scan = make_scan(0, nu=np.linspace(-1, 1, 5))
    del scan.attrs["finesse"]
    with pytest.raises(ValueError, match="attribute finesse"):
        reduce_map(scan)


def test_live_detuning_of_single_steps(make_scan):
    scan = make_scan(9)
    nu, centres = truth(scan)
    for step in (0, 20, 40):
        live = live_detuning(scan.isel(step=[step]))
        assert live.reason == ""
        assert live.detuning_ghz.value == pytest.approx(nu[step], abs=5 * live.detuning_ghz.std + 0.003)
        assert live.centre_2_ghz.value == pytest.approx(centres[step, 1], abs=0.02)
        assert live.centre_1_ghz.value == pytest.approx(centres[step, 0], abs=0.02)
    assert live.as_dict()["detuning_ghz"] == live.detuning_ghz.value


def test_live_detuning_says_why_it_has_no_answer(make_scan):
    step = make_scan(10, nu=np.linspace(-1, 1, 3)).isel(step=1)
    dark = step.copy(deep=True)
    dark["counts_free"][1] = 0
    assert "P2" in live_detuning(dark).reason
    lost = step.copy(deep=True)
    lost["counts"][0] = 0
    live = live_detuning(lost)
    assert "coupled line of P1" in live.reason
    assert not live.centre_1_ghz
    assert live.centre_2_ghz
    nothing = step.copy(deep=True)
    nothing["counts_free"][:] = 0
    row = live_detuning(nothing).as_dict()
    assert row["detuning_ghz"] is None
    assert "No line" in str(row["reason"])
