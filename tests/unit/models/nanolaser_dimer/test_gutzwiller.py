"""Product state of two nanolasers: table, equations, and where plain iteration ends."""

import cmath
import math
from dataclasses import replace

import numpy as np
import pytest

from models.nanolaser_dimer import (
    Dimer,
    Nanolaser,
    figure_6_dimer,
    iterate_gutzwiller,
    single_site,
    solve_gutzwiller,
)
from models.nanolaser_dimer.radial import radial_moments
from models.numerics import ConvergenceError
from models.validity import ValidityWarning


@pytest.mark.parametrize(("pump", "gamma"), [(1.1, 3500.0), (2.0, 3500.0), (1.0, 1000.0), (1.4, 200.0)])
def test_a_table_of_fourteen_drives_is_enough(pump, gamma):
    table = single_site(Nanolaser(pump, gamma), 0.5, "cubic")
    for drive in np.geomspace(1e-4, 0.499, 23):
        exact = radial_moments(Nanolaser(pump, gamma, drive))
        found = table.moments(drive)
        assert found.amplitude == pytest.approx(exact.amplitude, abs=1e-5 * math.sqrt(exact.photons))
        assert found.photons == pytest.approx(exact.photons, abs=1e-4)
        assert found.variance == pytest.approx(exact.variance, rel=1e-5)


def test_each_laser_is_driven_by_the_mean_field_of_the_other():
    dimer = Dimer(1.1, 3500, 0.3, 0.02, 0.3, 1.9)
    state = solve_gutzwiller(dimer, single_site_model="cubic")
    for k, laser in enumerate(dimer.lasers):
        eps = laser.drive * cmath.exp(1j * laser.phase_rad)
        total = eps - dimer.tunnelling * complex(state.field[1 - k])
        alone = radial_moments(replace(laser, drive=abs(total)))
        assert complex(state.field[k]) == pytest.approx(-1j * total / abs(total) * alone.amplitude, abs=3e-4)
        assert float(state.photons[k]) == pytest.approx(alone.photons, abs=1e-3)
        assert float(state.photon_variance[k]) == pytest.approx(alone.variance, rel=1e-4)
    assert state.residual < 1e-10
    assert state.single_site_model == "cubic"


@pytest.mark.parametrize(("share", "end"), [(1.0, 0.021), (0.5, 0.027)])
def test_the_solution_goes_on_where_plain_iteration_ends(share, end):
    table = single_site(Nanolaser(1.1, 3500.0), 1.2, "cubic")
    with pytest.raises(ConvergenceError, match="mean fields still change"):
        iterate_gutzwiller(figure_6_dimer(end), single_site_model=table, share=share, most=200)
    with pytest.warns(ValidityWarning, match="no longer hold the phases"):
        state = solve_gutzwiller(figure_6_dimer(), [end, 0.05], single_site_model=table)
    assert state.residual < 1e-10
    name = "iteration_growth" if share == 1 else "damped_iteration_growth"
    assert (state[name] > 1 - 0.005).all()


def test_the_growth_of_an_iterated_error_is_that_of_the_iteration():
    # the error of the start shrinks by this factor each time
    dimer = Dimer(1.1, 3500, 0.3, 0.012, 0.0, 0.7)
    table = single_site(dimer.lasers[0], 0.6, "cubic")
    growth = float(solve_gutzwiller(dimer, single_site_model=table).iteration_growth)
    # from an error of order 1 to 1e-9
    expected = math.log(1e-9) / math.log(growth)
    assert iterate_gutzwiller(dimer, single_site_model=table) == pytest.approx(expected, rel=0.15)


def test_wrong_tables_and_models_are_named():
    dimer = figure_6_dimer(0.01)
    with pytest.raises(ValueError, match="single_site_model is 'quadratic'; choose one of full, eliminated"):
        solve_gutzwiller(dimer, single_site_model="quadratic")
    with pytest.raises(ValueError, match="at least 8 nodes; they are 0.3 and 3"):
        single_site(dimer.lasers[0], 0.3, nodes=3)
    with pytest.raises(ValueError, match="table is that of another laser"):
        solve_gutzwiller(dimer, single_site_model=single_site(Nanolaser(1.3, 3500.0), 0.5, "cubic"))
