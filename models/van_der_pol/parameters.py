"""Parameters of a quantum van der Pol oscillator.

d rho/dt = -i omega [a^+ a, rho] + kappa_1 D[a^+] rho + kappa_2 D[a^2] rho + kappa D[a] rho, with
D[J] rho = J rho J^+ - (J^+ J rho + rho J^+ J)/2: rates stand in front of D, without factors of two.

Lee and Sadeghpour, Phys. Rev. Lett. 111, 234101 (2013); Walter, Nunnenkamp and Bruder, Phys. Rev. Lett. 112,
094102 (2014).
"""

import math
from dataclasses import asdict, dataclass

import numpy as np

from models.validity import wrong_parameter

__all__ = ["VanDerPol"]


@dataclass(frozen=True)
class VanDerPol:
    """A quantum van der Pol oscillator; all rates are angular and in one unit.

    Parameters
    ----------
    gain : float
        kappa_1 of one-photon gain.
    nonlinear_loss : float
        kappa_2 of two-photon loss.
    loss : float
        kappa of one-photon loss, the channel that a detector can watch.
    frequency : float
        omega, in the frame of the local oscillator where there is one.

    Raises
    ------
    ValueError
        If a rate is negative or not finite, or if the energy would grow without limit.
    """

    gain: float
    nonlinear_loss: float
    loss: float = 0.0
    frequency: float = 0.0

    def __post_init__(self) -> None:
        rates = {"gain", "nonlinear_loss", "loss"}
        if wrong := wrong_parameter(asdict(self), "VanDerPol", any_sign={"frequency"}, may_be_zero=rates):
            raise ValueError(f"{wrong}.")
        if self.nonlinear_loss == 0 and self.gain > 0 and self.gain >= self.loss:
            raise ValueError(
                f"The gain is {self.gain:g} and the loss {self.loss:g}, without nonlinear loss: the energy "
                "grows without limit; it takes nonlinear loss or more loss than gain."
            )

    @property
    def mean_field_photons(self) -> float:
        """|alpha|^2 of the limit cycle without noise; 0 where there is none."""
        net = max(self.gain - self.loss, 0.0)
        return net / (2 * self.nonlinear_loss) if net else 0.0

    @property
    def enough_levels(self) -> int:
        """Fock states that hold the steady state to about 1e-8."""
        if self.nonlinear_loss:
            photons = self.mean_field_photons + 1
            return math.ceil(photons + 7 * math.sqrt(1.5 * photons) + 8)
        return math.ceil(math.log(1e-9) / math.log(self.gain / self.loss)) + 2 if self.gain else 8

    def describe(self) -> dict[str, float]:
        """Return the parameters as attributes of a result."""
        return {name: float(value) for name, value in asdict(self).items()}

    def decay(self, levels: int) -> np.ndarray:
        """Return the rate at which each Fock state is left, (levels,); nothing leaves upwards at the top."""
        n = np.arange(levels)
        up = self.gain * (n + 1) * (n < levels - 1)
        return up + self.loss * n + self.nonlinear_loss * n * (n - 1)
