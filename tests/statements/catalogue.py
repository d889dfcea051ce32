"""All statements, by subject."""

from . import (
    nanolaser_dimer_drive_phases,
    nanolaser_dimer_josephson,
    nanolaser_dimer_laser,
    nanolaser_dimer_metrology,
    nanolaser_dimer_phases,
    nanolaser_dimer_signs,
)
from .statement import Statement

PAGES: dict[str, dict[str, tuple[Statement, ...]]] = {
    "nanolaser-dimer": {
        "One laser": nanolaser_dimer_laser.STATEMENTS,
        "Signs and symmetries": nanolaser_dimer_signs.STATEMENTS,
        "Phases and loss of locking": nanolaser_dimer_phases.STATEMENTS,
        "Drives of different phase": nanolaser_dimer_drive_phases.STATEMENTS,
        "Josephson imbalance": nanolaser_dimer_josephson.STATEMENTS,
        "Sensitivity": nanolaser_dimer_metrology.STATEMENTS,
    },
}
"""Statements by the page under docs that shows them, and by subject."""
