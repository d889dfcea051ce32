import numpy as np
import pytest

from instruments.twin.carriers import stored_carriers
from models import micropillars


@pytest.mark.parametrize(("pillar", "parasitic_ua"), [(0, 2.3), (1, 7.3)])
def test_carriers_are_stored_from_the_parasitic_current_on_ever_more_slowly_above_threshold(
    pillar, parasitic_ua
):
    assert stored_carriers(pillar, parasitic_ua, 1.34) == pytest.approx(0.0, abs=1e-6)
    currents = np.linspace(parasitic_ua, 42.0, 100)
    slope = np.diff([stored_carriers(pillar, current, 1.34) for current in currents])
    assert np.all(slope > 0)
    assert slope[-1] < 0.35 * slope[10]


@pytest.mark.parametrize("current_ua", [12.0, 22.5, 28.3])
def test_between_tabulated_currents_the_carriers_are_those_of_the_models_steady_state(current_ua):
    pair = micropillars.kreinberg2019(current_ua, current_ua, coupling=0.0, inactive_loss_factor=1.34)
    reservoir = micropillars.steady_state(pair, settle_ns=0.0, step_ps=7.0)["reservoir"].values
    for number, (pillar, x) in enumerate(zip(pair.pillars, reservoir, strict=True)):
        # n_r A = x A/S_in carriers in the reservoir, two in each inactive dot that is filled
        free = x * 1e9 / pillar.capture_m2_per_s * pillar.area_um2 * 1e-12
        bound = 2 * 938 * pillar.dot_lifetime_ns * x / (1 + pillar.dot_lifetime_ns * x)
        assert stored_carriers(number, current_ua, 1.34) == pytest.approx(free + bound, rel=0.01)


def test_more_carriers_are_lost_with_a_larger_loss_to_the_inactive_dots():
    assert stored_carriers(0, 25.0, 2.0) < 0.9 * stored_carriers(0, 25.0, 1.34)
