"""Parameters of two single-emitter nanolasers with coherent drives and photon tunnelling.

Symbols: Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265.
Decay rates are those of amplitudes: photons leave a cavity at 2 kappa, the emitter is pumped at 2 gamma.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

from models.validity import wrong_parameter

__all__ = ["Dimer", "Nanolaser", "PhasePair", "describe"]

_ANY_SIGN = {"tunnelling", "phase_rad", "phase_1_rad", "phase_2_rad"}
_MAY_BE_ZERO = {"drive", "drive_1", "drive_2"}


def _check(model: Any) -> None:
    values = {field.name: getattr(model, field.name) for field in fields(model)}
    if wrong := wrong_parameter(values, type(model).__name__, any_sign=_ANY_SIGN, may_be_zero=_MAY_BE_ZERO):
        raise ValueError(f"{wrong}.")


class _Rates:
    """Rates of one laser that follow from pump parameter, gamma and kappa."""

    pump_parameter: float
    gamma: float
    kappa: float

    @property
    def coupling(self) -> float:
        """Light-matter coupling g."""
        return math.sqrt(self.pump_parameter * self.kappa * self.gamma)

    @property
    def gain(self) -> float:
        """Linear gain A = g^2/gamma."""
        return self.pump_parameter * self.kappa

    @property
    def loss(self) -> float:
        """Loss C = kappa."""
        return self.kappa

    @property
    def full_saturation(self) -> float:
        """Saturation B = 2 g^4/gamma^3 of the eliminated master equation."""
        return 2 * self.pump_parameter**2 * self.kappa**2 / self.gamma

    @property
    def saturation(self) -> float:
        """Saturation B_r = B/C_p, which gives the mean-field photon number."""
        return 2 * self.pump_parameter * self.kappa**2 / self.gamma

    @property
    def photons(self) -> float:
        """Mean-field photon number n0 = (A - C)/B_r without drive; 0 below threshold."""
        return max(self.gain - self.loss, 0.0) / self.saturation


@dataclass(frozen=True)
class Nanolaser(_Rates):
    """One single-emitter nanolaser with a coherent drive.

    All rates are in one unit, customarily that of kappa.

    Parameters
    ----------
    pump_parameter : float
        C_p = g^2/(kappa gamma); the threshold is at 1.
    gamma : float
        Pump rate of the emitter's coherence; its population is pumped at 2 gamma.
    drive : float
        abs(epsilon).
    phase_rad : float
        Phase phi of the drive. The drive alone locks the field's phase to phi - pi/2.
    kappa : float
        Decay rate of the field amplitude.

    Raises
    ------
    ValueError
        If a parameter is not finite or has the wrong sign.
    """

    pump_parameter: float
    gamma: float
    drive: float = 0.0
    phase_rad: float = 0.0
    kappa: float = 1.0

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class Dimer(_Rates):
    """Two equal nanolasers, each with a drive, coupled by photon tunnelling.

    Parameters
    ----------
    pump_parameter, gamma, drive, kappa : float
        As of a `Nanolaser`; both lasers have the same.
    tunnelling : float
        t_c of -t_c (a1^+ a2 + a2^+ a1).
    phase_1_rad, phase_2_rad : float
        Phases of the two drives.

    Raises
    ------
    ValueError
        If a parameter is not finite or has the wrong sign.
    """

    pump_parameter: float
    gamma: float
    drive: float = 0.0
    tunnelling: float = 0.0
    phase_1_rad: float = 0.0
    phase_2_rad: float = 0.0
    kappa: float = 1.0

    def __post_init__(self) -> None:
        _check(self)

    @property
    def lasers(self) -> tuple[Nanolaser, Nanolaser]:
        """The two lasers on their own."""
        one, two = (
            Nanolaser(self.pump_parameter, self.gamma, self.drive, phase, self.kappa)
            for phase in (self.phase_1_rad, self.phase_2_rad)
        )
        return one, two

    def phases(self, amplitude_1: float | None = None, amplitude_2: float | None = None) -> "PhasePair":
        """Return the phases' own equation at given amplitudes r_j (default: r0 of both), Eqs. 14 and 16.

        Raises
        ------
        ValueError
            If an amplitude is not positive, as r0 is at and below threshold.
        """
        r0 = math.sqrt(self.photons)
        one, two = (r0 if r is None else r for r in (amplitude_1, amplitude_2))
        if not (one > 0 and two > 0):
            raise ValueError(
                f"The amplitudes are {one:g} and {two:g}; a phase needs both positive, which without drive "
                f"takes C_p > 1 (it is {self.pump_parameter:g})."
            )
        return PhasePair(
            self.gain / (2 * one**2), self.gain / (2 * two**2), self.drive / one, self.drive / two,
            self.tunnelling, two / one, self.phase_1_rad, self.phase_2_rad,
        )  # fmt: skip


@dataclass(frozen=True)
class PhasePair:
    """The phases of two lasers at fixed amplitudes.

    Drift: theta_1' = t_c (r_2/r_1) cos(theta_2 - theta_1) - e_1 cos(theta_1 - phi_1), and 1 and 2 exchanged.

    Parameters
    ----------
    diffusion_1, diffusion_2 : float
        D_j = A/(2 r_j^2).
    drive_1, drive_2 : float
        e_j = abs(epsilon)/r_j.
    tunnelling : float
        t_c.
    amplitude_ratio : float
        r_2/r_1.
    phase_1_rad, phase_2_rad : float
        Phases of the drives.

    Raises
    ------
    ValueError
        If a parameter is not finite or has the wrong sign.
    """

    diffusion_1: float
    diffusion_2: float
    drive_1: float = 1.0
    drive_2: float = 1.0
    tunnelling: float = 0.0
    amplitude_ratio: float = 1.0
    phase_1_rad: float = 0.0
    phase_2_rad: float = 0.0

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def equal(
        cls,
        diffusion: float,
        tunnelling: float,
        phase_1_rad: float = math.pi / 2,
        phase_2_rad: float = math.pi / 2,
    ) -> "PhasePair":
        """Return two equal lasers in units of e = abs(epsilon)/r0; by default the drives lock to 0."""
        return cls(
            diffusion, diffusion, tunnelling=tunnelling, phase_1_rad=phase_1_rad, phase_2_rad=phase_2_rad
        )


def describe(model: Nanolaser | Dimer | PhasePair) -> dict[str, float]:
    """Return a model's parameters as attributes of a result."""
    return {field.name: float(getattr(model, field.name)) for field in fields(model)}
