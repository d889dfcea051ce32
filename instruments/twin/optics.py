"""Light paths: the scanning interferometer with its piezo ramp, half-wave plates, and the objective."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .truth import Truth

__all__ = [
    "Etalon",
    "HalfWavePlate",
    "Ramp",
    "airy_transmission",
    "alignment",
    "analyser_shares",
    "path_transmission",
]

LEAKAGE = 1e-4
ANALYSER_LEAKAGE = 1e-3

SPOT_RADIUS_UM = 2.0
"""Misalignment at which the coupling of a pillar through its objective has fallen to 1/e."""


def airy_transmission(orders: np.ndarray, finesse: float) -> np.ndarray:
    """Return the transmission of a lossless interferometer.

    Parameters
    ----------
    orders : numpy.ndarray
        Detuning from a resonance in units of the free spectral range.
    finesse : float
        Free spectral range over the full width at half maximum, exactly.

    Returns
    -------
    numpy.ndarray
        Airy function, 1 on resonance.
    """
    edge = math.sin(math.pi / (2 * finesse))
    return 1 / (1 + (np.sin(np.pi * orders) / edge) ** 2)


def path_transmission(angle_deg: float, zero_deg: float) -> float:
    """Return the power transmission of a half-wave plate followed by a polariser that leaks a little."""
    return (1 - LEAKAGE) * math.cos(2 * math.radians(angle_deg - zero_deg)) ** 2 + LEAKAGE


def analyser_shares(angle_deg: float) -> tuple[float, float]:
    """Return the power shares of strong and weak mode that pass a half-wave plate with a polariser.

    The modes are polarised at right angles; at 0 degrees the polariser passes the strong one, at 45 the weak
    one.
    """
    cosine, sine = math.cos(2 * math.radians(angle_deg)) ** 2, math.sin(2 * math.radians(angle_deg)) ** 2
    passed = 1 - ANALYSER_LEAKAGE
    return passed * cosine + ANALYSER_LEAKAGE, passed * sine + ANALYSER_LEAKAGE


def alignment(offset_um: Iterable[float]) -> float:
    """Return the factor by which a sample off the objective's axis, by (x, y), couples less."""
    return math.exp(-sum(float(d) ** 2 for d in offset_um) / SPOT_RADIUS_UM**2)


@dataclass(frozen=True)
class Ramp:
    """What the generator sends to the piezo amplifier; its sync output marks the start of each period."""

    shape: str = "SINE"
    frequency_hz: float = 1000.0
    amplitude_v: float = 1.0
    offset_v: float = 0.0
    on: bool = False

    def voltage_v(self, time_s: np.ndarray) -> np.ndarray:
        """Return the voltage at times after the sync pulse; the sync marks the waveform's minimum."""
        phase = np.mod(time_s * self.frequency_hz, 1.0)
        unit = {
            "TRIANGLE": 1 - 4 * np.abs(phase - 0.5),
            "SINE": -np.cos(2 * np.pi * phase),
            "SAWU": 2 * phase - 1,
            "SAWD": 1 - 2 * phase,
            "SQUARE": np.where(phase < 0.5, -1.0, 1.0),
            "DC": np.ones_like(phase),
        }[self.shape]
        return (self.offset_v + self.amplitude_v * unit) if self.on else np.zeros_like(phase)


class HalfWavePlate:
    """A half-wave plate, turned at constant speed."""

    def __init__(self) -> None:
        self._from_deg = self._to_deg = 0.0
        self._start_s = self._travel_s = 0.0

    def angle_deg(self, now_s: float) -> float:
        """Return the angle at a time, in degrees."""
        if now_s >= self._start_s + self._travel_s:
            return self._to_deg
        part = (now_s - self._start_s) / self._travel_s
        return self._from_deg + part * (self._to_deg - self._from_deg)

    def move(self, angle_deg: float, now_s: float, travel_s: float) -> None:
        """Start to turn."""
        self._from_deg = self.angle_deg(now_s)
        self._to_deg, self._start_s, self._travel_s = angle_deg, now_s, travel_s


class Etalon:
    """The scanning Fabry-Perot interferometer: a piezo with a cubic term, and a slow drift.

    Parameters
    ----------
    truth : Truth
        Free spectral range, finesse, piezo gain and drift.
    rng : numpy.random.Generator
        Source of the drift.
    """

    def __init__(self, truth: Truth, rng: np.random.Generator) -> None:
        self._truth = truth
        self._rng = rng
        self.offset_ghz = truth.etalon_start_ghz

    def frequency_ghz(self, voltage_v: np.ndarray) -> np.ndarray:
        """Return the resonance that a generator voltage selects, before drift; it rises with the voltage."""
        truth = self._truth
        orders = truth.orders_per_volt * (voltage_v + truth.piezo_cubic_per_v2 * voltage_v**3)
        return truth.free_spectral_range_ghz * orders

    def drift(self, duration_s: float) -> None:
        """Let the mirrors drift: a random walk."""
        step = self._truth.etalon_drift_ghz_per_sqrt_s * math.sqrt(duration_s)
        self.offset_ghz += step * float(self._rng.standard_normal())
