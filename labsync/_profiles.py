"""What the heat map of a live run shows of each step: one or two curves over a common axis."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from analysis import detuning
from labsync.procedures import (
    AdaptiveDetuningScan,
    CorrelationScan,
    DetuningScan,
    HeterodyneScan,
    MicropillarSweep,
)

_MOST_PANELS = 3


def profile(procedure: str, step: xr.Dataset) -> xr.DataArray | None:
    """Return the curves that show what one step measured.

    Parameters
    ----------
    procedure : str
        Name of the run's procedure. Of detuning scans the spectra are shown over the frequency relative to
        free P1, of correlation scans g2 over the delay, of heterodyne scans the beat notes in dB,
        of others their largest array.
    step : xarray.Dataset
        One step, without a step dimension.

    Returns
    -------
    xarray.DataArray or None
        Dimensions (panel, x) with coordinates; ``attrs["axis"]`` names x, ``attrs["of_lines"]`` tells that it
        is the frequency in which the rows state detuning and centres. None if the step shows no curve.
    """
    return _PROFILES.get(procedure, _largest)(step)


def _spectra(step: xr.Dataset) -> xr.DataArray | None:
    try:
        spectra = detuning.reduce_map(step.expand_dims("step"))["spectrum"].isel(step=0)
    except ValueError:  # no line, no axis: nothing to see
        return None
    return _panels(spectra, "pillar", "frequency_ghz", "GHz from free P1", of_lines=True)


def _simulated(step: xr.Dataset) -> xr.DataArray:
    return _panels(step["power"].sel(mode="strong"), "pillar", "frequency_ghz", "GHz", of_lines=True)


def _correlation(step: xr.Dataset) -> xr.DataArray:
    return _panels(step["g2"].isel(pair=[0]), "pair", "delay", "delay (ns)")


def _beat_notes(step: xr.Dataset) -> xr.DataArray:
    density = step["beat_density"]
    levels = density.copy(data=10 * np.log10(np.maximum(density.values, 1e-30)))
    in_ghz = levels.assign_coords(beat_frequency_hz=1e-9 * step["beat_frequency_hz"])
    return _panels(in_ghz, "detector", "beat_frequency_hz", "GHz from the local oscillator")


def _largest(step: xr.Dataset) -> xr.DataArray | None:
    curves = [each for name, each in step.data_vars.items() if each.ndim and not str(name).endswith("_std")]
    if not curves:
        return None
    largest = max(curves, key=lambda each: each.size)
    along = str(largest.dims[-1])
    rest = [dim for dim in largest.dims if dim != along]
    panels = largest.values.reshape(-1, largest.sizes[along])[:_MOST_PANELS]
    flat = xr.DataArray(panels, dims=("panel", along), coords={along: largest[along]})
    if len(rest) == 1 and rest[0] in largest.coords:
        flat = flat.assign_coords(panel=largest[rest[0]].values[:_MOST_PANELS])
    return _panels(flat, "panel", along, along.replace("_", " "))


def _panels(curves: xr.DataArray, panel: str, along: str, axis: str, of_lines: bool = False) -> xr.DataArray:
    labels = curves[panel].values if panel in curves.coords else np.arange(curves.sizes[panel])
    x = curves[along].values if along in curves.coords else np.arange(curves.sizes[along])
    return xr.DataArray(
        curves.transpose(panel, along).values.astype(float),
        dims=("panel", "x"),
        coords={"panel": [str(label) for label in labels], "x": x.astype(float)},
        attrs={"axis": axis, "of_lines": of_lines},
    )


_PROFILES: dict[str, Callable[[xr.Dataset], xr.DataArray | None]] = {
    AdaptiveDetuningScan.slug: _spectra,
    DetuningScan.slug: _spectra,
    AdaptiveDetuningScan.slug: _spectra,
    CorrelationScan.slug: _correlation,
    HeterodyneScan.slug: _beat_notes,
    MicropillarSweep.slug: _simulated,
}
