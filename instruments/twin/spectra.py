"""Spectra of the coupled pair at an operating point, as the interferometer transmits them."""

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from models import micropillars

from ._streams import stream_seed
from .optics import airy_transmission
from .settings import TwinSettings
from .truth import Truth

__all__ = [
    "Lines",
    "OperatingPoint",
    "SpectrumCache",
    "operating_point",
    "pair_at",
    "simulate_spectrum",
    "warm_up",
]

DETUNING_STEP_GHZ = 0.002
CURRENT_STEP_UA = 0.02
COUPLING_STEP = 2e-5

UNCOUPLED_BELOW = 5e-4
"""Weaker coupling pulls a line by < 1 MHz once |detuning| > 20 MHz; it counts as none."""

DARK_BELOW_UA = 8.0
"""Smallest pump current per pillar for which the model is asked; below, a pillar is dark."""

SPECTRAL_RESOLUTION_GHZ = 0.008
GRID_POINTS = 8192
CACHE_SIZE = 256


@dataclass(frozen=True)
class OperatingPoint:
    """What a pair of spectra depends on; without coupling the detuning is left out (zero)."""

    current_1_ua: float
    current_2_ua: float
    coupling: float
    detuning_ghz: float


def operating_point(
    current_1_ua: float, current_2_ua: float, coupling: float, detuning_ghz: float
) -> OperatingPoint:
    """Return the point of the cache's grid nearest to the given conditions."""

    def near(value: float, step: float) -> float:
        return round(round(value / step) * step, 9)

    coupled = coupling >= UNCOUPLED_BELOW
    return OperatingPoint(
        max(DARK_BELOW_UA, near(current_1_ua, CURRENT_STEP_UA)),
        max(DARK_BELOW_UA, near(current_2_ua, CURRENT_STEP_UA)),
        near(coupling, COUPLING_STEP) if coupled else 0.0,
        near(detuning_ghz, DETUNING_STEP_GHZ) if coupled else 0.0,
    )


def pair_at(point: OperatingPoint, settings: TwinSettings) -> micropillars.Pair:
    """Return the model's pair at an operating point."""
    return micropillars.kreinberg2019(
        point.current_1_ua,
        point.current_2_ua,
        coupling=point.coupling,
        detuning_ghz=point.detuning_ghz,
        inactive_loss_factor=settings.inactive_loss_factor,
    )


def simulate_spectrum(point: OperatingPoint, settings: TwinSettings, seed: int) -> xr.Dataset:
    """Simulate the pair at an operating point; returns the dataset of `models.micropillars.spectrum`."""
    fields = micropillars.simulate(
        pair_at(point, settings),
        duration_ns=settings.duration_ns,
        step_ps=settings.step_ps,
        trajectories=settings.trajectories,
        seed=seed,
        sample_ps=50.0,
        average_phase=True,
    )
    return micropillars.spectrum(fields, resolution_ghz=SPECTRAL_RESOLUTION_GHZ)


@functools.cache
def warm_up() -> None:
    """Compile the model, once per process: the very first time on a computer takes half a minute."""
    short = TwinSettings(trajectories=16, duration_ns=200.0)
    simulate_spectrum(OperatingPoint(25.0, 23.5, 0.025, 0.0), short, seed=1)


class Lines:
    """Transmitted strong-mode photons against the interferometer's resonance, one period per pillar.

    Parameters
    ----------
    spectrum : xarray.Dataset
        `power(pillar, mode, frequency_ghz)` in photons/GHz, relative to free-running P1.
    free_spectral_range_ghz, finesse : float
        The interferometer.
    """

    def __init__(self, spectrum: xr.Dataset, free_spectral_range_ghz: float, finesse: float) -> None:
        self._period = free_spectral_range_ghz
        frequency = spectrum.frequency_ghz.values
        photons = spectrum.power.sel(mode="strong").transpose("pillar", "frequency_ghz").values * (
            frequency[1] - frequency[0]
        )
        place = np.mod(frequency / free_spectral_range_ghz, 1.0) * GRID_POINTS
        cell = np.floor(place).astype(int)
        part = place - cell
        orders = np.arange(GRID_POINTS) / GRID_POINTS
        response = np.fft.rfft(airy_transmission(orders, finesse))
        self._transmitted = np.empty((2, GRID_POINTS))
        for row, power in zip(self._transmitted, photons, strict=True):
            folded = np.bincount(cell, power * (1 - part), GRID_POINTS)
            folded += np.bincount((cell + 1) % GRID_POINTS, power * part, GRID_POINTS)
            row[:] = np.fft.irfft(np.fft.rfft(folded) * response, GRID_POINTS)
        np.maximum(self._transmitted, 0.0, out=self._transmitted)

    def photons(self, pillar: int, resonance_ghz: np.ndarray) -> np.ndarray:
        """Return the transmitted photon number of a pillar (0 or 1) at resonances relative to free P1."""
        place = np.mod(resonance_ghz / self._period, 1.0) * GRID_POINTS
        cell = place.astype(int)
        part = place - cell
        row = self._transmitted[pillar]
        return row[cell % GRID_POINTS] * (1 - part) + row[(cell + 1) % GRID_POINTS] * part


class SpectrumCache:
    """Lines per operating point; each depends on the world's seed and the point, not on what came before.

    Parameters
    ----------
    settings : TwinSettings
        Seed and effort.
    truth : Truth
        The interferometer behind which the lines are seen.
    simulate : callable
        The model.
    """

    def __init__(
        self,
        settings: TwinSettings,
        truth: Truth,
        simulate: Callable[[OperatingPoint, TwinSettings, int], xr.Dataset] = simulate_spectrum,
    ) -> None:
        self._settings = settings
        self._truth = truth
        self._simulate = simulate
        self._lines: OrderedDict[OperatingPoint, Lines] = OrderedDict()
        self._lock = threading.Lock()  # spectra may be prepared beside the server's thread

    def __contains__(self, point: OperatingPoint) -> bool:
        return point in self._lines

    def lines(self, point: OperatingPoint) -> Lines:
        """Return the lines at an operating point, simulating them if they are new."""
        with self._lock:
            lines = self._lines.get(point)
            if lines is None:
                seed = stream_seed(self._settings.seed, "spectrum", repr(point))
                spectrum = self._simulate(point, self._settings, seed)
                lines = Lines(spectrum, self._truth.free_spectral_range_ghz, self._truth.finesse)
                self._lines[point] = lines
                if len(self._lines) > CACHE_SIZE:
                    self._lines.popitem(last=False)
            return lines
