"""Carriers stored in a pillar: what shifts its resonances besides heat."""

import functools

import numpy as np

from models import micropillars

__all__ = ["stored_carriers"]

CURRENTS_UA = (
    0.0,
    2.3,
    7.3,
    14.0,
    19.0,
    19.5,
    20.0,
    20.5,
    21.5,
    23.5,
    25.0,
    27.0,
    30.0,
    35.0,
    42.0,
    60.0,
    80.0,
)
STEP_PS = 7.0


@functools.lru_cache(256)
def stored_carriers(pillar: int, current_ua: float, inactive_loss_factor: float) -> float:
    """Return how many carriers a pillar holds in its reservoir and in its inactive dots.

    Those of the active dots act on the frequency within the model, through the linewidth enhancement.

    Parameters
    ----------
    pillar : int
        0 for P1, 1 for P2.
    current_ua : float
        Pump current per pillar.
    inactive_loss_factor : float
        As in `models.micropillars.Pillar`.

    Returns
    -------
    float
        From the model's noise-free state, between tabulated currents by straight lines.
    """
    return float(np.interp(current_ua, CURRENTS_UA, _table(inactive_loss_factor)[pillar]))


@functools.cache
def _table(inactive_loss_factor: float) -> np.ndarray:
    """Return the carriers at the tabulated currents, (pillar, current)."""
    table = np.empty((2, len(CURRENTS_UA)))
    for column, current in zip(table.T, CURRENTS_UA, strict=True):
        pair = micropillars.kreinberg2019(
            current, current, coupling=0.0, inactive_loss_factor=inactive_loss_factor
        )
        reservoir = micropillars.steady_state(pair, settle_ns=0.0, step_ps=STEP_PS)["reservoir"].values
        for number, (pillar, x) in enumerate(zip(pair.pillars, reservoir, strict=True)):
            density_per_x = pillar.area_um2 * 1e-12 / (pillar.capture_m2_per_s * 1e-9)
            filled = pillar.dot_lifetime_ns * x
            column[number] = density_per_x * x + 2 * pillar.inactive_dots * filled / (1 + filled)
    return table
