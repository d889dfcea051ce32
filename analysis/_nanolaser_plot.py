"""Figure of a sweep over two coupled nanolasers."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from analysis._drawing import BLACK, P1, P2, finish, new_figure

__all__ = ["nanolaser_sweep"]

_AXES = {
    "tunnelling": "tunnelling $t_c/\\kappa$",
    "phase_2_rad": "phase $\\phi_2$ (rad)",
    "pump_parameter": "pump parameter $C_p$",
    "drive": "drive $|\\epsilon|/\\kappa$",
}


def nanolaser_sweep(run: xr.Dataset, swept: str) -> Figure:
    """Draw photon numbers, their difference and the coherence of two lasers against the swept parameter.

    Parameters
    ----------
    run
        Dims step and laser; ``photons``, ``coherence`` and ``imbalance``, the first and last with
        ``*_error`` where they are known.
    swept
        Variable (step) that was swept.
    """
    figure = new_figure(7.2, 2.6)
    numbers, difference, coherence = figure.subplots(1, 3)
    x = run[swept].values
    for k, (colour, marker) in enumerate(((P1, "o"), (P2, "s"))):
        style = {"ms": 3, "lw": 1, "color": colour, "mfc": "white", "label": f"laser {k + 1}"}
        numbers.errorbar(x, run["photons"].values[:, k], _error(run, "photons", k), fmt=f"{marker}-", **style)
        coherence.plot(x, run["coherence"].values[:, k], f"{marker}-", **style)
    difference.errorbar(
        x, run["imbalance"].values, _error(run, "imbalance"), fmt="D-", ms=3, lw=1, color=BLACK, mfc="white"
    )
    difference.axhline(0.0, color="0.5", lw=0.8)
    numbers.set_ylabel("photons $\\langle n_j\\rangle$")
    difference.set_ylabel("$\\langle n_1\\rangle - \\langle n_2\\rangle$")
    coherence.set_ylabel("$|\\langle a_j\\rangle|^2/\\langle n_j\\rangle$")
    coherence.set_ylim(0, 1.02)
    numbers.legend(fontsize=7, frameon=False)
    for axis in (numbers, difference, coherence):
        axis.set_xlabel(_AXES[swept])
    finish(figure)
    return figure


def _error(run: xr.Dataset, name: str, laser: int | None = None) -> np.ndarray | None:
    error = run.get(f"{name}_error")
    if error is None:
        return None
    return error.values if laser is None else error.values[:, laser]
