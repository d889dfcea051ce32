"""Two nanolasers with coherent drives and photon tunnelling, from the master equation to metrology.

Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265.
"""

from models.nanolaser_dimer.drive_phases import coherence_map, critical_tunnelling
from models.nanolaser_dimer.parameters import Dimer, Nanolaser, PhasePair
from models.nanolaser_dimer.phases import (
    PhaseAverages,
    check_phase_description,
    phase_averages,
    phase_equation,
    solve_phases,
)
from models.nanolaser_dimer.transition import (
    finite_size_loss,
    locking_transition,
    loss_exponent,
    noiseless_phase,
    phase_distributions,
    relaxation_gap,
)

__all__ = [
    "Dimer",
    "Nanolaser",
    "PhaseAverages",
    "PhasePair",
    "check_phase_description",
    "coherence_map",
    "critical_tunnelling",
    "finite_size_loss",
    "locking_transition",
    "loss_exponent",
    "noiseless_phase",
    "phase_averages",
    "phase_distributions",
    "phase_equation",
    "relaxation_gap",
    "solve_phases",
]
