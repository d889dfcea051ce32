"""Two lasers without approximation: how many levels they take."""

import pytest

from models.nanolaser_dimer import Dimer
from models.nanolaser_dimer.quantum_dimer import solve_dimer
from models.numerics import TruncationError, TruncationWarning

PARAMETERS = {"pump_parameter": 1.5, "gamma": 1.0, "drive": 0.3}


def test_too_few_levels_are_named_or_refused():
    with pytest.raises(TruncationError, match="each laser's field at 3 photon numbers"):
        solve_dimer(Dimer(**PARAMETERS), levels=3)
    with pytest.warns(TruncationWarning, match="each laser's field at 5 photon numbers"):
        solve_dimer(Dimer(**PARAMETERS), levels=5)
    with pytest.raises(ValueError, match="levels is 40; two lasers are solved with 2 to 12"):
        solve_dimer(Dimer(**PARAMETERS), levels=40)
