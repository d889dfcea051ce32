"""Two delay-coupled bimodal quantum-dot micropillar lasers.

Model and parameters: Kreinberg et al., Nat. Commun. 10, 1539 (2019).
"""

from models.micropillars._solitary import threshold_current_ua
from models.micropillars.parameters import Pair, Pillar, kreinberg2019
from models.micropillars.simulation import simulate
from models.micropillars.spectra import spectrum
from models.micropillars.steady import steady_state

__all__ = ["Pair", "Pillar", "kreinberg2019", "simulate", "spectrum", "steady_state", "threshold_current_ua"]
