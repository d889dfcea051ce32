"""The detuning map of a simulation that has already run."""

import numpy as np
import xarray as xr

from analysis._map import build_map
from analysis._model_map import Recording, model_map
from analysis._modelled import as_scan
from analysis._signals import Signals
from analysis._tracking import track_lines
from models.micropillars import Pair


def spectra_map(run: xr.Dataset, pair: Pair, recording: Recording | None = None, seed: int = 0) -> xr.Dataset:
    """Record and fit the spectra of a simulated sweep over detuning as the experiment does.

    Parameters
    ----------
    run
        ``power`` (step, pillar, mode, frequency_ghz) in photons/GHz relative to free-running P1, and
        ``detuning_ghz`` (step).
    pair
        The simulated lasers; their free-running lines are the reference, as in the experiment.
    recording
        How the spectra are recorded.
    seed
        Of the Poisson counts.

    Returns
    -------
    xarray.Dataset
        As `analysis.detuning.reduce_map` gives; the errors are those of the counts and of the scatter
        between steps.

    Raises
    ------
    ValueError
        If the run has no spectra or no detuning.
    """
    missing = [name for name in ("power", "detuning_ghz") if name not in run]
    if missing:
        raise ValueError(f"The run lacks {', '.join(missing)}; simulate a sweep over detuning first.")
    recording = recording or Recording()
    power = run["power"].sel(mode="strong").transpose("step", "pillar", "frequency_ghz")
    frequency, density = power["frequency_ghz"].values, power.values.astype(float)
    pull_1, pull_2 = model_map(np.array([0.0]), pair, recording).attrs["free_pull_ghz"]
    nu = run["detuning_ghz"].values.astype(float) + pull_2 - pull_1
    photons = density.sum(axis=-1) * (frequency[1] - frequency[0])
    expected = [recording.expected(frequency - pull_1, *each) for each in zip(density, photons, strict=True)]
    counts = np.random.default_rng(seed).poisson(expected).astype(float)
    fsr, finesse, axis = recording.free_spectral_range_ghz, recording.finesse, recording.axis
    free = np.stack([np.zeros_like(nu), nu], axis=1)
    lines = track_lines(recording.frequency_ghz, counts, fsr, finesse, free)
    scan = as_scan(counts, recording.frequency_ghz, recording.integration_s, fsr, finesse)
    zero = np.zeros_like(nu)
    return build_map(scan, axis, Signals.of_counts(counts), lines, zero, zero, nu, zero)
