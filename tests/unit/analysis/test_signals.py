"""Voltages of analog detectors, reduced like photon counts."""

import numpy as np
import pytest
import xarray as xr

from analysis import fit_line, fit_locking, live_detuning, reduce_map
from analysis._signals import noise_law, read_signals

FSR, FINESSE = 15.0, 200.0
VOLT_PER_COUNT, FLOOR_V, DARK_V, ACQUISITIONS = 2e-3, 8e-3, -0.03, 8


def as_voltages(counts, rng, floor_v=FLOOR_V, per_count=VOLT_PER_COUNT):
    """Turn expected counts into averages of a few noisy acquisitions; shot noise per count, and a floor."""
    std = np.sqrt(ACQUISITIONS * (counts * per_count**2 + floor_v**2))
    single = DARK_V + per_count * counts + std * rng.standard_normal((ACQUISITIONS, *counts.shape))
    error = single.std(axis=0, ddof=1) / np.sqrt(ACQUISITIONS)
    return single.mean(axis=0).astype(np.float32), error.astype(np.float32)


def analog(bench, seed, centre=1.3, width=0.14, peak=150.0, **noise):
    expected = bench.expected(centre, width, peak, 0.0)[None, None]
    voltage, error = as_voltages(expected, np.random.default_rng(seed), **noise)
    dims = ("step", "pillar", "bin")
    return xr.Dataset({"voltage": (dims, voltage), "voltage_std": (dims, error)})


@pytest.mark.parametrize("seed", [0, 1])
def test_the_noise_law_of_a_detector_is_found_from_the_scatter_of_its_acquisitions(bench, seed):
    data = analog(bench, seed)
    signal = data["voltage"].values - DARK_V
    constant, slope = noise_law(signal, data["voltage_std"].values)
    # 4096 variances of 7 degrees of freedom; about 100 bins are bright enough to tell the slope
    # (4 % of standard error); wings too weak to tell from the dark count as dark (6 % to either side)
    assert constant == pytest.approx(FLOOR_V**2, rel=4 * np.sqrt(2 / 7 / 4096) + 0.06)
    assert slope == pytest.approx(VOLT_PER_COUNT, rel=4 * 0.04 + 0.06)


def test_a_detector_without_visible_shot_noise_has_a_constant_noise(bench):
    data = analog(bench, 2, per_count=1e-6, peak=3e4)
    constant, slope = noise_law(data["voltage"].values - DARK_V, data["voltage_std"].values)
    assert constant == pytest.approx(FLOOR_V**2, rel=0.04)
    assert slope == 0.0


@pytest.mark.parametrize(
    "noise", [{}, {"floor_v": 0.02}, {"floor_v": 1e-4}, {"per_count": 1e-6, "peak": 3e5}]
)
def test_errors_of_lines_in_voltages_cover_the_truth_over_many_seeds(bench, noise):
    pulls, deviance = [], []
    for seed in range(40):
        signals = read_signals(analog(bench, seed, **noise))
        fit = fit_line(bench.frequency_ghz, signals.counts[0, 0], FSR, FINESSE)
        assert fit.converged
        std = np.sqrt(np.diag(fit.covariance)[:2])
        pulls.append(np.array([fit.centre_ghz - 1.3, fit.width_ghz - 0.14]) / std)
        deviance.append(fit.reduced_deviance)
    n = len(pulls)
    cautious = noise.get("floor_v") == 1e-4  # a floor of less than three photons is taken for three
    np.testing.assert_allclose(np.mean(pulls, axis=0), 0.0, atol=3.5 / np.sqrt(n))
    np.testing.assert_allclose(np.std(pulls, axis=0), 1.0, atol=3.5 / np.sqrt(2 * n))
    np.testing.assert_allclose(np.mean(deviance), 0.5 if cautious else 1.0, atol=0.05)


def test_equivalent_counts_turn_back_into_the_voltages_they_stand_for(bench):
    data = analog(bench, 3)
    signals = read_signals(data)
    voltage = (signals.counts - signals.zero[:, :, None]) * signals.per_count[:, :, None]
    np.testing.assert_allclose(voltage, data["voltage"].values, atol=1e-6)
    assert signals.unit == "V"


def analog_scan(scan, bench, seed):
    """Give a scan of counts to analog detectors; the counts' own noise is the shot noise."""
    rng, out = np.random.default_rng(seed), scan.drop_vars(["counts", "counts_free"])
    for suffix in ("", "_free"):
        counts = scan[f"counts{suffix}"]
        noise = FLOOR_V * rng.standard_normal(counts.shape)
        variance = VOLT_PER_COUNT**2 * counts.values + FLOOR_V**2
        degrees = ACQUISITIONS - 1
        error = np.sqrt(variance * rng.chisquare(degrees, counts.shape) / degrees)
        voltage = DARK_V + VOLT_PER_COUNT * counts.values + noise
        out[f"voltage{suffix}"] = counts.dims, voltage.astype(np.float32), {"units": "V"}
        out[f"voltage{suffix}_std"] = counts.dims, error.astype(np.float32), {"units": "V"}
    return out


def test_a_scan_of_voltages_gives_the_centres_of_the_same_scan_of_counts(make_scan, bench):
    scan = make_scan(11, nu=np.linspace(-2, 2, 15))
    counted, analog_ = reduce_map(scan), reduce_map(analog_scan(scan, bench, 1))
    nu = scan.attrs["true_detuning_ghz"]
    np.testing.assert_allclose(analog_["detuning_ghz"], nu, atol=0.012)
    # the electronic noise comes on top of the photons' and is part of the stated error
    pull = (analog_["centre_ghz"] - counted["centre_ghz"]) / analog_["centre_std_ghz"]
    assert float(np.abs(pull).max()) < 3.5
    assert 1.0 < float((analog_["centre_std_ghz"] / counted["centre_std_ghz"]).median()) < 2.0
    ratio = analog_["line_rate"] / counted["line_rate"]
    instrument, dwell = np.pi / 2 * FSR / FINESSE, 2.5 / bench.bins
    np.testing.assert_allclose(ratio.median("step"), VOLT_PER_COUNT * dwell, rtol=0.03)
    assert analog_["line_rate"].attrs["units"] == "V"
    assert float(analog_["background"].median()) == pytest.approx(
        (DARK_V + 0.5 * VOLT_PER_COUNT) / instrument, rel=0.05
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_locking_range_and_slopes_from_voltages_agree_with_the_truth(make_scan, bench, seed):
    scan = make_scan(seed, nu=np.linspace(-1.6, 1.6, 25))
    fit = fit_locking(reduce_map(analog_scan(scan, bench, seed)))
    assert fit.status == "ok"
    assert abs(fit.locking_range_ghz.value - 0.8) < 3 * fit.locking_range_ghz.std + 0.004
    assert abs(fit.slope_p1.value - 0.3) < 4 * fit.slope_p1.std
    assert abs(fit.slope_p2.value - 0.3) < 4 * fit.slope_p2.std
    assert fit.slope_p1.std < 0.05


def test_the_live_estimate_takes_voltages_too(make_scan, bench):
    scan = analog_scan(make_scan(12, nu=np.linspace(-1, 1, 3)), bench, 2)
    live = live_detuning(scan.isel(step=2))
    assert live.detuning_ghz.value == pytest.approx(scan.attrs["true_detuning_ghz"][2], abs=0.012)


def test_voltages_without_their_errors_are_refused(make_scan, bench):
    scan = analog_scan(make_scan(13, nu=np.linspace(-1, 1, 3)), bench, 3)
    with pytest.raises(ValueError, match="lacks counts_free, or voltage_free_std"):
        reduce_map(scan.drop_vars("voltage_free_std"))
    scan["voltage_std"][:] = 0.0
    with pytest.raises(ValueError, match="standard errors"):
        reduce_map(scan)
