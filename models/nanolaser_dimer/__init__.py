"""Two nanolasers with coherent drives and photon tunnelling, from the master equation to metrology.

Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265.
"""

from models.nanolaser_dimer.drive_phases import coherence_map, critical_tunnelling
from models.nanolaser_dimer.gutzwiller import (
    SINGLE_SITE_MODELS,
    SingleSite,
    iterate_gutzwiller,
    response_table,
    single_site,
    solve_gutzwiller,
)
from models.nanolaser_dimer.josephson import (
    figure_6,
    figure_6_dimer,
    imbalance,
    josephson_number,
    weak_tunnelling_imbalance,
)
from models.nanolaser_dimer.langevin import langevin_system, simulate_langevin
from models.nanolaser_dimer.master_equation import solve_eliminated
from models.nanolaser_dimer.metrology import figure_7, phase_uncertainty, predicted_sensitivity, sensitivity
from models.nanolaser_dimer.parameters import Dimer, Nanolaser, PhasePair
from models.nanolaser_dimer.phases import (
    PhaseAverages,
    check_phase_description,
    phase_averages,
    phase_equation,
    solve_phases,
)
from models.nanolaser_dimer.quantum import relaxation_rates, solve_laser
from models.nanolaser_dimer.quantum_dimer import solve_dimer
from models.nanolaser_dimer.radial import solve_radial
from models.nanolaser_dimer.self_consistent import solve_self_consistent
from models.nanolaser_dimer.threshold import photons_across_threshold
from models.nanolaser_dimer.transition import (
    finite_size_loss,
    locking_transition,
    loss_exponent,
    noiseless_phase,
    phase_distributions,
    relaxation_gap,
)

__all__ = [
    "SINGLE_SITE_MODELS",
    "Dimer",
    "Nanolaser",
    "PhaseAverages",
    "PhasePair",
    "SingleSite",
    "check_phase_description",
    "coherence_map",
    "critical_tunnelling",
    "figure_6",
    "figure_6_dimer",
    "figure_7",
    "finite_size_loss",
    "imbalance",
    "iterate_gutzwiller",
    "josephson_number",
    "langevin_system",
    "locking_transition",
    "loss_exponent",
    "noiseless_phase",
    "phase_averages",
    "phase_distributions",
    "phase_equation",
    "phase_uncertainty",
    "photons_across_threshold",
    "predicted_sensitivity",
    "relaxation_gap",
    "relaxation_rates",
    "response_table",
    "sensitivity",
    "simulate_langevin",
    "single_site",
    "solve_dimer",
    "solve_eliminated",
    "solve_gutzwiller",
    "solve_laser",
    "solve_phases",
    "solve_radial",
    "solve_self_consistent",
    "weak_tunnelling_imbalance",
]
