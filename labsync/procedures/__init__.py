"""Acquisition procedures and simulated sweeps, by the name they have on the command line."""

from labsync.procedures.correlation import CorrelationScan
from labsync.procedures.detuning import DetuningScan
from labsync.procedures.micropillars import MicropillarSweep
from labsync.procedures.position import PositionHold
from labsync.scan import Scan

PROCEDURES: dict[str, type[Scan]] = {
    CorrelationScan.slug: CorrelationScan,
    DetuningScan.slug: DetuningScan,
    PositionHold.slug: PositionHold,
}
SIMULATIONS: dict[str, type[Scan]] = {"micropillars": MicropillarSweep}

__all__ = ["PROCEDURES", "SIMULATIONS", "CorrelationScan", "DetuningScan", "MicropillarSweep", "PositionHold"]
