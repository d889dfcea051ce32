"""How well the photon imbalance of two lasers tells the phase between their drives.

Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265, Eqs.
36-38 and Fig. 7. The phase is phi = phi_2 - phi_1; the slope is d(n1 - n2)/dphi at phi = 0, negative for
t_c > 0.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import xarray as xr
from numpy.polynomial import Polynomial
from scipy.optimize import brentq

from models.nanolaser_dimer._validity import (
    warn_of_bad_elimination,
    warn_of_broken_locking,
    warn_of_cubic,
)
from models.nanolaser_dimer.gutzwiller import SINGLE_SITE_MODELS
from models.nanolaser_dimer.josephson import josephson_number
from models.nanolaser_dimer.parameters import Dimer, describe
from models.nanolaser_dimer.radial import radial_moments
from models.nanolaser_dimer.self_consistent import solve_self_consistent
from models.numerics import ConvergenceError, TruncationError

__all__ = ["PHASE_UNCERTAINTIES", "figure_7", "phase_uncertainty", "predicted_sensitivity", "sensitivity"]

_PHASE_STEP = 1e-3
_DRIVE_STEPS = np.array([-0.02, 0.0, 0.02])  # relative to the drive


def predicted_sensitivity(dimer: Dimer) -> float:
    """Return the slope -n_J that follows for perfect locking in the cubic model, Eq. 36 with its sign."""
    return -josephson_number(dimer)


def _total_drive(dimer: Dimer, amplitude: Callable[[float], float], low: float, high: float) -> float:
    """Return the strength of each laser's drive at equal phases, the root of h^2 + t_c^2 F(h)^2 = eps^2."""

    def excess(h: float) -> float:
        return h**2 + (dimer.tunnelling * amplitude(h)) ** 2 - dimer.drive**2

    if not excess(low) <= 0 <= excess(high):
        raise ConvergenceError(f"The drive of a laser is not between {low:.3g} and {high:.3g}, as expected.")
    return float(brentq(excess, low, high, xtol=1e-14))


def _of_product_state(dimer: Dimer, model: str) -> xr.Dataset:
    """Return the linear response of the product state at equal phases.

    There h = (abs(h) - i t_c F) times a phase, and a change of the phase by dphi changes abs(h_1) by
    -t_c F dphi/(1 + t_c^2 F F'/abs(h)) and abs(h_2) by the opposite, half of it each.
    """
    laser = replace(dimer.lasers[0], phase_rad=0.0)
    about = _total_drive(dimer, lambda h: radial_moments(replace(laser, drive=h)).amplitude, 0.0, dimer.drive)
    drives = about * (1 + _DRIVE_STEPS)
    found = [SINGLE_SITE_MODELS[model](replace(laser, drive=float(h))) for h in drives]
    amplitude, photons, variance = (
        Polynomial.fit(drives, values, 2)
        for values in zip(*((m.amplitude, m.photons, m.variance) for m in found), strict=True)
    )
    h = _total_drive(dimer, amplitude, 0.8 * about, 1.2 * about)
    f = float(amplitude(h))
    gain = 1 + dimer.tunnelling**2 * f * float(amplitude.deriv()(h)) / h
    slope = -2 * dimer.tunnelling * f * float(photons.deriv()(h)) / gain
    return _dataset(dimer, slope, float(photons(h)), float(variance(h))).assign_attrs(
        method="product state, linear response at equal phases",
        single_site_model=model,
        residual=abs(h**2 + (dimer.tunnelling * f) ** 2 - dimer.drive**2),
        truncation_weight=max(m.truncation_weight for m in found),
    )


def _of_self_consistent(dimer: Dimer) -> xr.Dataset:
    shifted = replace(dimer, phase_1_rad=-_PHASE_STEP / 2, phase_2_rad=_PHASE_STEP / 2)
    state = solve_self_consistent(shifted)
    # n1 - n2 is odd in the phase
    slope = float(state.imbalance) / _PHASE_STEP
    variance = radial_moments(dimer.lasers[0]).variance
    return _dataset(dimer, slope, float(state.photons.mean()), variance).assign_attrs(
        {name: state.attrs[name] for name in ("method", "single_site_model", "residual")}
    )


def _dataset(dimer: Dimer, slope: float, photons: float, variance: float) -> xr.Dataset:
    uncertainty = math.sqrt(2 * variance) / abs(slope) if slope else math.inf
    return xr.Dataset(
        {
            "sensitivity": ((), slope, {"units": "1/rad"}),
            "photons": ((), photons, {"units": "1"}),
            "imbalance_variance": ((), 2 * variance, {"units": "1"}),
            "phase_uncertainty": ((), uncertainty, {"units": "rad"}),
        },
        attrs=describe(replace(dimer, phase_1_rad=0.0, phase_2_rad=0.0)),
    )


def _check_model(name: str) -> None:
    if name not in SINGLE_SITE_MODELS:
        raise ValueError(f"single_site_model is {name!r}; choose one of {', '.join(SINGLE_SITE_MODELS)}.")


def sensitivity(dimer: Dimer, *, level: str = "gutzwiller", single_site_model: str = "full") -> xr.Dataset:
    """Return the slope of the imbalance with the phase between the drives, at equal phases.

    Parameters
    ----------
    dimer : Dimer
        The lasers; the phases of their drives do not count.
    level : {"gutzwiller", "self-consistent"}
        Product state, or self-consistent Fokker-Planck equation.
    single_site_model : {"full", "eliminated", "cubic"}
        Model of the single laser in a product state.

    Returns
    -------
    Dataset
        ``sensitivity`` d(n1 - n2)/dphi, ``photons`` per laser, ``imbalance_variance`` 2 Var n of independent
        lasers, and ``phase_uncertainty`` of a single shot, sqrt(2 Var n)/abs(slope).

    Raises
    ------
    ValueError
        If level or model are unknown, or there is no drive.
    TruncationError
        If the eliminated master equation has no stationary state.
    ConvergenceError
        If a solver does not converge.

    Warns
    -----
    ValidityWarning
        Where a model does not hold, and if t_c is above abs(eps)/sqrt(n), where the phases do not lock.
    """
    if level not in {"gutzwiller", "self-consistent"}:
        raise ValueError(f"level is {level!r}; choose 'gutzwiller' or 'self-consistent'.")
    _check_model(single_site_model)
    if dimer.drive == 0:
        raise ValueError("Dimer.drive is 0; without drives there is no phase to tell.")
    if level == "self-consistent":
        result = _of_self_consistent(dimer)
    else:
        if single_site_model != "full":
            warn_of_bad_elimination(dimer)
            warn_of_cubic(dimer)
        result = _of_product_state(dimer, single_site_model)
        warn_of_broken_locking(dimer, float(result.photons))
    return result.assign_attrs(level=level, labsync_version=version("labsync"))


def _published(dimer: Dimer) -> float:
    return math.sqrt(2) * _in_quadrature(dimer)


def _in_quadrature(dimer: Dimer) -> float:
    return dimer.pump_parameter * _of_full_laser(dimer, saturation=False)


def _of_full_laser(dimer: Dimer, saturation: bool = True) -> float:
    pump = dimer.pump_parameter
    narrowing = 1 - 1.5 * (pump - 1) / pump**2 if saturation else 1.0
    return dimer.kappa / abs(dimer.tunnelling) * math.sqrt(dimer.kappa / dimer.gamma * narrowing)


PHASE_UNCERTAINTIES: dict[str, Callable[[Dimer], float]] = {
    "published": _published,
    "quadrature": _in_quadrature,
    "full": _of_full_laser,
}
"""Ways to estimate the phase's uncertainty.

"published": Eq. 38, sqrt(2) C_p (kappa/t_c) (gamma/kappa)^(-1/2). "quadrature": the same without sqrt(2), as
the noises of both lasers add in quadrature. "full": variance and relaxation of the full laser,
(kappa/t_c) (gamma/kappa)^(-1/2) sqrt(1 - 3 (C_p - 1)/(2 C_p^2)).
"""


def phase_uncertainty(dimer: Dimer, estimate: str = "full") -> float:
    """Return the single-shot uncertainty of the phase, in closed form for locked phases.

    Parameters
    ----------
    dimer : Dimer
        The lasers, above threshold.
    estimate : str
        One of `PHASE_UNCERTAINTIES`.

    Returns
    -------
    float
        In rad; infinite without tunnelling.

    Raises
    ------
    ValueError
        If the estimate is unknown or the lasers are not above threshold.

    Warns
    -----
    ValidityWarning
        If t_c is above abs(eps)/sqrt(n0), where the phases do not lock.
    """
    if estimate not in PHASE_UNCERTAINTIES:
        raise ValueError(f"estimate is {estimate!r}; choose one of {', '.join(PHASE_UNCERTAINTIES)}.")
    if dimer.pump_parameter <= 1:
        raise ValueError(f"C_p is {dimer.pump_parameter:g}; Eqs. 37 and 38 hold above threshold, C_p > 1.")
    warn_of_broken_locking(dimer, dimer.photons)
    return PHASE_UNCERTAINTIES[estimate](dimer) if dimer.tunnelling else math.inf


def figure_7(
    pump_parameters: Sequence[float] | np.ndarray | None = None,
    gammas: Sequence[float] = (1000.0, 500.0, 200.0),
    single_site_models: Sequence[str] = ("full", "cubic"),
) -> xr.Dataset:
    """Return the data of Fig. 7: sensitivity of a product state over C_p at t_c = 0.01, eps = 0.3, kappa = 1.

    Parameters
    ----------
    pump_parameters : array_like, optional
        Values of C_p; by default 0.9 to 3.
    gammas : sequence of float
        Values of gamma.
    single_site_models : sequence of str
        Models of the single laser, which decide how the curves look.

    Returns
    -------
    Dataset
        ``sensitivity``, ``phase_uncertainty``, ``imbalance_variance`` and ``photons`` over
        ``single_site_model``, ``gamma`` and ``pump_parameter``; ``prediction`` -n_J of Eq. 36. NaN where the
        eliminated master equation has no stationary state.

    Raises
    ------
    ValueError
        If a model is unknown.

    Warns
    -----
    ValidityWarning
        Once, if the largest C_p is beyond what the reduced models describe.
    """
    for name in single_site_models:
        _check_model(name)
    pumps = np.arange(0.9, 3.01, 0.1) if pump_parameters is None else np.asarray(pump_parameters, dtype=float)
    names = ["sensitivity", "phase_uncertainty", "imbalance_variance", "photons"]
    shape = (len(single_site_models), len(gammas), len(pumps))
    values, worst = np.full((len(names), *shape), np.nan), {"residual": 0.0, "truncation_weight": 0.0}
    prediction = np.empty(shape[1:])
    for (g, gamma), (p, pump) in ((g, p) for g in enumerate(gammas) for p in enumerate(pumps)):
        dimer = Dimer(float(pump), float(gamma), 0.3, 0.01)
        prediction[g, p] = predicted_sensitivity(dimer)
        for k, model in enumerate(single_site_models):
            try:
                point = _of_product_state(dimer, model)
            except TruncationError:
                continue
            values[:, k, g, p] = [float(point[name]) for name in names]
            worst = {name: max(value, point.attrs[name]) for name, value in worst.items()}
    if set(single_site_models) != {"full"}:
        furthest = Dimer(float(pumps.max()), float(min(gammas)), 0.3, 0.01)
        warn_of_bad_elimination(furthest)
        warn_of_cubic(furthest)
    dims, units = ("single_site_model", "gamma", "pump_parameter"), ("1/rad", "rad", "1", "1")
    result = xr.Dataset(
        {n: (dims, v, {"units": u}) for n, v, u in zip(names, values, units, strict=True)},
        coords={
            "single_site_model": list(single_site_models),
            "gamma": ("gamma", np.asarray(gammas, dtype=float), {"units": "1"}),
            "pump_parameter": ("pump_parameter", pumps, {"units": "1"}),
        },
        attrs={
            "drive": 0.3,
            "tunnelling": 0.01,
            "kappa": 1.0,
            "method": "product state, linear response at equal phases",
            **worst,
            "labsync_version": version("labsync"),
        },
    )
    result["prediction"] = ("gamma", "pump_parameter"), prediction, {"units": "1/rad"}
    return result
