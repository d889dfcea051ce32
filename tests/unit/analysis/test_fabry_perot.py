"""Frequency axis and line fits against spectra summed explicitly over orders."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import CalibrationError, NoLineError, calibrate, fit_line

FSR, FINESSE = 15.0, 200.0


def draw(bench, seed, centres=(0.0, 1.3), widths=(0.10, 0.14), peak=150.0, background=0.5):
    rng = np.random.default_rng(seed)
    lines = zip(centres, widths, strict=True)
    return rng.poisson([bench.expected(c, w, peak, background) for c, w in lines])


@pytest.mark.parametrize("peak", [150.0, 15.0])
def test_line_fit_errors_cover_the_truth_over_many_seeds(bench, peak):
    pulls, deviance = [], []
    for seed in range(60):
        counts = draw(bench, seed, centres=(1.3,), widths=(0.14,), peak=peak)[0]
        fit = fit_line(bench.frequency_ghz, counts, FSR, FINESSE)
        assert fit.converged
        pulls.append(
            [(fit.centre_ghz - 1.3) / fit.centre_std_ghz, (fit.width_ghz - 0.14) / fit.width_std_ghz]
        )
        deviance.append(fit.reduced_deviance)
    n = len(pulls)
    np.testing.assert_allclose(np.mean(pulls, axis=0), 0.0, atol=3.5 / np.sqrt(n))
    np.testing.assert_allclose(np.std(pulls, axis=0), 1.0, atol=3.5 / np.sqrt(2 * n))
    np.testing.assert_allclose(np.mean(deviance), 1.0, atol=0.03)


def test_line_fit_reports_area_and_background_per_bin(bench):
    counts = bench.expected(-2.0, 0.10, 200.0, 1.0)
    fit = fit_line(bench.frequency_ghz, counts, FSR, FINESSE)
    assert fit.area == pytest.approx(200.0 * np.pi / 2 * 0.175, rel=1e-3)
    assert fit.background == pytest.approx(1.0, abs=0.02)
    assert fit.width_ghz == pytest.approx(0.10, abs=1e-4)


def test_a_structured_line_shows_in_the_deviance_and_enlarges_the_error(bench):
    rng = np.random.default_rng(3)
    single = rng.poisson(bench.expected(0.0, 0.1, 150.0, 0.5))
    double = rng.poisson(bench.expected(0.0, 0.05, 100.0, 0.5) + bench.expected(0.2, 0.05, 80.0, 0.0))
    plain, structured = (fit_line(bench.frequency_ghz, n, FSR, FINESSE) for n in (single, double))
    assert plain.reduced_deviance < 1.2
    assert structured.reduced_deviance > 2.0
    assert structured.centre_std_ghz > 1.4 * np.sqrt(structured.covariance[0, 0])
    assert 0.0 < structured.centre_ghz < 0.2


def test_line_search_can_be_limited_to_a_neighbourhood(bench):
    counts = draw(bench, 0, centres=(0.0,), widths=(0.1,))[0]
    counts = counts + draw(bench, 1, centres=(3.0,), widths=(0.1,), peak=60.0)[0]
    fit = fit_line(bench.frequency_ghz, counts, FSR, FINESSE, near_ghz=2.8, within_ghz=0.5)
    assert fit.centre_ghz == pytest.approx(3.0, abs=4 * fit.centre_std_ghz)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("nonlinearity", [0.0, 0.05])
def test_calibration_removes_the_bend_of_the_piezo(bench, seed, nonlinearity):
    bench = replace(bench, nonlinearity=nonlinearity)
    axis = calibrate(draw(bench, seed), bench.ramp_time_ms, FSR, FINESSE)
    frequency = axis.frequency_ghz(bench.ramp_time_ms)
    expected = bench.frequency_ghz
    offset = (frequency - expected + FSR / 2) % FSR - FSR / 2
    inner = slice(200, -200)
    assert np.max(np.abs(offset[inner])) < 0.012
    assert axis.leave_one_out_ghz < 0.02
    assert axis.residual_rms_ghz <= axis.leave_one_out_ghz
    assert axis.peaks in (9, 10)
    assert axis.nonlinearity == pytest.approx(0.26 * nonlinearity, abs=0.003 + 0.1 * nonlinearity)


def test_many_steps_calibrate_together_although_every_line_moves(bench):
    rows = np.concatenate([draw(bench, s, centres=(0.01 * s, -2.0 + 0.4 * s)) for s in range(10)])
    axis = calibrate(rows.reshape(10, 2, -1), bench.ramp_time_ms, FSR, FINESSE)
    offset = (axis.frequency_ghz(bench.ramp_time_ms) - bench.frequency_ghz + FSR / 2) % FSR - FSR / 2
    assert np.ptp(offset) < 0.008
    assert axis.peaks > 85


def test_one_disturbed_ramp_among_many_is_left_out(bench):
    rows = np.concatenate([draw(bench, s, centres=(0.0, 0.4 * s)) for s in range(8)])
    rows[5] = np.roll(rows[5], 40) * (np.arange(bench.bins) < 2000) + rows[5] * (
        np.arange(bench.bins) >= 2000
    )
    axis = calibrate(rows, bench.ramp_time_ms, FSR, FINESSE)
    offset = (axis.frequency_ghz(bench.ramp_time_ms) - bench.frequency_ghz + FSR / 2) % FSR - FSR / 2
    assert axis.leave_one_out_ghz < 0.15
    assert np.ptp(offset) < 0.1


def test_calibration_refuses_a_disturbed_ramp(bench):
    rows = draw(bench, 0)
    jumped = np.where(np.arange(bench.bins) < 2000, np.roll(rows, 60, axis=1), rows)
    with pytest.raises(CalibrationError, match="left-out peak by"):
        calibrate(jumped, bench.ramp_time_ms, FSR, FINESSE)


def test_calibration_refuses_too_few_orders(bench):
    short = replace(bench, orders=1.9)
    with pytest.raises(CalibrationError, match="Too few orders|orders of a line"):
        calibrate(draw(short, 0), short.ramp_time_ms, FSR, FINESSE)


def test_calibration_refuses_darkness(bench):
    rng = np.random.default_rng(0)
    with pytest.raises(CalibrationError, match="No line"):
        calibrate(rng.poisson(0.5, (2, bench.bins)), bench.ramp_time_ms, FSR, FINESSE)
    with pytest.raises(CalibrationError, match="No line"):
        calibrate(np.zeros((2, bench.bins)), bench.ramp_time_ms, FSR, FINESSE)


def test_line_fit_refuses_darkness_for_nearly_every_seed(bench):
    refused = 0
    for seed in range(40):
        try:
            fit_line(bench.frequency_ghz, np.random.default_rng(seed).poisson(0.5, bench.bins), FSR, FINESSE)
        except NoLineError:
            refused += 1
    assert refused >= 39


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (-1.0, "negative")])
def test_impossible_counts_are_refused(bench, value, word):
    counts = draw(bench, 0).astype(float)
    counts[0, 7] = value
    with pytest.raises(ValueError, match=word):
        calibrate(counts, bench.ramp_time_ms, FSR, FINESSE)
    with pytest.raises(ValueError, match=word):
        fit_line(bench.frequency_ghz, counts[0], FSR, FINESSE)


def test_counts_that_do_not_match_the_ramp_are_refused(bench):
    with pytest.raises(ValueError, match="ramp positions"):
        calibrate(draw(bench, 0)[:, :-1], bench.ramp_time_ms, FSR, FINESSE)
