"""A Rohde & Schwarz FSV signal analyser on the first heterodyne detector."""

import math

import numpy as np

from .._streams import stream
from ..heterodyne import PHOTODIODES, Heterodyne, Moment
from ..world import World
from ._errors import BadSetting

__all__ = ["FSV"]

OHM = 50.0
DISPLAYED_NOISE_DBM_PER_HZ = -150.0
GAUSSIAN_NOISE_BANDWIDTH = math.sqrt(math.pi / (4 * math.log(2)))
"""Equivalent noise bandwidth of a Gaussian filter over its width at half the power."""

HEADROOM_DB = 5.0
IF_OVERLOAD = 4
RANGES = {
    "centre_hz": (0.0, 7e9),
    "span_hz": (10.0, 7e9),
    "resolution_hz": (1.0, 1e7),
    "sweep_s": (1e-6, 16000.0),
    "points": (101, 32001),
    "count": (0, 32767),
    "reference_dbm": (-130.0, 30.0),
}
BANDWIDTH_STEPS = (1.0, 2.0, 3.0, 5.0, 10.0)
GRID_PER_BANDWIDTH = 8


class FSV:
    """Sweeps: the power within a Gaussian resolution filter at each point, with the scatter of its noise.

    Parameters
    ----------
    world : World
        The time.
    heterodyne : Heterodyne
        The detectors.
    """

    faults = frozenset({"trigger_never", "adc_clip"})

    def __init__(self, world: World, heterodyne: Heterodyne) -> None:
        self._world = world
        self._heterodyne = heterodyne
        self.active_faults: set[str] = set()
        self._sweeps = 0
        self.reset()
        world.foresee(self)

    def reset(self) -> None:
        """Return to the defaults."""
        self.centre_hz, self.span_hz, self.resolution_hz = 3.5e9, 7e9, 3e6
        self.sweep_s, self.points, self.count, self.reference_dbm = 0.028, 691, 0, 0.0
        self.detector, self.averaging, self.continuous = "RMS", False, False
        self.unit, self.average_type = "DBM", "POW"
        self._moment: Moment | None = None
        self._done_s = math.inf
        self._levels: np.ndarray | None = None
        self._latched = 0

    def set(self, name: str, value: float) -> None:
        """Change one of `RANGES`; the bandwidth snaps to the next of 1, 2, 3, 5, 10 in its decade."""
        low, high = RANGES[name]
        if not low <= value <= high:
            raise BadSetting(f"{name} {value:g} is outside {low:g}..{high:g}")
        if name == "resolution_hz":
            decade = 10 ** math.floor(math.log10(value))
            value = decade * min(BANDWIDTH_STEPS, key=lambda step: abs(math.log(value / decade / step)))
        setattr(self, name, int(value) if name in ("points", "count") else value)

    def sweep(self) -> None:
        """Start a sweep, or as many as are averaged."""
        self._sweeps += 1
        self._moment, self._levels = self._heterodyne.moment(), None
        never = "trigger_never" in self.active_faults
        self._done_s = math.inf if never else self._world.now_s + max(1, self.count) * self.sweep_s

    def abort(self) -> None:
        """End the sweep; its trace is lost."""
        if not self.done:
            self._moment, self._done_s = None, math.inf

    @property
    def done(self) -> bool:
        """Whether the last sweep that was started is complete."""
        return self._moment is not None and self._world.now_s >= self._done_s - 1e-9

    @property
    def edges_hz(self) -> tuple[float, float]:
        """First and last frequency of the trace."""
        return self.centre_hz - self.span_hz / 2, self.centre_hz + self.span_hz / 2

    def take_overloads(self) -> int:
        """Return the overloads since this was asked before, as bits."""
        if self.done and self._levels is None:
            self.levels_dbm()
        latched, self._latched = self._latched, 0
        return latched

    def levels_dbm(self) -> np.ndarray:
        """Return the trace, in dBm."""
        if not self.done or self._moment is None:
            raise BadSetting("there is no complete trace")
        if self._levels is None:
            self._levels = self._draw(self._moment)
            too_strong = self._levels.max() > self.reference_dbm + HEADROOM_DB
            if too_strong or "adc_clip" in self.active_faults:
                self._latched |= IF_OVERLOAD
        return self._levels

    def missing(self) -> bool:
        """Return whether the light of the running sweep is not simulated yet."""
        pending = self._moment if self._levels is None else None
        return pending is not None and self._heterodyne.missing(pending)

    def prepare(self) -> None:
        """Simulate it."""
        if self._moment is not None and self._levels is None:
            self._heterodyne.prepare(self._moment)

    def _draw(self, moment: Moment) -> np.ndarray:
        """Draw the trace: each point is the mean of independent powers, each exponentially distributed."""
        rng = stream(self._world.settings.seed, "analyser", self._sweeps)
        frequency = np.linspace(*self.edges_hz, self.points)
        signal = self._filtered(moment, frequency)
        noise_hz = self.resolution_hz * GAUSSIAN_NOISE_BANDWIDTH
        own = 1e-3 * 10 ** (DISPLAYED_NOISE_DBM_PER_HZ / 10)
        watts = signal / OHM + noise_hz * (np.asarray(PHOTODIODES.noise_density(frequency)) / OHM + own)
        looks = self.resolution_hz * self.sweep_s / self.points if self.detector == "RMS" else 1.0
        looks = max(1.0, looks) * max(1, self.count if self.averaging else 1)
        watts *= rng.gamma(looks, 1 / looks, self.points)
        return 10 * np.log10(np.maximum(watts, 1e-30) / 1e-3)

    def _filtered(self, moment: Moment, frequency: np.ndarray) -> np.ndarray:
        """Return the mean square voltage within the resolution filter at each frequency, in V**2."""
        reach = np.linspace(-1.5, 1.5, 3 * GRID_PER_BANDWIDTH + 1)
        passed = np.exp(-4 * math.log(2) * reach**2)
        passed *= GAUSSIAN_NOISE_BANDWIDTH * self.resolution_hz / passed.sum()
        total = np.zeros(len(frequency))
        for shift, weight in zip(reach * self.resolution_hz, passed, strict=True):
            total += weight * self._heterodyne.density(moment, 0, np.abs(frequency + shift))
        return total
