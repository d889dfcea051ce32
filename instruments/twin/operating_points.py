"""Where the coupled pair is simulated: a grid of operating points, and the model's pair at each."""

from dataclasses import dataclass, replace

from models import micropillars

from .settings import TwinSettings

__all__ = [
    "DARK_BELOW_UA",
    "SPLITTING_1_GHZ",
    "OperatingPoint",
    "moved_ghz",
    "operating_point",
    "pair_at",
    "sample_ps",
]

DETUNING_STEP_GHZ = 0.002
CURRENT_STEP_UA = 0.02
COUPLING_STEP = 2e-5

UNCOUPLED_BELOW = 5e-4
"""Weaker coupling pulls a line by < 1 MHz once |detuning| > 20 MHz; it counts as none."""

DARK_BELOW_UA = 8.0
"""Smallest pump current per pillar for which the model is asked; below, a pillar is dark."""

FAR_GHZ = 12.0
"""Beyond this detuning the pillars pull each other by a few MHz and are simulated as if just there."""

WIDE_FROM_GHZ = 9.0
"""From this detuning of either mode on, time series are recorded more finely."""

SPLITTING_1_GHZ = micropillars.kreinberg2019(25.0, 25.0).pillar_1.splitting_ghz
"""The weak mode of P1 above its strong mode."""


@dataclass(frozen=True)
class OperatingPoint:
    """What a pair of spectra depends on; without coupling the detuning is left out (zero)."""

    current_1_ua: float
    current_2_ua: float
    coupling: float
    detuning_ghz: float


def operating_point(
    current_1_ua: float, current_2_ua: float, coupling: float, detuning_ghz: float
) -> OperatingPoint:
    """Return the point of the cache's grid nearest to the given conditions."""

    def near(value: float, step: float) -> float:
        return round(round(value / step) * step, 9)

    coupled = coupling >= UNCOUPLED_BELOW
    return OperatingPoint(
        max(DARK_BELOW_UA, near(current_1_ua, CURRENT_STEP_UA)),
        max(DARK_BELOW_UA, near(current_2_ua, CURRENT_STEP_UA)),
        near(coupling, COUPLING_STEP) if coupled else 0.0,
        near(max(-FAR_GHZ, min(FAR_GHZ, detuning_ghz)), DETUNING_STEP_GHZ) if coupled else 0.0,
    )


def moved_ghz(point: OperatingPoint, detuning_ghz: float) -> float:
    """Return how much higher P2 lies than at the point, at a detuning at which it moves freely against P1."""
    free = point.coupling == 0 or abs(detuning_ghz) > FAR_GHZ
    return detuning_ghz - point.detuning_ghz if free else 0.0


def pair_at(point: OperatingPoint, settings: TwinSettings) -> micropillars.Pair:
    """Return the model's pair at an operating point.

    In the configuration "relay" half of the power goes on to the other pillar and half comes back, each with
    2^-1/2 of the amplitude; the attenuator weakens both alike.
    """
    pair = micropillars.kreinberg2019(
        point.current_1_ua,
        point.current_2_ua,
        coupling=point.coupling,
        detuning_ghz=point.detuning_ghz,
        inactive_loss_factor=settings.inactive_loss_factor,
    )
    if settings.configuration == "relay":
        return replace(pair, transmission_amplitude=0.5**0.5, reflection_amplitude=0.5**0.5)
    return pair


def sample_ps(pair: micropillars.Pair) -> float:
    """Return a sampling time whose band holds both pillars' lines."""
    widest = max(abs(pair.detuning_ghz), abs(pair.weak_detuning_ghz))
    return 50.0 if widest <= WIDE_FROM_GHZ else 25.0
