"""The hidden truth of one simulated lab: what the experiment is there to find out."""

import math
from dataclasses import dataclass

from ._streams import stream
from .settings import TwinSettings

__all__ = ["Truth", "draw_truth"]


@dataclass(frozen=True)
class Truth:
    """Quantities that no instrument reports; pairs are (P1, P2).

    The free-running strong-mode frequency of pillar p is, in GHz from its reference,
    ``tuning (T - T_ref) + curvature (T - T_ref)**2`` with T the pillar's own temperature: the stage's plus
    ``heating_k_per_w`` times the array's power above that of the working point. T_ref is 32 K for P1 and the
    crossing temperature for P2, so that the two lines cross there when P1 is held at 32 K. The carriers that
    are stored beyond those at the working point raise the frequency by ``plasma_ghz_per_carrier`` each. The
    weak mode keeps its distance.
    """

    coupling: float
    tuning_ghz_per_k: tuple[float, float]
    curvature_ghz_per_k2: tuple[float, float]
    crossing_temperature_k: float
    current_spread: tuple[float, float]
    heating_k_per_w: tuple[float, float]
    free_spectral_range_ghz: float
    finesse: float
    orders_per_volt: float
    piezo_cubic_per_v2: float
    etalon_start_ghz: float
    etalon_drift_ghz_per_sqrt_s: float
    efficiency_cps_per_photon: tuple[float, float]
    plasma_ghz_per_carrier: tuple[float, float]
    sample_drift_direction_rad: float
    camera_angle_rad: float
    direct_cps_per_photon: tuple[float, float]


def draw_truth(settings: TwinSettings) -> Truth:
    """Draw the truth of a lab from its seed.

    Parameters
    ----------
    settings : TwinSettings
        The lab; only its seed and the nominal interferometer matter.

    Returns
    -------
    Truth
        The same for the same seed, whatever else the lab does.
    """
    rng = stream(settings.seed, "truth")
    carriers = stream(settings.seed, "truth", "carriers")
    motion = stream(settings.seed, "truth", "motion")
    direct = stream(settings.seed, "truth", "direct")

    def pair(mean: float, spread: float) -> tuple[float, float]:
        """Draw two values, uniform within the spread around the mean."""
        return float(mean + rng.uniform(-spread, spread)), float(mean + rng.uniform(-spread, spread))

    return Truth(
        coupling=0.025 * (1 + rng.uniform(-0.15, 0.15)),
        tuning_ghz_per_k=pair(-6.0, 0.12),
        curvature_ghz_per_k2=pair(-0.05, 0.02),
        crossing_temperature_k=34.4 + rng.uniform(-0.05, 0.05),
        current_spread=pair(0.0, 0.005),
        heating_k_per_w=pair(5.0, 0.5),
        free_spectral_range_ghz=settings.free_spectral_range_ghz * (1 + rng.uniform(-0.001, 0.001)),
        finesse=settings.finesse * (1 + rng.uniform(-0.05, 0.05)),
        orders_per_volt=2.45 * (1 + rng.uniform(-0.02, 0.02)),
        piezo_cubic_per_v2=rng.uniform(0.02, 0.05),
        etalon_start_ghz=rng.uniform(0.0, settings.free_spectral_range_ghz),
        etalon_drift_ghz_per_sqrt_s=rng.uniform(0.0003, 0.001),
        efficiency_cps_per_photon=pair(5.5e4, 0.4e4),
        plasma_ghz_per_carrier=(carriers.uniform(4.6e-4, 5.2e-4), carriers.uniform(4.6e-4, 5.2e-4)),
        sample_drift_direction_rad=motion.uniform(0.0, 2 * math.pi),
        camera_angle_rad=motion.uniform(-0.1, 0.1),
        direct_cps_per_photon=(direct.uniform(3.6e5, 4.4e5), direct.uniform(3.6e5, 4.4e5)),
    )
