"""What all figures share: size, fonts, colours, and the detuning axis."""

import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

P1, P2, BLACK = "#1f5fa8", "#c4451c", "#222222"


def new_figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def finish(figure: Figure) -> None:
    for axis in figure.axes:
        axis.tick_params(labelsize=8, direction="in")
        axis.xaxis.label.set_fontsize(9)
        axis.yaxis.label.set_fontsize(9)


def by_detuning(map_: xr.Dataset) -> xr.Dataset:
    nu = map_["detuning_ghz"].values
    known = np.flatnonzero(np.isfinite(nu))
    if known.size < 2:
        raise ValueError(f"{known.size} steps of the map have a known detuning; a figure needs at least 2.")
    return map_.isel(step=known[np.argsort(nu[known])])


def edges(centres: np.ndarray) -> np.ndarray:
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def scale(spectrum: np.ndarray) -> tuple[float, float]:
    """Return the colour limits: typical background to highest peak."""
    positive = spectrum[np.isfinite(spectrum) & (spectrum > 0)]
    if positive.size == 0:
        return 1.0, 10.0
    high = float(np.quantile(positive, 0.9995))
    return max(float(np.quantile(positive, 0.4)), high / 1e4), high
