"""Least-squares estimate of the coupling from a measured map."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr
from scipy.interpolate import PchipInterpolator
from scipy.optimize import OptimizeResult, least_squares

from analysis._model_map import Recording, model_map
from analysis._modelled import Progress, Statistics
from analysis._values import Value
from models.micropillars import Pair

_GRID = np.array([0.85, 1.0, 1.15])
_FARTHEST_GHZ = 1.5
_CURRENT_SPREAD = 0.005
# The derivative needs a step whose effect stands out of the noise of trajectories that go their own way.
_CURRENT_STEP = 0.03
_CLOSE = 0.06
_MOST_RECENTRINGS = 4


@dataclass(frozen=True)
class CouplingFit:
    """Coupling that brings the model's line centres closest to the measured ones.

    Parameters
    ----------
    coupling
        K with its standard error: from the curvature of chi-squared with the detuning offset free, enlarged
        by the square root of reduced chi-squared where that exceeds one, and what the pillar currents add.
    detuning_offset_ghz
        Shift of the nominal detuning axis.
    from_currents
        Standard error of K because each pillar's current is known to 0.5 % only; contained in the above.
    covariance
        2 x 2, order (coupling, detuning offset).
    reduced_chi_squared
        Of measured minus modelled centres; the model's statistical error is included.
    points
        Number of detunings used.
    grid
        Couplings the model was run at.
    converged
        Whether K lies in the middle of the grid of couplings.
    """

    coupling: Value
    detuning_offset_ghz: Value
    from_currents: tuple[float, float]
    covariance: np.ndarray
    reduced_chi_squared: float
    points: int
    grid: tuple[float, ...]
    converged: bool

    def as_dict(self) -> dict[str, object]:
        """Return all numbers ready for JSON."""
        return {
            "coupling": self.coupling.as_dict(),
            "detuning_offset_ghz": self.detuning_offset_ghz.as_dict(),
            "from_currents": list(self.from_currents),
            "reduced_chi_squared": self.reduced_chi_squared,
            "points": self.points,
            "grid": list(self.grid),
            "converged": self.converged,
        }


@dataclass(frozen=True)
class _Pulls:
    """Modelled pulls (centre minus free line) at the steps, (step, pillar), and their covariance."""

    detuning: np.ndarray
    by_coupling: np.ndarray
    by_current: np.ndarray
    covariance: np.ndarray
    middle: float

    def at(self, detuning: np.ndarray, coupling: float, currents: np.ndarray) -> np.ndarray:
        """Interpolate quadratically in K, linearly in the currents; detunings lie close to the run ones."""
        u = coupling / self.middle - 1
        nodes = self.by_coupling[0] + u * self.by_coupling[1] + u**2 * self.by_coupling[2]
        nodes = nodes + np.tensordot(currents, self.by_current, axes=1)
        return np.asarray(PchipInterpolator(self.detuning, nodes, axis=0, extrapolate=True)(detuning))


def fit_coupling(
    map_: xr.Dataset,
    pair: Pair,
    nodes: int = 31,
    statistics: Statistics | None = None,
    on_progress: Progress | None = None,
) -> CouplingFit:
    """Estimate K from the centres of both lines within 1.5 GHz of resonance.

    The model is run on three couplings with the same random numbers, so that their differences are smooth.
    The detuning axis may shift. The pillar currents are not adjusted: their effect is smaller than the noise
    of its derivative, which would be fitted instead. The model is run with both currents moved, and what an
    error of 0.5 % does to K is added to its error.

    Parameters
    ----------
    map_
        From `analysis.detuning.reduce_map`.
    pair
        The model's lasers; ``coupling`` is the first guess, good to a factor of about two.
    nodes
        Most steps that are used, spread evenly over those near resonance; the model is run at each.
    statistics
        Length and number of trajectories per detuning.
    on_progress
        Called with the finished part, 0 to 1 (it returns to a smaller value if the grid has to move).

    Raises
    ------
    ValueError
        If fewer than 8 steps lie near resonance, or the guess of K is not positive.
    """
    if not pair.coupling > 0:
        raise ValueError(f"The first guess of the coupling is {pair.coupling:g}; it must be positive.")
    data = _near_resonance(map_)
    # interpolating the model between coarser detunings would bias K: the pulls bend sharply at the edges
    data = data.isel(step=np.unique(np.linspace(0, data.sizes["step"] - 1, nodes).round().astype(int)))
    data = data.isel(step=np.unique(data["detuning_ghz"].values, return_index=True)[1])
    recording, middle = Recording.of_map(data), pair.coupling
    runs = _Runs(data["detuning_ghz"].values, pair, recording, statistics, on_progress)
    for _ in range(_MOST_RECENTRINGS):
        found = float(_solve(data, runs.pulls(middle, with_currents=False)).x[0])
        # noise in the slopes draws K towards the middle of the grid, so the middle must be close
        converged = abs(found / middle - 1) <= _CLOSE
        if converged:
            break
        middle = float(np.clip(found, 0.6 * middle, 1.6 * middle))
    pulls = runs.pulls(middle, with_currents=True)
    return _result(data, pulls, converged)


def _near_resonance(map_: xr.Dataset) -> xr.Dataset:
    nu = map_["detuning_ghz"].values
    known = (
        np.isfinite(nu) & np.isfinite(map_["centre_ghz"].values).all(axis=1) & (np.abs(nu) <= _FARTHEST_GHZ)
    )
    if np.count_nonzero(known) < 8:
        raise ValueError(
            f"{np.count_nonzero(known)} complete steps lie within {_FARTHEST_GHZ} GHz of resonance; "
            "the coupling needs at least 8."
        )
    steps = np.flatnonzero(known)
    return map_.isel(step=steps[np.argsort(nu[steps])])


@dataclass(frozen=True)
class _Runs:
    """The model maps of one fit and their place in its progress."""

    detuning: np.ndarray
    pair: Pair
    recording: Recording
    statistics: Statistics | None
    on_progress: Progress | None
    grids: dict[float, list[xr.Dataset]] = field(default_factory=dict)

    def pulls(self, middle: float, with_currents: bool) -> _Pulls:
        """Run the grid of couplings and, if asked, both currents moved."""
        maps = self._grid(middle)
        moved = np.zeros((2, *maps[1]["centre_ghz"].shape))
        for k, name in enumerate(("pillar_1", "pillar_2") if with_currents else ()):
            pillar = getattr(self.pair, name)
            more = replace(pillar, current_ua=pillar.current_ua * (1 + _CURRENT_STEP))
            changed = replace(self.pair, coupling=middle, **{name: more})
            moved[k] = _pull(self._map(len(_GRID) + k, changed)) - _pull(maps[1])
        values = np.array([_pull(each) for each in maps])
        curves = np.polynomial.polynomial.polyfit(_GRID - 1, values.reshape(len(_GRID), -1), 2)
        return _Pulls(
            self.detuning,
            curves.reshape(3, *values.shape[1:]),
            moved / _CURRENT_STEP,
            _covariance(maps[1]),
            middle,
        )

    def _grid(self, middle: float) -> list[xr.Dataset]:
        if middle not in self.grids:
            grid = [self._map(k, replace(self.pair, coupling=float(middle * g))) for k, g in enumerate(_GRID)]
            self.grids[middle] = grid
        return self.grids[middle]

    def _map(self, index: int, pair: Pair) -> xr.Dataset:
        report: Callable[[float], None] | None = None
        if self.on_progress is not None:
            tell = self.on_progress

            def report(part: float) -> None:
                tell((index + part) / (len(_GRID) + 2))

        return model_map(self.detuning, pair, self.recording, self.statistics, on_progress=report)


def _pull(map_: xr.Dataset) -> np.ndarray:
    centre = map_["centre_ghz"].values.copy()
    centre[:, 1] -= map_["detuning_ghz"].values
    return centre


def _covariance(map_: xr.Dataset) -> np.ndarray:
    """Return the 2 x 2 covariance of both centres at every step."""
    variance = map_["centre_std_ghz"].values ** 2
    between = (variance.sum(axis=1) - map_["beat_std_ghz"].values ** 2) / 2
    limit = 0.95 * np.sqrt(variance.prod(axis=1))
    result = np.zeros((len(variance), 2, 2))
    result[:, 0, 0], result[:, 1, 1] = variance.T
    result[:, 0, 1] = result[:, 1, 0] = np.clip(between, -limit, limit)
    return result


def _solve(data: xr.Dataset, pulls: _Pulls, currents: tuple[float, float] = (0.0, 0.0)) -> OptimizeResult:
    """Fit (coupling, detuning offset) with the pillar currents off by these fractions."""
    detuning, measured = data["detuning_ghz"].values, _pull(data)
    covariance = _covariance(data) + pulls.covariance
    # the error of the nominal detuning moves P2's free line, and with it its pull
    covariance[:, 1, 1] += data["detuning_std_ghz"].values ** 2
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))

    def residual(parameters: np.ndarray) -> np.ndarray:
        coupling, offset = parameters
        modelled = pulls.at(detuning + offset, coupling, np.array(currents))
        modelled[:, 1] += offset
        return np.asarray(np.einsum("sij,sj->si", whiten, measured - modelled).ravel())

    start = np.array([pulls.middle, 0.0])
    return least_squares(residual, start, x_scale=[0.1 * pulls.middle, 0.01], loss="soft_l1", f_scale=3.0)


def _result(data: xr.Dataset, pulls: _Pulls, converged: bool) -> CouplingFit:
    solution = _solve(data, pulls)
    points = data.sizes["step"]
    chi = 2 * float(solution.cost) / (2 * points - 2)
    covariance = np.linalg.inv(solution.jac.T @ solution.jac) * max(1.0, chi)
    moved = [
        _solve(data, pulls, offs).x - solution.x for offs in ((_CURRENT_SPREAD, 0.0), (0.0, _CURRENT_SPREAD))
    ]
    covariance = covariance + sum(np.outer(shift, shift) for shift in moved)
    std = np.sqrt(np.diag(covariance))
    return CouplingFit(
        coupling=Value(float(solution.x[0]), float(std[0])),
        detuning_offset_ghz=Value(float(solution.x[1]), float(std[1])),
        from_currents=(abs(float(moved[0][0])), abs(float(moved[1][0]))),
        covariance=covariance,
        reduced_chi_squared=chi,
        points=points,
        grid=tuple(float(k) for k in pulls.middle * _GRID),
        converged=converged,
    )
