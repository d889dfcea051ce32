"""Two nanolasers: how well their imbalance tells the phase between the drives."""

import math
from dataclasses import replace
from functools import cache, partial

import numpy as np

from models.nanolaser_dimer import (
    Dimer,
    figure_7,
    phase_uncertainty,
    predicted_sensitivity,
    sensitivity,
    solve_gutzwiller,
)

from .statement import Statement, between, deviation


def fig_7(pump: float, gamma: float = 1000.0) -> Dimer:
    return Dimer(pump, gamma, 0.3, 0.01)


@cache
def response(pump: float, model: str):
    return sensitivity(fig_7(pump), single_site_model=model)


def slope(pump: float, model: str) -> float:
    return -response(pump, model).sensitivity


@cache
def smallest_gamma():
    return figure_7(np.arange(0.8, 3.01, 0.1), [200.0], ["cubic"])


def share_of_prediction(pump: float | None = None) -> float:
    """Return the slope at gamma = 200 over that of Eq. 36, the largest if no C_p is given."""
    ratio = (smallest_gamma().sensitivity[0] / smallest_gamma().prediction)[0]
    return ratio.max() if pump is None else ratio.sel(pump_parameter=pump, method="nearest")


def off_finite_difference() -> float:
    dimer = Dimer(1.1, 1000.0, 0.3, 0.02)
    shifted = replace(dimer, phase_1_rad=-5e-4, phase_2_rad=5e-4)
    found = float(solve_gutzwiller(shifted, single_site_model="cubic").imbalance) / 1e-3
    return found / float(sensitivity(dimer, single_site_model="cubic").sensitivity) - 1


def uncertainty(estimate: str, pump: float, gamma: float, tunnelling: float) -> float:
    return phase_uncertainty(Dimer(pump, gamma, 0.3, tunnelling), estimate)


def gain_of_four_times_gamma(estimate: str) -> float:
    return uncertainty(estimate, 1.1, 4000.0, 0.01) / uncertainty(estimate, 1.1, 1000.0, 0.01)


REDUCED = "a maximum with a 1/C_p fall belongs to the reduced models, whose number relaxes C_p times too fast"
FULL = "the full laser's relaxation is saturated: n_J = t_c gamma/kappa^2, a plateau"

STATEMENTS = (
    *(
        Statement(f"slope of n1 - n2, gamma = 1000, {model}, C_p = {pump}", "Fig. 7, independent",
                  partial(slope, pump, model), expected, 0.06, note, slow)
        for model, note, values in (
            ("cubic", REDUCED, ((1, 4.5), (1.1, 7.1), (1.2, 7.0), (1.4, 6.2), (2, 4.2), (3, 2.6))),
            ("eliminated", REDUCED, ((1, 4.5), (1.1, 7.2), (1.2, 7.1), (1.4, 6.3))),
            ("full", FULL, ((1, 5.1), (1.1, 8.4), (1.2, 8.9), (1.4, 9.0), (2, 8.9), (3, 8.6))),
        )
        for pump, expected in values
        for slow in (model == "full" and pump in (1, 1.2, 1.4, 3),)
    ),
    *(
        Statement(f"slope of perfect locking, gamma = 1000, C_p = {pump}", "Eq. 36",
                  lambda pump=pump: -predicted_sensitivity(fig_7(pump)), expected, 0.05)
        for pump, expected in ((1, 10), (1.1, 9.1), (1.2, 8.3), (1.4, 7.1), (2, 5), (3, 3.3))
    ),
    Statement("sign of d(n1 - n2)/d(phi_2 - phi_1), t_c > 0", "Eq. 36, derived",
              lambda: np.sign(response(1.1, "full").sensitivity), -1, 0),
    Statement("gamma = 200, cubic: largest share of Eq. 36", "Fig. 7, independent", share_of_prediction, 0.75,
              0.015),
    between("gamma = 200, cubic: share of Eq. 36 at C_p = 0.8", "Fig. 7", partial(share_of_prediction, 0.8),
            0, 0.2, "Eq. 36 grows below threshold, where it is not valid; the slope collapses"),
    deviation("linear response against a difference over delta = 1e-3, relative", "Fig. 7",
              off_finite_difference, 1e-3),
    *(
        Statement(f"phase uncertainty, {text}, C_p = {pump}, gamma = {gamma:g}, t_c = {tunnelling}", source,
                  partial(uncertainty, estimate, pump, gamma, tunnelling), expected, 1e-9 * expected, note)
        for estimate, text, source, pump, gamma, tunnelling, expected, note in (
            ("published", "as published", "Eq. 38", 1.1, 1000.0, 0.01, math.sqrt(2) * 110 / math.sqrt(1000),
             ""),
            ("quadrature", "noises in quadrature", "Eq. 38, derived", 1.1, 1000.0, 0.01,
             110 / math.sqrt(1000), "independent noises add in quadrature: the published sqrt(2) becomes 1"),
            ("full", "full laser", "derived", 1.1, 1000.0, 0.01,
             100 / math.sqrt(1000) * math.sqrt(1 - 1.5 * 0.1 / 1.21), ""),
            ("full", "full laser", "derived", 2.0, 4000.0, 0.002,
             500 / math.sqrt(4000) * math.sqrt(1 - 1.5 / 4), ""),
        )
    ),
    *(
        Statement(f"phase uncertainty at four times gamma over that at gamma, {estimate}", "Eq. 38",
                  partial(gain_of_four_times_gamma, estimate), 0.5, 1e-12,
                  "it goes as the inverse square root of the photon number; the abstract says square")
        for estimate in ("published", "quadrature", "full")
    ),
    *(
        between(f"phase uncertainty of a single shot, C_p = 1.1, gamma = 1000, {model}: 3 to 5 rad",
                "Fig. 7, derived", lambda model=model: response(1.1, model).phase_uncertainty, 3, 5)
        for model in ("full", "cubic")
    ),
)  # fmt: skip
