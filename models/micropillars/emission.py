"""Input-output curves, linewidths and photon statistics of the pillars on their own."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from models.micropillars._curves import Progress, stack
from models.micropillars.correlations import zero_lag
from models.micropillars.lines import fit_lines
from models.micropillars.parameters import Pair
from models.micropillars.simulation import simulate

__all__ = ["emission_curve"]

_BROAD_GHZ = 2.0
_FINE: dict[str, Any] = {"duration_ns": 40.0, "step_ps": 0.5, "sample_ps": 0.5}
_FINE_RESOLUTION_GHZ = 0.2
_RUNS = (
    f"lines narrower than {_BROAD_GHZ:g} GHz from the long run; broader ones, and their g2, from 40 ns "
    f"sampled every 0.5 ps at {_FINE_RESOLUTION_GHZ:g} GHz resolution"
)


def _emission(pair: Pair, seed: int, resolution_ghz: float, run: dict[str, Any]) -> xr.Dataset:
    """Photon numbers, linewidths and g2(0) of both pillars at one current."""
    long = simulate(pair, seed=seed, **run)
    level = zero_lag(long)
    seen = level.merge(fit_lines(long, resolution_ghz), combine_attrs="override")
    short = simulate(pair, seed=seed, trajectories=run["trajectories"], **_FINE)
    closer = zero_lag(short).merge(fit_lines(short, _FINE_RESOLUTION_GHZ), combine_attrs="override")
    broad = closer["linewidth_ghz"] > _BROAD_GHZ  # in the long run such a line would fill the recorded band
    for name in ("linewidth_ghz", "linewidth_ghz_std", "g2_zero", "g2_zero_std"):
        seen[name] = seen[name].where(~broad, closer[name]).assign_attrs(seen[name].attrs)
    kept = ["photon_number", "g2_zero", "linewidth_ghz"]
    return seen[[*kept, *(f"{name}_std" for name in kept)]]


def emission_curve(
    pair: Pair,
    currents_ua: np.ndarray,
    resolution_ghz: float = 0.005,
    duration_ns: float = 1000.0,
    trajectories: int = 32,
    seed: int = 1,
    on_progress: Progress | None = None,
) -> xr.Dataset:
    """Return what each pillar emits on its own, against its current.

    Parameters
    ----------
    pair : Pair
        The pillars; they are simulated side by side without coupling, both at the same current.
    currents_ua : array_like
        Currents per pillar, above both parasitic currents.
    resolution_ghz : float
        Of the spectra the narrow lines are fitted to.
    duration_ns, trajectories
        At each current.
    seed : int
        Seed of the first current; the others count up from it.
    on_progress : callable, optional
        Called with the fraction done after each current.

    Returns
    -------
    xarray.Dataset
        Along current_ua, each (pillar, mode): photon_number, g2_zero, linewidth_ghz (full width at half
        maximum of a fitted Lorentzian, see `fit_lines`), with standard errors ``_std`` from the scatter
        between trajectories; output_power_nw, the whole cavity loss counted.

    Raises
    ------
    ValueError
        If a current is not above the parasitic currents.
    """
    currents = np.asarray(currents_ua, float)
    parasitic = max(p.parasitic_current_ua for p in pair.pillars)
    if currents.ndim != 1 or currents.size == 0 or currents.min() <= parasitic:
        raise ValueError(f"currents_ua must be a list of currents above {parasitic:g}; given: {currents_ua}")
    run = {"duration_ns": duration_ns, "trajectories": trajectories}
    steps = []
    for number, current in enumerate(currents):
        pillars = [replace(p, current_ua=float(current)) for p in pair.pillars]
        alone = replace(pair, pillar_1=pillars[0], pillar_2=pillars[1], coupling=0.0, detuning_ghz=0.0)
        steps.append(_emission(alone, seed + number, resolution_ghz, run))
        if on_progress is not None:
            on_progress((number + 1) / currents.size)
    result = stack(steps, "current_ua", currents, "uA", varied={"current_ua_1", "current_ua_2"})
    per_photon = xr.DataArray([p.output_nw_per_photon for p in pair.pillars], {"pillar": result["pillar"]})
    result["output_power_nw"] = (result["photon_number"] * per_photon).assign_attrs(units="nW")
    result.attrs |= {"seed": seed, "runs": _RUNS, "resolution_ghz": resolution_ghz}
    return result
