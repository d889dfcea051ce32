"""A camera that looks through the objective of P2 at its array."""

from dataclasses import dataclass

import numpy as np

from .._streams import stream
from ..scene import PillarScene
from ..world import World
from ._errors import BadSetting

__all__ = ["FULL_SCALE", "Camera", "Exposure"]

FULL_SCALE = 4095
LATENCY_S = 0.005
ELECTRONS_PER_S = 1e5
DARK_ELECTRONS = 100.0
READ_NOISE_ELECTRONS = 5.0
VIBRATION_UM = 0.02


@dataclass(frozen=True)
class Exposure:
    """A frame on the sensor; `pixels` is None if it was lost on its way."""

    number: int
    time_s: float
    exposure_s: float
    pixels: np.ndarray | None


class Camera:
    """Exposure and frames: shot noise, read noise, saturation, and the vibration of the table.

    Parameters
    ----------
    world : World
        The sample under the objective, and the time.
    """

    faults: frozenset[str] = frozenset({"lost_frame"})

    def __init__(self, world: World) -> None:
        self.active_faults: set[str] = set()
        self.exposure_s = 0.02
        self._world = world
        self._scene = PillarScene(world.settings.seed, world.truth.camera_angle_rad)
        self._rng = stream(world.settings.seed, "camera")
        self._number = 0

    def set_exposure(self, exposure_s: float) -> None:
        """Set the exposure, in s."""
        if not 1e-5 <= exposure_s <= 10.0:
            raise BadSetting(f"exposure {exposure_s} s is outside 10 us to 10 s")
        self.exposure_s = exposure_s

    def delay_s(self) -> float:
        """Return the time from the request for a frame to its arrival, in s."""
        return self.exposure_s + LATENCY_S

    def expose(self) -> Exposure:
        """Expose one frame."""
        self._number += 1
        pixels = None if "lost_frame" in self.active_faults else self._pixels()
        return Exposure(self._number, self._world.now_s, self.exposure_s, pixels)

    def _pixels(self) -> np.ndarray:
        offset = np.array(self._world.sample.offset_um()) + VIBRATION_UM * self._rng.standard_normal(2)
        light = ELECTRONS_PER_S * self.exposure_s * self._scene.image(offset)
        electrons = self._rng.poisson(DARK_ELECTRONS + light).astype(float)
        electrons += READ_NOISE_ELECTRONS * self._rng.standard_normal(electrons.shape)
        return np.clip(np.rint(electrons), 0, FULL_SCALE).astype(np.uint16)
