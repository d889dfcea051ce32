"""Adaptive detuning scan: after a coarse grid it measures where that makes the locking edges better known."""

from typing import Any, ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import FloatParameter, IntegerParameter

from analysis.detuning import live_detuning
from analysis.edges import edge_errors, edge_gain, live_map, predict_detuning
from analysis.locking import fit_locking
from labsync.errors import UsageError
from labsync.procedures.detuning import DetuningScan
from labsync.scan import Point
from labsync.station import Station

_CANDIDATES = 401
_NEARLY_AS_GOOD = 0.8
_LINES = ("detuning", "centre_1", "centre_2", "beat")


class AdaptiveDetuningScan(DetuningScan):
    """Find both edges of the locking range to a wanted precision, with few spectra.

    A coarse grid from the first to the last temperature comes first. Then, at each step, the Adler hinge is
    fitted to the lines found so far, and of all temperatures in the range those are looked for that promise
    most for the edges (`analysis.edges`). Of those that promise at least 80 % of the best, the nearest to
    the present setpoint is taken, because the larger a step in temperature, the longer it takes to settle.
    Where a step found no lines, none is tried again. While there is no fit (too few lines, too few of them
    locked) the widest gap is bisected, wide being relative to its distance from resonance. The scan ends
    when both edges are known to `edge_precision_ghz`, or after `steps`.

    Each step holds, beside the spectra of `DetuningScan`, what the choice of the next one rests on: the
    nominal detuning, both coupled lines and their beat, with standard errors (``detuning_ghz``,
    ``detuning_std_ghz``, ``centre_1_ghz``...), in GHz.
    """

    slug: ClassVar[str] = "adaptive-detuning-scan"

    steps = IntegerParameter("Largest number of steps", default=31, minimum=2)
    coarse_steps = IntegerParameter("Number of steps of the coarse grid", default=11, minimum=2)
    edge_precision_ghz = FloatParameter(
        "Standard error of both edges at which the scan ends", units="GHz", default=0.005, minimum=0.0
    )

    def check(self, station: Station) -> None:
        """Refuse what a detuning scan refuses, and a coarse grid longer than the whole scan.

        Raises
        ------
        UsageError
            Naming the parameter, its value and the limit.
        """
        super().check(station)
        if self.coarse_steps > self.steps:
            raise UsageError(f"coarse_steps = {self.coarse_steps} is more than all steps, {self.steps}.")

    def next_point(self, history: xr.Dataset) -> Point | None:
        """Return the next temperature of the coarse grid, then the one that promises most for the edges."""
        done = history.sizes["step"]
        ends = self.temperature_2_start_k, self.temperature_2_stop_k
        if done >= self.steps:
            return None
        if done < self.coarse_steps:
            return _point(np.linspace(*ends, self.coarse_steps)[done])
        lines = history[["temperature_setpoint_2_k", "temperature_2_k", *_names()]].load()
        map_ = live_map(lines, float(history.attrs["free_spectral_range_ghz"]))
        setpoints = lines["temperature_setpoint_2_k"].values
        fit = fit_locking(map_)
        if fit.status != "ok":
            return _point(_bisected(setpoints, map_))
        if edge_errors(fit, map_).max() <= self.edge_precision_ghz:
            return None
        candidates = np.linspace(*ends, _CANDIDATES)
        gain = edge_gain(fit, map_, predict_detuning(map_, candidates))
        without_lines = setpoints[~np.isfinite(lines["beat_ghz"].values)]
        gain[_near(candidates, without_lines, abs(ends[1] - ends[0]) / _CANDIDATES)] = 0.0
        if not gain.max() > 0:
            return _point(_bisected(setpoints, map_))
        good = candidates[gain >= _NEARLY_AS_GOOD * gain.max()]
        return _point(good[np.argmin(np.abs(good - setpoints[-1]))])

    def observe(self, station: Station, point: Point) -> xr.Dataset:
        """Record what a detuning scan records and add the lines found in it."""
        step = super().observe(station, point)
        lines = live_detuning(step)
        found: dict[str, Any] = {}
        for name in _LINES:
            value = getattr(lines, f"{name}_ghz")
            found[f"{name}_ghz"] = ((), value.value, {"units": "GHz"})
            found[f"{name}_std_ghz"] = ((), value.std, {"units": "GHz"})
        return step.assign(found)

    def summarise(self, step: xr.Dataset) -> dict[str, float]:
        """Return temperature, nominal detuning and the centres of the coupled lines."""
        return {name: float(step[name]) for name in self.DATA_COLUMNS}


def _names() -> list[str]:
    return [f"{name}_{kind}" for name in _LINES for kind in ("ghz", "std_ghz")]


def _point(temperature_2_k: float) -> Point:
    return {"temperature_2_k": round(float(temperature_2_k), 6)}


def _near(candidates_k: np.ndarray, others_k: np.ndarray, spacing_k: float) -> np.ndarray:
    """Return which candidates are within a few spacings of one of the others."""
    distance = np.abs(candidates_k[:, None] - others_k)
    return np.asarray(distance.min(axis=1, initial=np.inf) < 4 * spacing_k)


def _bisected(setpoints_k: np.ndarray, map_: xr.Dataset) -> float:
    """Return the middle of the gap that is widest relative to its own width plus its distance from resonance.

    Unless the detunings are unknown, the grid so becomes finest where the lines cross.
    """
    grid = np.unique(setpoints_k)
    gaps, middles = np.diff(grid), (grid[1:] + grid[:-1]) / 2
    far = np.abs(predict_detuning(map_, middles))
    width = np.abs(np.diff(predict_detuning(map_, grid)))
    score = width / (width + far) if np.all(np.isfinite(far)) else gaps
    return float(middles[np.argmax(score)])
