import numpy as np
import pytest
import xarray as xr
from scipy.integrate import quad
from scipy.special import erfc
from scipy.stats import norm

from analysis import Value
from analysis.correlation import g2
from analysis.correlation_fits import MODELS, PairResponse, fit_g2
from analysis.timetags import TagStream

AVALANCHE = PairResponse.gaussian(0.35, 0.35)
EDGES = np.arange(-40.0, 40.01, 0.2)
DELAY = (EDGES[1:] + EDGES[:-1]) / 2
TRUE = {
    "bunching": {"amplitude": 1.0, "time_ns": 1.2},
    "antibunching": {"amplitude": 0.8, "time_ns": 2.0},
    "switching": {
        "amplitude": -0.1,
        "rate_per_ns": 0.05,
        "thermal_amplitude": 0.3,
        "coherence_time_ns": 1.0,
    },
    "relaxation": {"amplitude": 0.2, "frequency_ghz": 0.7, "damping_time_ns": 3.0},
    "pulsed": {"period_ns": 12.5, "time_ns": 0.8, "central_ratio": 0.2, "contrast": 0.95},
    "delay-coupled": {
        "delay_ns": 4.2,
        "amplitude_plus": 0.15,
        "amplitude_minus": 0.1,
        "amplitude_zero": 0.02,
        "time_ns": 0.8,
        "damping": 0.4,
        "broadening": 0.5,
    },
    "revivals": {
        "delay_ns": 4.2,
        "amplitude": 0.8,
        "amplitude_revival": 0.08,
        "time_ns": 0.8,
        "damping": 0.4,
        "broadening": 0.5,
    },
}


def measured(model, true, seed, per_bin=4000.0, share=1.0):
    g = 1 + share * MODELS[model].excess(EDGES, true, AVALANCHE)
    expected = np.full((1, DELAY.size), per_bin)
    counts = np.random.default_rng(seed).poisson(1.01 * g * expected)
    return xr.Dataset(
        {"counts": (("pair", "delay"), counts), "expected": (("pair", "delay"), expected)},
        coords={"pair": ["1-2"], "delay": DELAY},
    )


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("model", TRUE)
def test_a_model_is_found_again_in_its_own_counts(model, seed):
    fit = fit_g2(measured(model, TRUE[model], seed), model, response=AVALANCHE)
    assert fit.converged
    assert fit.p_value > 1e-3
    pulls = [(fit.values[name].value - true) / fit.values[name].std for name, true in TRUE[model].items()]
    assert np.sum(np.square(pulls)) < 4 * len(pulls) + 8  # chance below 1e-3 for independent pulls
    assert abs(fit.values["plateau"].value - 1.01) < 4 * fit.values["plateau"].std


def test_errors_of_a_fit_are_the_scatter_of_many():
    pulls = []
    for seed in range(60):
        fit = fit_g2(measured("bunching", TRUE["bunching"], seed), "bunching", response=AVALANCHE)
        pulls.append([(fit.values[n].value - v) / fit.values[n].std for n, v in TRUE["bunching"].items()])
    # the standard deviation of 60 numbers is known to 1/sqrt(120) = 9 %
    np.testing.assert_allclose(np.std(pulls, axis=0), 1.0, atol=0.28)
    np.testing.assert_allclose(np.mean(pulls, axis=0), 0.0, atol=4 / np.sqrt(60))


@pytest.mark.parametrize("rate", [1.0, 5.0, 0.01, 0.5 + 5j, 80.0])
def test_smeared_and_bin_averaged_peaks_are_the_integrals_they_stand_for(rate):
    sigma, edges = 0.21, np.array([-1.0, -0.1, 0.0, 0.35, 3.0])

    def smeared(t):
        def product(s):
            return float(np.exp(-rate * abs(t - s)).real) * norm.pdf(s, scale=sigma)

        return quad(product, -8 * sigma, 8 * sigma, points=[t] if abs(t) < 8 * sigma else None, limit=200)[0]

    expected = [
        quad(smeared, a, b, epsabs=1e-8, limit=100)[0] / (b - a)
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    np.testing.assert_allclose(PairResponse(sigma_ns=sigma).peak(edges, rate), expected, atol=2e-7)


@pytest.mark.parametrize(("coherence_ns", "left"), [(1.0, 0.85), (0.2, 0.51)])
def test_two_avalanche_diodes_leave_of_a_peak_what_the_closed_form_says(coherence_ns, left):
    narrow = np.array([-1e-5, 1e-5])
    top = AVALANCHE.peak(narrow, 1 / coherence_ns)[0]
    s = AVALANCHE.sigma_ns / coherence_ns
    assert top == pytest.approx(np.exp(s**2 / 2) * erfc(s / np.sqrt(2)), rel=1e-5)
    assert top == pytest.approx(left, abs=0.005)


def test_a_measured_gaussian_response_smears_like_the_gaussian():
    delay = np.arange(-1.5, 1.51, 0.01)
    histogram = PairResponse.measured(delay + 0.7, 1e5 * norm.pdf(delay, scale=AVALANCHE.sigma_ns))
    np.testing.assert_allclose(histogram.peak(EDGES, 1 / 0.8), AVALANCHE.peak(EDGES, 1 / 0.8), atol=2e-4)


def test_without_the_response_a_short_peak_is_taken_for_a_lower_one():
    true = {"amplitude": 1.0, "time_ns": 0.6}
    correlation = measured("bunching", true, seed=3)
    sharp = fit_g2(correlation, "bunching").values["amplitude"].value
    right = fit_g2(correlation, "bunching", response=AVALANCHE).values["amplitude"]
    assert sharp < 0.87
    assert abs(right.value - 1.0) < 3.5 * right.std


def test_background_is_taken_out_and_its_error_is_propagated():
    correlation = measured("bunching", TRUE["bunching"], seed=4, share=0.5)
    sure = fit_g2(correlation, "bunching", response=AVALANCHE, signal_share=Value(0.5, 0.0))
    unsure = fit_g2(correlation, "bunching", response=AVALANCHE, signal_share=Value(0.5, 0.05))
    assert abs(sure.values["amplitude"].value - 1.0) < 3.5 * sure.values["amplitude"].std
    amplitude = sure.values["amplitude"]
    assert unsure.values["amplitude"].std == pytest.approx(np.hypot(amplitude.std, 0.1 * amplitude.value))


def test_a_model_that_is_wrong_is_called_so():
    fit = fit_g2(measured("delay-coupled", TRUE["delay-coupled"], seed=5), "bunching", response=AVALANCHE)
    assert fit.p_value < 1e-6
    assert fit.scatter > 1.3


def test_the_hole_of_the_dead_time_can_be_left_out():
    correlation = measured("bunching", {"amplitude": 0.5, "time_ns": 30.0}, seed=6)
    holed = correlation.copy(deep=True)
    holed["counts"].values[:, np.abs(DELAY) < 5.0] = 0
    fit = fit_g2(holed, "bunching", response=AVALANCHE, exclude_ns=5.0)
    assert np.abs(fit.delay_ns).min() >= 5.0
    assert abs(fit.values["amplitude"].value - 0.5) < 3.5 * fit.values["amplitude"].std
    assert fit.p_value > 1e-3


def test_a_held_parameter_is_not_fitted():
    held = {"time_ns": 1.2}
    fit = fit_g2(measured("bunching", TRUE["bunching"], 7), "bunching", response=AVALANCHE, held=held)
    assert fit.values["time_ns"] == Value(1.2, 0.0)
    assert fit.values["amplitude"].std > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "bunchin"}, "Unknown model 'bunchin'"),
        ({"pair": "1-3"}, "no pair '1-3'; there are 1-2"),
        ({"signal_share": Value(0.0, 0.1)}, "signal_share must lie above 0"),
        ({"held": {"tau": 1.0}}, "has no parameter 'tau'"),
        ({"exclude_ns": 39.5}, "too few to fit"),
    ],
)
def test_nonsense_is_refused_with_one_sentence(change, message):
    arguments = {"model": "bunching", **change}
    with pytest.raises(ValueError, match=message):
        fit_g2(measured("bunching", TRUE["bunching"], 8), **arguments)


def test_data_that_are_no_correlation_are_refused():
    with pytest.raises(ValueError, match="lacks counts, expected, pair"):
        fit_g2(xr.Dataset(coords={"delay": DELAY}), "bunching")


def test_a_fit_is_readable_by_people_and_by_programs():
    fit = fit_g2(measured("bunching", TRUE["bunching"], 9), "bunching", response=AVALANCHE)
    assert ("time (ns)", str(fit.values["time_ns"])) in fit.rows()
    numbers = fit.as_dict()
    assert numbers["covariance_names"] == ["plateau", "amplitude", "time_ns"]
    assert np.sqrt(numbers["covariance"][1][1]) == pytest.approx(numbers["parameters"]["amplitude"]["std"])


def switching_tags(seed, rate_per_ns=1 / 400, bright=4e-3, dim=0.5e-3, duration_ns=2e6):
    """Two channels that see two modes, one of them bright; either state lasts 400 ns on average."""
    rng = np.random.default_rng(seed)
    switches = np.cumsum(rng.exponential(1 / rate_per_ns, int(1.2 * duration_ns * rate_per_ns)))
    times, channels = [], []
    for channel in (1, 2):
        when = np.sort(rng.uniform(0, duration_ns, rng.poisson(bright * duration_ns)))
        first = np.searchsorted(switches, when) % 2 == 0
        kept = when[rng.uniform(size=when.size) < np.where(first == (channel == 1), 1.0, dim / bright)]
        times.append(kept)
        channels.append(np.full(kept.size, channel, np.int8))
    order = np.argsort(np.concatenate(times))
    picoseconds = (1000 * np.concatenate(times)[order]).astype(np.int64)
    return TagStream(picoseconds, np.concatenate(channels)[order], int(1000 * duration_ns))


def test_errors_from_blocks_cover_what_switching_adds_to_poisson_noise():
    held = {"thermal_amplitude": 0.0, "coherence_time_ns": 1.0}
    expected = {"amplitude": -((3.5 / 4.5) ** 2), "rate_per_ns": 2 / 400}
    pulls, too_small = [], []
    for seed in range(12):
        correlation = g2(switching_tags(seed), [(1, 2)], window_ns=2000.0, bin_ps=40_000)
        fit = fit_g2(correlation, "switching", held=held)
        poisson = fit_g2(correlation.drop_vars("block_counts"), "switching", held=held)
        assert (fit.errors, poisson.errors) == ("jackknife", "Poisson")
        pulls += [(fit.values[n].value - v) / fit.values[n].std for n, v in expected.items()]
        too_small.append(poisson.values["amplitude"].std / fit.values["amplitude"].std)
    assert np.mean(too_small) < 0.9
    assert np.std(pulls) == pytest.approx(1.0, abs=0.4)  # 24 pulls: 15 %


def test_an_autocorrelation_is_fitted_on_one_side_since_the_other_holds_the_same_pairs():
    correlation = g2(switching_tags(3), [(1, 1)], window_ns=2000.0, bin_ps=40_000)
    fit = fit_g2(correlation, "switching", held={"thermal_amplitude": 0.0, "coherence_time_ns": 1.0})
    assert fit.delay_ns.size == correlation.sizes["delay"] // 2
    assert fit.p_value > 1e-3
    assert abs(fit.values["rate_per_ns"].value - 2 / 400) < 4 * fit.values["rate_per_ns"].std
