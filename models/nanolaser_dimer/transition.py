"""Loss of phase locking as tunnelling grows, at equal drive phases.

Fernandez-Lorenzo and Porras, arXiv:2011.03265, Figs. 3 and 4. Rates in units of e = abs(epsilon)/r0; the
drives' phase is pi/2, so that they alone lock at 0. The order parameter C = abs(<a>)^2/n0 is continuous: as
D -> 0 it has a kink at t_c = e, not a jump.
"""

import math
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import xarray as xr

from models.nanolaser_dimer.parameters import PhasePair
from models.nanolaser_dimer.phases import PHASES_ONLY, phase_averages, phase_equation, solve_phases
from models.numerics.fokker_planck import phase_density, phase_relaxation, stationary_coefficients

__all__ = [
    "finite_size_loss",
    "locking_transition",
    "loss_exponent",
    "noiseless_phase",
    "phase_distributions",
    "relaxation_gap",
]


def noiseless_phase(tunnelling: float | np.ndarray, phase_rad: float = math.pi / 2) -> np.ndarray:
    """Return where equal lasers lock without noise, phi - arccos(t_c/e), in rad; NaN where they do not."""
    ratio = np.asarray(tunnelling, dtype=float)
    return phase_rad - np.arccos(np.where(np.abs(ratio) < 1, ratio, np.nan))


def phase_distributions(
    tunnellings: Sequence[float] = (0.0, 1.0, 2.0, 5.0), diffusion: float = 0.1, points: int = 360
) -> xr.Dataset:
    """Return the distribution of one laser's phase at some tunnellings, Fig. 3.

    Parameters
    ----------
    tunnellings : sequence of float
        t_c/e.
    diffusion : float
        D/e; the paper's eps = 1 is read as eps/r0.
    points : int
        Angles from -pi on.

    Returns
    -------
    Dataset
        ``density`` (1/rad) over ``tunnelling`` and ``theta_rad``; ``resultant`` abs(<exp(i theta)>) and
        ``mean_angle`` (rad) over ``tunnelling``; attrs of the worst solution.

    Raises
    ------
    ConvergenceError
        If a truncation does not suffice.
    """
    if not len(tunnellings):
        raise ValueError("There are no tunnellings; give at least one.")
    solved = [solve_phases(PhasePair.equal(diffusion, t)) for t in tunnellings]
    alone = [state.sel(n=0, drop=True) for state in solved]
    densities = [phase_density(state, points) for state in alone]
    means = np.array([complex(state.cosine[0], state.sine[0]) for state in solved])
    return xr.Dataset(
        {
            "density": (("tunnelling", "theta_rad"), np.array(densities), {"units": "1/rad"}),
            "resultant": ("tunnelling", np.abs(means), {"units": "1"}),
            "mean_angle": ("tunnelling", np.angle(means), {"units": "rad"}),
        },
        coords={
            "tunnelling": ("tunnelling", list(tunnellings), {"units": "1"}),
            "theta_rad": ("theta_rad", densities[0]["theta_1_rad"].values, {"units": "rad"}),
        },
        attrs={
            "method": solved[0].attrs["method"],
            "residual": max(state.attrs["residual"] for state in solved),
            "edge_weight": max(state.attrs["edge_weight"] for state in solved),
            "diffusion": diffusion,
            "phase_rad": math.pi / 2,
            "single_site_model": PHASES_ONLY,
            "labsync_version": version("labsync"),
        },
    )


def locking_transition(
    tunnellings: Sequence[float] | np.ndarray,
    diffusions: Sequence[float] = (0.2, 0.005),
    *,
    tolerance: float = 1e-8,
) -> xr.Dataset:
    """Return coherence, phases and correlation of equal lasers over tunnelling and noise, Fig. 4 a to c.

    Parameters
    ----------
    tunnellings, diffusions : sequence of float
        t_c/e and D/e.
    tolerance : float
        As of `models.numerics.stationary_phases`.

    Returns
    -------
    Dataset
        Over ``diffusion`` and ``tunnelling``: ``coherence`` C, ``cosine`` <cos theta>, ``sine``
        <sin theta>, ``correlation`` abs(<exp(i (theta_2 - theta_1))>), and ``truncation``. Over
        ``tunnelling``: ``noiseless_angle`` (rad).

    Raises
    ------
    ConvergenceError
        If a truncation does not suffice.
    """
    shape = len(diffusions), len(tunnellings)
    names = "coherence", "cosine", "sine", "correlation", "truncation"
    found = {name: np.empty(shape, dtype=int if name == "truncation" else float) for name in names}
    worst = [0.0, 0.0]
    for row, diffusion in enumerate(diffusions):
        first = None
        for column, tunnelling in enumerate(tunnellings):
            pair = PhasePair.equal(diffusion, float(tunnelling))
            here = phase_averages(pair, first=first, tolerance=tolerance)
            first, order = max(8, math.floor(0.9 * here.truncation)), here.order_1
            values = abs(order) ** 2, order.real, order.imag, abs(here.correlator), here.truncation
            for name, value in zip(names, values, strict=True):
                found[name][row, column] = value
            worst = [max(pair) for pair in zip(worst, (here.residual, here.edge_weight), strict=True)]
    result = xr.Dataset(
        {name: (("diffusion", "tunnelling"), values, {"units": "1"}) for name, values in found.items()},
        coords={
            "diffusion": ("diffusion", list(diffusions), {"units": "1"}),
            "tunnelling": ("tunnelling", np.asarray(tunnellings, dtype=float), {"units": "1"}),
        },
        attrs={
            "method": "Fourier-Galerkin, sparse LU",
            "residual": worst[0],
            "edge_weight": worst[1],
            "phase_rad": math.pi / 2,
            "single_site_model": PHASES_ONLY,
            "labsync_version": version("labsync"),
        },
    )
    result["noiseless_angle"] = "tunnelling", noiseless_phase(result["tunnelling"].values), {"units": "rad"}
    return result


def relaxation_gap(pair: PhasePair, *, tolerance: float = 1e-6) -> float:
    """Return the slowest rate at which the phases relax.

    Without noise, and equal drive phases, it is sqrt(e^2 - t_c^2) below t_c = e; there it goes as D^(1/3),
    above as D.

    Raises
    ------
    ConvergenceError
        If the truncation does not suffice.
    """
    equation = phase_equation(pair)
    kept = stationary_coefficients(equation, tolerance=tolerance).truncation
    return float(-phase_relaxation(equation, kept)[0].real)


def finite_size_loss(diffusions: Sequence[float] | np.ndarray, *, tolerance: float = 1e-4) -> xr.Dataset:
    """Return the loss of coherence 1 - C at the critical point over the noise, D = A/(2 n0), Fig. 4 d.

    As D -> 0 it goes as D^(2/3) [a ln(1/D) + b]: the exponent of a power law drifts with the range fitted,
    see `loss_exponent`.

    Parameters
    ----------
    diffusions : sequence of float
        D/e, at least three for the fit with a logarithm.
    tolerance : float
        As of `models.numerics.stationary_phases`; the loss is more accurate by orders of magnitude.

    Returns
    -------
    Dataset
        ``loss`` over ``diffusion`` and ``logarithmic_fit``; attrs ``exponent``, ``logarithm_a``,
        ``constant_b`` and ``logarithmic_misfit``, the largest relative deviation.

    Raises
    ------
    ConvergenceError
        If a truncation does not suffice.
    """
    d = np.asarray(diffusions, dtype=float)
    if d.size < 3:
        raise ValueError(f"{d.size} diffusion constant(s) are given; the fit takes at least three.")
    solved = [
        phase_averages(PhasePair.equal(x, 1.0), first=math.ceil(7 * x ** (-1 / 3)) + 8, tolerance=tolerance)
        for x in d.tolist()
    ]
    loss = np.array([1 - abs(one.order_1) ** 2 for one in solved])
    basis = d[:, None] ** (2 / 3) * np.stack([-np.log(d), np.ones_like(d)], axis=1)
    (a, b), *_ = np.linalg.lstsq(basis / loss[:, None], np.ones_like(d), rcond=None)
    fit = basis @ (a, b)
    return xr.Dataset(
        {
            "loss": ("diffusion", loss, {"units": "1"}),
            "logarithmic_fit": ("diffusion", fit, {"units": "1"}),
        },
        coords={"diffusion": ("diffusion", d, {"units": "1"})},
        attrs={
            "method": "Fourier-Galerkin, sparse LU",
            "residual": max(one.residual for one in solved),
            "edge_weight": max(one.edge_weight for one in solved),
            "exponent": loss_exponent(d, loss),
            "logarithm_a": float(a),
            "constant_b": float(b),
            "logarithmic_misfit": float(np.abs(fit / loss - 1).max()),
            "tunnelling": 1.0,
            "single_site_model": PHASES_ONLY,
            "labsync_version": version("labsync"),
        },
    )


def loss_exponent(diffusions: np.ndarray, loss: np.ndarray) -> float:
    """Return the slope of log loss over log D, the effective finite-size exponent beta of Eq. 26."""
    return float(np.polyfit(np.log(diffusions), np.log(loss), 1)[0])
