"""P function of one driven laser in closed form, with the saturation of the cubic model.

The drift of the P function is a gradient and its diffusion A is the same everywhere, so that detailed balance
holds with drive too:

    P(r, theta) ~ exp{(A - C) r^2/A - B_r r^4/(2 A) + (2 abs(eps) r/A) cos(theta - phi + pi/2)}.

Without drive this is Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers",
arXiv:2011.03265, Eq. C.7, with the sign of r^4 and the denominator A that make it normalisable.
"""

import cmath
import math
from functools import lru_cache
from importlib.metadata import version

import numpy as np
import xarray as xr
from scipy.optimize import brentq
from scipy.special import i0e, i1e

from models.nanolaser_dimer._moments import LaserMoments
from models.nanolaser_dimer._validity import warn_of_bad_elimination, warn_of_cubic
from models.nanolaser_dimer.parameters import Nanolaser, describe

__all__ = ["radial_moments", "solve_radial"]

_DEPTH = 60.0  # natural logarithm of the weight, below its maximum, at which the quadrature ends
_NODES = 240


@lru_cache
def _gauss_legendre(number: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(number)


class _Weight:
    """Angle-averaged weight of a radius, its logarithm and the radii where it is felt."""

    def __init__(self, laser: Nanolaser) -> None:
        self.quadratic = (laser.gain - laser.loss) / laser.gain
        self.quartic = laser.saturation / (2 * laser.gain)
        self.linear = 2 * laser.drive / laser.gain
        peak = self._peak()
        self.top = self.exponent(peak)
        step = 1 / math.sqrt(self.quartic**0.5 + abs(self.quadratic))
        self.first = self._edge(peak, -step) if peak > 0 else 0.0
        self.last = self._edge(peak, step)

    def exponent(self, radius: float | np.ndarray) -> float | np.ndarray:
        return (self.linear + (self.quadratic - self.quartic * radius**2) * radius) * radius

    def _peak(self) -> float:
        roots = np.roots([-4 * self.quartic, 0.0, 2 * self.quadratic, self.linear])
        return float(np.max(roots.real[np.abs(roots.imag) < 1e-9 * np.abs(roots).max()], initial=0.0))

    def _depth(self, radius: float) -> float:
        return float(self.top - self.exponent(radius)) - _DEPTH

    def _edge(self, peak: float, step: float) -> float:
        radius = peak + step
        while self._depth(max(radius, 0.0)) < 0:
            if radius <= 0:
                return 0.0
            step *= 2
            radius = peak + step
        return float(brentq(self._depth, peak, max(radius, 0.0)))

    def density(self, radius: np.ndarray) -> np.ndarray:
        """Return the weight integrated over the angle, its largest exponent removed."""
        return np.exp(self.exponent(radius) - self.top) * i0e(self.linear * radius)

    def nodes(self, number: int = _NODES) -> tuple[np.ndarray, np.ndarray]:
        """Return radii and weights of the quadrature."""
        nodes, weights = _gauss_legendre(number)
        half = (self.last - self.first) / 2
        return self.first + half * (1 + nodes), half * weights


def radial_moments(laser: Nanolaser) -> LaserMoments:
    """Return photon number, amplitude and variance of one laser from its P function, as numbers.

    Meant for loops: it warns of nothing.

    Parameters
    ----------
    laser : Nanolaser
        The laser; its drive may be zero.

    Returns
    -------
    LaserMoments
        Its variance is that of r^2 under P, and <n> from normal ordering.
    """
    weight = _Weight(laser)
    radius, width = weight.nodes()
    mass = width * radius * weight.density(radius)
    mass /= mass.sum()
    photons = float(mass @ radius**2)
    argument = weight.linear * radius
    amplitude = float(mass @ (radius * i1e(argument) / i0e(argument)))
    return LaserMoments(photons, amplitude, float(mass @ (radius**2 - photons) ** 2) + photons)


def solve_radial(laser: Nanolaser, *, points: int = 401) -> xr.Dataset:
    """Return the P function of one laser and its means.

    Parameters
    ----------
    laser : Nanolaser
        The laser; its drive may be zero.
    points : int
        Radii of the density.

    Returns
    -------
    xarray.Dataset
        ``photons`` <n>, ``photon_variance`` (that of r^2 and <n>), ``amplitude`` F = abs(<a>), ``field``
        <a> = -i exp(i phi) F, and ``density`` R over ``radius``: P integrated over the phase, so that the
        integral of R r dr is 1.

    Raises
    ------
    ValueError
        If there are fewer than two points.

    Warns
    -----
    ValidityWarning
        If gamma is not large against g, or the laser so far above threshold that a diffusion constant A no
        longer describes it.
    """
    if points < 2:
        raise ValueError(f"points is {points}; a density takes at least 2.")
    warn_of_bad_elimination(laser)
    warn_of_cubic(laser)
    weight = _Weight(laser)
    nodes, width = weight.nodes()
    norm = float(width @ (nodes * weight.density(nodes)))
    moments = radial_moments(laser)
    radius = np.linspace(weight.first, weight.last, points)
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "photons": ((), moments.photons, unit),
            "photon_variance": ((), moments.variance, unit),
            "amplitude": ((), moments.amplitude, unit),
            "field": ((), -1j * cmath.exp(1j * laser.phase_rad) * moments.amplitude, unit),
            "density": ("radius", weight.density(radius) / norm, unit),
        },
        coords={"radius": ("radius", radius, unit)},
        attrs={
            **describe(laser),
            "method": f"closed form, Gauss-Legendre quadrature with {_NODES} radii",
            "residual": _quadrature_error(laser, moments.photons),
            "single_site_model": "cubic P function, diffusion A, saturation B_r",
            "labsync_version": version("labsync"),
        },
    )


def _quadrature_error(laser: Nanolaser, photons: float) -> float:
    """Return the relative difference of <n> to that of half as many radii."""
    weight = _Weight(laser)
    radius, width = weight.nodes(_NODES // 2)
    mass = width * radius * weight.density(radius)
    return abs(float(mass @ radius**2 / mass.sum()) / photons - 1)
