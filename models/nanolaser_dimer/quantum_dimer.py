"""Two lasers without approximation, for a few photons: emitters and fields quantised.

Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265, Eq. 1.
The density matrix has (2 N)^4 elements for N photon numbers per laser, which is practical for about 1 to 3
photons: a test of signs and conventions for the reduced models, not a source of figures.
"""

from importlib.metadata import version

import numpy as np
import scipy.sparse as sp
import xarray as xr

from models.nanolaser_dimer.parameters import Dimer, describe
from models.numerics import check_truncation
from models.numerics._threads import one_thread
from models.numerics.steady_state import steady_state

__all__ = ["dimer_operators", "solve_dimer"]

_WARN_ABOVE, _REFUSE_ABOVE = 1e-4, 1e-2  # few levels are kept, and signs are what is asked


def dimer_operators(
    dimer: Dimer, levels: int
) -> tuple[sp.csr_array, list[sp.csr_array], list[sp.csr_array], list[sp.csr_array]]:
    """Return Hamiltonian, collapse operators, and the lowering operators a and s- of both lasers.

    Parameters
    ----------
    dimer : Dimer
        The lasers.
    levels : int
        Photon numbers kept per laser; states are ordered field, emitter (ground state first) of laser 1, then
        of laser 2.

    Returns
    -------
    tuple
        H, [C_k] with the rates inside (a rate 2 kappa is C = sqrt(2 kappa) a), [a_1, a_2], [s-_1, s-_2].
    """
    field = sp.diags_array(np.sqrt(np.arange(1.0, levels)), offsets=1)
    emitter = sp.csr_array([[0.0, 1.0], [0.0, 0.0]])
    other = sp.eye_array(2 * levels)
    one_field, one_emitter = sp.kron(field, sp.eye_array(2)), sp.kron(sp.eye_array(levels), emitter)
    fields = [sp.csr_array(sp.kron(one_field, other)), sp.csr_array(sp.kron(other, one_field))]
    emitters = [sp.csr_array(sp.kron(one_emitter, other)), sp.csr_array(sp.kron(other, one_emitter))]
    upper = -dimer.tunnelling * (fields[0].T @ fields[1])
    for laser, a, s in zip(dimer.lasers, fields, emitters, strict=True):
        upper = upper + dimer.coupling * (s.T @ a) + laser.drive * np.exp(1j * laser.phase_rad) * a.T
    hamiltonian = sp.csr_array(upper + upper.conj().T)
    collapse = [np.sqrt(2 * dimer.kappa) * a for a in fields]
    collapse += [np.sqrt(2 * dimer.gamma) * sp.csr_array(s.T) for s in emitters]
    return hamiltonian, collapse, fields, emitters


def solve_dimer(dimer: Dimer, *, levels: int = 8) -> xr.Dataset:
    """Return the stationary state of two lasers.

    Parameters
    ----------
    dimer : Dimer
        The lasers, with about one photon each.
    levels : int
        Photon numbers kept per laser, 0 to levels - 1.

    Returns
    -------
    xarray.Dataset
        ``photons`` <n_j>, ``field`` <a_j> and ``ground_population`` over ``laser``, ``probability`` over
        ``laser`` and ``number``, ``coherence`` <a_1+ a_2>, and ``current`` = -2 t_c Im <a_1+ a_2>, the rate
        at which tunnelling brings photons to laser 1.

    Raises
    ------
    ConvergenceError
        If the stationary state was not found.
    TruncationError
        If the last level holds more than 1e-2.
    ValueError
        If there are fewer than two or more than twelve levels.

    Warns
    -----
    TruncationWarning
        If the last level holds more than 1e-4.
    """
    if not 2 <= levels <= 12:
        raise ValueError(f"levels is {levels}; two lasers are solved with 2 to 12 photon numbers each.")
    hamiltonian, collapse, fields, emitters = dimer_operators(dimer, levels)
    with one_thread():
        state = steady_state((hamiltonian, collapse))
    populations = state.rho.diagonal().real.reshape(levels, 2, levels, 2)
    probability = np.stack([populations.sum(axis=(1, 2, 3)), populations.sum(axis=(0, 1, 3))])
    where = f"each laser's field at {levels} photon numbers"
    weight = check_truncation(
        probability[:, -1].max(), where, warn_above=_WARN_ABOVE, refuse_above=_REFUSE_ABOVE
    )
    coherence = state.expect(fields[0].T @ fields[1])
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "photons": ("laser", [state.expect(a.T @ a).real for a in fields], unit),
            "field": ("laser", [state.expect(a) for a in fields], unit),
            "ground_population": ("laser", [state.expect(s @ s.T).real for s in emitters], unit),
            "probability": (("laser", "number"), probability, unit),
            "coherence": ((), coherence, unit),
            "current": ((), -2 * dimer.tunnelling * coherence.imag, {"units": "unit of kappa"}),
        },
        coords={"laser": [1, 2], "number": ("number", np.arange(levels), unit)},
        attrs={
            **describe(dimer),
            "method": state.method,
            "residual": state.residual,
            "truncation_weight": weight,
            "single_site_model": "full quantum",
            "labsync_version": version("labsync"),
        },
    )
