"""Spectra of the coupled-micropillar model as a scanning interferometer would record them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from models import micropillars
from models.micropillars.simulation import MODES
from models.micropillars.spectra import densities

_CELLS = 1536  # per free spectral range
_RESOLUTION_GHZ = 0.02
_GROUPS = 4
_FREE_RUN_FACTOR = 6

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Statistics:
    """How much of the model is simulated at each detuning.

    Parameters
    ----------
    duration_ns
        Of every trajectory.
    trajectories
        Number of trajectories, each with its own round-trip phase; at least 4.
    seed
        Of the first detuning; the others count up from it.
    """

    duration_ns: float = 400.0
    trajectories: int = 16
    seed: int = 1

    def __post_init__(self) -> None:
        if self.trajectories < _GROUPS:
            raise ValueError(
                f"trajectories is {self.trajectories}; at least {_GROUPS} are needed to estimate errors."
            )


@dataclass(frozen=True)
class FreeLines:
    """Where the free-running lines of the model lie: gain and phase-amplitude coupling pull them."""

    pull_1_ghz: float
    pull_2_ghz: float


def strong_density(
    pair: micropillars.Pair, statistics: Statistics, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate one detuning; return frequencies and strong-mode densities (group, pillar, frequency).

    Trajectories are dealt to the groups in turn, so that each group covers the round-trip phases evenly.
    """
    run = micropillars.simulate(
        pair,
        duration_ns=statistics.duration_ns,
        trajectories=statistics.trajectories,
        seed=seed,
        average_phase=True,
    )
    frequency, density, _ = densities(run, _RESOLUTION_GHZ)
    power = density[:, :, MODES.index("strong")]
    photons = run["photon_number"].sel(mode="strong").mean("time_ns").transpose("trajectory", "pillar").values
    cell_ghz, groups = frequency[1] - frequency[0], []
    for group in range(_GROUPS):
        mean, number = (values[group::_GROUPS].mean(axis=0) for values in (power, photons))
        # light beyond the recorded band is counted too
        groups.append(mean * (number / (mean.sum(axis=-1) * cell_ghz))[:, None])
    return frequency, np.array(groups)


def through_interferometer(
    frequency_ghz: np.ndarray, density: np.ndarray, fsr: float, finesse: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return one order of the transmitted power on a uniform grid from -FSR/2.

    The Airy function is the wrapped Lorentzian, whose Fourier coefficients fall as exp(-pi k / finesse).

    Parameters
    ----------
    frequency_ghz
        Shape (frequency,), uniform.
    density
        Power per GHz, shape (..., frequency).
    fsr, finesse
        Of the interferometer.

    Returns
    -------
    grid, power
        Shapes (cell,) and (..., cell); power per unit transmission, in units of density times GHz.
    """
    grid = (np.arange(_CELLS) + 0.5) / _CELLS * fsr - fsr / 2
    orders = int(np.ceil(np.max(np.abs(frequency_ghz)) / fsr)) + 1
    rows = density.reshape(-1, density.shape[-1])
    folded = np.zeros((len(rows), _CELLS))
    for row, into in zip(rows, folded, strict=True):
        for order in range(-orders, orders + 1):
            into += np.interp(grid + order * fsr, frequency_ghz, row, left=0.0, right=0.0)
    harmonics = np.exp(-np.pi * np.arange(_CELLS // 2 + 1) / finesse)
    passed = np.fft.irfft(np.fft.rfft(folded) * harmonics, _CELLS) * np.pi / 2 * fsr / finesse
    return grid, np.maximum(passed, 0.0).reshape(*density.shape[:-1], _CELLS)


def free_lines(
    pair: micropillars.Pair, statistics: Statistics, centre: Callable[[np.ndarray, np.ndarray], float]
) -> FreeLines:
    """Locate the uncoupled lines with a longer run; ``centre`` is the fit that is used for all lines."""
    longer = replace(statistics, duration_ns=_FREE_RUN_FACTOR * statistics.duration_ns)
    alone = replace(pair, coupling=0.0, detuning_ghz=0.0)
    frequency, densities = strong_density(alone, longer, statistics.seed + 100_000)
    density = densities.mean(axis=0)
    return FreeLines(centre(frequency, density[0]), centre(frequency, density[1]))


def as_scan(
    powers: np.ndarray, frequency_ghz: np.ndarray, integration_s: float, fsr: float, finesse: float
) -> xr.Dataset:
    """Wrap modelled counts (step, pillar, bin) the way a scan of the laboratory comes."""
    bins = frequency_ghz.size
    return xr.Dataset(
        {
            "counts": (("step", "pillar", "bin"), powers),
            "integration_s": ("step", np.full(len(powers), integration_s), {"units": "s"}),
        },
        {"pillar": ["P1", "P2"], "ramp_time_ms": ("bin", np.linspace(0.0, 10.0, bins), {"units": "ms"})},
        {"free_spectral_range_ghz": fsr, "finesse": finesse},
    )
