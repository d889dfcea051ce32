"""What diffuses on a torus: `PhaseDiffusion`, and its generator among Fourier modes.

P(theta) = (2 pi)^-d sum_k c_k exp(i k theta), so c_0 = 1 and <exp(-i k theta)> = c_k. With the drift
of phase j written as v_j = sum_s V_js exp(i s theta),

    dc_k/dt = -sum_j D_j k_j^2 c_k - i sum_j k_j sum_s V_js c_(k-s).

Kept are the modes of the hexagon abs(m), abs(n), abs(m + n) <= K: what couples through differences of phases
drives exp(i(theta_1 - theta_2)), and the corners it leaves out hold nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

__all__ = ["PhaseDiffusion", "Wave", "generator", "modes", "place_of"]


class Wave(NamedTuple):
    """One term ``amplitude * cos(orders . theta - phase_rad)`` of a drift.

    Parameters
    ----------
    amplitude : float
        Its amplitude, a rate.
    orders : tuple of int
        How often it turns with each phase; all zero for a constant.
    phase_rad : float
        Its phase.
    """

    amplitude: float
    orders: tuple[int, ...]
    phase_rad: float = 0.0


@dataclass(frozen=True)
class PhaseDiffusion:
    """One or two phases with a drift and white noise: d theta_j = v_j(theta) dt + sqrt(2 D_j) dW_j.

    Parameters
    ----------
    drift : sequence of sequence of Wave
        For each phase the Fourier components of its drift.
    diffusion : sequence of float
        D_j of each phase, positive.

    Raises
    ------
    ValueError
        If there are not one or two phases, if a wave has not one order per phase, if a number is not finite
        or a diffusion constant not positive.
    """

    drift: tuple[tuple[Wave, ...], ...]
    diffusion: tuple[float, ...]

    def __init__(self, drift: Sequence[Sequence[Wave]], diffusion: Sequence[float]) -> None:
        object.__setattr__(self, "drift", tuple(tuple(Wave(*wave) for wave in waves) for waves in drift))
        object.__setattr__(self, "diffusion", tuple(float(d) for d in diffusion))
        if len(self.drift) != len(self.diffusion) or self.phases not in {1, 2}:
            raise ValueError(
                f"There are {len(self.drift)} drifts and {self.phases} diffusion constants; "
                "give one of each for one phase or two for two."
            )
        for d in self.diffusion:
            if not (d > 0 and math.isfinite(d)):
                raise ValueError(f"A diffusion constant is {d:g}; it must be positive and finite.")
        for wave in (wave for waves in self.drift for wave in waves):
            if len(wave.orders) != self.phases or any(s != int(s) for s in wave.orders):
                raise ValueError(f"{wave} has the wrong orders; it takes {self.phases} whole number(s).")
            if not (math.isfinite(wave.amplitude) and math.isfinite(wave.phase_rad)):
                raise ValueError(f"{wave} is not finite.")

    @property
    def phases(self) -> int:
        """How many phases there are."""
        return len(self.diffusion)

    def components(self, phase: int) -> dict[tuple[int, ...], complex]:
        """Return V_js of one phase (counted from 0) for all s."""
        found: dict[tuple[int, ...], complex] = {}
        for amplitude, orders, angle in self.drift[phase]:
            half = amplitude / 2 * np.exp(-1j * angle)
            for s, value in ((orders, half), (tuple(-q for q in orders), half.conjugate())):
                found[s] = found.get(s, 0) + value
        return found

    def velocity(self, *theta: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the drift v_j of each phase at given phases."""
        return tuple(
            sum(
                (a * np.cos(sum(s * x for s, x in zip(orders, theta, strict=True)) - angle)
                 for a, orders, angle in waves),
                start=np.zeros(np.broadcast_shapes(*(np.shape(x) for x in theta))),
            )
            for waves in self.drift
        )  # fmt: skip


@lru_cache(maxsize=8)
def modes(phases: int, truncation: int) -> np.ndarray:
    """Return the modes kept, (modes, phases); k = 0 is in the middle."""
    axis = np.arange(-truncation, truncation + 1)
    if phases == 1:
        kept = axis[:, None]
    else:
        pairs = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
        kept = pairs[np.abs(pairs.sum(axis=1)) <= truncation]
    kept.flags.writeable = False
    return kept


@lru_cache(maxsize=8)
def _table(phases: int, truncation: int) -> np.ndarray:
    """Return the place of each mode among the modes kept, -1 for others, on the square around them."""
    kept = modes(phases, truncation)
    table = np.full((2 * truncation + 1,) * phases, -1)
    table[tuple((kept + truncation).T)] = np.arange(len(kept))
    return table


def place_of(wanted: np.ndarray, truncation: int) -> np.ndarray:
    """Return where modes (..., phases) are among those kept, -1 for those that are not."""
    table = _table(wanted.shape[-1], truncation)
    inside = (np.abs(wanted) <= truncation).all(axis=-1)
    index = np.where(inside[..., None], wanted + truncation, 0)
    return np.where(inside, table[tuple(np.moveaxis(index, -1, 0))], -1)


@lru_cache(maxsize=32)
def _links(phases: int, truncation: int, shift: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the modes k whose k - shift is kept too, and the places of those."""
    there = place_of(modes(phases, truncation) - np.array(shift), truncation).astype(np.int32)
    here = np.flatnonzero(there >= 0).astype(np.int32)
    return here, there[here]


def generator(equation: PhaseDiffusion, truncation: int) -> sp.csc_array:
    """Return the matrix of dc/dt among the modes kept; the row of k = 0 is empty."""
    kept = modes(equation.phases, truncation)
    here = np.arange(len(kept), dtype=np.int32)
    damping = -(kept.astype(float) ** 2 @ np.array(equation.diffusion)) + 0j
    rates: dict[tuple[int, ...], np.ndarray] = {}
    for j in range(equation.phases):
        for s, value in equation.components(j).items():
            rates[s] = rates.get(s, 0) - 1j * value * kept[:, j]
    rows, columns, values = [here], [here], [damping + rates.pop((0,) * equation.phases, 0)]
    for s, rate in rates.items():
        into, source = _links(equation.phases, truncation, s)
        rows.append(into)
        columns.append(source)
        values.append(rate[into])
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return sp.coo_array(entries, shape=(len(kept), len(kept))).tocsc()
