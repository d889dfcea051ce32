"""Quick reduction of a single step for the running display."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from analysis._lines import wrap
from analysis._signals import read_signals
from analysis._tracking import fit_free_lines, track_lines
from analysis._values import NOT_KNOWN, Value, finite_or_none
from analysis.fabry_perot import CalibrationError, calibrate


@dataclass(frozen=True)
class LiveDetuning:
    """Detuning and coupled line centres of one step, relative to free-running P1.

    Parameters
    ----------
    detuning_ghz
        f2 - f1 of the free-running lines, folded into half a free spectral range.
    centre_1_ghz, centre_2_ghz
        Centres of the coupled lines.
    reason
        Why some of them are NaN; empty when all are known.
    beat_ghz
        Distance f2 - f1 of the coupled lines; its error lacks that of free P1, which drops out.
    """

    detuning_ghz: Value
    centre_1_ghz: Value
    centre_2_ghz: Value
    reason: str = ""
    beat_ghz: Value = NOT_KNOWN

    def as_dict(self) -> dict[str, float | str | None]:
        """Return one flat row of scalars, ready for JSON."""
        row: dict[str, float | str | None] = {}
        for name in ("detuning", "centre_1", "centre_2", "beat"):
            value: Value = getattr(self, f"{name}_ghz")
            row[f"{name}_ghz"] = finite_or_none(value.value)
            row[f"{name}_std_ghz"] = finite_or_none(value.std)
        return {**row, "reason": self.reason}


def live_detuning(step_dataset: xr.Dataset) -> LiveDetuning:
    """Estimate detuning and coupled centres from one step alone.

    Parameters
    ----------
    step_dataset
        One step of the scan: ``counts`` and ``counts_free`` (pillar, bin), or voltages, with or without a
        step dimension of length one; attrs as for `reduce_map`.

    Returns
    -------
    LiveDetuning
        NaN with a reason where the step does not allow an answer. Errors are statistical; drift between the
        two recordings shows only in the whole map.

    Raises
    ------
    ValueError
        If variables are missing or the counts are malformed (NaN, negative).
    """
    step = step_dataset if "step" in step_dataset.dims else step_dataset.expand_dims("step")
    fsr, finesse = (float(step.attrs[name]) for name in ("free_spectral_range_ghz", "finesse"))
    counts, counts_free = read_signals(step).counts, read_signals(step, "_free").counts
    ramp_time_ms = step["ramp_time_ms"].values
    try:
        frequency = calibrate(counts_free, ramp_time_ms, fsr, finesse).frequency_ghz(ramp_time_ms)
    except CalibrationError as error:
        return LiveDetuning(NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, str(error))
    free = fit_free_lines(frequency, counts_free, fsr, finesse)
    centre, std = free.centre_ghz[0], free.centre_std_ghz[0]
    if not np.all(np.isfinite(centre)):
        dark = " and ".join(name for name, c in zip(("P1", "P2"), centre, strict=True) if not np.isfinite(c))
        return LiveDetuning(NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, f"No free-running line of {dark} found.")
    detuning = float(wrap(centre[1] - centre[0], fsr))
    expected = centre[0] + np.array([[0.0, detuning]])
    coupled = track_lines(frequency, counts, fsr, finesse, expected)
    found = [
        Value(
            float(expected[0, p] - centre[0] + wrap(coupled.centre_ghz[0, p] - expected[0, p], fsr)),
            float(np.hypot(coupled.centre_std_ghz[0, p], std[0])),
        )
        for p in range(2)
    ]
    lost = " and ".join(name for name, value in zip(("P1", "P2"), found, strict=True) if not value)
    reason = f"No coupled line of {lost} found." if lost else ""
    beat = Value(found[1].value - found[0].value, float(np.hypot(*coupled.centre_std_ghz[0])))
    return LiveDetuning(Value(detuning, float(np.hypot(*std))), found[0], found[1], reason, beat)
