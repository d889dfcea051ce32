"""Photon number across the threshold, by the full quantum model and with the emitter eliminated.

Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265, Fig. B1.
"""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import xarray as xr

from models.nanolaser_dimer.master_equation import eliminated_moments
from models.nanolaser_dimer.parameters import Nanolaser
from models.nanolaser_dimer.quantum import laser_moments
from models.numerics import TruncationError

__all__ = ["photons_across_threshold"]


def _eliminated(laser: Nanolaser) -> float:
    try:
        return eliminated_moments(laser).photons
    except TruncationError:
        return np.nan


def photons_across_threshold(
    pump_parameters: Sequence[float] | np.ndarray | None = None,
    gammas: Sequence[float] = (50.0, 200.0, 500.0, 2000.0),
    kappa: float = 1.0,
) -> xr.Dataset:
    """Return photon numbers over the pump parameter, for several gamma (Fig. B1, whose panel a has 2000).

    Parameters
    ----------
    pump_parameters : sequence of float, optional
        C_p. Default: 0.5 to 2 in 31 steps.
    gammas : sequence of float
        Pump rates gamma. The paper does not give those of panel b.
    kappa : float
        Decay rate of the amplitude.

    Returns
    -------
    xarray.Dataset
        ``photons`` <n> and ``scaled_photons`` <n> kappa/gamma over ``model`` (full quantum; eliminated, with
        B_r), ``gamma`` and ``pump_parameter``. The eliminated model's are NaN where it has no stationary
        state but that of its cutoff.
    """
    pumps = np.linspace(0.5, 2.0, 31) if pump_parameters is None else np.asarray(pump_parameters, dtype=float)
    rates = np.asarray(gammas, dtype=float)
    lasers = [[Nanolaser(pump, gamma, kappa=kappa) for pump in pumps] for gamma in rates]
    photons = np.array(
        [
            [[laser_moments(laser).photons for laser in row] for row in lasers],
            [[_eliminated(laser) for laser in row] for row in lasers],
        ]
    )
    dims, unit = ("model", "gamma", "pump_parameter"), {"units": "1"}
    return xr.Dataset(
        {
            "photons": (dims, photons, unit),
            "scaled_photons": (dims, photons * kappa / rates[:, None], unit),
        },
        coords={
            "model": ["full quantum", "eliminated, B_r"],
            "gamma": ("gamma", rates, {"units": "unit of kappa"}),
            "pump_parameter": ("pump_parameter", pumps, unit),
        },
        attrs={
            "kappa": kappa,
            "method": "sparse factorisation of the elements with q = 0",
            "single_site_model": "full quantum; eliminated master equation with B_r",
            "labsync_version": version("labsync"),
        },
    )
