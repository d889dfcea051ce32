"""Fokker-Planck equation of one or two phases, solved among Fourier modes (Fourier-Galerkin).

The stationary state is one sparse LU decomposition with c_0 = 1 fixed; in time the generator acts through its
exponential.
A truncation is judged by the largest coefficient on its edge: as the coefficients of a smooth density fall
faster than exponentially, it bounds what was left out. It grows until it is below a tolerance, and what does
not come below is refused.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse.linalg as spl
import xarray as xr

from models.numerics._errors import ConvergenceError
from models.numerics._threads import one_thread
from models.numerics._torus import PhaseDiffusion, Wave, generator, modes, place_of

__all__ = [
    "MOST_MODES",
    "PhaseDiffusion",
    "PhaseState",
    "Wave",
    "evolve_phases",
    "phase_density",
    "phase_moment",
    "phase_relaxation",
    "stationary_coefficients",
    "stationary_phases",
]

MOST_MODES = 320
"""Largest truncation K that is tried: some GB of memory and half a minute for two phases."""

_LU = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.01, "options": {"SymmetricMode": True}}


class PhaseState(NamedTuple):
    """Fourier coefficients of one or several densities on the torus, as a solver returns them.

    Attributes
    ----------
    coefficients : ndarray of complex, (..., modes)
        c_k of the modes of `modes(phases, truncation)`.
    phases, truncation : int
        How many phases; K.
    edge_weight : float
        Largest modulus among the coefficients on the truncation's edge.
    residual : float
        Largest rate of change left among the coefficients in the next larger truncation, over the largest
        rate of the equation; 0 for a state in time.
    """

    coefficients: np.ndarray
    phases: int
    truncation: int
    edge_weight: float
    residual: float

    def moment(self, *orders: int) -> np.ndarray:
        """Return <exp(i orders . theta)>; orders beyond the truncation are 0."""
        place = place_of(-np.array(orders), self.truncation)
        return self.coefficients[..., place] if place >= 0 else 0 * self.coefficients[..., 0]


def _edge(coefficients: np.ndarray, phases: int, truncation: int) -> float:
    kept = np.abs(modes(phases, truncation))
    last = (kept == truncation).any(axis=1) | (np.abs(modes(phases, truncation).sum(axis=1)) == truncation)
    return float(np.abs(coefficients[..., last]).max())


def _first_guess(equation: PhaseDiffusion, tolerance: float) -> int:
    """Return a K that comes near: a locked phase needs 1.42 sqrt(e/D ln(1/tolerance)), drifting ones less."""
    slopes = [
        max(map(abs, wave.orders)) * abs(wave.amplitude) / d
        for waves, d in zip(equation.drift, equation.diffusion, strict=True)
        for wave in waves
    ]
    accuracy = 1.15 * math.sqrt(max(math.log(1 / tolerance), 1.0))
    return max(8, math.ceil(accuracy * math.sqrt(max(slopes, default=0.0))))


def _check_tolerance(tolerance: float) -> None:
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance:g}; it must lie between 0 and 1.")


def _converge(
    solve: Callable[[int], PhaseState], truncation: int | None, first: int, tolerance: float
) -> PhaseState:
    """Solve at growing truncation until the edge is below the tolerance."""
    if truncation is not None and not 1 <= truncation <= MOST_MODES:
        raise ValueError(f"truncation is {truncation}; it must lie between 1 and {MOST_MODES}.")
    kept = min(first if truncation is None else truncation, MOST_MODES)
    while True:
        state = solve(kept)
        edge = state.edge_weight
        if edge <= tolerance:
            return state
        if truncation is not None or kept == MOST_MODES or not math.isfinite(edge):
            raise ConvergenceError(
                f"The Fourier coefficients of the phases' density are still {edge:.2g} at the edge of "
                f"truncation {kept}, more than {tolerance:.2g}: keep more modes (at most {MOST_MODES}) or "
                "take more noise."
            )
        # the coefficients fall at least like those of a Gaussian where they have begun to fall
        growth = math.sqrt(math.log(tolerance) / math.log(edge)) if edge < 0.1 else 1.5
        kept = min(MOST_MODES, math.ceil(kept * min(max(1.04 * growth, 1.1), 1.5)))


def _residual(equation: PhaseDiffusion, coefficients: np.ndarray, truncation: int) -> float:
    larger = truncation + max(
        (abs(s) for waves in equation.drift for w in waves for s in w.orders), default=0
    )
    padded = np.zeros(len(modes(equation.phases, larger)), complex)
    padded[place_of(modes(equation.phases, truncation), larger)] = coefficients
    matrix = generator(equation, larger)
    return float(np.abs(matrix @ padded).max() / np.abs(matrix.data).max())


def _stationary(equation: PhaseDiffusion, truncation: int) -> PhaseState:
    matrix = generator(equation, truncation)
    middle = matrix.shape[0] // 2
    others = np.delete(np.arange(matrix.shape[0]), middle)
    from_mean = matrix[:, [middle]].toarray()[others, 0]
    found = np.ones(matrix.shape[0], complex)
    with one_thread():
        found[others] = spl.splu(matrix[others][:, others].tocsc(), **_LU).solve(-from_mean)
    edge = _edge(found, equation.phases, truncation)
    return PhaseState(found, equation.phases, truncation, edge, _residual(equation, found, truncation))


def stationary_coefficients(
    equation: PhaseDiffusion,
    *,
    truncation: int | None = None,
    first: int | None = None,
    tolerance: float = 1e-8,
) -> PhaseState:
    """Return the stationary density's Fourier coefficients; `stationary_phases` without the labels.

    Parameters
    ----------
    equation : PhaseDiffusion
        Drift and diffusion.
    truncation : int, optional
        K; without it, it grows until the edge is below `tolerance`.
    first : int, optional
        The K to begin with, known for example from a neighbouring point.
    tolerance : float
        Largest coefficient allowed on the edge.

    Returns
    -------
    PhaseState

    Raises
    ------
    ConvergenceError
        If the coefficients on the edge of `truncation`, or of the largest one, are above `tolerance`.
    """
    _check_tolerance(tolerance)
    begin = _first_guess(equation, tolerance) if first is None else first
    return _converge(lambda kept: _stationary(equation, kept), truncation, begin, tolerance)


def _dataset(state: PhaseState, tolerance: float, method: str, time: np.ndarray | None = None) -> xr.Dataset:
    axis = np.arange(-state.truncation, state.truncation + 1)
    square = np.zeros(state.coefficients.shape[:-1] + (len(axis),) * state.phases, complex)
    places = tuple((modes(state.phases, state.truncation) + state.truncation).T)
    square[(..., *places)] = state.coefficients
    names = ("m", "n")[: state.phases]
    dimensions, coordinates = names, {name: axis for name in names}
    if time is not None:
        dimensions, coordinates = ("time", *names), {"time": time} | coordinates
    return xr.Dataset(
        {"coefficients": (dimensions, square, {"units": "1"})},
        coords=coordinates,
        attrs={
            "method": method,
            "residual": state.residual,
            "edge_weight": state.edge_weight,
            "truncation": state.truncation,
            "tolerance": tolerance,
        },
    )


def stationary_phases(
    equation: PhaseDiffusion, *, truncation: int | None = None, tolerance: float = 1e-8
) -> xr.Dataset:
    """Return the stationary density of one or two phases as Fourier coefficients.

    Parameters
    ----------
    equation, truncation, tolerance
        As of `stationary_coefficients`.

    Returns
    -------
    Dataset
        ``coefficients`` c_k over m (and n), with ``residual``, ``edge_weight`` and ``truncation`` in attrs;
        0 outside the hexagon.

    Raises
    ------
    ConvergenceError
        If the truncation does not suffice.
    """
    state = stationary_coefficients(equation, truncation=truncation, tolerance=tolerance)
    return _dataset(state, tolerance, "Fourier-Galerkin, sparse LU")


def _flat(state: xr.Dataset, truncation: int) -> np.ndarray:
    """Return a state's coefficients among the modes of another truncation."""
    names = [name for name in ("m", "n") if name in state.dims]
    kept = modes(len(names), truncation)
    own = int(state["m"].max())
    inside = (np.abs(kept) <= own).all(axis=1)
    flat = np.zeros(len(kept), complex)
    flat[inside] = state["coefficients"].transpose(*names).values[tuple((kept[inside] + own).T)]
    return flat


def evolve_phases(
    equation: PhaseDiffusion,
    times: Sequence[float] | np.ndarray,
    *,
    initial: xr.Dataset | None = None,
    truncation: int | None = None,
    tolerance: float = 1e-8,
) -> xr.Dataset:
    """Return the density of one or two phases at given times.

    Parameters
    ----------
    equation, truncation, tolerance
        As of `stationary_coefficients`; the edge is checked at all of `times`.
    times : array_like
        Times since the initial state, not negative and rising.
    initial : Dataset, optional
        State at time 0 as this function or `stationary_phases` returns it (of one time); uniform without it.

    Returns
    -------
    Dataset
        ``coefficients`` over time, m (and n).

    Raises
    ------
    ValueError
        If the times do not rise from 0 on or the initial state is no single state of as many phases.
    ConvergenceError
        If the truncation does not suffice.
    """
    instants = np.asarray(times, dtype=float)
    if (
        instants.ndim != 1
        or instants.size == 0
        or not (np.diff(instants, prepend=0.0) >= 0).all()
        or np.isinf(instants).any()
    ):
        raise ValueError("The times must be finite numbers that rise from 0 on.")
    _check_tolerance(tolerance)
    first = _first_guess(equation, tolerance)
    if initial is not None:
        dimensions = set(initial["coefficients"].dims)
        if dimensions != set(("m", "n")[: equation.phases]):
            raise ValueError(f"The initial state has the dimensions {sorted(map(str, dimensions))}, not "
                             f"those of one state of {equation.phases} phase(s).")  # fmt: skip
        first = max(first, int(initial["m"].max()))

    def solve(kept: int) -> PhaseState:
        matrix, now, found = generator(equation, kept), 0.0, []
        if initial is None:
            state = (modes(equation.phases, kept) == 0).all(axis=1).astype(complex)
        else:
            state = _flat(initial, kept)
        for instant in instants:
            if instant > now:
                state, now = spl.expm_multiply((instant - now) * matrix, state), instant
            found.append(state)
        coefficients = np.array(found)
        edge = _edge(coefficients, equation.phases, kept)
        return PhaseState(coefficients, equation.phases, kept, edge, 0.0)

    state = _converge(solve, truncation, first, tolerance)
    result = _dataset(state, tolerance, "Fourier-Galerkin, exponential of the generator", instants)
    del result.attrs["residual"]
    return result


def phase_relaxation(equation: PhaseDiffusion, truncation: int, count: int = 4) -> np.ndarray:
    """Return the slowest non-zero eigenvalues of the generator, slowest first.

    Parameters
    ----------
    equation : PhaseDiffusion
        Drift and diffusion.
    truncation : int
        K, as found for the stationary state.
    count : int
        How many eigenvalues; minus the real part of the first is the relaxation gap.

    Returns
    -------
    ndarray of complex, (count,)

    Raises
    ------
    ValueError
        If so many modes are not kept.
    """
    matrix = generator(equation, truncation)
    if not 1 <= count <= matrix.shape[0] - 3:
        raise ValueError(
            f"count is {count}; truncation {truncation} gives 1 to {matrix.shape[0] - 3} of them."
        )
    others = np.delete(np.arange(matrix.shape[0]), matrix.shape[0] // 2)
    inner = matrix[others][:, others].tocsc()
    start = np.random.default_rng(1).normal(size=inner.shape[0]) + 0j
    with one_thread():
        solver = spl.splu(inner, **_LU)
        inverse = spl.LinearOperator(inner.shape, matvec=solver.solve, dtype=complex)
        found = spl.eigs(inner, k=count, sigma=0, OPinv=inverse, v0=start, return_eigenvectors=False)
    return found[np.argsort(-found.real)]


def phase_moment(state: xr.Dataset, *orders: int) -> xr.DataArray:
    """Return <exp(i orders . theta)>, one order per phase.

    Parameters
    ----------
    state : Dataset
        As `stationary_phases` or `evolve_phases` return it.
    *orders : int
        How often each phase counts.

    Returns
    -------
    DataArray of complex
    """
    names = [name for name in ("m", "n") if name in state.dims]
    if len(orders) != len(names):
        raise ValueError(f"{len(orders)} orders for {len(names)} phase(s); give one for each.")
    if max(abs(s) for s in orders) > state["m"].max():
        return 0 * state["coefficients"].sel({name: 0 for name in names}, drop=True)
    there = {name: -s for name, s in zip(names, orders, strict=True)}
    return state["coefficients"].sel(there, drop=True)


def phase_density(state: xr.Dataset, points: int = 200) -> xr.DataArray:
    """Return the density on an equidistant grid of angles from -pi on, the end point not repeated.

    Parameters
    ----------
    state : Dataset
        As `stationary_phases` or `evolve_phases` return it.
    points : int
        Points per phase.

    Returns
    -------
    DataArray
        Over ``theta_1_rad`` (and ``theta_2_rad``) in 1/rad per phase, normalised. Marginals are means over
        the other phase times 2 pi.
    """
    angles = -np.pi + 2 * np.pi * np.arange(points) / points
    result = state["coefficients"]
    names = [name for name in ("m", "n") if name in state.dims]
    for number, name in enumerate(names, start=1):
        waves = np.exp(1j * np.outer(angles, state[name].values)) / (2 * np.pi)
        axis = f"theta_{number}_rad"
        result = xr.dot(
            result, xr.DataArray(waves, {axis: angles, name: state[name]}, (axis, name)), dim=name
        )
        result[axis].attrs["units"] = "rad"
    density = result.real.rename("density")
    density.attrs["units"] = "1/rad" if len(names) == 1 else "1/rad^2"
    return density
