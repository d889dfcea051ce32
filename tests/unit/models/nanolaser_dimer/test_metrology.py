"""Sensitivity and phase uncertainty of two nanolasers: the statements on Fig. 7 and Eqs. 36-38."""

import math
from dataclasses import replace

import numpy as np
import pytest

from models.nanolaser_dimer import (
    Dimer,
    figure_7,
    phase_uncertainty,
    predicted_sensitivity,
    sensitivity,
    solve_gutzwiller,
)
from models.numerics import TruncationError
from models.validity import ValidityWarning

pytestmark = pytest.mark.filterwarnings("ignore::models.validity.ValidityWarning")


def fig_7(pump, gamma=1000.0):
    return Dimer(pump, gamma, 0.3, 0.01)


# measured abs(slope) at gamma = 1000; each to the digits given
SLOPES = [
    *(("cubic", p, s) for p, s in ((1, 4.5), (1.1, 7.1), (1.2, 7.0), (1.4, 6.2), (2, 4.2), (3, 2.6))),
    *(("eliminated", p, s) for p, s in ((1, 4.5), (1.1, 7.2), (1.2, 7.1), (1.4, 6.3))),
    *(("full", p, s) for p, s in ((1, 5.1), (1.1, 8.4), (2, 8.9))),
]


@pytest.mark.parametrize(("model", "pump", "slope"), SLOPES)
def test_slope_of_the_imbalance_by_single_laser_model(model, pump, slope):
    point = sensitivity(fig_7(pump), single_site_model=model)
    assert float(point.sensitivity) == pytest.approx(-slope, abs=0.06)
    assert point.single_site_model == model


@pytest.mark.parametrize(("pump", "slope"), [(1, 10), (1.1, 9.1), (1.2, 8.3), (1.4, 7.1), (2, 5), (3, 3.3)])
def test_predicted_slope_falls_as_one_over_the_pump_parameter(pump, slope):
    assert predicted_sensitivity(fig_7(pump)) == pytest.approx(-slope, abs=0.05)


def test_at_gamma_200_the_cubic_model_stays_at_three_quarters_of_the_prediction():
    curve = figure_7(np.arange(0.8, 3.01, 0.1), [200.0], ["cubic"])
    ratio = (curve.sensitivity[0] / curve.prediction).max()
    assert float(ratio) == pytest.approx(0.75, abs=0.015)
    # below threshold the slope collapses while the prediction grows
    assert abs(float(curve.sensitivity[0, 0, 0])) < 0.2 * abs(float(curve.prediction[0, 0]))


def test_the_linear_response_is_the_slope_of_the_solved_product_state():
    dimer = Dimer(1.1, 1000.0, 0.3, 0.02)
    shifted = replace(dimer, phase_1_rad=-5e-4, phase_2_rad=5e-4)
    solved = float(solve_gutzwiller(shifted, single_site_model="cubic").imbalance) / 1e-3
    assert float(sensitivity(dimer, single_site_model="cubic").sensitivity) == pytest.approx(solved, rel=1e-3)


def test_the_self_consistent_equation_is_as_sensitive_as_the_cubic_product_state():
    found = sensitivity(fig_7(1.2), level="self-consistent")
    product = sensitivity(fig_7(1.2), single_site_model="cubic")
    assert float(found.sensitivity) == pytest.approx(float(product.sensitivity), rel=0.01)
    assert float(found.phase_uncertainty) == pytest.approx(float(product.phase_uncertainty), rel=0.01)


def test_where_the_eliminated_equation_has_no_state_there_is_no_point():
    with pytest.raises(TruncationError):
        sensitivity(fig_7(2.0, 200.0), single_site_model="eliminated")
    curve = figure_7([1.2, 2.0], [200.0], ["cubic", "eliminated"])
    assert np.isnan(curve.sensitivity.values).tolist() == [[[False, False]], [[False, True]]]
    assert curve.truncation_weight < 1e-8


# (estimate, C_p, gamma, t_c, phase uncertainty): Eq. 38, in quadrature, of the full laser
UNCERTAINTIES = [
    ("published", 1.1, 1000.0, 0.01, math.sqrt(2) * 1.1 * 100 / math.sqrt(1000)),
    ("quadrature", 1.1, 1000.0, 0.01, 1.1 * 100 / math.sqrt(1000)),
    ("full", 1.1, 1000.0, 0.01, 100 / math.sqrt(1000) * math.sqrt(1 - 1.5 * 0.1 / 1.21)),
    ("full", 2.0, 4000.0, 0.002, 500 / math.sqrt(4000) * math.sqrt(1 - 1.5 / 4)),
]


@pytest.mark.parametrize(("estimate", "pump", "gamma", "tunnelling", "value"), UNCERTAINTIES)
def test_phase_uncertainty_in_closed_form(estimate, pump, gamma, tunnelling, value):
    dimer = Dimer(pump, gamma, 0.3, tunnelling)
    assert phase_uncertainty(dimer, estimate) == pytest.approx(value, rel=1e-12)
    # as the root of the photon number, at fixed C_p and t_c
    assert phase_uncertainty(replace(dimer, gamma=4 * gamma), estimate) == pytest.approx(value / 2)


def test_no_phase_is_resolved_in_a_single_shot_at_the_published_parameters():
    solved = [sensitivity(fig_7(1.1), single_site_model=m).phase_uncertainty for m in ("full", "cubic")]
    closed = [phase_uncertainty(fig_7(1.1), estimate) for estimate in ("published", "quadrature", "full")]
    for value in (*solved, *closed):
        assert 2.9 < float(value) < 5


def test_what_has_no_meaning_is_refused_and_unlocked_phases_warned_of():
    with pytest.raises(ValueError, match="without drives there is no phase to tell"):
        sensitivity(Dimer(1.2, 1000.0, 0.0, 0.01))
    with pytest.raises(ValueError, match="level is 'langevin'; choose 'gutzwiller' or 'self-consistent'"):
        sensitivity(fig_7(1.2), level="langevin")
    with pytest.raises(ValueError, match="estimate is 'best'; choose one of published, quadrature, full"):
        phase_uncertainty(fig_7(1.2), "best")
    with pytest.raises(ValueError, match="C_p is 1; Eqs. 37 and 38 hold above threshold"):
        phase_uncertainty(fig_7(1.0))
    with pytest.warns(ValidityWarning, match="is 2.2. times abs"):
        phase_uncertainty(Dimer(1.1, 1000.0, 0.3, 0.1))
