"""Loss of locking with tunnelling at equal drive phases: published and derived numbers, with tolerances."""

import math

import numpy as np
import pytest

from models.nanolaser_dimer import (
    PhasePair,
    finite_size_loss,
    locking_transition,
    loss_exponent,
    noiseless_phase,
    phase_averages,
    relaxation_gap,
)

TUNNELLINGS = (0.0, 0.5, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0, 3.0)


@pytest.fixture(scope="module")
def figure_4():
    return locking_transition(TUNNELLINGS, tolerance=1e-4)


# quantity, noise, tunnelling, number, tolerance
@pytest.mark.parametrize(
    ("quantity", "diffusion", "tunnelling", "number", "tolerance"),
    [
        ("coherence", 0.005, 0.0, 0.99, 0.006),
        ("coherence", 0.005, 0.5, 0.99, 0.006),
        ("coherence", 0.005, 0.9, 0.99, 0.006),
        ("coherence", 0.005, 1.0, 0.96, 0.005),
        ("coherence", 0.005, 1.1, 0.68, 0.006),
        ("coherence", 0.005, 2.0, 0.17, 0.005),
        ("coherence", 0.2, 0.0, 0.80, 0.005),
        ("coherence", 0.2, 1.0, 0.61, 0.005),
        ("coherence", 0.2, 2.0, 0.17, 0.005),
        ("cosine", 0.005, 1.0, 0.17, 0.006),
        ("cosine", 0.005, 1.1, 0.03, 0.005),
        ("sine", 0.005, 1.0, 0.96, 0.006),
        ("sine", 0.005, 2.0, 0.41, 0.005),
        ("correlation", 0.005, 2.0, 0.49, 0.005),
        # what the coherence above the transition tends to as the noise vanishes
        ("coherence", 0.005, 1.2, 0.51, 0.015),
        ("coherence", 0.005, 1.5, 0.30, 0.005),
        ("coherence", 0.005, 2.0, 0.167, 0.001),
        ("coherence", 0.005, 3.0, 0.078, 0.001),
    ],
)
def test_coherence_phases_and_correlation_over_the_transition(
    figure_4, quantity, diffusion, tunnelling, number, tolerance
):
    found = float(figure_4[quantity].sel(diffusion=diffusion, tunnelling=tunnelling))
    assert found == pytest.approx(number, abs=tolerance)


def test_lasers_correlate_more_with_each_other_than_with_the_drive(figure_4):
    assert (figure_4.correlation >= figure_4.coherence - 1e-9).all()


def test_below_the_transition_the_phases_follow_their_noiseless_angle(figure_4):
    here = figure_4.sel(diffusion=0.005, tunnelling=[0.0, 0.5])
    assert noiseless_phase(0.5) == pytest.approx(math.pi / 6)
    assert np.arctan2(here.sine, here.cosine).values == pytest.approx(here.noiseless_angle.values, abs=3e-3)
    assert np.isnan(figure_4.noiseless_angle.sel(tunnelling=[1.0, 2.0])).all()


@pytest.mark.parametrize(
    ("tunnelling", "number", "tolerance"),
    [(5, 0.29, 0.005), (10, 0.19, 0.005), (20, 0.12, 0.005), (100, 0.036, 0.0005)],
)
def test_correlation_between_the_lasers_fades_slowly_at_fixed_noise(tunnelling, number, tolerance):
    found = phase_averages(PhasePair.equal(0.1, tunnelling), tolerance=1e-6)
    assert abs(found.correlator) == pytest.approx(number, abs=tolerance)


@pytest.mark.parametrize("tunnelling", [0.3, 0.6])
def test_relaxation_slows_down_towards_the_transition(tunnelling):
    gap = relaxation_gap(PhasePair.equal(0.01, tunnelling), tolerance=1e-3)
    assert gap == pytest.approx(math.sqrt(1 - tunnelling**2), abs=0.01)


def test_relaxation_at_and_above_the_transition_is_the_slower_the_less_noise():
    """As D^(1/3) at t_c = e; as D above, with corrections of higher order."""
    at, above = (
        [relaxation_gap(PhasePair.equal(d, t), tolerance=1e-3) for d in (0.01, 0.02)] for t in (1.0, 1.5)
    )
    assert math.log2(at[1] / at[0]) == pytest.approx(1 / 3, abs=0.05)
    assert math.log2(above[1] / above[0]) == pytest.approx(1, abs=0.2)


@pytest.fixture(scope="module")
def losses():
    return finite_size_loss(np.geomspace(0.001, 0.2, 9))


@pytest.mark.parametrize(
    ("least", "largest", "number", "tolerance"), [(0.005, 0.2, 0.61, 0.005), (0.001, 0.05, 0.622, 0.003)]
)
def test_effective_finite_size_exponent_depends_on_the_range(losses, least, largest, number, tolerance):
    within = losses.sel(diffusion=slice(0.95 * least, 1.05 * largest))
    found = loss_exponent(within.diffusion.values, within.loss.values)
    assert found == pytest.approx(number, abs=tolerance)


def test_loss_at_the_transition_has_a_logarithm():
    """1 - C = D^(2/3) [a ln(1/D) + b] with a = 0.053, b = 1.14 for D <= 0.005."""
    fit = finite_size_loss([0.001, 0.002, 0.005])
    for d, loss in zip(fit.diffusion.values, fit.loss.values, strict=True):
        assert loss == pytest.approx(d ** (2 / 3) * (0.053 * math.log(1 / d) + 1.14), rel=4e-3)
    assert fit.attrs["logarithm_a"] == pytest.approx(0.053, abs=0.005)
    assert fit.attrs["constant_b"] == pytest.approx(1.14, abs=0.04)
    assert fit.attrs["logarithmic_misfit"] < 1e-3
    assert fit.attrs["residual"] < 1e-4
