"""Spectra of the coupled pair at an operating point, as the interferometer transmits them."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from models import micropillars

from ._streams import stream_seed
from .optics import airy_transmission
from .settings import TwinSettings
from .truth import Truth
from .turn import Computed, Turn

__all__ = [
    "SPLITTING_1_GHZ",
    "Lines",
    "OperatingPoint",
    "SpectrumCache",
    "moved_ghz",
    "operating_point",
    "pair_at",
    "sample_ps",
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

FAR_GHZ = 12.0
"""Beyond this detuning the pillars pull each other by at most 3 MHz, and are simulated as if just there."""

WIDE_FROM_GHZ = 9.0

SPECTRAL_RESOLUTION_GHZ = 0.008
SPLITTING_1_GHZ = micropillars.kreinberg2019(25.0, 25.0).pillar_1.splitting_ghz
"""The weak mode of P1 above its strong mode."""

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
        near(max(-FAR_GHZ, min(FAR_GHZ, detuning_ghz)), DETUNING_STEP_GHZ) if coupled else 0.0,
    )


def moved_ghz(point: OperatingPoint, detuning_ghz: float) -> float:
    """Return how much higher P2 lies than at the point, at a detuning at which it moves freely against P1."""
    free = point.coupling == 0 or abs(detuning_ghz) > FAR_GHZ
    return detuning_ghz - point.detuning_ghz if free else 0.0


def pair_at(point: OperatingPoint, settings: TwinSettings) -> micropillars.Pair:
    """Return the model's pair at an operating point.

    In the configuration "relay" half of the power goes on to the other pillar and half comes back, each with
    2^-1/2 of the amplitude; the attenuator weakens both alike.
    """
    pair = micropillars.kreinberg2019(
        point.current_1_ua,
        point.current_2_ua,
        coupling=point.coupling,
        detuning_ghz=point.detuning_ghz,
        inactive_loss_factor=settings.inactive_loss_factor,
    )
    if settings.configuration == "relay":
        return replace(pair, transmission_amplitude=0.5**0.5, reflection_amplitude=0.5**0.5)
    return pair


def sample_ps(pair: micropillars.Pair) -> float:
    """Return a sampling time whose band holds both pillars' lines."""
    widest = max(abs(pair.detuning_ghz), abs(pair.weak_detuning_ghz))
    return 50.0 if widest <= WIDE_FROM_GHZ else 25.0


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
