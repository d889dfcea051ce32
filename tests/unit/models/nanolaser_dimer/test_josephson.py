"""Josephson imbalance of two nanolasers: what Fig. 6 comes with, beyond its statements."""

import math

import pytest

from models.nanolaser_dimer import (
    figure_6,
    figure_6_dimer,
    imbalance,
    josephson_number,
)
from tests.statements.nanolaser_dimer_josephson import figure_6_curves

pytestmark = [
    pytest.mark.filterwarnings("ignore::models.validity.ValidityWarning"),
    pytest.mark.xdist_group("Josephson imbalance"),  # with the statements, which solve the same curves
]


def test_figure_6_says_what_it_assumes_and_where_locking_ends():
    curves = figure_6_curves()
    assert "C_p = 1.1 is an assumption" in curves.assumption
    assert curves.locking_limit == pytest.approx(0.0238, abs=1e-4)
    assert (curves.imbalance[:, 1:] < 0).all()
    assert float(curves.weak_tunnelling[2]) == pytest.approx(-0.018 * 3182, rel=1e-3)
    # tunnelling takes from laser 1 while the imbalance grows
    assert (curves.current[:, 1:3] < 0).all()
    assert (curves.imbalance_error.sel(level="langevin") > 0).all()


def test_after_the_peak_the_product_state_drops_faster_than_the_phases_own_equation():
    curves = figure_6_curves()
    left = curves.imbalance[:, -1] / curves.imbalance.min("tunnelling")
    assert float(left.sel(level="gutzwiller cubic")) < 0.5 * float(left.sel(level="self-consistent"))


def test_unknown_levels_are_named():
    with pytest.raises(ValueError, match="level is 'exact'; choose one of self-consistent, langevin"):
        imbalance(figure_6_dimer(), [0.01], "exact")
    with pytest.raises(ValueError, match="relaxation is 'fast'"):
        josephson_number(figure_6_dimer(), "fast")
    assert math.isnan(figure_6([0.0], ["langevin"]).residual)
