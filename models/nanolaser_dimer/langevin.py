"""Langevin equation of the two fields, the stochastic counterpart of their cubic P function.

    dalpha_1 = [(A - C - B_r abs(alpha_1)^2) alpha_1 + i t_c alpha_2 - i eps_1] dt + sqrt(2 A) dW_1,

and 1 and 2 exchanged, with <dW dW*> = dt. Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in
coupled nanolasers", arXiv:2011.03265, Eq. C.3 with the sign of the tunnelling that follows from its Eq. 1.
Averages are those of the P function, normally ordered: <abs(alpha)^2> is the photon number, and a photon
number's variance exceeds that of abs(alpha)^2 by its mean.
"""

import cmath
import math
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numba.extending import register_jitable

from models.nanolaser_dimer._roots import driven_amplitude
from models.nanolaser_dimer._validity import warn_of_bad_elimination, warn_of_cubic
from models.nanolaser_dimer.parameters import Dimer, describe
from models.numerics import System, abs2, integrate, join
from models.numerics._records import jackknife

__all__ = ["langevin_system", "simulate_langevin"]

_STEP_RATE = 0.1  # largest rate times step
_BOXES = 20
_MOST_STEPS = 1e11


class _Rates(NamedTuple):
    net_gain: float
    saturation: float
    tunnelling: float
    push_1_real: float
    push_1_imag: float
    push_2_real: float
    push_2_imag: float
    noise: float
    photons: float


@register_jitable(forceinline=True)
def _drift(p, a, other, push):  # type: ignore[no-untyped-def]
    return a * (p.net_gain - p.saturation * abs2(a)) + join(-other.imag, other.real) * p.tunnelling + push


def _step(p: _Rates, dt: float, fields: Any, reals: Any, delayed: Any, noise: Any) -> Any:
    """Advance by Heun's scheme, of second order for additive noise.

    The real variables are functions of the fields at the start of the step: the deviations of the squared
    moduli from a reference, squared and multiplied, and the product alpha_1* alpha_2.
    """
    a, b = fields
    push_a, push_b = join(p.push_1_real, p.push_1_imag), join(p.push_2_real, p.push_2_imag)
    kick_a, kick_b = noise[0] * p.noise, noise[1] * p.noise
    drift_a, drift_b = _drift(p, a, b, push_a), _drift(p, b, a, push_b)
    next_a, next_b = a + drift_a * dt + kick_a, b + drift_b * dt + kick_b
    new_a = a + (drift_a + _drift(p, next_a, next_b, push_a)) * (0.5 * dt) + kick_a
    new_b = b + (drift_b + _drift(p, next_b, next_a, push_b)) * (0.5 * dt) + kick_b
    more_a, more_b = abs2(a) - p.photons, abs2(b) - p.photons
    across = join(a.real * b.real + a.imag * b.imag, a.real * b.imag - a.imag * b.real)
    return (new_a, new_b), (more_a * more_a, more_b * more_b, more_a * more_b, across.real, across.imag)


def langevin_system(dimer: Dimer) -> System:
    """Return the two fields as a system for `models.numerics.integrate`."""
    push_1, push_2 = (-1j * laser.drive * cmath.exp(1j * laser.phase_rad) for laser in dimer.lasers)
    rates = _Rates(
        dimer.gain - dimer.loss, dimer.saturation, dimer.tunnelling, push_1.real, push_1.imag, push_2.real,
        push_2.imag, math.sqrt(2 * dimer.gain), driven_amplitude(dimer) ** 2,
    )  # fmt: skip
    return System(_step, rates, fields=2, reals=5, noises=2)


def simulate_langevin(
    dimer: Dimer,
    *,
    duration: float = 10_000.0,
    settle: float = 500.0,
    step: float | None = None,
    trajectories: int = 64,
    seed: int = 1,
    engine: str = "auto",
) -> xr.Dataset:
    """Simulate the four-variable cubic model and return its steady-state averages.

    Parameters
    ----------
    dimer : Dimer
        What is simulated.
    duration, settle : float
        Recorded time of each trajectory and time thrown away before it, in the inverse unit of the rates.
        Each starts where its drives alone would hold it.
    step : float, optional
        Time step; by default a tenth of the inverse of the largest rate.
    trajectories : int
        Number of independent trajectories, at least 2.
    seed : int
        Seed of the ensemble.
    engine : {"auto", "lanes", "scalar"}
        As of `models.numerics.integrate`.

    Returns
    -------
    Dataset
        ``photons``, ``field``, ``photon_variance`` (normal ordering added) of each ``laser``; ``imbalance``
        n1 - n2 and ``imbalance_variance``; ``coherence`` <a1^+ a2>. Each has a standard error
        ``*_error`` from the scatter between trajectories; that of a complex number is the root of the sum
        of both parts' squares. attrs hold the parameters, method, seed, step and ``residual``: the larger
        deviation of a laser from its photon balance
        2 (A - C) n - 2 B_r <n^2> + 2 A - 2 Im(eps* <a>) -+ 2 t_c Im<a1^+ a2> = 0, divided by 2 A.

    Raises
    ------
    ValueError
        For fewer than 2 trajectories, times that do not fit, or more than 1e11 steps in all.

    Warns
    -----
    ValidityWarning
        Where the cubic model or the elimination of the emitters does not hold.
    """
    if trajectories < 2:
        raise ValueError(f"trajectories is {trajectories}; an error takes at least 2.")
    if not (0 < duration < math.inf and 0 <= settle < math.inf):
        raise ValueError(
            f"duration is {duration:g} and settle {settle:g}; they must be finite, the duration positive and "
            "settle zero or positive."
        )
    if step is not None and not 0 < step < math.inf:
        raise ValueError(f"step is {step:g}; it must be positive and finite.")
    warn_of_bad_elimination(dimer)
    warn_of_cubic(dimer)
    system = langevin_system(dimer)
    reference = driven_amplitude(dimer) ** 2
    if step is None:
        stiffness = 3 * dimer.saturation * reference - (dimer.gain - dimer.loss)
        step = _STEP_RATE / max(stiffness, abs(dimer.tunnelling), 0.5 * dimer.kappa)
    steps = trajectories * (duration + settle) / step
    if steps > _MOST_STEPS:
        raise ValueError(
            f"{trajectories} trajectories of {duration + settle:.3g} in steps of {step:.3g} are {steps:.2g} "
            f"steps, more than {_MOST_STEPS:.0e}: take less time, fewer trajectories or smaller rates."
        )
    box = max(1, round(duration / _BOXES / step)) * step
    angles = np.array([laser.phase_rad - np.pi / 2 for laser in dimer.lasers])
    start = np.tile(math.sqrt(reference) * np.exp(1j * angles), (trajectories, 1))
    run = integrate(
        system, start, np.zeros((trajectories, 5)), duration=max(duration, box), step=step, sample=box,
        settle=settle, seed=seed, engine=engine,
    )  # fmt: skip
    return _averages(dimer, run.fields, run.moduli, run.reals, reference).assign_attrs(
        seed=seed, step=step, duration=duration, trajectories=trajectories, engine=run.engine
    )


def _averages(
    dimer: Dimer, fields: np.ndarray, moduli: np.ndarray, reals: np.ndarray, reference: float
) -> xr.Dataset:
    """Average boxes and trajectories; arrays are (trajectories, variables, boxes)."""
    field, more, second = (
        values.mean(axis=2, dtype=kind)
        for values, kind in ((fields, complex), (moduli, float), (reals, float))
    )
    more -= reference
    data: dict[str, tuple[Any, np.ndarray]] = {}

    def add(name: str, dims: tuple[str, ...], pair: tuple[np.ndarray, np.ndarray]) -> None:
        data[name], data[f"{name}_error"] = (dims, pair[0]), (dims, np.abs(pair[1]))

    photons = jackknife(lambda n: n, more + reference)
    squares = jackknife(lambda n, nn: nn - n**2 + n + reference, more, second[:, :2])
    difference = jackknife(lambda n: n[0] - n[1], more)
    spread = jackknife(
        lambda n, s: s[0] + s[1] - 2 * s[2] - (n[0] - n[1]) ** 2 + n[0] + n[1] + 2 * reference, more, second
    )
    add("photons", ("laser",), photons)
    add("photon_variance", ("laser",), squares)
    add("imbalance", (), difference)
    add("imbalance_variance", (), spread)
    # |error|^2 of a complex number is the sum of those of its parts
    for name, dims, values in (
        ("field", ("laser",), field),
        ("coherence", (), second[:, 3] + 1j * second[:, 4]),
    ):
        error = np.hypot(*(jackknife(lambda v: v, part)[1] for part in (values.real, values.imag)))
        add(name, dims, (values.mean(axis=0), error))
    result = xr.Dataset(data, coords={"laser": [1, 2]})
    for variable in result.variables.values():
        variable.attrs["units"] = "1"
    return result.assign_attrs(
        describe(dimer),
        method="Langevin equation of both fields, cubic gain, Heun",
        single_site_model="cubic",
        residual=_imbalance_of_rates(dimer, result),
        labsync_version=version("labsync"),
    )


def _imbalance_of_rates(dimer: Dimer, result: xr.Dataset) -> float:
    """Return the larger deviation from a laser's photon balance, divided by 2 A."""
    photons = result.photons.values
    fourth = result.photon_variance.values - photons + photons**2
    push = [laser.drive * cmath.exp(1j * laser.phase_rad) for laser in dimer.lasers]
    current = 2 * dimer.tunnelling * float(result.coherence.values.imag)
    rates = 2 * (dimer.gain - dimer.loss) * photons - 2 * dimer.saturation * fourth + 2 * dimer.gain
    rates -= 2 * np.imag(np.conj(push) * result.field.values) + np.array([current, -current])
    return float(np.abs(rates).max() / (2 * dimer.gain))
