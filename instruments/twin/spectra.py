"""Spectra of the coupled pair at an operating point, as the interferometer transmits them."""

import functools
from collections.abc import Callable

import numpy as np
import xarray as xr

from models import micropillars

from ._streams import stream_seed
from .operating_points import SPLITTING_1_GHZ, OperatingPoint, pair_at, sample_ps
from .optics import airy_transmission
from .settings import TwinSettings
from .truth import Truth
from .turn import Computed, Turn

__all__ = ["Lines", "OperatingPoint", "SpectrumCache", "simulate_spectrum", "warm_up"]

SPECTRAL_RESOLUTION_GHZ = 0.008

GRID_POINTS = 8192
CACHE_SIZE = 256


def simulate_spectrum(point: OperatingPoint, settings: TwinSettings, seed: int) -> xr.Dataset:
    """Simulate the pair at an operating point; returns the dataset of `models.micropillars.spectrum`."""
    pair = pair_at(point, settings)
    fields = micropillars.simulate(
        pair,
        duration_ns=settings.duration_ns,
        step_ps=settings.step_ps,
        trajectories=settings.trajectories,
        seed=seed,
        sample_ps=sample_ps(pair),
        average_phase=True,
    )
    return micropillars.spectrum(fields, resolution_ghz=SPECTRAL_RESOLUTION_GHZ)


@functools.cache
def warm_up() -> None:
    """Compile the model, once per process: the very first time on a computer takes half a minute."""
    short = TwinSettings(trajectories=16, duration_ns=200.0)
    simulate_spectrum(OperatingPoint(25.0, 23.5, 0.025, 0.0), short, seed=1)


class Lines:
    """Transmitted photons against the interferometer's resonance, one period per pillar and mode.

    Parameters
    ----------
    spectrum : xarray.Dataset
        `power(pillar, mode, frequency_ghz)` in photons/GHz, relative to the same mode of free-running P1.
    free_spectral_range_ghz, finesse : float
        The interferometer.

    Attributes
    ----------
    total : numpy.ndarray, (pillar, mode)
        All photons.
    """

    def __init__(self, spectrum: xr.Dataset, free_spectral_range_ghz: float, finesse: float) -> None:
        self._period = free_spectral_range_ghz
        frequency = spectrum.frequency_ghz.values
        photons = spectrum.power.transpose("mode", "pillar", "frequency_ghz").values * (
            frequency[1] - frequency[0]
        )
        self.total = photons.sum(axis=-1).T
        orders = np.arange(GRID_POINTS) / GRID_POINTS
        response = np.fft.rfft(airy_transmission(orders, finesse))
        self._transmitted = np.empty((2, 2, GRID_POINTS), np.float32)
        for mode, above_ghz in enumerate((0.0, SPLITTING_1_GHZ)):
            place = np.mod((frequency + above_ghz) / free_spectral_range_ghz, 1.0) * GRID_POINTS
            cell = np.floor(place).astype(int)
            part = place - cell
            for row, power in zip(self._transmitted[:, mode], photons[mode], strict=True):
                folded = np.bincount(cell, power * (1 - part), GRID_POINTS)
                folded += np.bincount((cell + 1) % GRID_POINTS, power * part, GRID_POINTS)
                row[:] = np.fft.irfft(np.fft.rfft(folded) * response, GRID_POINTS)
        np.maximum(self._transmitted, 0.0, out=self._transmitted)

    def photons(
        self, pillar: int, resonance_ghz: np.ndarray, shares: tuple[float, float] = (1.0, 0.0)
    ) -> np.ndarray:
        """Return the transmitted photon number of a pillar.

        Parameters
        ----------
        pillar : int
            0 for P1, 1 for P2.
        resonance_ghz : numpy.ndarray
            Resonances of the interferometer, relative to the strong mode of free-running P1.
        shares : tuple of float
            Shares of the strong and of the weak mode that reach the interferometer.
        """
        place = np.mod(resonance_ghz / self._period, 1.0) * GRID_POINTS
        cell = place.astype(int)
        part = place - cell
        row = np.tensordot(shares, self._transmitted[pillar], 1)
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
    turn : Turn, optional
        The world's; others have theirs during a simulation.
    """

    def __init__(
        self,
        settings: TwinSettings,
        truth: Truth,
        simulate: Callable[[OperatingPoint, TwinSettings, int], xr.Dataset] = simulate_spectrum,
        turn: Turn | None = None,
    ) -> None:
        self._settings = settings
        self._truth = truth
        self._simulate = simulate
        self._lines = Computed(self._compute, CACHE_SIZE, turn)

    def __contains__(self, point: OperatingPoint) -> bool:
        return point in self._lines

    def lines(self, point: OperatingPoint) -> Lines:
        """Return the lines at an operating point, simulating them if they are new."""
        return self._lines[point]

    def _compute(self, point: OperatingPoint) -> Lines:
        seed = stream_seed(self._settings.seed, "spectrum", repr(point))
        spectrum = self._simulate(point, self._settings, seed)
        return Lines(spectrum, self._truth.free_spectral_range_ghz, self._truth.finesse)
