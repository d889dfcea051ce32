import numpy as np
import pytest
from scipy.optimize import brentq

from instruments.twin import TwinSettings, draw_truth
from instruments.twin._streams import stream
from instruments.twin.optics import (
    Etalon,
    HalfWavePlate,
    Ramp,
    airy_transmission,
    alignment,
    analyser_shares,
    path_transmission,
)


@pytest.mark.parametrize("finesse", [20.0, 200.0])
def test_the_full_width_at_half_maximum_is_the_spectral_range_over_the_finesse(finesse):
    half = brentq(lambda orders: airy_transmission(np.array(orders), finesse) - 0.5, 0, 0.5)
    assert 2 * half == pytest.approx(1 / finesse, rel=1e-9)


@pytest.mark.parametrize("finesse", [20.0, 200.0])
def test_the_mean_transmission_over_one_order_is_that_of_the_airy_function(finesse):
    orders = np.arange(200_000) / 200_000
    coefficient = 1 / np.sin(np.pi / (2 * finesse)) ** 2
    assert airy_transmission(orders, finesse).mean() == pytest.approx(1 / np.sqrt(1 + coefficient), rel=1e-9)


def test_all_orders_transmit_alike():
    orders = np.linspace(-0.5, 0.5, 101)
    np.testing.assert_allclose(
        airy_transmission(orders, 200.0), airy_transmission(orders + 3, 200.0), rtol=1e-7
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_default_ramp_spans_more_than_four_orders_with_a_few_per_cent_of_curvature(seed):
    truth = draw_truth(TwinSettings(seed=seed))
    ramp = Ramp("TRIANGLE", 50.0, 0.9, 0.0, on=True)
    time_s = np.linspace(0, 0.01, 1001)
    orders = Etalon(truth, stream(seed)).frequency_ghz(ramp.voltage_v(time_s)) / truth.free_spectral_range_ghz
    assert 4.2 < np.ptp(orders) < 5.0
    assert np.all(np.diff(orders) > 0)
    slope = np.gradient(orders, time_s)
    assert 1.03 < slope[5] / slope[500] < 1.15


def test_the_sync_pulse_marks_the_minimum_of_the_triangle():
    ramp = Ramp("TRIANGLE", 50.0, 0.5, 0.2, on=True)
    np.testing.assert_allclose(
        ramp.voltage_v(np.array([0.0, 0.005, 0.01, 0.015, 0.02])), [-0.3, 0.2, 0.7, 0.2, -0.3], atol=1e-12
    )


def test_a_stopped_ramp_leaves_the_piezo_at_rest():
    assert np.all(Ramp("TRIANGLE", 50.0, 0.5, 0.2, on=False).voltage_v(np.linspace(0, 1, 7)) == 0)


@pytest.mark.parametrize(("angle_deg", "expected"), [(3.0, 1.0), (25.5, 0.5), (48.0, 1e-4)])
def test_the_coupling_path_follows_malus_law_down_to_its_leakage(angle_deg, expected):
    assert path_transmission(angle_deg, zero_deg=3.0) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("angle_deg", "strong", "weak"),
    [(0.0, 1.0, 0.0), (45.0, 0.0, 1.0), (11.25, 0.8536, 0.1464), (90.0, 1.0, 0.0)],
)
def test_an_analyser_divides_the_modes_by_malus_law_down_to_its_leakage(angle_deg, strong, weak):
    shares = analyser_shares(angle_deg)
    assert shares == pytest.approx((strong, weak), abs=1.1e-3)
    assert min(shares) >= 0.999e-3
    assert sum(shares) == pytest.approx(1.001)


def test_a_sample_off_the_axis_by_two_micrometres_couples_a_factor_e_less():
    assert alignment((0.0, 0.0)) == 1.0
    assert alignment((1.2, -1.6)) == pytest.approx(np.exp(-1))


def test_the_plate_turns_at_constant_speed():
    plate = HalfWavePlate()
    plate.move(90.0, now_s=10.0, travel_s=2.0)
    assert [plate.angle_deg(t) for t in (10.0, 11.0, 12.0, 99.0)] == [0.0, 45.0, 90.0, 90.0]


def test_the_drift_of_the_mirrors_is_a_random_walk_of_at_most_a_few_megahertz_per_second():
    truth = draw_truth(TwinSettings(seed=1))
    ends = []
    for seed in range(400):
        etalon = Etalon(truth, stream(seed))
        for _ in range(10):
            etalon.drift(0.1)
        ends.append(etalon.offset_ghz - truth.etalon_start_ghz)
    spread = truth.etalon_drift_ghz_per_sqrt_s
    assert np.std(ends) == pytest.approx(spread, rel=4 / np.sqrt(2 * 400))
    assert spread <= 0.001
