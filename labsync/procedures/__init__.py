"""Acquisition procedures and simulated sweeps, by the name they have on the command line."""

from labsync.procedures.adaptive import AdaptiveDetuningScan
from labsync.procedures.correlation import CorrelationScan
from labsync.procedures.detuning import DetuningScan
from labsync.procedures.heterodyne import HeterodyneScan
from labsync.procedures.micropillars import MicropillarSweep
from labsync.procedures.nanolaser_dimer import NanolaserDimerSweep
from labsync.procedures.position import PositionHold
from labsync.scan import Scan

PROCEDURES: dict[str, type[Scan]] = {
    AdaptiveDetuningScan.slug: AdaptiveDetuningScan,
    CorrelationScan.slug: CorrelationScan,
    DetuningScan.slug: DetuningScan,
    HeterodyneScan.slug: HeterodyneScan,
    PositionHold.slug: PositionHold,
}
SIMULATIONS: dict[str, type[Scan]] = {
    "micropillars": MicropillarSweep,
    "nanolaser-dimer": NanolaserDimerSweep,
}

__all__ = [
    "PROCEDURES",
    "SIMULATIONS",
    "AdaptiveDetuningScan",
    "CorrelationScan",
    "DetuningScan",
    "HeterodyneScan",
    "MicropillarSweep",
    "NanolaserDimerSweep",
    "PositionHold",
]
