"""Loss of locking with tunnelling at equal drive phases: what the figures come with."""

import numpy as np
import pytest

from tests.statements.nanolaser_dimer_phases import figure_4, loss_fit

pytestmark = pytest.mark.xdist_group("Phases and loss of locking")  # whose statements solve the same


def test_where_no_angle_is_at_rest_there_is_none():
    angle = figure_4().noiseless_angle
    assert np.isnan(angle.sel(tunnelling=[1.0, 2.0])).all()
    assert float(angle.sel(tunnelling=0.5)) == pytest.approx(np.pi / 6)


def test_figures_come_with_their_convergence():
    for found in (figure_4(), loss_fit()):
        assert 0 < found.attrs["edge_weight"] < 1e-4
        assert found.attrs["residual"] < 1e-4
    assert loss_fit().logarithmic_fit.values == pytest.approx(loss_fit().loss.values, rel=1e-3)
