"""Regimes in which the reduced descriptions of two nanolasers hold, and the warnings beyond them."""

import math
import warnings

from models.nanolaser_dimer.parameters import Dimer, Nanolaser
from models.validity import ValidityWarning

__all__ = [
    "MOST_AMPLITUDE_NOISE",
    "warn_of_bad_elimination",
    "warn_of_broken_locking",
    "warn_of_cubic",
    "warn_of_weak_field",
]

_LEAST_GAMMA_OVER_G = 5.0
_MOST_CUBIC_PUMP = 1.5
MOST_AMPLITUDE_NOISE = 0.05
"""Relative variance of the amplitude, from which on a number does not stand for it."""


def _warn(message: str) -> None:
    warnings.warn(message, ValidityWarning, stacklevel=4)


def warn_of_bad_elimination(dimer: Nanolaser | Dimer) -> None:
    """Warn if gamma is not large against g, as the elimination of the emitter requires."""
    ratio = dimer.gamma / dimer.coupling
    if ratio < _LEAST_GAMMA_OVER_G:
        _warn(
            f"gamma/g is {ratio:.2g}, less than {_LEAST_GAMMA_OVER_G:g}: "
            "eliminating the emitter takes gamma much larger than g."
        )


def warn_of_cubic(dimer: Nanolaser | Dimer) -> None:
    """Warn if the pump is so far above threshold that the cubic model's photon number is too stiff."""
    if dimer.pump_parameter > _MOST_CUBIC_PUMP:
        _warn(
            f"C_p is {dimer.pump_parameter:g}, more than {_MOST_CUBIC_PUMP:g}: in the cubic model the photon "
            "number relaxes C_p times too fast, so it responds C_p times too weakly."
        )


def warn_of_weak_field(dimer: Dimer, photons: float) -> None:
    """Warn if the amplitude fluctuates so much that it cannot be replaced by a number.

    It relaxes at 3 B_r n - (A - C) and its two quadratures together gain 2 A per time, so that its variance
    is A/(2 [3 B_r n - (A - C)]).
    """
    stiffness = 3 * dimer.saturation * photons - (dimer.gain - dimer.loss)
    variance = dimer.gain / (2 * stiffness) / photons if stiffness > 0 and photons > 0 else math.inf
    if variance > MOST_AMPLITUDE_NOISE:
        _warn(
            f"The relative variance of the amplitude is {variance:.2g} at {photons:.3g} photons, more than "
            f"{MOST_AMPLITUDE_NOISE:g}: to replace it by a number takes more photons or more pump."
        )


def warn_of_broken_locking(dimer: Dimer, photons: float) -> None:
    """Warn if tunnelling exceeds e = abs(epsilon)/r, up to which the drives hold equal phases locked."""
    locking = dimer.drive / math.sqrt(photons) if photons > 0 else math.inf
    if abs(dimer.tunnelling) > locking:
        _warn(
            f"abs(t_c) = {abs(dimer.tunnelling):.3g} is {abs(dimer.tunnelling) / locking:.3g} times "
            f"abs(epsilon)/sqrt(n) = {locking:.3g}, beyond which the drives no longer hold the phases."
            if locking > 0
            else f"abs(t_c) = {abs(dimer.tunnelling):.3g} without drive: nothing holds the phases."
        )
