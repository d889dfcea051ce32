"""Two nanolasers whose drives differ in phase."""

import math
from functools import cache, partial

import numpy as np

from models.nanolaser_dimer import (
    PhasePair,
    coherence_map,
    critical_tunnelling,
    phase_averages,
    phase_equation,
)

from .statement import Statement, between, deviation

EIGHTH, QUARTER = math.pi / 4, math.pi / 2


@cache
def coherences(diffusion: float, tunnelling: float, phase_2_rad: float, tolerance: float = 1e-4):
    """Return the coherence of each laser; phi_1 = 0 and e = 1."""
    pair = PhasePair.equal(diffusion, tunnelling, phase_1_rad=0.0, phase_2_rad=phase_2_rad)
    found = phase_averages(pair, tolerance=tolerance)
    return np.array([abs(found.order_1) ** 2, abs(found.order_2) ** 2])


def coherence(diffusion: float, tunnelling: float, phase_2_rad: float) -> float:
    return float(coherences(diffusion, tunnelling, phase_2_rad).mean())


def half_at(diffusion: float, scaled: float) -> float:
    """Return C of perpendicular drives at t_c sqrt(D) = scaled."""
    return coherence(diffusion, scaled / math.sqrt(diffusion), QUARTER)


def off_symmetry(phase_2_rad: float, other_rad: float, exchanged: bool) -> float:
    one, other = (coherences(0.2, 1.5, angle, 1e-12) for angle in (phase_2_rad, other_rad))
    return np.abs(one - (other[::-1] if exchanged else other)).max()


def off_rest(phase_2_rad: float, ratio: float) -> float:
    """Return the drift where both phases are to rest, at a tunnelling relative to the critical one."""
    tunnelling = ratio * float(critical_tunnelling(phase_2_rad))
    lag = math.acos(tunnelling * math.cos(phase_2_rad))
    equation = phase_equation(PhasePair.equal(0.1, tunnelling, phase_1_rad=0.0, phase_2_rad=phase_2_rad))
    return np.abs(equation.velocity(-lag, phase_2_rad - lag)).max()


def perpendicular_drift() -> float:
    equation = phase_equation(PhasePair.equal(0.1, 50.0, phase_1_rad=0.0, phase_2_rad=QUARTER))
    return np.abs(equation.velocity(-QUARTER, 0.0)).max()


def spread_without_tunnelling() -> float:
    alone = coherence_map(0.2, [0.0], np.arange(-3, 5) * EIGHTH + 0.1, processes=1, tolerance=1e-8).coherence
    return float(alone.max() - alone.min())


def ahead_of_behind(phase_2_rad: float) -> float:
    one, two = coherences(0.2, 1.5, phase_2_rad)
    return np.sign(two - one)


STATEMENTS = (
    *(
        Statement(f"D = {diffusion}, t_c = {tunnelling:g} e, phi_2 = {angle} pi: C", "Fig. 5",
                  partial(coherence, diffusion, tunnelling, angle * math.pi), expected, 0.005)
        for diffusion, tunnelling, angle, expected in (
            (0.005, 2.0, 0, 0.17), (0.005, 2.0, 1, 0.17), (0.005, 2.0, 0.5, 0.97), (0.05, 2.0, 0, 0.17),
            (0.05, 2.0, 0.5, 0.33), (0.5, 1.0, 0, 0.35), (0.5, 1.0, 0.5, 0.30),
        )
    ),
    between("D = 0.05, t_c = 2 e: C at phi_2 = 0 less C at pi/4, slightly above 0", "Fig. 5, independent",
            lambda: coherence(0.05, 2.0, 0.0) - coherence(0.05, 2.0, EIGHTH), 0.001, 0.02),
    *(
        Statement(f"perpendicular drives, D = {diffusion}: C at t_c sqrt(D) = {scaled}", "derived",
                  partial(half_at, diffusion, scaled), 0.5, 0.02, slow=slow)
        for diffusion, scaled, slow in (
            (0.05, 0.38, False), (0.005, 0.31, False), (0.002, 0.29, True), (0.001, 0.28, True)
        )
    ),
    *(
        deviation(f"without noise the phases rest at {ratio} of t_c = e/abs(cos(phi_2)), phi_2 = {phase:.3g}",
                  "derived", partial(off_rest, phase, ratio), 1e-12)
        for phase, ratio in ((0.0, 0.98), (EIGHTH, 0.7), (3 * EIGHTH, 0.98), (1.4, 0.3))
    ),
    deviation("perpendicular drives hold the phases at any t_c without noise, here 50 e", "derived",
              perpendicular_drift, 1e-12),
    deviation("phi_2 -> -phi_2 exchanges the coherences", "derived",
              partial(off_symmetry, 0.6, -0.6, True), 1e-9),
    Statement("phi_2 -> pi - phi_2 leaves both coherences", "derived",
              partial(off_symmetry, 0.6, math.pi - 0.6, False), 0, 1e-9,
              "it reflects the angles; it does not exchange the lasers"),
    deviation("C does not depend on phi_2 at t_c = 0", "Fig. 5", spread_without_tunnelling, 1e-8),
    *(
        Statement(f"phi_2 = {phase:.3g}: sign of C_2 - C_1, the drive ahead helps", "Fig. 5, independent",
                  partial(ahead_of_behind, phase), 1, 0)
        for phase in (0.6, QUARTER, 2.5)
    ),
)  # fmt: skip
