"""Steady state by GMRES, preconditioned with the evolution between jumps.

A Liouvillian splits into L = L0 + J with L0 rho = K rho + rho K^+, the evolution without jumps, and the
jumps J. L0 is inverted exactly at the cost of products of n x n matrices, from the eigenvectors of K, or from
its Schur form near an exceptional point, where eigenvectors do not span the space. GMRES then solves
(1 + L0^-1 J) rho = 0 with trace one, in memory n^2 per iteration instead of the n^4 of a factorisation.
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, gmres

from models.numerics._errors import ConvergenceError
from models.numerics._liouvillian import ROUNDING, Liouvillian

__all__ = ["between_jumps", "jump_gmres", "resolvent"]

ILL_CONDITIONED = 1e6
RESTART = 150
ROUNDS = 4
SHIFT = 0.05


def jump_gmres(made: Liouvillian, sector: np.ndarray, allowed: float) -> np.ndarray:
    """Return the stacked density matrix that GMRES ends with, converged or not.

    Parameters
    ----------
    made : Liouvillian
        n x n.
    sector : ndarray
        Indices of the elements sought.
    allowed : float
        Wanted norm of L rho.

    Raises
    ------
    ConvergenceError
        If a second start ends in another state.
    """
    system = _System(made)
    tolerance, packed = 1e-10, np.zeros(made.size**2)
    for _ in range(ROUNDS):
        packed = system.solve(packed, tolerance)
        residual = system.residual(packed)
        if residual <= allowed:
            _require_unique(system, packed, _random_state(made, sector), tolerance)
            break
        tolerance *= max(0.3 * allowed / residual, 1e-3)
    return _unpack(packed, made.size).ravel(order="F")


def _random_state(made: Liouvillian, sector: np.ndarray) -> np.ndarray:
    n, random = made.size, np.random.default_rng(1)
    # a few basis states dominate: evenly spread, it would have nearly the weights of the other start
    wave = np.exp(3 * random.normal(size=n)) * np.exp(2j * np.pi * random.uniform(size=n))
    state = np.zeros(n * n, complex)
    state[sector] = np.outer(wave, wave.conj()).ravel(order="F")[sector]
    rho = state.reshape(n, n, order="F")
    return _pack(rho / np.trace(rho).real)


def _require_unique(system: "_System", found: np.ndarray, start: np.ndarray, tolerance: float) -> None:
    """Solve from another start, roughly first: a component that L leaves alone would stay in it."""
    for effort, apart in ((1e-3, 0.1), (tolerance, 1e-4)):
        start = system.solve(start, effort)
        distance = float(np.linalg.norm(start - found) / np.linalg.norm(found))
        if distance < apart:
            return
    raise ConvergenceError(
        f"The steady state is not unique: two starts end in states that differ by {distance:.2g} of the norm."
    )


class _System:
    """The preconditioned equations of one Liouvillian."""

    def __init__(self, made: Liouvillian):
        n = made.size
        k = between_jumps(made)
        decay = -2 * np.linalg.eigvalsh((k + k.conj().T) / 2)
        # a state that never decays without jumps makes L0 singular; a shift of L0 and J against each other
        # leaves L as it is
        typical = max(decay.mean(), 1e-3 * made.scale)
        k = k - (0.0 if decay.min() > 1e-3 * typical else SHIFT * typical) / 2 * np.eye(n)
        self.made = made
        self.jumps = _jumps(made, k)
        self.invert = resolvent(k)
        self.source = np.eye(n) / n * made.scale
        self.right = _pack(self.invert(self.source))

    def apply(self, packed: np.ndarray) -> np.ndarray:
        n = self.made.size
        rho = _unpack(packed, n)
        fed = (self.jumps @ rho.ravel(order="F")).reshape(n, n, order="F")
        return packed + _pack(self.invert(fed + self.source * np.trace(rho).real))

    def solve(self, start: np.ndarray, tolerance: float) -> np.ndarray:
        unknowns = self.made.size**2
        system = LinearOperator((unknowns, unknowns), matvec=self.apply, dtype=float)
        restart = min(RESTART, unknowns)
        packed, _ = gmres(system, self.right, x0=start, rtol=tolerance, atol=0.0, restart=restart, maxiter=3)
        return packed

    def residual(self, packed: np.ndarray) -> float:
        rho = _unpack(packed, self.made.size)
        rho /= np.trace(rho).real
        return float(np.linalg.norm(self.made.matrix @ rho.ravel(order="F")))


def between_jumps(made: Liouvillian) -> np.ndarray:
    """Return K of the evolution without jumps, for traceless jumps, (n, n), up to an imaginary constant."""
    n, coo = made.size, made.matrix.tocoo()
    to_row, to_column = coo.row % n, coo.row // n
    from_row, from_column = coo.col % n, coo.col // n
    kept = to_column == from_column
    k = np.zeros((n, n), complex)
    np.add.at(k, (to_row[kept], from_row[kept]), coo.data[kept] / n)
    return k - np.trace(k).real / (2 * n) * np.eye(n)


def _jumps(made: Liouvillian, k: np.ndarray) -> sp.csr_array:
    one, sparse = sp.eye_array(made.size, format="csr"), sp.csr_array(k)
    jumps = sp.csr_array(made.matrix - sp.kron(one, sparse) - sp.kron(sparse.conj(), one))
    jumps.data[abs(jumps.data) < ROUNDING * made.scale] = 0
    jumps.eliminate_zeros()
    return jumps


def resolvent(k: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that solves K rho + rho K^+ = x for rho."""
    values, vectors = la.eig(k)
    if np.linalg.cond(vectors) < ILL_CONDITIONED:
        inverse = la.inv(vectors)
        denominator = values[:, None] + values.conj()

        def by_eigenvectors(x: np.ndarray) -> np.ndarray:
            inner = inverse @ x @ inverse.conj().T
            inner /= denominator
            return vectors @ inner @ vectors.conj().T

        return by_eigenvectors
    triangle, basis = la.schur(k, output="complex")

    def by_schur(x: np.ndarray) -> np.ndarray:
        inner, scale, _ = la.lapack.ztrsyl(triangle, triangle, basis.conj().T @ x @ basis, tranb="C")
        return basis @ (inner / scale) @ basis.conj().T

    return by_schur


def _pack(rho: np.ndarray) -> np.ndarray:
    """Store a Hermitian matrix in as many real numbers as it has; the norm stays."""
    return (rho.real + rho.imag).ravel()


def _unpack(packed: np.ndarray, n: int) -> np.ndarray:
    both = packed.reshape(n, n)
    return (both + both.T) / 2 + 0.5j * (both - both.T)
