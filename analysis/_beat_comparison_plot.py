"""Figure of a measured beat note and the model's."""

import xarray as xr
from matplotlib.figure import Figure

from analysis._drawing import P1, P2, finish, new_figure

__all__ = ["beat_comparison"]


def beat_comparison(measured: xr.Dataset, modelled: xr.Dataset) -> Figure:
    """Draw one coupled beat spectrum, measured and modelled, and the measured free line.

    Parameters
    ----------
    measured, modelled
        ``beat_density`` and ``beat_density_free`` (beat_frequency_hz) in V^2/Hz of one step and detector,
        with its ``detuning_ghz``.
    """
    frequency = measured["beat_frequency_hz"].values
    unit, per_unit = ("GHz", 1e9) if frequency[-1] > 5e8 else ("MHz", 1e6)
    figure = new_figure(6.8, 3.4)
    axis = figure.subplots()
    shown = (
        (measured["beat_density_free"], "0.6", "measured, free"),
        (measured["beat_density"], P1, "measured, coupled"),
        (modelled["beat_density"], P2, "model, coupled"),
    )
    for density, colour, label in shown:
        axis.semilogy(frequency / per_unit, density.values, color=colour, lw=0.8, label=label)
    detector, nu = str(measured["detector"].values), float(measured["detuning_ghz"])
    axis.set(xlabel=f"beat frequency ({unit})", ylabel="V²/Hz")
    axis.set_title(f"{detector}, detuning {nu:+.3f} GHz", fontsize=9)
    axis.legend(frameon=False, fontsize=8)
    finish(figure)
    return figure
