"""Sensitivity and phase uncertainty of two nanolasers, beyond the statements on Fig. 7 and Eqs. 36-38."""

import numpy as np
import pytest

from models.nanolaser_dimer import (
    Dimer,
    figure_7,
    phase_uncertainty,
    sensitivity,
)
from models.numerics import TruncationError
from models.validity import ValidityWarning

pytestmark = pytest.mark.filterwarnings("ignore::models.validity.ValidityWarning")


def fig_7(pump, gamma=1000.0):
    return Dimer(pump, gamma, 0.3, 0.01)


def test_the_self_consistent_equation_is_as_sensitive_as_the_cubic_product_state():
    found = sensitivity(fig_7(1.2), level="self-consistent")
    product = sensitivity(fig_7(1.2), single_site_model="cubic")
    assert float(found.sensitivity) == pytest.approx(float(product.sensitivity), rel=0.01)
    assert (found.level, product.single_site_model) == ("self-consistent", "cubic")
    assert float(found.phase_uncertainty) == pytest.approx(float(product.phase_uncertainty), rel=0.01)


def test_where_the_eliminated_equation_has_no_state_there_is_no_point():
    with pytest.raises(TruncationError):
        sensitivity(fig_7(2.0, 200.0), single_site_model="eliminated")
    curve = figure_7([1.2, 2.0], [200.0], ["cubic", "eliminated"])
    assert np.isnan(curve.sensitivity.values).tolist() == [[[False, False]], [[False, True]]]
    assert curve.truncation_weight < 1e-8


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
