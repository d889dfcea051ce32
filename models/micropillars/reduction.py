"""Reduction of the pair to two phase oscillators with frozen amplitudes.

Kreinberg et al., Nat. Commun. 10, 1539 (2019), Methods and Eqs. 1, 2, 10. In the frame of free-running P1:

    phi1' = eps_21 sin(phi2(t - tau) - phi1)
    phi2' = eps_12 sin(phi1(t - tau) - phi2) + 2 pi nu,        eps_nm = K kappa |E_n/E_m|

Locked, phi1 = Omega t and phi2 = Omega t + Delta. With a = Delta - Omega tau this is explicit in a:

    Omega = eps_21 sin a,        2 pi nu = Omega + eps_12 sin(a + 2 Omega tau)

so the locked states of a detuning are the crossings of one curve with it.

With phase-amplitude coupling the gain that the light of the other pillar saves turns the phase too: eps_nm
becomes eps_nm sqrt(1 + alpha_m^2), and each sine's argument loses arctan(alpha_m).
"""

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import brentq

from models.micropillars._solitary import solitary_state
from models.micropillars.parameters import Pair
from models.micropillars.simulation import PILLARS, describe

__all__ = ["locked_states", "phase_reduction"]

_GRID = 20_000  # points on the curve of locked states; its features are 1/(2 tau eps) of a turn wide
_NODES = 40


class _Curve(NamedTuple):
    """Rates into P1 and P2 in 1/ns, tau in ns, phases that alpha takes off the arguments."""

    into_1: float
    into_2: float
    delay: float
    lag_1: float
    lag_2: float

    def omega(self, a: np.ndarray) -> np.ndarray:
        """Angular frequency of the locked state."""
        return self.into_1 * np.sin(a - self.lag_1)

    def detuning(self, a: np.ndarray) -> np.ndarray:
        """Detuning, as an angular frequency, at which the state locks."""
        omega = self.omega(a)
        return omega + self.into_2 * np.sin(a + 2.0 * omega * self.delay + self.lag_2)

    def pulls(self, a: float) -> tuple[float, float]:
        """Rates at which a small phase difference into P1 and into P2 decays."""
        omega = self.omega(np.asarray(a))
        second = a + 2.0 * omega * self.delay + self.lag_2
        return self.into_1 * float(np.cos(a - self.lag_1)), self.into_2 * float(np.cos(second))


def _strong_photons(pair: Pair, photon_numbers: tuple[float, float] | None) -> np.ndarray:
    numbers = (
        [solitary_state(p).strong for p in pair.pillars] if photon_numbers is None else list(photon_numbers)
    )
    if min(numbers) <= 0:
        raise ValueError(
            f"the strong modes hold {numbers[0]:g} and {numbers[1]:g} photons; "
            "the reduction needs light in both"
        )
    return np.array(numbers, float)


def _curve(pair: Pair, photon_numbers: tuple[float, float] | None, with_alpha: bool) -> _Curve:
    ratio = float(np.sqrt(np.divide(*_strong_photons(pair, photon_numbers))))  # |E_1/E_2|
    across = pair.coupling * pair.transmission_amplitude
    rates = [
        across * pair.pillar_1.loss_strong_per_ns / ratio,
        across * pair.pillar_2.loss_strong_per_ns * ratio,
    ]
    alphas = [p.linewidth_enhancement if with_alpha else 0.0 for p in pair.pillars]
    into = [rate * float(np.hypot(1.0, alpha)) for rate, alpha in zip(rates, alphas, strict=True)]
    lags = [float(np.arctan(alpha)) for alpha in alphas]
    return _Curve(into[0], into[1], pair.delay_ns, lags[0], lags[1])


def _growth(pull_1: float, pull_2: float, delay: float) -> float:
    """Return the largest growth rate of a small disturbance of the phase difference, in 1/ns.

    Chebyshev collocation of d1' = pull_1 (d2(t - tau) - d1), d2' = pull_2 (d1(t - tau) - d2); the common
    phase, which neither grows nor decays, is left out.
    """
    n = _NODES
    x = np.cos(np.pi * np.arange(n + 1) / n)
    c = np.where((np.arange(n + 1) % n) == 0, 2.0, 1.0) * (-1.0) ** np.arange(n + 1)
    difference = np.subtract.outer(x, x) + np.eye(n + 1)
    derivative = np.outer(c, 1.0 / c) / difference
    derivative = (derivative - np.diag(derivative.sum(axis=1))) * 2.0 / delay
    generator = np.kron(derivative, np.eye(2))
    generator[:2] = 0.0
    generator[:2, :2] = np.diag([-pull_1, -pull_2])
    generator[:2, -2:] = [[0.0, pull_1], [pull_2, 0.0]]
    values = np.linalg.eigvals(generator)
    neutral = np.argmin(np.abs(values))
    return float(np.delete(values.real, neutral).max())


def phase_reduction(
    pair: Pair, photon_numbers: tuple[float, float] | None = None, with_alpha: bool = False
) -> xr.Dataset:
    """Return the rates of the reduction, its slope by Eq. 10 and its locking range.

    Parameters
    ----------
    pair : Pair
        Couplings, delay and pillars; its round-trip phase does not count, the printed equations have none.
    photon_numbers : tuple of float, optional
        Photons in the strong modes of P1 and P2; by default those of the noise-free pillars on their own.
    with_alpha : bool
        Whether to keep the phase-amplitude coupling that the printed reduction drops.

    Returns
    -------
    xarray.Dataset
        rate_per_ns (pillar), eps into each pillar; slope by Eq. 10, that is
        1/(1 + eps_12/eps_21 + 2 tau eps_12), meant for alpha = 0; locking_low_ghz and locking_high_ghz, the
        detunings between which at least one stable or unstable locked state exists.

    Raises
    ------
    ValueError
        If a strong mode has no light.
    """
    curve = _curve(pair, photon_numbers, with_alpha)
    detuning = curve.detuning(np.linspace(-np.pi, np.pi, _GRID)) / (2 * np.pi)
    slope = 1.0 / (1.0 + curve.into_2 / curve.into_1 + 2.0 * curve.delay * curve.into_2)
    result = xr.Dataset(
        {
            "rate_per_ns": ("pillar", [curve.into_1, curve.into_2], {"units": "1/ns"}),
            "photon_number": ("pillar", _strong_photons(pair, photon_numbers), {"units": "1"}),
            "slope": ((), slope, {"units": "1"}),
            "locking_low_ghz": ((), detuning.min(), {"units": "GHz"}),
            "locking_high_ghz": ((), detuning.max(), {"units": "GHz"}),
        },
        coords={"pillar": PILLARS},
    )
    result.attrs = describe(pair) | {
        "method": "phase reduction, Eq. 10",
        "with_alpha": int(with_alpha),
        "seed": 0,
    }
    return result


def locked_states(
    pair: Pair, photon_numbers: tuple[float, float] | None = None, with_alpha: bool = False
) -> xr.Dataset:
    """Return all locked states of the reduction at the pair's detuning.

    Parameters
    ----------
    pair, photon_numbers, with_alpha
        See `phase_reduction`.

    Returns
    -------
    xarray.Dataset
        Along state, from low to high frequency: frequency_ghz, Omega/(2 pi) relative to free-running P1;
        phase_difference_rad, Delta in -pi..pi; slope, d Omega/d(2 pi nu) of the state followed through the
        detunings; growth_per_ns of the most dangerous disturbance; stable. Empty where nothing locks.
        ``attrs["residual"]`` is the largest violation of the two phase equations in 1/ns.
    """
    curve = _curve(pair, photon_numbers, with_alpha)
    wanted = 2 * np.pi * pair.detuning_ghz
    a = np.linspace(-np.pi, np.pi, _GRID + 1)
    missing = curve.detuning(a) - wanted
    found = [
        brentq(lambda v: float(curve.detuning(np.asarray(v))) - wanted, a[k], a[k + 1], xtol=1e-14)
        for k in np.flatnonzero((missing[:-1] <= 0) != (missing[1:] <= 0))
    ]
    omega = np.array([float(curve.omega(np.asarray(v))) for v in found])
    order = np.argsort(omega)
    roots, omega = np.array(found)[order], omega[order]
    difference = roots + omega * curve.delay
    pulls = [curve.pulls(v) for v in roots]
    slope = [1.0 / (1.0 + p2 / p1 + 2.0 * curve.delay * p2) for p1, p2 in pulls]
    growth = [_growth(p1, p2, curve.delay) for p1, p2 in pulls]
    back = omega * curve.delay
    residual = np.abs(
        [
            curve.into_1 * np.sin(difference - back - curve.lag_1) - omega,
            curve.into_2 * np.sin(-difference - back - curve.lag_2) + wanted - omega,
        ]
    )
    turned = np.angle(np.exp(1j * difference))
    result = xr.Dataset(
        {
            "frequency_ghz": ("state", omega / (2 * np.pi), {"units": "GHz"}),
            "phase_difference_rad": ("state", turned, {"units": "rad"}),
            "slope": ("state", np.array(slope), {"units": "1"}),
            "growth_per_ns": ("state", np.array(growth), {"units": "1/ns"}),
            "stable": ("state", np.array(growth) < 0),
        }
    )
    run = {"method": "phase reduction, locked states", "with_alpha": int(with_alpha), "seed": 0}
    result.attrs = describe(pair) | run | {"residual": float(residual.max(initial=0.0))}
    return result
