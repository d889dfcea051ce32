"""Figure of a held position."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis._drawing import P1, P2, finish, new_figure
from analysis.position import SETTLING_FRAMES, Stillness, stillness

__all__ = ["position_hold"]

AXES = (("x", P1), ("y", P2))
BIN_UM = 0.02


def position_hold(data: xr.Dataset) -> Figure:
    """Draw a sample's displacement with the position loop open and closed.

    Above, the whole recording; below, the closed loop enlarged, with its distribution.

    Parameters
    ----------
    data
        As `analysis.position.stillness` takes it, with ``time_s(step)``.
    """
    figure = new_figure(7.0, 4.6)
    grid = figure.add_gridspec(2, 2, width_ratios=[4, 1], height_ratios=[1.15, 1])
    whole = figure.add_subplot(grid[0, :])
    phases = stillness(data)
    _draw_whole(whole, data, phases)
    if "closed" in phases:
        enlarged = figure.add_subplot(grid[1, 0])
        distribution = figure.add_subplot(grid[1, 1], sharey=enlarged)
        _draw_closed(enlarged, distribution, data, phases["closed"])
    finish(figure)
    return figure


def _draw_whole(axis: Axes, data: xr.Dataset, phases: dict[str, Stillness]) -> None:
    minutes = data["time_s"].values / 60
    displacement = data["displacement_um"].values
    closed = np.flatnonzero(data["closed_loop"].values)
    for k, (name, colour) in enumerate(AXES):
        axis.plot(minutes, displacement[:, k], color=colour, lw=1.0, label=f"${name}$")
    axis.axhline(0.0, color="0.5", lw=0.7, ls=":")
    axis.set_xlim(minutes[0], minutes[-1])
    low, high = np.nanmin(displacement), np.nanmax(displacement)
    axis.set_ylim(low - 0.08 * (high - low), high + 0.28 * (high - low))
    if closed.size:
        axis.axvspan(minutes[closed[0]], minutes[-1], color="0.93", lw=0, zorder=0)
    for name, phase in phases.items():
        inside = np.flatnonzero(data["closed_loop"].values == (name == "closed"))
        middle = (minutes[inside[0]] + minutes[inside[-1]]) / 2
        text = f"loop {name}: rms {_um(phase)}"
        axis.annotate(
            text, (middle, 0.97), xycoords=("data", "axes fraction"), ha="center", va="top", fontsize=8
        )
    _mark_held(axis, data, minutes)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("time (min)")
    axis.set_ylabel("displacement (\N{MICRO SIGN}m)")
    axis.legend(loc="lower left", fontsize=8, frameon=False, ncols=3)


def _draw_closed(axis: Axes, distribution: Axes, data: xr.Dataset, phase: Stillness) -> None:
    inside = np.flatnonzero(data["closed_loop"].values)[SETTLING_FRAMES:]
    part = data.isel(step=inside)
    minutes = part["time_s"].values / 60
    values = part["displacement_um"].values
    reach = max(0.12, 1.15 * float(np.nanmax(np.abs(values))))
    bins = np.arange(-reach, reach + BIN_UM, BIN_UM)
    for k, (name, colour) in enumerate(AXES):
        known = values[np.isfinite(values[:, k]), k]
        axis.plot(minutes, values[:, k], color=colour, lw=0.8)
        label = f"${name}$: rms {1e3 * phase.rms_axis_um[k]:.0f} nm"
        distribution.hist(
            known,
            list(bins),
            orientation="horizontal",
            histtype="step",
            density=True,
            color=colour,
            lw=1.1,
            label=label,
        )
    for level in (-phase.rms_um.value, phase.rms_um.value):
        axis.axhline(level, color="0.4", lw=0.8, ls="--", label="rms distance" if level > 0 else None)
        distribution.axhline(level, color="0.4", lw=0.8, ls="--")
    axis.set_xlim(minutes[0], minutes[-1])
    axis.set_ylim(-reach, reach)
    axis.set_facecolor("0.93")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="lower left", fontsize=7, frameon=False)
    axis.set_xlabel("time (min)")
    axis.set_ylabel("closed loop (\N{MICRO SIGN}m)")
    distribution.set_xlabel("density (1/\N{MICRO SIGN}m)")
    distribution.tick_params(labelleft=False)
    distribution.set_xlim(0, 1.45 * distribution.get_xlim()[1])
    distribution.legend(loc="upper right", fontsize=6.5, frameon=False, handlelength=1.0, borderaxespad=0.2)


def _mark_held(axis: Axes, data: xr.Dataset, minutes: np.ndarray) -> None:
    held = np.flatnonzero(data["held"].values)
    if held.size:
        axis.plot(
            minutes[held], np.full(held.size, 0.03), "|", color="0.3", ms=6,
            transform=axis.get_xaxis_transform(), label="no displacement: held",
        )  # fmt: skip


def _um(phase: Stillness) -> str:
    value, std = phase.rms_um.value, phase.rms_um.std
    if value < 0.5:
        return f"{1e3 * value:.0f} \N{PLUS-MINUS SIGN} {max(1e3 * std, 1):.0f} nm"
    return f"{value:.2f} \N{MICRO SIGN}m"
