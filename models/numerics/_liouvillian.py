"""Liouvillians as sparse matrices, from what a user has: QuTiP objects, operators or a matrix.

Density matrices are vectors here, columns stacked as in QuTiP: element (i, j) of n x n stands at i + n j.
"""

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["Liouvillian", "as_liouvillian", "as_matrix"]

ROUNDING = 1e-13  # elements below this part of the largest are rounding errors of sums that cancel


@dataclass(frozen=True)
class Liouvillian:
    """A generator of evolution of n x n density matrices.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array
        (n^2, n^2), columns stacked.
    size : int
        n.
    dims : list or None
        QuTiP's dims of a density matrix, where the model came with them.
    scale : float
        Largest modulus of the matrix: its fastest rate.
    leak : float
        Largest rate at which it loses trace: rounding errors of the matrix as it was given.
    """

    matrix: sp.csr_array
    size: int
    dims: list[Any] | None
    scale: float
    leak: float

    @property
    def diagonal(self) -> np.ndarray:
        """Where the populations stand in a stacked density matrix."""
        return np.arange(self.size) * (self.size + 1)


def as_liouvillian(model: Any) -> Liouvillian:
    """Turn a model into its Liouvillian.

    Parameters
    ----------
    model : Qobj, sparse or dense matrix, or tuple
        A super-operator; or (H, collapse operators), each a QuTiP operator or a matrix.

    Raises
    ------
    ValueError
        If it is none of these, is not finite, or does not conserve trace or Hermiticity.
    """
    if isinstance(model, list):
        raise ValueError(
            "The model is a list; it must be a super-operator or the tuple (H, collapse operators)."
        )
    if isinstance(model, tuple):
        if len(model) != 2:
            raise ValueError(f"The model is a tuple of {len(model)}; it must be (H, collapse operators).")
        matrix, dims = _from_operators(*model)
    else:
        if _is_qobj(model) and not model.issuper:
            raise ValueError(
                f"The model is a QuTiP {model.type}; it must be a super-operator, or (H, collapse operators)."
            )
        matrix, dims = as_matrix(model), model.dims[0] if _is_qobj(model) else None
    size = math.isqrt(matrix.shape[0])
    if matrix.shape[0] != matrix.shape[1] or size * size != matrix.shape[0] or size == 0:
        raise ValueError(f"The Liouvillian has the shape {matrix.shape}; it must be (n^2, n^2).")
    if not np.isfinite(matrix.data).all():
        raise ValueError("The Liouvillian has elements that are not finite.")
    scale = float(abs(matrix.data).max(initial=0.0))
    matrix.data[abs(matrix.data) < ROUNDING * scale] = 0
    matrix.eliminate_zeros()
    leak = _leak(matrix, size)
    # single precision is let pass: QuTiP's PIQS computes in it
    if leak > 1e-6 * scale:
        raise ValueError(f"The Liouvillian does not conserve the trace: it leaks at the rate {leak:.3g}.")
    skew = _skew(matrix, size)
    if skew > 1e-6 * size * scale:
        raise ValueError(f"The Liouvillian does not keep density matrices Hermitian: it errs by {skew:.3g}.")
    return Liouvillian(matrix, size, dims, scale, leak)


def _is_qobj(model: Any) -> bool:
    """Whether it is QuTiP's; who made it has imported QuTiP, for which nobody else should wait."""
    return "qutip" in sys.modules and isinstance(model, sys.modules["qutip"].Qobj)


def as_matrix(operator: Any) -> sp.csr_array:
    """Return an operator or super-operator as a complex sparse matrix of its own."""
    if _is_qobj(operator):
        import qutip

        # QuTiP's own conversion from diagonals to rows is slower than scipy's
        sparse = isinstance(operator.data, qutip.data.Dia | qutip.data.CSR)
        operator = (operator if sparse else operator.to("csr")).data.as_scipy()
    if not sp.issparse(operator) and np.ndim(operator) != 2:
        raise ValueError(
            f"An operator is a {type(operator).__name__}; it must be a matrix or a QuTiP object."
        )
    return sp.csr_array(operator, dtype=complex, copy=True)


def _from_operators(hamiltonian: Any, collapses: Any) -> tuple[sp.csr_array, list[Any] | None]:
    if _is_qobj(collapses) or isinstance(collapses, np.ndarray) or sp.issparse(collapses):
        raise ValueError("The collapse operators are a single operator; they must be a list of operators.")
    h, jumps = as_matrix(hamiltonian), [as_matrix(jump) for jump in collapses]
    if any(op.shape != (h.shape[0],) * 2 for op in (h, *jumps)):
        shapes = ", ".join(str(op.shape) for op in (h, *jumps))
        raise ValueError(f"The operators have the shapes {shapes}; all must be square and equal.")
    if abs(h - h.conj().T).max() > 1e-9 * abs(h).max():
        raise ValueError("The Hamiltonian is not Hermitian.")
    one = sp.eye_array(h.shape[0], format="csr")
    no_jump = -1j * h - sum((jump.conj().T @ jump for jump in jumps), sp.csr_array(h.shape)) / 2
    matrix = sp.kron(one, no_jump) + sp.kron(no_jump.conj(), one)
    for jump in jumps:
        matrix = matrix + sp.kron(jump.conj(), jump)
    dims = hamiltonian.dims if _is_qobj(hamiltonian) else None
    return sp.csr_array(matrix), dims


def _leak(matrix: sp.csr_array, size: int) -> float:
    trace = np.zeros(size * size)
    trace[np.arange(size) * (size + 1)] = 1
    return float(abs(trace @ matrix).max())


def _skew(matrix: sp.csr_array, size: int) -> float:
    """Return how far from Hermitian a random Hermitian matrix becomes: for one that errs, surely."""
    random = np.random.default_rng(1).normal(size=(2, size, size))
    rho = random[0] + random[0].T + 1j * (random[1] - random[1].T)
    changed = (matrix @ rho.ravel(order="F")).reshape(size, size, order="F")
    return float(abs(changed - changed.conj().T).max())
