"""Two lasers in a product state: each is driven by the mean field of the other.

Laser j is a single laser driven by h_j = eps_j - t_c <a_k> (Fernandez-Lorenzo and Porras, "Dissipative
Josephson effect in coupled nanolasers", arXiv:2011.03265, Eq. 35). A change of the drive's phase changes that
of the field alone, so that

    <a_j> = -i (h_j/abs(h_j)) F(abs(h_j)),        <n_j> = N(abs(h_j)),

and a table of F and N over abs(h) serves all tunnellings and drive phases. What the product state gives
depends on the model of the single laser as much as on the ansatz; every result names it.
"""

import cmath
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np
import xarray as xr
from scipy.interpolate import BSpline, make_interp_spline

from models.nanolaser_dimer._moments import LaserMoments
from models.nanolaser_dimer._roots import Root, follow_root, jacobian
from models.nanolaser_dimer._sweep import join_sweep, tunnellings_of
from models.nanolaser_dimer._validity import warn_of_bad_elimination, warn_of_broken_locking, warn_of_cubic
from models.nanolaser_dimer.master_equation import eliminated_moments
from models.nanolaser_dimer.parameters import Dimer, Nanolaser, describe
from models.nanolaser_dimer.quantum import laser_moments
from models.nanolaser_dimer.radial import radial_moments
from models.numerics import ConvergenceError

__all__ = [
    "SINGLE_SITE_MODELS",
    "SingleSite",
    "iterate_gutzwiller",
    "response_table",
    "single_site",
    "solve_gutzwiller",
]

SINGLE_SITE_MODELS: dict[str, Callable[[Nanolaser], LaserMoments]] = {
    "full": laser_moments,
    "eliminated": eliminated_moments,
    "cubic": radial_moments,
}
"""Models of the single laser: full quantum, master equation with the emitter eliminated and saturation B_r,
and the P function with cubic gain."""

_TOLERANCE = 1e-10
_SETTLED = 1e-9
_DEGREE = 7
_WEAK = 1e-6  # drive, relative to the onset of locking, below which a laser responds linearly


@dataclass(frozen=True)
class SingleSite:
    """A single laser's response to drives from 0 to a strongest one, interpolated.

    Attributes
    ----------
    laser : Nanolaser
        The laser; its own drive does not count.
    name : str
        Its model, one of `SINGLE_SITE_MODELS`.
    strongest : float
        Largest drive of the table.
    truncation_weight : float
        Largest of the solutions; 0 for a model without Fock states.
    """

    laser: Nanolaser
    name: str
    strongest: float
    truncation_weight: float
    _onset: float
    _spline: BSpline  # F, <n> and Var n over asinh(h/onset)

    def moments(self, drive: float) -> LaserMoments:
        """Return the interpolated means at a drive; NaN beyond the table."""
        if not 0 <= drive <= self.strongest:
            return LaserMoments(math.nan, math.nan, math.nan)
        amplitude, photons, variance = self._spline(math.asinh(drive / self._onset))
        return LaserMoments(float(photons), float(amplitude), float(variance))

    def field(self, drive: complex) -> complex:
        """Return <a> = -i exp(i phi) F at the drive abs(h) exp(i phi)."""
        strength = abs(drive)
        if strength < _WEAK * self._onset:
            return -1j * drive * float(self._spline(0.0, nu=1)[0]) / self._onset
        return -1j * drive / strength * self.moments(strength).amplitude


def single_site(
    laser: Nanolaser, strongest: float, single_site_model: str = "full", *, nodes: int = 14
) -> SingleSite:
    """Tabulate a laser's response to drives from 0 to a strongest one.

    F is an odd, <n> and Var n are even functions of abs(h). They are interpolated in asinh(h sqrt(n)/A),
    because a laser locks at h of the order of A/sqrt(n); 14 nodes leave an error of 1e-6.

    Parameters
    ----------
    laser : Nanolaser
        The laser; its own drive does not count.
    strongest : float
        Strongest drive, positive.
    single_site_model : {"full", "eliminated", "cubic"}
        Model of the laser.
    nodes : int
        Drives that are solved for, at least 8.

    Returns
    -------
    SingleSite

    Raises
    ------
    ValueError
        If the model is unknown, the strongest drive not positive or the nodes are too few.
    """
    if single_site_model not in SINGLE_SITE_MODELS:
        raise ValueError(
            f"single_site_model is {single_site_model!r}; choose one of {', '.join(SINGLE_SITE_MODELS)}."
        )
    if not strongest > 0 or nodes < _DEGREE + 1:
        raise ValueError(
            f"A table takes a positive strongest drive and at least {_DEGREE + 1} nodes; "
            f"they are {strongest:g} and {nodes}."
        )
    moments = SINGLE_SITE_MODELS[single_site_model]
    onset = laser.gain / math.sqrt(radial_moments(replace(laser, drive=strongest)).photons)
    places = np.linspace(0, math.asinh(strongest / onset), nodes)
    # the strongest drive first: if one is too much for the model, it is that
    found = [moments(replace(laser, drive=onset * math.sinh(s), phase_rad=0.0)) for s in places[::-1]][::-1]
    half = np.array([(m.amplitude, m.photons, m.variance) for m in found])
    half[0, 0] = 0.0
    both = np.concatenate([half[:0:-1] * [-1, 1, 1], half])
    spline = make_interp_spline(np.concatenate([-places[:0:-1], places]), both, k=_DEGREE)
    weight = max(m.truncation_weight for m in found)
    return SingleSite(laser, single_site_model, float(onset * math.sinh(places[-1])), weight, onset, spline)


class _MeanFields:
    """The equations <a_j> = -i (h_j/abs(h_j)) F(abs(h_j)); a vector holds Re, Im of <a_1> and of <a_2>."""

    def __init__(self, dimer: Dimer, site: SingleSite) -> None:
        self.dimer, self.site = dimer, site
        self.pushes = [laser.drive * cmath.exp(1j * laser.phase_rad) for laser in dimer.lasers]

    def drives(self, fields: np.ndarray) -> list[complex]:
        """Return h_1 and h_2."""
        one, two = fields.view(complex)
        return [push - self.dimer.tunnelling * a for push, a in zip(self.pushes, (two, one), strict=True)]

    def iterated(self, fields: np.ndarray) -> np.ndarray:
        """Return the fields that the drives at these fields cause."""
        return np.array([self.site.field(h) for h in self.drives(fields)]).view(float)

    def missing(self, fields: np.ndarray) -> np.ndarray:
        """Return how far the fields are from what they cause."""
        return self.iterated(fields) - fields

    def growth(self, fields: np.ndarray) -> tuple[float, float]:
        """Return the factor of a small error in one iteration, plain and averaged with the state before."""
        slope = jacobian(self.iterated, fields, self.iterated(fields))
        factors = np.linalg.eigvals(slope)
        return float(np.abs(factors).max()), float(np.abs(1 + factors).max() / 2)


def _dataset(equations: _MeanFields, found: Root) -> xr.Dataset:
    dimer, site = equations.dimer, equations.site
    drives = equations.drives(found.values)
    means = [site.moments(abs(h)) for h in drives]
    one, two = found.values.view(complex)
    plain, damped = equations.growth(found.values)
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "photons": ("laser", [m.photons for m in means], unit),
            "photon_variance": ("laser", [m.variance for m in means], unit),
            "field": ("laser", [one, two], unit),
            "imbalance": ((), means[0].photons - means[1].photons, unit),
            "imbalance_variance": ((), means[0].variance + means[1].variance, unit),
            "coherence": ((), one.conjugate() * two, unit),
            "iteration_growth": ((), plain, unit),
            "damped_iteration_growth": ((), damped, unit),
        },
        coords={"laser": [1, 2]},
        attrs={
            **describe(dimer),
            "method": "product state, table of a single laser, damped Newton",
            "single_site_model": site.name,
            "residual": found.correction,
            "truncation_weight": site.truncation_weight,
            "labsync_version": version("labsync"),
        },
    )


def response_table(dimer: Dimer, furthest: float, model: str | SingleSite = "full") -> SingleSite:
    """Return a table of the single laser that serves all drive phases and tunnellings up to the furthest.

    Parameters
    ----------
    dimer : Dimer
        The lasers, with the strongest drive that the table has to serve.
    furthest : float
        Largest abs(t_c).
    model : {"full", "eliminated", "cubic"} or SingleSite
        Model of the laser; a table is only checked.

    Returns
    -------
    SingleSite

    Raises
    ------
    ValueError
        If the model is unknown or the table that of another laser.
    """
    laser = dimer.lasers[0]
    own = (dimer.pump_parameter, dimer.gamma, dimer.kappa)
    if isinstance(model, SingleSite):
        if own != (model.laser.pump_parameter, model.laser.gamma, model.laser.kappa):
            raise ValueError("The table is that of another laser than the dimer's.")
        return model
    push = max(dimer.drive, _WEAK * dimer.kappa)
    photons = radial_moments(replace(laser, drive=push)).photons
    strongest = push + 1.1 * furthest * math.sqrt(photons + 1)
    return single_site(laser, strongest, model)


def solve_gutzwiller(
    dimer: Dimer,
    tunnellings: Sequence[float] | np.ndarray | None = None,
    *,
    single_site_model: str | SingleSite = "full",
) -> xr.Dataset:
    """Return the product state of two lasers, followed from t_c = 0 on.

    Parameters
    ----------
    dimer : Dimer
        The lasers.
    tunnellings : array_like, optional
        Values of t_c, in any order, instead of the dimer's own.
    single_site_model : {"full", "eliminated", "cubic"} or SingleSite
        Model of the single laser, or a table of it.

    Returns
    -------
    Dataset
        ``photons``, ``photon_variance`` and ``field`` of each ``laser``, ``imbalance`` n1 - n2 and its
        variance, ``coherence`` <a1^+ a2>, and ``iteration_growth``, the factor by which plain iteration
        multiplies a small error, above 1 where it does not converge; ``damped_iteration_growth`` is that of
        iteration that goes half the way. Over ``tunnelling`` if several were given.

    Raises
    ------
    ConvergenceError
        If the solution is lost on the way.
    ValueError
        If the model is unknown, the table that of another laser or a tunnelling not finite.

    Warns
    -----
    ValidityWarning
        If t_c is above abs(eps)/sqrt(n), where the correlations that a product state leaves out decide, or
        the model of the single laser does not hold.
    """
    values = tunnellings_of(dimer, tunnellings)
    furthest = float(np.abs(values).max())
    site = response_table(dimer, furthest, single_site_model)
    if site.name != "full":
        warn_of_bad_elimination(dimer)
        warn_of_cubic(dimer)
    start = _MeanFields(replace(dimer, tunnelling=0.0), site).iterated(np.zeros(4))
    locking = dimer.drive / max(float(np.abs(start.view(complex)).max()), 1.0) or dimer.kappa
    results: dict[int, xr.Dataset] = {}
    for chosen in (values >= 0, values < 0):
        known = (0.0, start)
        for k in sorted(np.flatnonzero(chosen).tolist(), key=lambda k: abs(values[k])):
            end = float(values[k])
            found = follow_root(
                lambda t: _MeanFields(replace(dimer, tunnelling=t), site).missing, known, end,
                largest_step=locking / 4, tolerance=_TOLERANCE, what="The mean fields",
            )  # fmt: skip
            known = (end, found.values)
            results[k] = _dataset(_MeanFields(replace(dimer, tunnelling=end), site), found)
    points = [results[k] for k in range(len(values))]
    least = min(float(point.photons.min()) for point in points)
    warn_of_broken_locking(replace(dimer, tunnelling=furthest), least)
    return points[0] if tunnellings is None else join_sweep(points, "tunnelling", values)


def iterate_gutzwiller(
    dimer: Dimer, *, single_site_model: str | SingleSite = "full", share: float = 1.0, most: int = 500
) -> int:
    """Return how many plain iterations of the mean fields converge, starting from two uncoupled lasers.

    It is no way to solve, but shows up to which tunnelling this common one goes. With drives a quarter
    period apart it starts, and but for rounding stays, in a symmetric subspace, in which it converges
    somewhat beyond the t_c at which ``iteration_growth`` passes 1.

    Parameters
    ----------
    dimer : Dimer
        The lasers.
    single_site_model : {"full", "eliminated", "cubic"} or SingleSite
        As of `solve_gutzwiller`.
    share : float
        Which share of the way to the new fields is gone.
    most : int
        Iterations after which to give up.

    Returns
    -------
    int

    Raises
    ------
    ConvergenceError
        If the fields still change by more than 1e-9 after the last iteration, or leave the table.
    ValueError
        If the share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share:g}; it must be above 0 and at most 1.")
    site = response_table(dimer, abs(dimer.tunnelling), single_site_model)
    equations = _MeanFields(dimer, site)
    fields = _MeanFields(replace(dimer, tunnelling=0.0), site).iterated(np.zeros(4))
    change = math.inf
    for count in range(1, most + 1):
        step = share * equations.missing(fields)
        fields, change = fields + step, float(np.abs(step).max())
        if change < _SETTLED:
            return count
        if not math.isfinite(change):
            raise ConvergenceError(
                f"The mean fields leave the table of the laser's response after {count} iterations at "
                f"t_c = {dimer.tunnelling:g}."
            )
    raise ConvergenceError(
        f"The mean fields still change by {change:.2g} after {most} iterations at t_c = {dimer.tunnelling:g}."
    )
