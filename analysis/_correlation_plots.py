"""Figures of correlations."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis._drawing import BLACK, P1, P2, edges, finish, new_figure
from analysis.correlation_fits import G2Fit

__all__ = ["correlation_coefficient", "correlation_map", "correlations"]

_COLUMNS = 3


def correlations(correlation: xr.Dataset, fits: Sequence[G2Fit] = ()) -> Figure:
    """Draw g2 of every pair, with error bars; where a fit is given, its curve and the residuals.

    Pairs of which nothing is known, such as autocorrelations within the dead time, are left out.

    Parameters
    ----------
    correlation
        From `analysis.correlation.g2`.
    fits
        At most one per pair.
    """
    known = correlation["g2"].notnull().any("delay")
    pairs = [str(pair) for pair in correlation["pair"].values[known]] or [str(correlation["pair"].values[0])]
    by_pair = {fit.pair: fit for fit in fits}
    columns = min(_COLUMNS, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = new_figure(2.0 + 2.6 * columns, 3.1 * rows)
    heights = [3, 1] * rows if by_pair else [1] * rows
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    for k, pair in enumerate(pairs):
        row, column = divmod(k, columns)
        fit = by_pair.get(pair)
        above = figure.add_subplot(grid[2 * row if by_pair else row, column])
        _draw_pair(above, correlation.sel(pair=pair), fit)
        lowest = above
        if fit is not None:
            lowest = figure.add_subplot(grid[2 * row + 1, column], sharex=above)
            _draw_residuals(lowest, fit)
            above.tick_params(labelbottom=False)
        lowest.set_xlabel("delay (ns)")
    finish(figure)
    return figure


def _draw_pair(axis: Axes, one: xr.Dataset, fit: G2Fit | None) -> None:
    valid = one["valid"].values if "valid" in one else np.isfinite(one["g2"].values)
    delay, g, std = (one[name].values[valid] for name in ("delay", "g2", "g2_std"))
    colour = P1 if one["first"] == one["second"] else BLACK
    axis.errorbar(
        delay, g, std, fmt="o", ms=2.0, mew=0, lw=0, elinewidth=0.6, color=colour, alpha=0.8, zorder=1
    )
    axis.axhline(1.0, color="0.5", lw=0.7, ls=":")
    if fit is not None:
        axis.plot(fit.delay_ns, fit.curve, color=P2, lw=1.3, label=f"{fit.model}, p = {fit.p_value:.2g}")
        axis.legend(loc="upper right", fontsize=7, frameon=False)
    axis.margins(y=0.15)
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.set_title(f"channels {one['pair'].item()}", fontsize=9)
    axis.set_ylabel(r"$g^{(2)}(\tau)$")
    axis.set_xlim(one["delay"].values[0], one["delay"].values[-1])


def _draw_residuals(axis: Axes, fit: G2Fit) -> None:
    axis.plot(fit.delay_ns, (fit.g2 - fit.curve) / fit.g2_std, ".", ms=2.0, color="0.35")
    axis.axhspan(-1, 1, color="0.92", lw=0, zorder=0)
    axis.set_ylim(-5, 5)
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.set_ylabel("residual ($\\sigma$)")


def correlation_map(map_: xr.Dataset, model: xr.Dataset | None = None) -> Figure:
    """Draw g2 of one pair against delay and detuning, the model next to it where there is one.

    Parameters
    ----------
    map_
        ``g2(step, delay)`` with ``detuning_ghz(step)``, of one pair.
    model
        The same from a model, or None.

    Raises
    ------
    ValueError
        If fewer than two steps have a known detuning.
    """
    panels = [("experiment", map_)] + ([("model", model)] if model is not None else [])
    figure = new_figure(1.2 + 3.2 * len(panels), 3.4)
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    spread = max(float(np.nanquantile(np.abs(each["g2"].values - 1), 0.999)) for _, each in panels)
    for axis, (title, each) in zip(axes, panels, strict=True):
        nu = each["detuning_ghz"].values
        order = np.argsort(nu)[: np.count_nonzero(np.isfinite(nu))]
        if order.size < 2:
            raise ValueError(f"{order.size} steps have a known detuning; a map needs at least 2.")
        image = axis.pcolormesh(
            edges(nu[order]),
            edges(each["delay"].values),
            each["g2"].transpose("delay", "step").values[:, order],
            cmap="RdBu_r",
            vmin=1 - spread,
            vmax=1 + spread,
            rasterized=True,
        )
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("detuning (GHz)")
    axes[0].set_ylabel(r"delay $\tau$ (ns)")
    figure.colorbar(image, ax=list(axes), label=r"$g^{(2)}(\tau)$")
    finish(figure)
    return figure


def correlation_coefficient(coefficient: xr.Dataset, model: xr.Dataset | None = None) -> Figure:
    """Draw the correlation coefficient rho against delay, with errors; the model as a line.

    Parameters
    ----------
    coefficient
        From `analysis.correlation.correlation_coefficient`: ``rho(delay)``, ``rho_std(delay)``.
    model
        ``rho(delay)`` of a model, or None.
    """
    figure = new_figure(4.8, 3.2)
    axis = figure.subplots()
    delay, rho, std = (coefficient[name].values for name in ("delay", "rho", "rho_std"))
    axis.errorbar(delay, rho, std, fmt="o", ms=2.5, mew=0, lw=0, elinewidth=0.6, color=BLACK, label="data")
    if model is not None:
        axis.plot(model["delay"], model["rho"], color=P2, lw=1.3, label="model")
        axis.legend(fontsize=8, frameon=False)
    axis.axhline(0.0, color="0.5", lw=0.7, ls=":")
    axis.set_xlabel("delay (ns)")
    axis.set_ylabel(r"correlation coefficient $\rho(\tau)$")
    axis.set_xlim(delay[0], delay[-1])
    finish(figure)
    return figure
