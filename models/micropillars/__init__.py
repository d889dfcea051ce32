"""Two delay-coupled bimodal quantum-dot micropillar lasers.

Model and parameters: Kreinberg et al., Nat. Commun. 10, 1539 (2019).
"""

from models.micropillars._solitary import threshold_current_ua
from models.micropillars.comb import comb_spacing
from models.micropillars.correlations import correlations, zero_lag
from models.micropillars.emission import emission_curve
from models.micropillars.lines import fit_lines
from models.micropillars.locking import locking
from models.micropillars.maps import detuning_map, line_map
from models.micropillars.parameters import Pair, Pillar, kreinberg2019
from models.micropillars.reduction import locked_states, phase_reduction
from models.micropillars.simulation import simulate
from models.micropillars.spectra import spectrum
from models.micropillars.steady import steady_state
from models.micropillars.trends import fit_power_law, locking_range_curve, slope_curve

__all__ = [
    "Pair",
    "Pillar",
    "comb_spacing",
    "correlations",
    "detuning_map",
    "emission_curve",
    "fit_lines",
    "fit_power_law",
    "kreinberg2019",
    "line_map",
    "locked_states",
    "locking",
    "locking_range_curve",
    "phase_reduction",
    "simulate",
    "slope_curve",
    "spectrum",
    "steady_state",
    "threshold_current_ua",
    "zero_lag",
]
