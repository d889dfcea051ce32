"""Time series of the coupled pair's light at an operating point, for photons and beat notes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from models import micropillars

from ._streams import stream_seed
from .light import Conditions
from .operating_points import (
    SPLITTING_1_GHZ,
    OperatingPoint,
    moved_ghz,
    operating_point,
    pair_at,
    sample_ps,
)
from .settings import TwinSettings
from .turn import Computed, Turn

__all__ = ["FieldCache", "FieldRecord", "field_point", "simulate_fields"]

DETUNING_STEP_GHZ = 0.02
"""Correlations change over 100 MHz; the temperature moves the lines by megahertz from second to second."""

CACHE_SIZE = 2


def field_point(conditions: Conditions) -> OperatingPoint:
    """Return the operating point whose fields stand for a moment, on a coarse grid of detunings."""
    c = conditions
    detuning = round(c.detuning_ghz / DETUNING_STEP_GHZ) * DETUNING_STEP_GHZ
    return operating_point(c.current_1_ua, c.current_2_ua, c.coupling, detuning)


@dataclass(frozen=True)
class FieldRecord:
    """Independent stretches of light of both pillars, each longer than any correlation in it.

    A long measurement is put together from the stretches. Of products at lag t the fraction t/D falls across
    the ends of stretches of length D and is uncorrelated: g2 - 1 comes out too small by that fraction, 1 % at
    100 ns with stretches of 10 us.

    Attributes
    ----------
    point : OperatingPoint
        Where the pair was simulated.
    field : numpy.ndarray of complex64, (trajectory, pillar, mode, sample)
        Box averages of the fields, ``|field|**2`` in intracavity photons; modes are strong, weak. A field
        ``exp(+2 pi i f t)`` lies f above its frame, see `frame_ghz`; at the point that is free-running P1,
        one frame per mode. What the averaging takes from a line at P1's frequency is given back; of light
        far from both lines the averages lack a part.
    photons : numpy.ndarray of float32, (trajectory, pillar, mode, sample)
        Averages of ``|field|**2`` over the same boxes, with all light in it.
    sample_ps : float
        Length of the boxes.
    """

    point: OperatingPoint
    field: np.ndarray
    photons: np.ndarray
    sample_ps: float

    @property
    def stretch_s(self) -> float:
        """Length of each stretch, in s."""
        return self.field.shape[-1] * self.sample_ps * 1e-12

    def frame_ghz(self, pillar: int, mode: int, conditions: Conditions) -> float:
        """Return where frequency 0 of a field lies, relative to the strong mode of free-running P1 now.

        Parameters
        ----------
        pillar, mode : int
            0 for P1, 1 for P2; 0 for the strong, 1 for the weak mode.
        conditions : Conditions
            The moment. Without coupling, or far away, P2 moves freely against the point.
        """
        moved = moved_ghz(self.point, conditions.detuning_ghz) if pillar == 1 else 0.0
        return moved + (SPLITTING_1_GHZ if mode == 1 else 0.0)


def simulate_fields(
    point: OperatingPoint, settings: TwinSettings, seed: int, average_phase: bool = True
) -> xr.Dataset:
    """Simulate the pair at an operating point; returns the dataset of `models.micropillars.simulate`.

    The length of the path wanders over many wavelengths while photons are counted for minutes, so its phase
    is averaged over. Without `average_phase` it keeps the length at which light of free-running P1 comes back
    in phase.
    """
    pair = pair_at(point, settings)
    if not average_phase:
        pair = replace(pair, detuning_ghz=0.0).detuned(pair.detuning_ghz)
    return micropillars.simulate(
        pair,
        duration_ns=1000.0 * settings.field_duration_us,
        step_ps=settings.step_ps,
        trajectories=settings.field_trajectories,
        seed=seed,
        sample_ps=sample_ps(pair),
        average_phase=average_phase,
    )


class FieldCache:
    """Fields of the last two operating points asked for, 150 MB each with the default settings.

    A record depends on the world's seed and the point, not on what came before. It takes some seconds to
    simulate.

    Parameters
    ----------
    settings : TwinSettings
        Seed and effort.
    simulate : callable
        The model.
    turn : Turn, optional
        The world's; others have theirs during a simulation.
    """

    def __init__(
        self,
        settings: TwinSettings,
        simulate: Callable[[OperatingPoint, TwinSettings, int], xr.Dataset] = simulate_fields,
        turn: Turn | None = None,
    ) -> None:
        self._settings = settings
        self._simulate = simulate
        self._records = Computed(self._compute, CACHE_SIZE, turn)

    def __contains__(self, point: OperatingPoint) -> bool:
        return point in self._records

    def fields(self, point: OperatingPoint) -> FieldRecord:
        """Return the light at an operating point, simulating it if it is new."""
        return self._records[point]

    def _compute(self, point: OperatingPoint) -> FieldRecord:
        seed = stream_seed(self._settings.seed, "fields", repr(point))
        return _record(point, self._simulate(point, self._settings, seed))


def _record(point: OperatingPoint, light: xr.Dataset) -> FieldRecord:
    """Move the fields from the frame of free-running P2 into that of P1."""
    dims = ("trajectory", "pillar", "mode", "time_ns")
    field = light["field"].transpose(*dims).values
    sample_ns = light.attrs["sample_ps"] * 1e-3
    time_ns = (np.arange(field.shape[-1]) + 0.5) * sample_ns
    for mode, name in enumerate(("detuning_ghz", "weak_detuning_ghz")):
        turns = np.mod(light.attrs[name] * time_ns, 1.0)
        field[:, :, mode] *= np.exp(2j * np.pi * turns).astype(np.complex64)
        field[:, 0, mode] /= np.float32(np.sinc(light.attrs[name] * sample_ns))
    return FieldRecord(point, field, light["photon_number"].transpose(*dims).values, light.attrs["sample_ps"])
