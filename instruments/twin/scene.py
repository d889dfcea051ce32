"""What the camera's sensor sees: an array of micropillars with its blemishes, in light."""

import numpy as np

from ._streams import stream

__all__ = ["PITCH_UM", "ROWS_COLUMNS", "UM_PER_PX", "PillarScene"]

ROWS_COLUMNS = (128, 160)
UM_PER_PX = 0.25
PITCH_UM = 8.0
REACH = 6


class PillarScene:
    """A periodic array of pillars; missing ones and dust tell its periods apart.

    Everything is a sum of round Gaussian spots, so an image at any displacement is one product of two thin
    matrices, without interpolation.

    Parameters
    ----------
    seed : int
        The lab's seed, which decides on the blemishes.
    angle_rad : float
        Angle by which the camera is rotated against the stage's axes.
    """

    def __init__(self, seed: int, angle_rad: float) -> None:
        rng = stream(seed, "scene")
        lattice = PITCH_UM * np.arange(-REACH, REACH + 1)
        pillars = np.stack(np.meshgrid(lattice, lattice), axis=-1).reshape(-1, 2)
        pillars = pillars + rng.normal(0.0, 0.05, pillars.shape)
        brightness = rng.uniform(0.85, 1.1, len(pillars))
        brightness[rng.choice(len(pillars), len(pillars) // 8, replace=False)] = 0.0
        dust = rng.uniform(-1.2, 1.2, (80, 2)) * REACH * PITCH_UM / 1.2
        # a pillar is bright, with a darker middle
        self._at_um = np.concatenate([pillars, pillars, dust])
        self._height = np.concatenate([brightness, -0.35 * brightness, rng.uniform(0.1, 0.6, len(dust))])
        widths = (np.full(len(pillars), 0.9), np.full(len(pillars), 0.4), rng.uniform(0.3, 0.6, len(dust)))
        self._width_px = np.concatenate(widths) / UM_PER_PX
        cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
        self.px_per_um = np.array([[cosine, -sine], [sine, cosine]]) / UM_PER_PX

    def image(self, offset_um: np.ndarray) -> np.ndarray:
        """Return the brightness of every pixel, about 1 on a pillar.

        Parameters
        ----------
        offset_um : numpy.ndarray
            The sample's position minus the objective's, (x, y); an x along the stage's first axis moves the
            image along the columns, apart from the camera's rotation.

        Returns
        -------
        numpy.ndarray
            float64, shape (row, column).
        """
        column, row = ((self._at_um + offset_um) @ self.px_per_um.T).T
        rows, columns = ROWS_COLUMNS
        across = self._profile(np.arange(columns) - columns / 2, column)
        down = self._profile(np.arange(rows) - rows / 2, row)
        return np.maximum((down * self._height[:, None]).T @ across, 0.0)

    def _profile(self, pixels: np.ndarray, centre: np.ndarray) -> np.ndarray:
        """Return the spots' profiles along one axis: shape (spot, pixel)."""
        return np.exp(-0.5 * ((pixels - centre[:, None]) / self._width_px[:, None]) ** 2)
