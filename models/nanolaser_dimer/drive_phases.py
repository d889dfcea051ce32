"""Coherence of two lasers whose drives differ in phase.

Fernandez-Lorenzo and Porras, arXiv:2011.03265, Fig. 5. Rates in units of e = abs(epsilon)/r0, phi_1 = 0.
Exchange of the lasers and reflection of the angles make a quarter of the map stand for all of it:
phi_2 -> -phi_2 exchanges the lasers, phi_2 -> pi - phi_2 changes neither.
"""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context

import numpy as np
import xarray as xr

from models.nanolaser_dimer.parameters import PhasePair
from models.nanolaser_dimer.phases import PHASES_ONLY, phase_averages

__all__ = ["coherence_map", "critical_tunnelling"]


def critical_tunnelling(phase_2_rad: float | np.ndarray, phase_1_rad: float = 0.0) -> np.ndarray:
    """Return t_c/e up to which the lasers lock without noise, 1/abs(cos(phi_2 - phi_1))."""
    with np.errstate(divide="ignore"):
        return 1 / np.abs(np.cos(np.asarray(phase_2_rad, dtype=float) - phase_1_rad))


def _quarter(phases_rad: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the angles in [0, pi/2] that stand for all, each one's place among them, and who exchanges."""
    turned = np.remainder(phases_rad, 2 * math.pi)
    swapped = turned > math.pi
    folded = np.where(swapped, 2 * math.pi - turned, turned)
    folded = np.round(np.minimum(folded, math.pi - folded), 12)
    own, place = np.unique(folded, return_inverse=True)
    return own, place, swapped


def _column(phase_2_rad: float, tunnellings: np.ndarray, diffusion: float, tolerance: float) -> np.ndarray:
    """Return the coherence of both lasers, residual, edge weight and K for each tunnelling, (5, points)."""
    found, first = [], None
    for tunnelling in tunnellings:
        pair = PhasePair.equal(diffusion, tunnelling, phase_1_rad=0.0, phase_2_rad=phase_2_rad)
        here = phase_averages(pair, first=first, tolerance=tolerance)
        first = max(8, math.floor(0.95 * here.truncation))
        found.append(
            (
                abs(here.order_1) ** 2,
                abs(here.order_2) ** 2,
                here.residual,
                here.edge_weight,
                here.truncation,
            )
        )
    return np.array(found).T


def coherence_map(
    diffusion: float,
    tunnellings: Sequence[float] | np.ndarray,
    phases_2_rad: Sequence[float] | np.ndarray,
    *,
    tolerance: float = 1e-3,
    processes: int | None = None,
) -> xr.Dataset:
    """Return the coherence over tunnelling and the phase of the second drive, Fig. 5.

    Parameters
    ----------
    diffusion : float
        D/e.
    tunnellings, phases_2_rad : sequence of float
        t_c/e and phi_2; angles that the symmetries map onto each other are computed once.
    tolerance : float
        Largest Fourier coefficient left at the edge; 1e-3 leaves errors of some 1e-6 in the coherence.
    processes : int, optional
        How many share the work, by default one per processor; with 1 it stays in this one.

    Returns
    -------
    Dataset
        Over ``phase_2_rad`` and ``tunnelling``: ``coherence``, the mean of the two lasers, ``coherence_1``
        and ``coherence_2``. Over ``phase_2_rad``: ``critical_tunnelling``.

    Raises
    ------
    ConvergenceError
        If a truncation does not suffice.
    ValueError
        If `processes` is not positive.
    """
    workers = (os.cpu_count() or 1) if processes is None else processes
    if workers < 1:
        raise ValueError(f"processes is {workers}; it must be at least 1.")
    along, around = np.asarray(tunnellings, dtype=float), np.asarray(phases_2_rad, dtype=float)
    if not (along.size and around.size):
        raise ValueError("There are no tunnellings or no phases; give at least one of each.")
    own, place, swapped = _quarter(around)
    column = partial(_column, tunnellings=along, diffusion=diffusion, tolerance=tolerance)
    if workers == 1 or len(own) == 1:
        found = np.array([column(phase) for phase in own])
    else:
        with ProcessPoolExecutor(min(workers, len(own)), mp_context=get_context("spawn")) as pool:
            found = np.array(list(pool.map(column, own)))
    first, second = found[place, 0], found[place, 1]
    exchange = swapped[:, None]
    values = {
        "coherence": (first + second) / 2,
        "coherence_1": np.where(exchange, second, first),
        "coherence_2": np.where(exchange, first, second),
    }
    result = xr.Dataset(
        {name: (("phase_2_rad", "tunnelling"), value, {"units": "1"}) for name, value in values.items()},
        coords={
            "phase_2_rad": ("phase_2_rad", around, {"units": "rad"}),
            "tunnelling": ("tunnelling", along, {"units": "1"}),
        },
        attrs={
            "method": "Fourier-Galerkin, sparse LU",
            "residual": float(found[:, 2].max()),
            "edge_weight": float(found[:, 3].max()),
            "truncation": int(found[:, 4].max()),
            "solved_points": own.size * along.size,
            "diffusion": diffusion,
            "phase_1_rad": 0.0,
            "single_site_model": PHASES_ONLY,
            "labsync_version": version("labsync"),
        },
    )
    result["critical_tunnelling"] = "phase_2_rad", critical_tunnelling(around), {"units": "1"}
    return result
