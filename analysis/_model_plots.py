"""Figures of the model: beside a measured scan, and alone."""

import numpy as np
import xarray as xr
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from analysis._compare import Comparison
from analysis._drawing import P1, P2, by_detuning, edges, finish, new_figure, scale

__all__ = ["residuals", "simulated_spectra"]


def residuals(map_: xr.Dataset, comparison: Comparison) -> Figure:
    """Draw how far each line is pulled from its free-running place, measured and modelled, and the residuals.

    Parameters
    ----------
    map_
        From `analysis.detuning.reduce_map`.
    comparison
        From `analysis.comparison.compare` of that map.
    """
    figure = new_figure(4.8, 4.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    measured, modelled = by_detuning(map_), by_detuning(comparison.model_map)
    nu = measured["detuning_ghz"].values
    order = np.argsort(comparison.model_map["detuning_ghz"].values)
    sigma = (comparison.residual_ghz / comparison.residual_std_ghz)[order]
    for p, (colour, marker) in enumerate(((P1, "o"), (P2, "s"))):
        free = nu if p else np.zeros_like(nu)
        pull = measured["centre_ghz"].values[:, p] - free
        std = measured["centre_std_ghz"].values[:, p]
        upper.errorbar(
            nu, pull, std, fmt=marker, ms=3, color=colour, mfc="white", lw=0.8, label=f"P{p + 1} measured"
        )
        grid = modelled["detuning_ghz"].values
        curve = modelled["centre_ghz"].values[:, p] - (grid if p else 0.0)
        upper.plot(grid, curve, color=colour, lw=1.2, label=f"P{p + 1} model")
        chi = comparison.reduced_chi_squared[p]
        lower.plot(grid, sigma[:, p], marker, ms=3, color=colour, label=f"P{p + 1}, $\\chi^2_r$ = {chi:.2f}")
    upper.axhline(0.0, color="0.5", lw=0.8)
    upper.set_ylabel("pull from the free line (GHz)")
    upper.legend(fontsize=7, frameon=False)
    lower.axhline(0.0, color="0.5", lw=0.8)
    lower.set_ylabel("residual ($\\sigma$)")
    lower.set_xlabel("nominal detuning (GHz)")
    lower.legend(fontsize=7, frameon=False, ncols=2)
    finish(figure)
    return figure


def simulated_spectra(run: xr.Dataset, swept: str = "detuning_ghz", mode: str = "strong") -> Figure:
    """Draw the simulated spectra of both pillars against the swept quantity.

    Parameters
    ----------
    run
        Dims step, pillar, mode, frequency_ghz; ``power`` in photons/GHz, relative to free-running P1.
    swept
        Variable (step) that was swept, named with its unit at the end.
    mode
        "strong" or "weak".
    """
    figure = new_figure(7.2, 3.4)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    power = run["power"].sel(mode=mode)
    frequency = power["frequency_ghz"].values
    if run.sizes["step"] == 1:
        for p, (axis, colour) in enumerate(zip(axes, (P1, P2), strict=True)):
            axis.semilogy(frequency, power.values[0, p], color=colour, lw=1)
            axis.set_xlabel("frequency from free P1 (GHz)")
        axes[0].set_ylabel("photons per GHz")
        axes[0].set_xlim(-5, 5)
    else:
        _draw_sweep(figure, power, run[swept], swept)
    for p, axis in enumerate(axes):
        axis.set_title(f"P{p + 1}, {mode} mode", fontsize=9)
    finish(figure)
    return figure


def _draw_sweep(figure: Figure, power: xr.DataArray, swept: xr.DataArray, name: str) -> None:
    order = np.argsort(swept.values)
    places, frequency = swept.values[order], power["frequency_ghz"].values
    shown = np.abs(frequency) < max(4.0, 1.2 * np.abs(places).max() if name == "detuning_ghz" else 4.0)
    values = power.values[order][..., shown]
    low, high = scale(values)
    for p, axis in enumerate(figure.axes[:2]):
        image = np.maximum(values[:, p], low).T
        mesh = axis.pcolormesh(
            edges(places),
            edges(frequency[shown]),
            image,
            norm=LogNorm(low, high),
            cmap="magma",
            rasterized=True,
        )
        axis.set_xlabel(f"{name.rsplit('_', 1)[0].replace('_', ' ')} ({swept.attrs.get('units', '1')})")
    figure.axes[0].set_ylabel("frequency from free P1 (GHz)")
    figure.colorbar(mesh, ax=figure.axes[:2], pad=0.015, fraction=0.05).set_label(
        "photons per GHz", fontsize=9
    )
