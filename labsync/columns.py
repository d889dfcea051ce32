"""How the scalars of a run are shown: label, unit and number format, the same in progress bars and tables."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """Label, unit and format of one scalar."""

    label: str
    unit: str = ""
    form: str = ".4g"

    @property
    def title(self) -> str:
        """Heading of a table's column."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def text(self, value: object) -> str:
        """Return the value as text; a dash for one that is not known."""
        if value is None or value != value:  # NaN differs from itself
            return "-"
        return format(value, self.form) if isinstance(value, int | float) else str(value)


COLUMNS = {
    "temperature_1_k": Column("T1", "K", ".4f"),
    "temperature_2_k": Column("T2", "K", ".4f"),
    "detuning_ghz": Column("detuning", "GHz", "+.3f"),
    "centre_1_ghz": Column("P1 at", "GHz", "+.3f"),
    "centre_2_ghz": Column("P2 at", "GHz", "+.3f"),
    "count_rate_1_hz": Column("rate 1", "1/s", ".3g"),
    "count_rate_2_hz": Column("rate 2", "1/s", ".3g"),
    "g2_zero": Column("g2(0)", "", ".4f"),
    "g2_error": Column("error of g2", "", ".4f"),
    "beat_free_ghz": Column("free beat", "GHz", ".4f"),
    "beat_ghz": Column("beat", "GHz", ".4f"),
    "beat_clipped": Column("clipped", "", ".2f"),
    "beat_records_lost": Column("lost", "", ".0f"),
    "current_1_ua": Column("J1", "uA", ".2f"),
    "current_2_ua": Column("J2", "uA", ".2f"),
    "time_s": Column("time", "s", ".1f"),
    "displacement_x_um": Column("x", "um", "+.3f"),
    "displacement_y_um": Column("y", "um", "+.3f"),
    "closed_loop": Column("closed", "", ".0f"),
    "coupling": Column("K", "", ".4f"),
    "locking_range_ghz": Column("locking range", "GHz", ".3f"),
    "tunnelling": Column("t_c", "kappa", ".4f"),
    "phase_2_rad": Column("phase 2", "rad", ".3f"),
    "pump_parameter": Column("C_p", "", ".3f"),
    "drive": Column("drive", "kappa", ".3f"),
    "photons_1": Column("n1", "", ".2f"),
    "photons_2": Column("n2", "", ".2f"),
    "imbalance": Column("n1 - n2", "", "+.2f"),
    "coherence_1": Column("coherence 1", "", ".3f"),
    "coherence_2": Column("coherence 2", "", ".3f"),
    "photons_1_strong": Column("P1 strong", "photons", ".2f"),
    "photons_1_weak": Column("P1 weak", "photons", ".2f"),
    "photons_2_strong": Column("P2 strong", "photons", ".2f"),
    "photons_2_weak": Column("P2 weak", "photons", ".2f"),
}


def in_order(names: Iterable[str]) -> list[str]:
    """Return names in the order they are shown; unknown ones come last."""
    known = list(COLUMNS)
    return sorted(names, key=lambda name: known.index(name) if name in known else len(known))


def column(name: str) -> Column:
    """Return how the scalar `name` is shown."""
    return COLUMNS.get(name, Column(name.replace("_", " ")))
