"""Figure of beat notes against detuning."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from analysis._drawing import edges, finish, new_figure

__all__ = ["spectrogram"]


def spectrogram(data: xr.Dataset) -> Figure:
    """Draw the coupled beat spectra of every detector against detuning, the free ones beside them.

    Parameters
    ----------
    data
        ``beat_density`` and ``beat_density_free`` (step, detector, beat_frequency_hz) in V^2/Hz, with
        ``detuning_ghz(step)``.

    Raises
    ------
    ValueError
        If fewer than two steps have a known detuning.
    """
    nu = data["detuning_ghz"].values
    order = np.argsort(nu)[: np.count_nonzero(np.isfinite(nu))]
    if order.size < 2:
        raise ValueError(f"{order.size} steps have a known detuning; a spectrogram needs at least 2.")
    frequency = data["beat_frequency_hz"].values
    unit, per_unit = ("GHz", 1e9) if frequency[-1] > 5e8 else ("MHz", 1e6)
    detectors = [str(name) for name in data["detector"].values]
    figure = new_figure(6.8, 3.2 * len(detectors))
    axes = figure.subplots(len(detectors), 2, sharex=True, sharey=True, squeeze=False)
    for row, name in zip(axes, detectors, strict=True):
        one = data.sel(detector=name).isel(step=order)
        levels = 10 * np.log10(np.maximum(one["beat_density"].values, 1e-30))
        low, high = np.quantile(levels, [0.05, 0.999])
        for axis, variable in zip(row, ("beat_density_free", "beat_density"), strict=True):
            image = axis.pcolormesh(
                edges(nu[order]),
                edges(frequency / per_unit),
                10 * np.log10(np.maximum(one[variable].values, 1e-30)).T,
                vmin=low,
                vmax=high,
                rasterized=True,
            )
            axis.set_title(f"{name}, {'free' if variable.endswith('free') else 'coupled'}", fontsize=9)
        row[0].set_ylabel(f"beat frequency ({unit})")
        figure.colorbar(image, ax=list(row), label="dB (V²/Hz)")
    for axis in axes[-1]:
        axis.set_xlabel("detuning (GHz)")
    finish(figure)
    return figure
