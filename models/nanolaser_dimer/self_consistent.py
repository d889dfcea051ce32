"""Amplitudes and phases of two lasers, each determined from the other's average.

The phases follow their Fokker-Planck equation at given amplitudes r_j, and the amplitudes the averages of the
radial equation,

    (A - C) r_1 - B_r r_1^3 + abs(eps) <sin(phi_1 - theta_1)> + t_c r_2 <sin(theta_1 - theta_2)> = 0,

and 1 and 2 exchanged: Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers",
arXiv:2011.03265, Eqs. 14 and 34. Inserting the averages and solving for the amplitudes in turn need not
converge for t_c above abs(eps)/r. Here both equations are solved together by damped Newton steps, and the
solution is followed from t_c = 0 on.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import xarray as xr

from models.nanolaser_dimer._roots import Root, driven_amplitude, follow_root
from models.nanolaser_dimer._sweep import join_sweep, tunnellings_of
from models.nanolaser_dimer._validity import (
    warn_of_bad_elimination,
    warn_of_broken_locking,
    warn_of_cubic,
    warn_of_weak_field,
)
from models.nanolaser_dimer.parameters import Dimer, describe
from models.nanolaser_dimer.phases import PhaseAverages, phase_averages
from models.numerics import ConvergenceError

__all__ = ["solve_self_consistent"]

_TOLERANCE = 1e-10
_LEAST_AMPLITUDE = 1e-6
_MOST_TUNNELLING = 2000.0  # over the phases' diffusion; ten seconds, and minutes soon beyond


class _Amplitudes:
    """The radial equations, with phases averaged at the same amplitudes."""

    def __init__(self, dimer: Dimer, truncation: int | None = None) -> None:
        self.dimer = dimer
        self.truncation = truncation
        self.latest: tuple[np.ndarray, PhaseAverages] | None = None

    def averages(self, radii: np.ndarray) -> PhaseAverages:
        """Return the phases' averages; the truncation they took is where the next begin."""
        if self.latest is None or not np.array_equal(self.latest[0], radii):
            found = phase_averages(self.dimer.phases(*radii), first=self.truncation)
            self.latest, self.truncation = (radii, found), found.truncation
        return self.latest[1]

    def rates(self, radii: np.ndarray) -> np.ndarray:
        """Return dr_j/dt; NaN where an amplitude is not positive."""
        if not (np.isfinite(radii).all() and radii.min() > 0):
            return np.full(2, np.nan)
        model, found = self.dimer, self.averages(radii)
        push = model.drive * np.array([found.drive_sine_1, found.drive_sine_2])
        exchange = model.tunnelling * found.tunnel_sine * np.array([radii[1], -radii[0]])
        return (model.gain - model.loss - model.saturation * radii**2) * radii + push + exchange


def _dataset(equations: _Amplitudes, found: Root) -> xr.Dataset:
    phases = equations.averages(found.values)
    photons = found.values**2
    field = found.values * np.array([phases.order_1, phases.order_2])
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "photons": ("laser", photons, unit),
            "field": ("laser", field, unit),
            "imbalance": ((), photons[0] - photons[1], unit),
            "coherence": ((), found.values.prod() * phases.correlator, unit),
        },
        coords={"laser": [1, 2]},
        attrs={
            **describe(equations.dimer),
            "method": "Fokker-Planck of the phases at self-consistent amplitudes, damped Newton",
            "single_site_model": "cubic, amplitude without fluctuations",
            "residual": found.correction,
            "edge_weight": phases.edge_weight,
            "labsync_version": version("labsync"),
        },
    )


def _check_held(dimer: Dimer, found: Root) -> None:
    """Refuse vanishing amplitudes: a weak field of phases locked by abs(eps) r/A grows at A - C + eps^2/A."""
    if found.values.min() < _LEAST_AMPLITUDE:
        needed = math.sqrt(max(dimer.gain * (dimer.loss - dimer.gain), 0.0))
        raise ConvergenceError(
            f"The self-consistent amplitudes vanish: at C_p = {dimer.pump_parameter:g} uncoupled lasers take "
            f"abs(epsilon) > {needed:.3g} to hold a field with such phases; it is {dimer.drive:g}."
        )


def _ways(dimer: Dimer, tunnellings: np.ndarray, radius: float) -> list[xr.Dataset]:
    """Follow the amplitudes from t_c = 0 to all tunnellings, one sign after the other."""
    locking = dimer.drive / radius or dimer.gain / radius**2
    equations = _Amplitudes(dimer)

    def rates_at(tunnelling: float) -> Callable[[np.ndarray], np.ndarray]:
        nonlocal equations
        equations = _Amplitudes(replace(dimer, tunnelling=tunnelling), equations.truncation)
        return equations.rates

    results: dict[int, xr.Dataset] = {}
    for chosen in (tunnellings >= 0, tunnellings < 0):
        known = (0.0, np.full(2, radius))
        for k in sorted(np.flatnonzero(chosen).tolist(), key=lambda k: abs(tunnellings[k])):
            end = float(tunnellings[k])
            found = follow_root(
                rates_at, known, end, largest_step=locking, tolerance=_TOLERANCE,
                what="The self-consistent amplitudes",
            )  # fmt: skip
            _check_held(dimer, found)
            known = (end, found.values)
            results[k] = _dataset(equations, found)
    return [results[k] for k in range(len(tunnellings))]


def solve_self_consistent(
    dimer: Dimer, tunnellings: Sequence[float] | np.ndarray | None = None
) -> xr.Dataset:
    """Return amplitudes and phases of two lasers, each from the averages of the other.

    Parameters
    ----------
    dimer : Dimer
        The lasers.
    tunnellings : array_like, optional
        Values of t_c, in any order, instead of the dimer's own.

    Returns
    -------
    Dataset
        ``photons`` r_j^2 and ``field`` <a_j> of each ``laser``, ``imbalance`` n1 - n2, ``coherence``
        <a1^+ a2>; over ``tunnelling`` if several were given. ``residual`` in attrs is the largest of the
        last corrections to an amplitude.

    Raises
    ------
    ConvergenceError
        If the amplitudes or the Fourier coefficients of the phases do not converge, or the amplitudes
        vanish: below threshold a drive that does not lock the phases holds no field.
    ValueError
        If the lasers are below threshold and not driven, or a tunnelling is not finite or more than 2000
        times the diffusion of the phases.

    Warns
    -----
    ValidityWarning
        If the emitters cannot be eliminated, the cubic model is too stiff, an amplitude fluctuates too much
        to be a number, or t_c is so far above abs(eps)/r that the fluctuations of the amplitudes follow those
        of the phases.
    """
    radius = driven_amplitude(dimer)
    if not radius > 0:
        raise ValueError(
            f"C_p is {dimer.pump_parameter:g} and there is no drive: lasers below threshold are empty "
            "and have no phases; it takes C_p > 1 or a drive."
        )
    values = tunnellings_of(dimer, tunnellings)
    furthest, diffusion = float(np.abs(values).max()), dimer.gain / (2 * radius**2)
    if furthest > _MOST_TUNNELLING * diffusion:
        raise ValueError(
            f"abs(t_c) = {furthest:.3g} is {furthest / diffusion:.3g} times the phases' diffusion, more than "
            f"{_MOST_TUNNELLING:g}: they can be followed up to t_c = {_MOST_TUNNELLING * diffusion:.3g}."
        )
    points = _ways(dimer, values, radius)
    least = min(float(point.photons.min()) for point in points)
    warn_of_bad_elimination(dimer)
    warn_of_cubic(dimer)
    warn_of_weak_field(dimer, least)
    warn_of_broken_locking(replace(dimer, tunnelling=furthest), least)
    return points[0] if tunnellings is None else join_sweep(points, "tunnelling", values)
