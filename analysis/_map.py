"""The common form of a reduced detuning map, measured or modelled."""

import math

import numpy as np
import xarray as xr

from analysis._lines import wrap
from analysis._scatter import excess_scatter
from analysis._signals import Signals
from analysis._tracking import LineTable
from analysis.fabry_perot import FrequencyAxis

_GRID_PER_INSTRUMENT_WIDTH = 3


def photons_per_count(dataset: xr.Dataset) -> np.ndarray:
    """Return, per step, what turns counts per bin into detected photons per second and GHz.

    The ramp is a symmetric triangle: half of the integration time is spent on the up-ramp. A flat spectrum of
    one photon per second and GHz sends pi/2 times the instrument's width through the interferometer.
    """
    fsr, finesse = float(dataset.attrs["free_spectral_range_ghz"]), float(dataset.attrs["finesse"])
    return 1 / (_integration_s(dataset) / 2 / dataset.sizes["bin"] * np.pi / 2 * fsr / finesse)


def _scale(dataset: xr.Dataset, signals: Signals) -> tuple[np.ndarray, str, str]:
    """Return what a count per bin is in light per GHz, (step, pillar), and the units of a line and of that.

    Voltages are what a detector gives that all light of a line reaches.
    """
    if signals.unit == "counts":
        return photons_per_count(dataset)[:, None] * signals.per_count, "1/s", "1/(s GHz)"
    instrument_ghz = float(dataset.attrs["free_spectral_range_ghz"]) / float(dataset.attrs["finesse"])
    return signals.per_count / (np.pi / 2 * instrument_ghz), "V", "V/GHz"


def _integration_s(dataset: xr.Dataset) -> np.ndarray:
    if "integration_s" not in dataset:
        return np.ones(dataset.sizes["step"])
    return np.asarray(dataset["integration_s"].values, dtype=float)


def build_map(
    dataset: xr.Dataset,
    axis: FrequencyAxis,
    signals: Signals,
    lines: LineTable,
    reference_ghz: np.ndarray,
    reference_std_ghz: np.ndarray,
    detuning_ghz: np.ndarray,
    detuning_std_ghz: np.ndarray,
) -> xr.Dataset:
    """Put fitted lines and folded spectra on the detuning axis; see `analysis.detuning.reduce_map`.

    Parameters
    ----------
    dataset
        The scan (ramp times, integration, attributes).
    axis
        Of the ramp.
    signals
        Coupled recordings.
    lines
        Fits of their counts on ``axis``.
    reference_ghz, reference_std_ghz
        Free-running P1 on ``axis``, shape (step,).
    detuning_ghz, detuning_std_ghz
        Nominal detuning, shape (step,).
    """
    fsr = axis.free_spectral_range_ghz
    offset = np.stack([np.zeros_like(detuning_ghz), detuning_ghz], axis=1)
    centre = offset + wrap(lines.centre_ghz - reference_ghz[:, None] - offset, fsr)
    statistical = np.hypot(lines.centre_std_ghz, reference_std_ghz[:, None])
    extra = [excess_scatter(detuning_ghz, centre[:, p] - offset[:, p], statistical[:, p]) for p in range(2)]
    beat = centre[:, 1] - centre[:, 0]
    beat_statistical = np.hypot(lines.centre_std_ghz[:, 0], lines.centre_std_ghz[:, 1])
    beat_extra = excess_scatter(detuning_ghz, beat - detuning_ghz, beat_statistical)
    beat_extra = min(beat_extra, math.hypot(*extra))  # what the pillars share drops out of the beat
    frequency, folded = _fold(axis, dataset["ramp_time_ms"].values, signals.counts, reference_ghz)
    scale, rate, density = _scale(dataset, signals)
    per_line, ghz = ("step", "pillar"), {"units": "GHz"}
    variables = {
        "centre_ghz": (per_line, centre, {**ghz, "long_name": "line centre from free-running P1"}),
        "centre_std_ghz": (per_line, np.hypot(statistical, extra), ghz),
        "width_ghz": (per_line, lines.width_ghz, {**ghz, "long_name": "intrinsic line width (FWHM)"}),
        "width_std_ghz": (per_line, lines.width_std_ghz, ghz),
        # a line of unit area gives counts as if (pi/2) (instrument width) of its density passed
        "line_rate": (
            per_line,
            lines.area * scale,
            {"units": rate, "long_name": "detected light in the line"},
        ),
        "background": (per_line, (lines.background - signals.zero) * scale, {"units": density}),
        "reduced_deviance": (per_line, lines.reduced_deviance, {"units": "1"}),
        "beat_ghz": ("step", beat, {**ghz, "long_name": "f2 - f1 of the coupled lines"}),
        "beat_std_ghz": ("step", np.hypot(beat_statistical, beat_extra), ghz),
        "detuning_std_ghz": ("step", detuning_std_ghz, ghz),
        "integration_s": ("step", _integration_s(dataset), {"units": "s"}),
        "spectrum": (
            (*per_line, "frequency_ghz"),
            (folded - signals.zero[:, :, None]) * scale[:, :, None],
            {"units": density, "long_name": "detected light"},
        ),
    }
    coords = {
        "step": dataset["step"].values if "step" in dataset.coords else np.arange(len(detuning_ghz)),
        "pillar": ["P1", "P2"],
        "frequency_ghz": ("frequency_ghz", frequency, {**ghz, "long_name": "frequency from free-running P1"}),
        "detuning_ghz": ("step", detuning_ghz, {**ghz, "long_name": "nominal detuning"}),
    }
    attrs = {
        "free_spectral_range_ghz": fsr,
        "finesse": axis.finesse,
        "axis_leave_one_out_ghz": axis.leave_one_out_ghz,
        "axis_nonlinearity": axis.nonlinearity,
        "ramp_bins": dataset.sizes["bin"],
        "ramp_span_ghz": float(np.ptp(axis.frequency_ghz(dataset["ramp_time_ms"].values))),
        "scatter_ghz": [*extra, beat_extra],
        # counts (real or equivalent) per bin for one unit of `spectrum`, and for none: the noise of the scan
        "counts_per_density": [float(x) for x in np.median(1 / scale, axis=0)],
        "counts_without_light": [float(x) for x in np.median(signals.zero, axis=0)],
    }
    return xr.Dataset(variables, coords, attrs)


def _fold(
    axis: FrequencyAxis, ramp_time_ms: np.ndarray, counts: np.ndarray, reference_ghz: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average the orders of all spectra, counts per bin, on one grid from -FSR/2 to FSR/2."""
    fsr = axis.free_spectral_range_ghz
    raw = axis.frequency_ghz(ramp_time_ms)
    cells = int(min(fsr / axis.instrument_width_ghz * _GRID_PER_INSTRUMENT_WIDTH, raw.size / 3))
    folded = np.full((*counts.shape[:2], cells), np.nan)
    for step, reference in enumerate(reference_ghz):
        if not np.isfinite(reference):
            continue
        cell = np.minimum(((wrap(raw - reference, fsr) / fsr + 0.5) * cells).astype(int), cells - 1)
        exposure = np.bincount(cell, minlength=cells)
        for pillar in range(2):
            total = np.bincount(cell, weights=counts[step, pillar], minlength=cells)
            folded[step, pillar] = np.where(exposure > 0, total / np.maximum(exposure, 1), np.nan)
    return (np.arange(cells) + 0.5) / cells * fsr - fsr / 2, folded
