"""Two nanolasers: signs and symmetries, by the full quantum model and by the drifts of the reduced ones."""

import cmath
import math
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from models.nanolaser_dimer import Dimer, langevin_system, phase_equation
from models.nanolaser_dimer._stationary import solve_on
from models.nanolaser_dimer.quantum_dimer import dimer_operators, solve_dimer

from .statement import Statement, between, deviation

QUARTER_TURN = math.pi / 2
COUPLED = Dimer(1.1, 3500.0, 0.3, 0.02, 0.4, 1.9)


@cache
def two_lasers(tunnelling: float, phase_1_rad: float, phase_2_rad: float):
    """Return a dimer of few photons and its full quantum state."""
    dimer = Dimer(1.5, 1.0, 0.3, tunnelling, phase_1_rad, phase_2_rad)
    return dimer, solve_dimer(dimer, levels=5)


def angle(tunnelling: float) -> float:
    """Return arg<a> with equal phases phi = 0."""
    return cmath.phase(two_lasers(tunnelling, 0.0, 0.0)[1].field.values[0])


def more_in_two(difference_rad: float) -> float:
    photons = two_lasers(0.2, 0.0, difference_rad)[1].photons.values
    return np.sign(photons[1] - photons[0])


def off_one_laser() -> float:
    """Return how far uncoupled lasers are from a single one with as many photon numbers."""
    dimer, state = two_lasers(0.0, 0.0, 0.0)
    one = solve_on(dimer.lasers[0], (0, 4), 5).moments
    fields = np.abs(state.field.values + 1j * one.amplitude)
    return max(fields.max(), np.abs(state.photons.values - one.photons).max())


def photon_balance() -> float:
    """Return d<n1>/dt: decay, pumping, drive and tunnelling."""
    dimer, state = two_lasers(0.2, 0.0, QUARTER_TURN)
    photons, ground, field = (state[n].values[0] for n in ("photons", "ground_population", "field"))
    push = -2 * (dimer.drive * field).imag
    tunnelling = -2 * dimer.tunnelling * complex(state.coherence).imag
    return -2 * dimer.kappa * photons + 2 * dimer.gamma * ground + push + tunnelling


def exchanged() -> float:
    here, there = two_lasers(0.2, 0.0, QUARTER_TURN)[1], two_lasers(0.2, QUARTER_TURN, 0.0)[1]
    names = "photons", "field", "ground_population"
    return max(np.abs(here[n].values - there[n].values[::-1]).max() for n in names)


def turned() -> float:
    here, there = two_lasers(0.2, 0.0, QUARTER_TURN)[1], two_lasers(0.2, 1.1, QUARTER_TURN + 1.1)[1]
    fields = np.abs(there.field.values - here.field.values * cmath.exp(1.1j))
    return max(fields.max(), np.abs(there.photons.values - here.photons.values).max())


def commutator_off() -> float:
    """Return how far i [H, a_1] is from -i g s_1 - i eps_1 + i t_c a_2 below the last level."""
    dimer = Dimer(1.2, 4.0, 0.3, 0.7, 0.4, 1.9)
    hamiltonian, _, fields, emitters = dimer_operators(dimer, 3)
    made = 1j * (hamiltonian @ fields[0] - fields[0] @ hamiltonian).toarray()
    right = -1j * dimer.coupling * emitters[0] + 1j * dimer.tunnelling * fields[1]
    wanted = right.toarray() - 1j * dimer.drive * cmath.exp(0.4j) * np.eye(36)
    inside = np.ix_(np.arange(36) // 12 < 2, np.arange(36) // 12 < 2)
    return float(np.abs(made[inside] - wanted[inside]).max())


RADII, ANGLES = np.array([11.0, 14.0]), np.array([0.5, 1.3])


def langevin_drift(radii: np.ndarray) -> np.ndarray:
    """Return r'/r + i theta' of both lasers in the Langevin simulation, its noise left out."""
    system, h = langevin_system(COUPLED), 1e-7
    fields = radii * np.exp(1j * ANGLES)
    after, _ = system.step(system.parameters, h, tuple(fields), (0.0,) * 5, (), (0j, 0j))
    return np.log(np.array(after) / fields) / h


def polar_drift(radii: np.ndarray) -> np.ndarray:
    """Return the same by the polar form."""
    other, behind = radii[::-1], ANGLES[::-1] - ANGLES
    lead = np.array([COUPLED.phase_1_rad, COUPLED.phase_2_rad]) - ANGLES
    net = COUPLED.gain - COUPLED.loss - COUPLED.saturation * radii**2
    grows = net + (COUPLED.drive * np.sin(lead) - COUPLED.tunnelling * other * np.sin(behind)) / radii
    turns = (COUPLED.tunnelling * other * np.cos(behind) - COUPLED.drive * np.cos(lead)) / radii
    return grows + 1j * turns


def off_polar(drift: Callable[[np.ndarray], np.ndarray]) -> float:
    return float(np.abs(drift(RADII) - polar_drift(RADII)).max())


def phase_drift(radii: np.ndarray) -> np.ndarray:
    """Return the drift that the Fokker-Planck equation of the phases has, with r'/r of the polar form."""
    turns = phase_equation(COUPLED.phases(*radii)).velocity(*ANGLES)
    return polar_drift(radii).real + 1j * np.asarray(turns)


def radial_rate() -> float:
    """Return at which rate the cubic model's amplitude returns to r0, in units of 2 kappa (C_p - 1)."""
    alone = Dimer(2.0, 2000.0)
    system, r0, h = langevin_system(alone), math.sqrt(alone.photons), 1e-6
    start = (complex(r0 * 1.0001), complex(r0))
    after, _ = system.step(system.parameters, h, start, (0.0,) * 5, (), (0j, 0j))
    return -math.log((after[0].real - r0) / (start[0].real - r0)) / h / (2 * (2.0 - 1))


STATEMENTS = (
    deviation("i [H, a_1] = -i g s_1 - i eps_1 + i t_c a_2", "Eq. 1, derived", commutator_off, 1e-13),
    deviation("polar drift of the simulated fields: + i t_c alpha_k - i eps_j", "Eqs. 14, C.3, derived",
              partial(off_polar, langevin_drift), 1e-5),
    deviation("drift of the phases: + t_c (r_k/r_j) cos(theta_k - theta_j) - e_j cos(theta_j - phi_j)",
              "Eqs. 14, C.16, derived", partial(off_polar, phase_drift), 1e-12),
    Statement("cubic: relaxation of the amplitude in units of 2 kappa (C_p - 1)", "Eq. C.14, derived",
              radial_rate, 1, 1e-3, "the published rate is A/2"),
    Statement("D_p/kappa of the phases, A/(2 n0), C_p = 1.1, gamma = 3500", "Eq. 17",
              lambda: Dimer(1.1, 3500.0, 0.3).phases().diffusion_1, 1.1 / (2 * 3500 / 2 * 0.1 / 1.1), 1e-12),
    deviation("t_c = 0: two lasers are one laser twice", "Eq. 1", off_one_laser, 1e-9),
    Statement("t_c = 0, phi = 0: arg<a>", "Eq. 1, derived", partial(angle, 0.0), -QUARTER_TURN, 1e-8),
    between("equal phases, t_c = 0.2 kappa: arg<a> between phi - pi/2 and its value at 0.5 kappa",
            "Eq. 1, derived", lambda: (angle(0.2) + QUARTER_TURN) / (angle(0.5) + QUARTER_TURN), 0.1, 0.9),
    between("equal phases, t_c = 0.5 kappa: arg<a> between phi - pi/2 and phi", "Eq. 1, derived",
            partial(angle, 0.5), -QUARTER_TURN, 0),
    *(
        Statement(f"full quantum: sign of n2 - n1 at phi_2 - phi_1 = {difference:.3g}, t_c > 0",
                  "Eqs. 31, 32, 36, derived", partial(more_in_two, difference), 1, 0,
                  "the published Josephson term has the opposite sign")
        for difference in (0.5, QUARTER_TURN, 2.6)
    ),
    deviation("d<n1>/dt with - 2 t_c Im<a1+ a2> of tunnelling vanishes", "Eqs. 28, 29, derived",
              photon_balance, 1e-8),
    deviation("exchange of the phases exchanges the lasers", "Eq. 1", exchanged, 1e-8),
    deviation("turning both phases turns both fields and leaves the photons", "Eq. 1", turned, 1e-8),
)  # fmt: skip
