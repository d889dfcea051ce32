"""Locking range and locking slopes of a reduced detuning map."""

import math
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from analysis._hinge import Hinge, fit_hinge
from analysis._slopes import LockedSlopes, fit_slopes
from analysis._values import NOT_KNOWN, Value, finite_or_none

__all__ = ["LockingFit", "fit_locking"]

_FEWEST_POINTS = 8
_BOOTSTRAPS = 60
_EDGES = (0.6, 2.2)  # what counts as the edges, in half ranges from the centre
_NAMES = ("locking_range_ghz", "slope_p1", "slope_p2", "centre_detuning_ghz")


@dataclass(frozen=True)
class LockingFit:
    """Result of `fit_locking`. Unknown numbers are NaN; ``status`` and ``message`` say why.

    Parameters
    ----------
    status
        "ok", "no crossing in range", "edges not in range", "no locking resolved" or "too few points".
    message
        One sentence for people; empty when ok.
    locking_range_ghz
        Distance between the edges of the Adler hinge. For smooth transitions it is sqrt(3)/2 times the
        width over which the fitted beat is less than half its unlocked value, which is the same for a sharp
        Adler transition.
    slope_p1, slope_p2
        d f_p / d nu inside the locked region: 0 follows P1, 1 follows P2.
    centre_detuning_ghz
        Nominal detuning in the middle of the locked region.
    integral_width_ghz
        Integral of (1 - abs(f2 - f1)/abs(nu)), clipped to 0..1, over the covered range; pi/2 times
        the locking range for a sharp Adler transition scanned to infinity.
    half_beat_width_ghz
        Width of the region with abs(f2 - f1) < abs(nu)/2 of the data; 2/sqrt(3) times the locking range
        for a sharp Adler transition.
    covariance
        4 x 4, order (locking range, slope P1, slope P2, centre detuning).
    reduced_chi_squared
        Of the hinge, with the standard errors of the map; above one the errors given here are enlarged.
    points
        Number of detunings used.
    hinge, lines
        The fitted curves, None unless ok.
    """

    status: str
    message: str = ""
    locking_range_ghz: Value = NOT_KNOWN
    slope_p1: Value = NOT_KNOWN
    slope_p2: Value = NOT_KNOWN
    centre_detuning_ghz: Value = NOT_KNOWN
    integral_width_ghz: Value = NOT_KNOWN
    half_beat_width_ghz: Value = NOT_KNOWN
    covariance: np.ndarray = field(default_factory=lambda: np.full((4, 4), np.nan))
    reduced_chi_squared: float = math.nan
    points: int = 0
    hinge: Hinge | None = None
    lines: LockedSlopes | None = None

    @property
    def edges_ghz(self) -> tuple[Value, Value]:
        """Nominal detunings at which the lines lock and unlock: the ends of the locking range."""
        centre, width = self.centre_detuning_ghz.value, self.locking_range_ghz.value
        found = []
        for half in (-0.5, 0.5):
            weights = np.array([half, 1.0])  # of locking range and centre
            variance = weights @ self.covariance[::3, ::3] @ weights
            found.append(Value(centre + half * width, float(np.sqrt(variance))))
        return found[0], found[1]

    def as_dict(self) -> dict[str, object]:
        """Return all numbers ready for JSON, unknown ones as None."""
        values = (*_NAMES, "integral_width_ghz", "half_beat_width_ghz")
        return {
            "status": self.status,
            "message": self.message,
            **{name: getattr(self, name).as_dict() for name in values},
            "edges_ghz": [edge.as_dict() for edge in self.edges_ghz],
            "covariance_names": list(_NAMES),
            "covariance": [[finite_or_none(c) for c in row] for row in self.covariance],
            "reduced_chi_squared": finite_or_none(self.reduced_chi_squared),
            "points": self.points,
        }

    def rows(self) -> list[tuple[str, str]]:
        """Return (quantity, value with error) for a table."""
        return [
            ("status", self.status if not self.message else f"{self.status}: {self.message}"),
            ("locking range (GHz)", str(self.locking_range_ghz)),
            ("edges (GHz)", f"{self.edges_ghz[0]} and {self.edges_ghz[1]}"),
            ("slope of P1", str(self.slope_p1)),
            ("slope of P2", str(self.slope_p2)),
            ("centre detuning (GHz)", str(self.centre_detuning_ghz)),
            ("integral width (GHz)", str(self.integral_width_ghz)),
            ("half-beat width (GHz)", str(self.half_beat_width_ghz)),
            ("reduced chi-squared", f"{self.reduced_chi_squared:.2f}" if self.points else "-"),
        ]


@dataclass(frozen=True)
class _Data:
    """Complete steps, sorted by detuning; ``common`` is the error both centres share."""

    detuning: np.ndarray
    beat: np.ndarray
    beat_std: np.ndarray
    centre: np.ndarray
    own_std: np.ndarray
    common_std: np.ndarray


def fit_locking(map_: xr.Dataset, seed: int = 0) -> LockingFit:
    """Find the locking range and the slopes of both lines inside it.

    The horizontal axis everywhere is the nominal detuning nu = f2 - f1 of the free-running lines. The beat of
    the coupled lines is fitted by an Adler hinge with rounded edges and a loss that bears outliers; inside
    three quarters of the locking range both centres are fitted by straight lines. Errors and covariance come
    from a parametric bootstrap whose noise is the map's standard errors plus the scatter the fit leaves; that
    of the range grows with the scatter at the edges, since a real transition is rounder than the hinge.

    Parameters
    ----------
    map_
        From `analysis.detuning.reduce_map` or `analysis.comparison.model_map`.
    seed
        Of the bootstrap.

    Returns
    -------
    LockingFit
        Never raises for data without a locking region; ``status`` tells.

    Raises
    ------
    ValueError
        If the map lacks the variables of a reduced map.

    References
    ----------
    R. Adler, Proc. IRE 34, 351 (1946); Kreinberg et al., Nat. Commun. 10, 1539 (2019), Figs. 3 and 4.
    """
    data = _complete_steps(map_)
    n = data.detuning.size
    if n < _FEWEST_POINTS:
        return LockingFit(
            "too few points", f"{n} complete steps; at least {_FEWEST_POINTS} are needed.", points=n
        )
    covered = f"The scan covers {data.detuning[0]:.2f} to {data.detuning[-1]:.2f} GHz"
    if data.detuning[0] > 0 or data.detuning[-1] < 0:
        return LockingFit("no crossing in range", f"{covered}, all on one side of resonance.", points=n)
    found = fit_hinge(data.detuning, data.beat, data.beat_std)
    refusal = _refusal(found, data, covered)
    if refusal is not None:
        return refusal
    lines = fit_slopes(data.detuning, data.centre, data.own_std, data.common_std, found)
    return _with_errors(found, lines, data, np.random.default_rng(seed))


def _complete_steps(map_: xr.Dataset) -> _Data:
    missing = [name for name in ("detuning_ghz", "centre_ghz", "beat_ghz") if name not in map_.variables]
    if missing:
        raise ValueError(f"The map lacks {', '.join(missing)}; reduce the scan with reduce_map first.")
    beat, detuning = map_["beat_ghz"].values, map_["detuning_ghz"].values
    # an error of the nominal detuning moves the unlocked beat as much
    beat_std = np.hypot(map_["beat_std_ghz"].values, map_["detuning_std_ghz"].values)
    centre = map_["centre_ghz"].transpose("step", "pillar").values
    std = map_["centre_std_ghz"].transpose("step", "pillar").values
    finite = np.isfinite(np.column_stack([beat, beat_std, detuning, centre, std])).all(axis=1)
    order = np.flatnonzero(finite)[np.argsort(detuning[finite])]
    shared = (std**2).sum(axis=1) - map_["beat_std_ghz"].values ** 2
    common = np.sqrt(np.clip(shared / 2, 0.0, 0.99 * (std**2).min(axis=1)))
    own = np.sqrt(std**2 - common[:, None] ** 2)
    return _Data(detuning[order], beat[order], beat_std[order], centre[order], own[order], common[order])


def _refusal(found: Hinge, data: _Data, covered: str) -> LockingFit | None:
    n, spacing = data.detuning.size, float(np.median(np.diff(data.detuning)))
    low, high = found.centre_ghz - found.half_range_ghz, found.centre_ghz + found.half_range_ghz
    if np.count_nonzero(data.detuning < low) < 2 or np.count_nonzero(data.detuning > high) < 2:
        return LockingFit(
            "edges not in range", f"{covered}; the lines do not separate on both sides within it.", points=n
        )
    inside = np.abs(data.detuning - found.centre_ghz) < found.half_range_ghz
    if np.count_nonzero(inside) < 2:
        text = (
            f"{covered} in steps of {spacing:.3f} GHz and fewer than two of them are locked; use finer steps."
        )
        return LockingFit("no locking resolved", text, points=n)
    return None


def _with_errors(found: Hinge, lines: LockedSlopes, data: _Data, rng: np.random.Generator) -> LockingFit:
    integral, half = _plain_widths(data.detuning, data.beat, found)
    curve = found.beat_ghz(data.detuning)
    extra = np.sqrt(np.maximum(data.beat_std**2 - (data.own_std**2).sum(axis=1), 0.0) + found.misfit_ghz**2)
    samples, widths = [], []
    for _ in range(_BOOTSTRAPS):
        own = data.own_std * rng.standard_normal(data.own_std.shape)
        noise = own[:, 1] - own[:, 0] + extra * rng.standard_normal(curve.size)
        again = fit_hinge(data.detuning, curve + noise, data.beat_std, start=found)
        shared = data.common_std * rng.standard_normal(curve.size)
        moved = lines.response(own + shared[:, None])
        samples.append([2 * again.half_range_ghz, *moved, again.centre_ghz])
        widths.append(_plain_widths(data.detuning, curve + noise, again))
    covariance = np.cov(np.array(samples).T)
    edges = _edge_scale(found, data, np.hypot(np.hypot(*data.own_std.T), extra))
    scale = np.array([edges, *lines.error_scale, 1.0])
    covariance = covariance * np.outer(scale, scale)
    std = np.sqrt(np.diag(covariance))
    width_std = np.std(widths, axis=0)
    residual = (data.beat - curve) / data.beat_std
    return LockingFit(
        status="ok",
        message=lines.message,
        locking_range_ghz=Value(2 * found.half_range_ghz, float(std[0])),
        slope_p1=Value(lines.slope[0], float(std[1])) if lines.known else NOT_KNOWN,
        slope_p2=Value(lines.slope[1], float(std[2])) if lines.known else NOT_KNOWN,
        centre_detuning_ghz=Value(found.centre_ghz, float(std[3])),
        integral_width_ghz=Value(integral, float(width_std[0])),
        half_beat_width_ghz=Value(half, edges * float(width_std[1])),
        covariance=covariance,
        reduced_chi_squared=float(np.sum(residual**2) / (residual.size - 5)),
        points=residual.size,
        hinge=found,
        lines=lines,
    )


def _edge_scale(found: Hinge, data: _Data, noise_ghz: np.ndarray) -> float:
    """Return by how much the scatter at the edges exceeds the noise; at least one.

    A real transition is no hinge, and the few steps that happen to lie on the edges decide where the hinge
    puts them. The overall scatter is dominated by the wings and does not see that.
    """
    distance = np.abs(data.detuning - found.centre_ghz) / found.half_range_ghz
    near = (distance > _EDGES[0]) & (distance < _EDGES[1])
    deviation = (data.beat - found.beat_ghz(data.detuning))[near] / noise_ghz[near]
    # half range, rounding and inner slope are decided by these points
    freedom = max(np.count_nonzero(near) - 3, 1)
    return float(np.sqrt(max(1.0, np.sum(deviation**2) / freedom)))


def _plain_widths(detuning: np.ndarray, beat: np.ndarray, found: Hinge) -> tuple[float, float]:
    """Return the integral of 1 - |beat|/|nu| (clipped) and the width with |beat| < |nu|/2."""
    size = np.abs(detuning)
    ratio = np.divide(np.abs(beat), size, out=np.zeros_like(beat), where=size > 0)
    # next to nu = 0 the quotient is noise over noise, while the lines are locked there
    ratio = np.where(size < 0.3 * found.half_range_ghz - abs(found.centre_ghz), 0.0, ratio)
    integral = float(np.trapezoid(np.clip(1 - ratio, 0.0, 1.0), detuning))
    middle = int(np.argmin(np.abs(detuning - found.centre_ghz)))
    edges = [
        _half_crossing(detuning, ratio, range(middle, stop, step))
        for stop, step in ((-1, -1), (ratio.size, 1))
    ]
    return integral, edges[1] - edges[0]


def _half_crossing(detuning: np.ndarray, ratio: np.ndarray, outward: range) -> float:
    """Walk outward to the first two points in a row with a ratio above one half; interpolate linearly."""
    walk = list(outward)
    for near, far, next_ in zip(walk[:-1], walk[1:], [*walk[2:], walk[-1]], strict=False):
        if ratio[near] <= 0.5 < ratio[far] and ratio[next_] > 0.5:
            part = (0.5 - ratio[near]) / (ratio[far] - ratio[near])
            return float(detuning[near] + part * (detuning[far] - detuning[near]))
    return math.nan
