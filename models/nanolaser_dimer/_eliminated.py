"""One driven laser whose emitter is eliminated: master equation of the field alone.

Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265, Eq. 6
with the saturation B_r. Its fourth-order terms are

    B_r [a a+ rho a a+ + a+ rho a - a+^2 rho a^2].

In the gauge a = -i exp(i phi) b the density matrix is real and symmetric; elements (n, m) are kept for a
window of photon numbers and differences n - m = 0 to K.
"""

import math
import warnings

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from models.nanolaser_dimer._moments import LaserMoments
from models.nanolaser_dimer.parameters import Nanolaser
from models.nanolaser_dimer.radial import radial_moments
from models.numerics import check_truncation
from models.numerics._threads import one_thread
from models.validity import ValidityWarning

__all__ = ["eliminated_moments"]

_MOST_NEGATIVE = 1e-8


def _elements(low: int, high: int, kept: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both indices of the elements, sorted into a narrow band, and the table of their places."""
    n, q = (part.ravel() for part in np.meshgrid(np.arange(low, high + 1), np.arange(kept + 1)))
    inside = n - q >= low
    n, m = n[inside], (n - q)[inside]
    order = np.lexsort((n, n + m))
    n, m = n[order], m[order]
    table = np.full((high - low + 1, kept + 1), -1)
    table[n - low, n - m] = np.arange(n.size)
    return n, m, table


def _generator(laser: Nanolaser, n: np.ndarray, m: np.ndarray, low: int, table: np.ndarray) -> sp.csc_array:
    gain, loss, saturation, drive = laser.gain, laser.loss, laser.saturation, laser.drive

    def places(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        upper, q = np.maximum(row, column) - low, np.abs(row - column)
        here = (upper < len(table)) & (np.minimum(row, column) >= low) & (q < table.shape[1])
        return np.where(here, table[np.where(here, upper, 0), np.where(here, q, 0)], -1)

    twice = np.sqrt(n * (n - 1.0) * m * (m - 1.0))
    flows = [
        (n, m, -gain * (n + m + 2) - loss * (n + m) + saturation * (n + 1.0) * (m + 1)),
        (n - 1, m - 1, (2 * gain + saturation) * np.sqrt(n * m)),
        (n - 2, m - 2, -saturation * twice),
        (n + 1, m + 1, 2 * loss * np.sqrt((n + 1.0) * (m + 1))),
        (n - 1, m, drive * np.sqrt(n)),
        (n + 1, m, -drive * np.sqrt(n + 1.0)),
        (n, m - 1, drive * np.sqrt(m)),
        (n, m + 1, -drive * np.sqrt(m + 1.0)),
    ]
    columns = np.concatenate([places(row, column) for row, column, _ in flows])
    rates = np.concatenate([rate for _, _, rate in flows])
    real = columns >= 0
    rows = np.tile(np.arange(n.size), len(flows))[real]
    return sp.csc_array((rates[real], (rows, columns[real])), shape=(n.size, n.size))


def eliminated_moments(laser: Nanolaser) -> LaserMoments:
    """Return photon number, amplitude and variance of one laser from the eliminated master equation.

    Parameters
    ----------
    laser : Nanolaser
        The laser; its drive may be zero.

    Returns
    -------
    LaserMoments

    Raises
    ------
    TruncationError
        If the photon numbers at the ends of the window or the last differences kept hold more than 1e-4, as
        happens where the equation, which is not completely positive, runs away.

    Warns
    -----
    ValidityWarning
        If a probability is negative by more than 1e-8.
    """
    cubic = radial_moments(laser)
    spread = 8 * math.sqrt(cubic.variance) + 12
    low, high = max(0, math.floor(cubic.photons - spread)), math.ceil(cubic.photons + spread)
    z = 2 * laser.drive * cubic.photons**0.5 / ((laser.gain + laser.loss) / 2)
    kept = min(math.ceil(7 + 6 * math.sqrt(z)), high - low) if laser.drive > 0 else 0
    n, m, table = _elements(low, high, kept)
    matrix = _generator(laser, n, m, low, table)
    anchor = int(table[round(cubic.photons) - low, 0])
    rest = np.delete(np.arange(n.size), anchor)
    values = np.ones(n.size)
    with one_thread():
        factors = splu(sp.csc_array(matrix[rest][:, rest]), permc_spec="NATURAL")
        values[rest] = factors.solve(-matrix[rest][:, [anchor]].toarray()[:, 0])
    values /= values[n == m].sum()
    probability = values[table[:, 0]]
    name = f"the eliminated laser at C_p = {laser.pump_parameter:g}, photon numbers {low} to {high}"
    weight = check_truncation(max(abs(probability[0]) * (low > 0), abs(probability[-1])), name)
    last = values[n - m == kept]
    relative = float(np.abs(last).max() / np.abs(values).max()) if kept > 0 else 0.0
    check_truncation(relative, f"{name}, differences to {kept}")
    if probability.min() < -_MOST_NEGATIVE:
        warnings.warn(
            f"A photon number of {name} has the probability {probability.min():.2g}: with the negative rate "
            "-B_r the eliminated equation is not completely positive and does not hold here.",
            ValidityWarning,
            stacklevel=2,
        )
    number = np.arange(low, high + 1)
    photons = float(probability @ number)
    amplitude = float((np.sqrt(n) * values)[n - m == 1].sum())
    variance = float(probability @ (number - photons) ** 2)
    return LaserMoments(photons, amplitude, variance, weight)
