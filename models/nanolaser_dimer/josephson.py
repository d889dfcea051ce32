"""Photon imbalance of two lasers whose drives differ in phase: a Josephson effect with losses.

Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265, Eqs.
28-35 and Fig. 6, with the sign that follows from its Eq. 1: n1 - n2 = + n_J sin(phi_1 - phi_2).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import xarray as xr
from scipy.special import ive

from models.nanolaser_dimer._sweep import join_sweep
from models.nanolaser_dimer.gutzwiller import SINGLE_SITE_MODELS, solve_gutzwiller
from models.nanolaser_dimer.langevin import simulate_langevin
from models.nanolaser_dimer.parameters import Dimer, describe
from models.nanolaser_dimer.self_consistent import solve_self_consistent

__all__ = [
    "LEVELS",
    "figure_6",
    "figure_6_dimer",
    "imbalance",
    "josephson_number",
    "weak_tunnelling_imbalance",
]

LEVELS = ("self-consistent", "langevin", *(f"gutzwiller {name}" for name in SINGLE_SITE_MODELS))
"""Levels of description of the imbalance; those of the product state name the model of the single laser."""

_ASSUMPTION = (
    "C_p = {:g} is an assumption: the publication gives neither C_p nor g. Its product state is iterated up "
    "to t_c = 0.025, which plain iteration reaches for C_p between 1.07 and 1.15"
)


def figure_6_dimer(tunnelling: float = 0.0, pump_parameter: float = 1.1) -> Dimer:
    """Return the lasers of Fig. 6: gamma = 3500, drives of 0.3 a quarter period apart, kappa = 1.

    The publication does not give C_p; 1.1 is inferred from how far its iteration converged.
    """
    return Dimer(pump_parameter, 3500.0, 0.3, tunnelling, 0.0, math.pi / 2)


def josephson_number(dimer: Dimer, relaxation: str = "cubic") -> float:
    """Return n_J of n1 - n2 = n_J sin(phi_1 - phi_2), for perfect locking and small t_c.

    Parameters
    ----------
    dimer : Dimer
        The lasers.
    relaxation : {"cubic", "full"}
        At which rate the photon number relaxes: 2 kappa (C_p - 1) of the cubic model, which gives
        t_c gamma/(kappa^2 C_p) (Eq. 32), or 2 kappa (C_p - 1)/C_p of the full laser, t_c gamma/kappa^2.
    """
    if relaxation not in {"cubic", "full"}:
        raise ValueError(f"relaxation is {relaxation!r}; choose 'cubic' or 'full'.")
    full = dimer.tunnelling * dimer.gamma / dimer.kappa**2
    return full if relaxation == "full" else full / dimer.pump_parameter


def weak_tunnelling_imbalance(dimer: Dimer) -> float:
    """Return n1 - n2 of the self-consistent Fokker-Planck equation to first order in t_c.

    The field R r of one laser adds t_c R r sin(phi_1 - phi_2) to the drive of the other, with R = I1(z)/I0(z)
    and z = 2 abs(eps) r/A; a stronger drive feeds z (1 - R^2) times as much, being better followed. At r = r0
    this is n_J sin(phi_1 - phi_2) R z (1 - R^2) but for the change of R with r.

    Raises
    ------
    ValueError
        If the lasers are below threshold and not driven.
    """
    alone = solve_self_consistent(replace(dimer, tunnelling=0.0))
    n = float(alone.photons[0])
    z = 2 * dimer.drive * math.sqrt(n) / dimer.gain
    order = float(ive(1, z) / ive(0, z))
    feed = z * (1 - order**2)
    stiffness = 3 * dimer.saturation * n - (dimer.gain - dimer.loss)
    stiffness -= dimer.drive * (feed - order) / math.sqrt(n)
    push = dimer.tunnelling * order * math.sqrt(n) * math.sin(dimer.phase_1_rad - dimer.phase_2_rad)
    return 4 * math.sqrt(n) * feed * push / stiffness


def _solve(dimer: Dimer, tunnellings: np.ndarray, level: str, seed: int) -> xr.Dataset:
    if level == "self-consistent":
        return solve_self_consistent(dimer, tunnellings)
    if level.startswith("gutzwiller "):
        return solve_gutzwiller(dimer, tunnellings, single_site_model=level.removeprefix("gutzwiller "))
    points = [simulate_langevin(replace(dimer, tunnelling=float(t)), seed=seed) for t in tunnellings]
    return join_sweep(points, "tunnelling", tunnellings)


def imbalance(
    dimer: Dimer, tunnellings: Sequence[float] | np.ndarray, level: str = "self-consistent", *, seed: int = 1
) -> xr.Dataset:
    """Return photon numbers and imbalance over the tunnelling, at one level of description.

    Parameters
    ----------
    dimer : Dimer
        The lasers; their own tunnelling does not count.
    tunnellings : array_like
        Values of t_c.
    level : str
        One of `LEVELS`.
    seed : int
        Seed of the Langevin simulation.

    Returns
    -------
    Dataset
        As of the level's solver, with ``relative_imbalance`` (n1 - n2)/(n1 + n2) and ``current``
        -2 t_c Im<a1^+ a2>, the rate at which tunnelling brings photons to laser 1.

    Raises
    ------
    ValueError
        If the level is unknown.
    ConvergenceError
        If a solver does not converge.
    """
    if level not in LEVELS:
        raise ValueError(f"level is {level!r}; choose one of {', '.join(LEVELS)}.")
    result = _solve(dimer, np.asarray(tunnellings, dtype=float), level, seed)
    result["relative_imbalance"] = result.imbalance / result.photons.sum("laser")
    result["current"] = -2 * result.tunnelling * result.coherence.imag
    result.relative_imbalance.attrs["units"] = "1"
    result.current.attrs["units"] = "unit of kappa"
    return result.assign_attrs(level=level)


def figure_6(
    tunnellings: Sequence[float] | np.ndarray | None = None,
    levels: Sequence[str] = ("self-consistent", "gutzwiller full", "gutzwiller cubic", "langevin"),
    *,
    pump_parameter: float = 1.1,
    seed: int = 1,
) -> xr.Dataset:
    """Return the data of Fig. 6: photon numbers and imbalance over t_c at several levels.

    Parameters
    ----------
    tunnellings : array_like, optional
        Values of t_c; by default 0 to 0.035.
    levels : sequence of str
        Some of `LEVELS`.
    pump_parameter : float
        C_p, which the publication does not give.
    seed : int
        Seed of the Langevin simulation.

    Returns
    -------
    Dataset
        ``photons``, ``imbalance``, ``relative_imbalance``, ``current`` over ``level`` and ``tunnelling``,
        ``imbalance_error`` (0 but for the simulation) and ``weak_tunnelling``, n_J sin(phi_1 - phi_2).
        attrs name the ``assumption`` on C_p and ``locking_limit`` abs(eps)/sqrt(n0), the dashed line.
    """
    values = np.linspace(0, 0.035, 36) if tunnellings is None else np.asarray(tunnellings, dtype=float)
    dimer = figure_6_dimer(pump_parameter=pump_parameter)
    kept = ["photons", "imbalance", "relative_imbalance", "current", "imbalance_error"]
    found = [imbalance(dimer, values, level, seed=seed) for level in levels]
    # the simulation's residual is a statistical one, and the error of the imbalance tells as much
    solved = [point for level, point in zip(levels, found, strict=True) if level != "langevin"]
    exact = xr.zeros_like(found[0].imbalance)
    curves = [point.assign(imbalance_error=point.get("imbalance_error", exact))[kept] for point in found]
    result = xr.concat(curves, dim=xr.Variable("level", list(levels)), combine_attrs="drop")
    slope = josephson_number(replace(dimer, tunnelling=1.0)) * math.sin(dimer.phase_1_rad - dimer.phase_2_rad)
    result["weak_tunnelling"] = "tunnelling", slope * values, {"units": "1"}
    attrs = describe(dimer)
    del attrs["tunnelling"]
    return result.assign_attrs(
        **attrs,
        assumption=_ASSUMPTION.format(pump_parameter),
        locking_limit=dimer.drive / math.sqrt(dimer.photons) if dimer.photons > 0 else math.inf,
        method="; ".join(f"{level}: {p.attrs['method']}" for level, p in zip(levels, found, strict=True)),
        residual=max((p.attrs["residual"] for p in solved), default=math.nan),
        single_site_model="; ".join(p.attrs["single_site_model"] for p in found),
        seed=seed,
        labsync_version=version("labsync"),
    )  # fmt: skip
