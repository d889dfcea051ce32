"""When a periodic signal crosses a threshold."""

import math
from collections.abc import Callable

import numpy as np

__all__ = ["next_crossing"]

SAMPLES = 16384


def next_crossing(
    signal: Callable[[np.ndarray], np.ndarray], level_v: float, rising: bool, period_s: float
) -> float:
    """Return the time of the first crossing after the start of a period, infinite if there is none."""
    times = np.arange(SAMPLES) / SAMPLES * period_s
    above = signal(times) > level_v
    edge = above & ~np.roll(above, 1) if rising else ~above & np.roll(above, 1)
    return float(times[np.argmax(edge)]) if edge.any() else math.inf
