"""What a scan of the detuning shows: lines, spectra, intensity correlations."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from models.micropillars._curves import Progress, stack
from models.micropillars.correlations import correlations, zero_lag
from models.micropillars.lines import fit_lines
from models.micropillars.parameters import Pair
from models.micropillars.simulation import simulate
from models.micropillars.spectra import spectrum

__all__ = ["detuning_map", "line_map", "scanned"]


def scanned(
    pairs: Iterable[Pair],
    axis: str,
    values: np.ndarray,
    units: str,
    observe: Callable[[xr.Dataset], xr.Dataset],
    seed: int,
    on_progress: Progress | None,
    **simulation: Any,
) -> xr.Dataset:
    """Simulate one pair after the other and stack what `observe` makes of each along a new axis.

    Every pair has its own seed, counted up from `seed`.
    """
    steps, values = [], np.asarray(values, float)
    for number, pair in enumerate(pairs):
        steps.append(observe(simulate(pair, seed=seed + number, **simulation)))
        if on_progress is not None:
            on_progress((number + 1) / len(values))
    varied = {axis, "weak_detuning_ghz", "round_trip_phase_rad", "reflection_phase_rad"}
    result = stack(steps, axis, values, units, varied, coords="minimal", compat="override")
    result.attrs |= {"seed": seed, "phase": "averaged" if simulation.get("average_phase") else "fixed path"}
    return result


def _detuned(pair: Pair, detunings_ghz: np.ndarray) -> list[Pair]:
    values = np.asarray(detunings_ghz, float)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"detunings_ghz has shape {values.shape}; give a list of detunings")
    return [pair.detuned(float(nu)) for nu in values]


def _free_lines(pair: Pair, resolution_ghz: float, seed: int, simulation: dict[str, Any]) -> xr.Dataset:
    """Lines without coupling, P2 as if it were not detuned."""
    alone = replace(pair, coupling=0.0, detuning_ghz=0.0)
    lines = fit_lines(simulate(alone, seed=seed, **simulation), resolution_ghz)
    weak = xr.DataArray([0.0, alone.weak_detuning_ghz], {"pillar": lines["pillar"].values}, "pillar")
    lines["centre_ghz"] -= weak * (lines["mode"] == "weak")
    names = ["centre_ghz", "centre_ghz_std", "linewidth_ghz", "linewidth_ghz_std"]
    return lines[names].rename({name: f"free_{name}" for name in names})


def line_map(
    pair: Pair,
    detunings_ghz: np.ndarray,
    resolution_ghz: float = 0.02,
    duration_ns: float = 400.0,
    trajectories: int = 32,
    seed: int = 1,
    average_phase: bool = True,
    on_progress: Progress | None = None,
    **simulation: Any,
) -> xr.Dataset:
    """Fit the lines of both pillars at each detuning, and the free-running ones once.

    Parameters
    ----------
    pair : Pair
        What is simulated, detuned by `Pair.detuned`.
    detunings_ghz : array_like
        Nominal detunings nu of the strong modes.
    resolution_ghz : float
        Of the spectra the lines are fitted to.
    duration_ns, trajectories, average_phase
        Of each detuning, see `simulate`; more of its arguments can follow.
    seed : int
        Seed of the first detuning; the others count up from it.
    on_progress : callable, optional
        Called with the fraction done after each detuning.

    Returns
    -------
    xarray.Dataset
        The variables of `fit_lines` and `zero_lag` along detuning_ghz, and free_centre_ghz,
        free_linewidth_ghz (pillar, mode) of the pair without coupling and with P2 not detuned, with errors
        ``_std``.
    """
    run = {"duration_ns": duration_ns, "trajectories": trajectories, "average_phase": average_phase}
    pairs = _detuned(pair, detunings_ghz)
    lines = scanned(
        pairs,
        "detuning_ghz",
        detunings_ghz,
        "GHz",
        lambda light: fit_lines(light, resolution_ghz).merge(zero_lag(light), combine_attrs="override"),
        seed,
        on_progress,
        **run,
        **simulation,
    )
    free = _free_lines(pair, resolution_ghz, seed + len(pairs), run | simulation)
    return lines.merge(free, combine_attrs="override")


def detuning_map(
    pair: Pair,
    detunings_ghz: np.ndarray,
    longest_lag_ns: float = 15.0,
    resolution_ghz: float = 0.02,
    duration_ns: float = 400.0,
    trajectories: int = 32,
    seed: int = 1,
    average_phase: bool = True,
    on_progress: Progress | None = None,
    **simulation: Any,
) -> xr.Dataset:
    """Return spectra and intensity correlations against the detuning.

    Parameters
    ----------
    pair : Pair
        What is simulated, detuned by `Pair.detuned`.
    detunings_ghz : array_like
        Nominal detunings nu of the strong modes.
    longest_lag_ns : float
        Longest lag of the correlations.
    resolution_ghz : float
        Of the spectra.
    duration_ns, trajectories, average_phase
        Of each detuning, see `simulate`; more of its arguments can follow.
    seed : int
        Seed of the first detuning; the others count up from it.
    on_progress : callable, optional
        Called with the fraction done after each detuning.

    Returns
    -------
    xarray.Dataset
        Along detuning_ghz: power (pillar, mode, frequency_ghz) of `spectrum`, photon_number and g2_zero
        (pillar, mode) of `zero_lag`, g2_w1w2 (lag_ns), the cross-correlation of the weak modes, positive lags
        where P2 repeats P1; all with errors ``_std``. Coordinate weak_detuning_ghz (detuning_ghz).
    """

    def observe(light: xr.Dataset) -> xr.Dataset:
        seen = spectrum(light, resolution_ghz)
        weak = correlations(light, longest_lag_ns).sel(mode="weak", drop=True)
        across = weak.sel(pillar="P1", other_pillar="P2", drop=True)
        level = zero_lag(light)
        names = {"g2": "g2_w1w2", "g2_std": "g2_w1w2_std"}
        parts = [level, seen[["power", "power_std"]], across[list(names)].rename(names)]
        return xr.merge(parts, combine_attrs="override").assign_attrs(seen.attrs)

    pairs = _detuned(pair, detunings_ghz)
    result = scanned(
        pairs,
        "detuning_ghz",
        detunings_ghz,
        "GHz",
        observe,
        seed,
        on_progress,
        duration_ns=duration_ns,
        trajectories=trajectories,
        average_phase=average_phase,
        **simulation,
    )
    weak_detunings = [p.weak_detuning_ghz for p in pairs]
    return result.assign_coords(weak_detuning_ghz=("detuning_ghz", weak_detunings, {"units": "GHz"}))
