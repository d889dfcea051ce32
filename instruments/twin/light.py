"""From the state of the bench to expected counts: lines, analysers, interferometer, detectors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from .operating_points import DARK_BELOW_UA, OperatingPoint, moved_ghz, operating_point
from .optics import Etalon, Ramp
from .spectra import Lines, SpectrumCache

__all__ = ["Conditions", "Exposed", "Exposure", "Light", "by_ramp"]

DETUNING_SPAN_GHZ = 0.004
"""Moments whose detunings lie within this span share one spectrum, at their mean."""

MOMENT_S = 1.0
MOMENT_SPAN_GHZ = 0.004
"""Pieces of time of up to one second make one moment, unless the lines move by more than this."""


Selected = tuple[tuple[float, float], tuple[float, float]]
STRONG_MODES: Selected = ((1.0, 0.0), (1.0, 0.0))


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that the transmitted light depends on, at one moment.

    `position_ghz` is free-running P1 relative to the interferometer's rest position; `detuning_ghz` is P2
    relative to P1, strong mode to strong mode; currents are the true ones per pillar. `selected` holds the
    shares of the strong and the weak mode, of P1 and of P2, that reach the detectors.
    """

    position_ghz: float
    detuning_ghz: float
    current_1_ua: float
    current_2_ua: float
    coupling: float
    ramp: Ramp
    selected: Selected = STRONG_MODES

    @property
    def lit(self) -> tuple[bool, bool]:
        """Whether P1 and P2 shine at all."""
        return self.current_1_ua >= DARK_BELOW_UA, self.current_2_ua >= DARK_BELOW_UA


Exposed = tuple[Conditions, float]
"""A moment: conditions, and the time for which they lasted, in s."""


class Exposure:
    """The moments that a counter or a histogram has seen and not yet turned into counts."""

    def __init__(self) -> None:
        self.moments: list[Exposed] = []

    def add(self, conditions: Conditions, duration_s: float) -> None:
        """Add a piece of time, merged into the last moment where that makes no difference."""
        if self.moments:
            last, lasted = self.moments[-1]
            weight = duration_s / (lasted + duration_s)
            position_step = conditions.position_ghz - last.position_ghz
            detuning_step = conditions.detuning_ghz - last.detuning_ghz
            merged = replace(
                conditions,
                position_ghz=last.position_ghz + weight * position_step,
                detuning_ghz=last.detuning_ghz + weight * detuning_step,
            )
            alike = (
                replace(conditions, position_ghz=last.position_ghz, detuning_ghz=last.detuning_ghz) == last
            )
            still = max(abs(position_step), abs(detuning_step)) < MOMENT_SPAN_GHZ
            if alike and still and lasted + duration_s <= MOMENT_S + 1e-9:
                self.moments[-1] = merged, lasted + duration_s
                return
        self.moments.append((conditions, duration_s))

    def take(self) -> list[Exposed]:
        """Return the moments and forget them."""
        taken, self.moments = self.moments, []
        return taken


class Detector(Protocol):
    """What turns light into events: photon counts or photoelectrons."""

    def rate_cps(self, photons: np.ndarray) -> np.ndarray:
        """Return the rate for a number of transmitted intracavity photons, in 1/s."""
        ...


class Light:
    """Count rates behind the interferometer.

    Parameters
    ----------
    cache : SpectrumCache
        Lines per operating point.
    etalon : Etalon
        The interferometer.
    detectors : sequence of Detector
        The modules for P1 and P2: a polarising beam splitter sends each pillar to its own.
    """

    def __init__(self, cache: SpectrumCache, etalon: Etalon, detectors: Sequence[Detector]) -> None:
        self._cache = cache
        self._etalon = etalon
        self._detectors = detectors

    def on(self, detectors: Sequence[Detector]) -> "Light":
        """Return the same light on other detectors."""
        return Light(self._cache, self._etalon, detectors)

    def expected_counts(self, exposed: Iterable[Exposed], pillar: int, times_s: np.ndarray) -> np.ndarray:
        """Return rate times duration, summed over the moments, at times after the ramp's sync pulse.

        Parameters
        ----------
        exposed : iterable of (Conditions, float)
            Moments of the exposure.
        pillar : int
            0 for P1, 1 for P2.
        times_s : numpy.ndarray
            Times after the sync pulse, in s.

        Returns
        -------
        numpy.ndarray
            Expected counts of a detector that looked all the time at each of these ramp times.
        """
        total = np.zeros(len(times_s))
        for point, moments in _shared_points(exposed):
            first = moments[0][0]
            resonance = self._etalon.frequency_ghz(first.ramp.voltage_v(times_s))
            lines = self._cache.lines(point) if first.lit[pillar] else None
            for conditions, lasted in moments:
                position = conditions.position_ghz
                if pillar == 1:
                    position += moved_ghz(point, conditions.detuning_ghz)
                total += lasted * self._rate_cps(conditions, lines, pillar, resonance - position)
        return total

    def _rate_cps(
        self, conditions: Conditions, lines: Lines | None, pillar: int, resonance_ghz: np.ndarray
    ) -> np.ndarray:
        if lines is None:
            return self._detectors[pillar].rate_cps(np.zeros(len(resonance_ghz)))
        photons = lines.photons(pillar, resonance_ghz, conditions.selected[pillar])
        return self._detectors[pillar].rate_cps(photons)

    def collected_photons(self, conditions: Conditions, pillar: int) -> float:
        """Return the mean intracavity photon number of a pillar, of the light that its analyser passes.

        Parameters
        ----------
        conditions : Conditions
            The moment; if its spectrum is missing, it is simulated.
        pillar : int
            0 for P1, 1 for P2.
        """
        [(point, _)] = _shared_points([(conditions, 1.0)])
        photons = self._cache.lines(point).total[pillar] if conditions.lit[pillar] else np.zeros(2)
        return float(np.dot(conditions.selected[pillar], photons))

    def mean_counts(self, exposed: Iterable[Exposed], pillar: int) -> float:
        """Return the expected counts of a detector over an exposure, whatever the phase of the ramp."""
        total = 0.0
        for ramp, moments in by_ramp(exposed):
            times = (np.arange(1024) + 0.5) / 1024 / ramp.frequency_hz if ramp.on else np.zeros(1)
            total += float(np.mean(self.expected_counts(moments, pillar, times)))
        return total

    def prepare(self, exposed: Iterable[Exposed]) -> None:
        """Simulate the spectra that an exposure needs, so that reading it out is quick."""
        for point in _points_with_light(exposed):
            self._cache.lines(point)

    def missing(self, exposed: Iterable[Exposed]) -> bool:
        """Return whether an exposure needs spectra that are not simulated yet."""
        return any(point not in self._cache for point in _points_with_light(exposed))


def by_ramp(exposed: Iterable[Exposed]) -> list[tuple[Ramp, list[Exposed]]]:
    """Sort the moments of an exposure by the ramp that ran."""
    ramps: dict[Ramp, list[Exposed]] = {}
    for moment in exposed:
        ramps.setdefault(moment[0].ramp, []).append(moment)
    return list(ramps.items())


def _points_with_light(exposed: Iterable[Exposed]) -> list[OperatingPoint]:
    return [point for point, moments in _shared_points(exposed) if any(moments[0][0].lit)]


def _shared_points(exposed: Iterable[Exposed]) -> list[tuple[OperatingPoint, list[Exposed]]]:
    """Group moments by what they are lit by, then by detuning within a narrow span."""
    groups: dict[tuple, list[Exposed]] = {}
    for moment in exposed:
        c = moment[0]
        alone = operating_point(c.current_1_ua, c.current_2_ua, c.coupling, 0.0)
        groups.setdefault((alone, c.lit, c.ramp), []).append(moment)
    shared = []
    for (alone, *_), moments in groups.items():
        if alone.coupling == 0:
            shared.append((alone, moments))
            continue
        moments.sort(key=lambda moment: moment[0].detuning_ghz)
        while moments:
            lowest = moments[0][0].detuning_ghz
            narrow = [m for m in moments if m[0].detuning_ghz <= lowest + DETUNING_SPAN_GHZ]
            moments = moments[len(narrow) :]
            detuning = sum(c.detuning_ghz * lasted for c, lasted in narrow) / sum(t for _, t in narrow)
            c = narrow[0][0]
            point = operating_point(c.current_1_ua, c.current_2_ua, c.coupling, detuning)
            shared.append((point, narrow))
    return shared
