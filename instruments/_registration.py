"""Displacement between two images of the same thing."""

from functools import lru_cache

import numpy as np
from scipy.signal.windows import tukey
from skimage.registration import phase_cross_correlation

__all__ = ["displacement_px"]

STEPS_PER_PX = 100


def displacement_px(reference: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, float]:
    """Return how far an image is displaced from a reference.

    Two steps: the whole pixels come from phase correlation, whose whitening keeps the periods of an array
    apart; the fraction comes from the plain cross-correlation of the part that both images show, which
    whitening would drown in noise, and which a displaced window would pull towards zero.

    Parameters
    ----------
    reference, image
        Two images of the same shape (row, column).

    Returns
    -------
    displacement : numpy.ndarray
        (column, row), in px, in steps of 0.01 px; positive if the image lies towards higher indices.
    error : float
        Normalised rms difference of the two after registration: 0 for equal images, 1 for unrelated ones.
    """
    shift, _, _ = phase_cross_correlation(_windowed(reference), _windowed(image))
    whole = -np.rint(shift).astype(int)
    common = [_windowed(part) for part in _overlap(reference, image, whole)]
    shift, error, _ = phase_cross_correlation(*common, upsample_factor=STEPS_PER_PX, normalization=None)
    row, column = whole - shift
    return np.array([column, row]), float(error)


def _overlap(reference: np.ndarray, image: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of the reference that the displaced image shows too, from both."""
    sizes = zip(reference.shape, whole, strict=True)
    cuts = [(slice(max(0, -n), size - max(0, n)), slice(max(0, n), size - max(0, -n))) for size, n in sizes]
    (rows, rows_displaced), (columns, columns_displaced) = cuts
    return reference[rows, columns], image[rows_displaced, columns_displaced]


def _windowed(image: np.ndarray) -> np.ndarray:
    """Return the image around its mean, faded out towards the edges, where it does not continue."""
    window = _window(*image.shape)
    return (image - np.average(image, weights=window)) * window


@lru_cache(maxsize=64)
def _window(rows: int, columns: int) -> np.ndarray:
    return np.outer(tukey(rows, 0.5), tukey(columns, 0.5)) + np.finfo(float).tiny
