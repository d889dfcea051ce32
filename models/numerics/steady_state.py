"""Steady states of master equations.

Four ideas in turn: keep only the symmetry sector that populations reach; factorise it if it is small; else
GMRES, preconditioned with the evolution between jumps; else evolve in time. Whatever the method, the result
is judged by its residual, and one that misses the tolerance is not returned.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import reverse_cuthill_mckee
from scipy.sparse.linalg import expm_multiply, splu

from models.numerics._errors import ConvergenceError
from models.numerics._jump_gmres import jump_gmres
from models.numerics._liouvillian import Liouvillian, as_liouvillian, as_matrix
from models.numerics._sector import population_sector

if TYPE_CHECKING:
    import qutip

__all__ = ["Method", "SteadyState", "steady_state"]

Method = Literal["auto", "direct", "jump-gmres", "evolution"]

LARGEST = 1e8  # elements of factors that may be kept
STRETCH = 1e-12  # shift of inverse iteration, as a part of the fastest rate
ROUNDS = 6  # of inverse iteration
LEAST_EIGENVALUE = -1e-6  # below which a state is no state, rounding errors apart
LONGEST = 1e5  # most evolution time, in units of the fastest rate


@dataclass(frozen=True)
class SteadyState:
    """A steady state and how it was found.

    Parameters
    ----------
    rho : ndarray
        Density matrix, (n, n), Hermitian, of trace one.
    residual : float
        Frobenius norm of L rho, in the model's unit of rate.
    method : str
        "direct", "jump-gmres" or "evolution".
    unknowns : int
        Elements of the sector that was solved, of n^2.
    dims : list or None
        QuTiP's dims, where the model came with them.
    """

    rho: np.ndarray
    residual: float
    method: str
    unknowns: int
    dims: list[Any] | None = None

    @property
    def qobj(self) -> "qutip.Qobj":
        """The density matrix as a QuTiP object."""
        import qutip

        return qutip.Qobj(self.rho, dims=self.dims)

    def expect(self, operator: Any) -> complex:
        """Return the expectation value of a QuTiP operator or matrix."""
        return complex((as_matrix(operator).T * self.rho).sum())


def steady_state(model: Any, method: Method = "auto", *, tolerance: float = 1e-11) -> SteadyState:
    """Return the steady state of a master equation.

    The state is sought in the symmetry sector that populations reach, so it has every symmetry of the model
    that is diagonal in the basis; states that break such a symmetry are not looked for.

    Parameters
    ----------
    model : Qobj, sparse or dense matrix, or tuple
        Liouvillian, columns stacked as in QuTiP, (n^2, n^2); or (H, collapse operators), as QuTiP operators
        or matrices, (n, n), with the rates inside the collapse operators.
    method : {"auto", "direct", "jump-gmres", "evolution"}
        "auto" tries them in this order, without the factorisation where that would be slow.
    tolerance : float
        Largest residual, as a part of the largest modulus of the Liouvillian. One that is itself rounded more
        coarsely (QuTiP's PIQS computes in single precision) is solved to within its own rounding error.

    Returns
    -------
    SteadyState
        State, residual and the method that found it.

    Raises
    ------
    ValueError
        If the model is no Liouvillian: wrong shape, not finite, not conserving trace, Hermiticity or
        positivity, as with a negative rate.
    ConvergenceError
        If the steady state is not unique within the sector, or no method reached the tolerance.
    """
    if method not in ("auto", *_SOLVERS):
        raise ValueError(f"The method is {method!r}; it must be auto, {', '.join(_SOLVERS)}.")
    if not tolerance > 0:
        raise ValueError(f"The tolerance is {tolerance:g}; it must be positive.")
    made = as_liouvillian(model)
    if made.size == 1:
        return SteadyState(np.ones((1, 1), complex), 0.0, "direct", 1, made.dims)
    sector = population_sector(made)
    reached, allowed = {}, max(tolerance * made.scale, made.leak)
    for name in [method] if method != "auto" else _order(made, sector):
        found = _SOLVERS[name](made, sector, allowed)
        state = _polished(made, found, name, sector.size)
        if state.residual <= allowed:
            _check_positive(state.rho)
            return state
        reached[name] = state.residual
    raise ConvergenceError(
        f"The residual is {', '.join(f'{r:.3g} by {name}' for name, r in reached.items())}; it must be below "
        f"{allowed:.3g}. The state is not converged; more time or another method may do it."
    )


def _check_positive(rho: np.ndarray) -> None:
    least = float(np.linalg.eigvalsh(rho)[0])
    if least < LEAST_EIGENVALUE:
        raise ValueError(
            f"The steady state has the eigenvalue {least:.3g}: the Liouvillian does not keep density "
            "matrices positive; its rates must not be negative."
        )


def _order(made: Liouvillian, sector: np.ndarray) -> list[str]:
    """Choose by the work: of factors as wide as the bandwidth, or of hundreds of n x n products."""
    part = made.matrix[sector][:, sector].astype(bool).astype(float).tocsr()
    place = np.empty(sector.size, int)
    place[reverse_cuthill_mckee(part)] = np.arange(sector.size)
    coo = part.tocoo()
    bandwidth = int(abs(place[coo.row] - place[coo.col]).max(initial=0))
    factors = sector.size * bandwidth
    if factors < LARGEST and factors * bandwidth < 3000 * made.size**3:
        return ["direct", "jump-gmres", "evolution"]
    return ["jump-gmres", "evolution"]


def _polished(made: Liouvillian, vector: np.ndarray, method: str, unknowns: int) -> SteadyState:
    rho = vector.reshape(made.size, made.size, order="F")
    rho = (rho + rho.conj().T) / 2
    rho = rho / np.trace(rho).real
    residual = float(np.linalg.norm(made.matrix @ rho.ravel(order="F")))
    return SteadyState(rho, residual if np.isfinite(residual) else np.inf, method, unknowns, made.dims)


def _direct(made: Liouvillian, sector: np.ndarray, allowed: float) -> np.ndarray:
    """Iterate with the inverse of L minus a tiny rate: the mean over a very long time.

    Two starts must end in one state, or it is not unique.
    """
    part = sp.csc_array(made.matrix[sector][:, sector])
    shifted = sp.csc_array(part - STRETCH * made.scale * sp.eye_array(sector.size))
    factors = splu(
        shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.01, options={"SymmetricMode": True}
    )
    start, populations = _two_starts(made, sector)
    gap = np.inf
    for _ in range(ROUNDS):
        start = factors.solve(start)
        start /= start[populations].sum(axis=0)
        gap = _gap(start)
        if gap < 1e-7:
            return _embedded(made, sector, factors.solve(start[:, 0]))
    raise _not_unique(gap, f" (or relaxation is slower than {STRETCH:g} of the fastest rate)")


def _two_starts(made: Liouvillian, sector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two random vectors of trace one, (elements, 2), and which elements are populations."""
    populations = np.flatnonzero(np.isin(sector, made.diagonal))
    random = np.random.default_rng(1)
    start = random.normal(size=(sector.size, 2)).astype(complex)
    start[populations] = random.uniform(size=(populations.size, 2))
    return start / start[populations].sum(axis=0), populations


def _gap(states: np.ndarray) -> float:
    return float(np.linalg.norm(states[:, 0] - states[:, 1]) / np.linalg.norm(states[:, 0]))


def _not_unique(gap: float, unless: str = "") -> ConvergenceError:
    return ConvergenceError(
        f"The steady state is not unique: two starts end in states that differ by {gap:.2g} of the norm"
        f"{unless}."
    )


def _embedded(made: Liouvillian, sector: np.ndarray, part: np.ndarray) -> np.ndarray:
    vector = np.zeros(made.size**2, complex)
    vector[sector] = part
    return vector


def _evolution(made: Liouvillian, sector: np.ndarray, allowed: float) -> np.ndarray:
    """Evolve two starts, in steps twice as long each time, until both rest."""
    part = sp.csc_array(made.matrix[sector][:, sector])
    states, _ = _two_starts(made, sector)
    step, elapsed = 10 / made.scale, 0.0
    while elapsed < LONGEST / made.scale:
        states = expm_multiply(part * step, states)
        elapsed, step = elapsed + step, 2 * step
        if np.linalg.norm(part @ states, axis=0).max() <= allowed / 2:
            if (gap := _gap(states)) > 1e-4:
                raise _not_unique(gap)
            break
    return _embedded(made, sector, states[:, 0])


_SOLVERS = {"direct": _direct, "jump-gmres": jump_gmres, "evolution": _evolution}
