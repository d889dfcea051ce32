"""How single teeth of a comb, and their envelope, follow the detuning.

Inside the locking range the modes of the compound cavity move far less than the envelope that an
interferometer sees, for the light hops from mode to mode: Kreinberg et al., Nat. Commun. 10, 1539 (2019),
Eq. 1 (one mode) and Eq. 2 (envelope).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis._beat_comb import BeatComb
from analysis._beat_teeth import label_teeth
from analysis._values import NOT_KNOWN, Value

__all__ = ["CombSlopes", "comb_slopes"]

TEETH = 3
"""Teeth that are followed: the strongest near resonance and its neighbours."""


@dataclass(frozen=True)
class CombSlopes:
    """Slopes df/d(detuning) inside the locking range.

    Parameters
    ----------
    tooth
        Of single teeth, one common slope.
    envelope
        Of the mean frequency of all teeth.
    steps
        Number of spectra used.
    detuning_ghz, locked
        Of these spectra, which tooth is the strongest: teeth are counted upwards in beat frequency from
        the one that is strongest nearest to resonance.
    """

    tooth: Value
    envelope: Value
    steps: int
    detuning_ghz: tuple[float, ...] = ()
    locked: tuple[int, ...] = ()


def comb_slopes(
    detuning_ghz: np.ndarray,
    combs: Sequence[BeatComb | None],
    zero_ghz: np.ndarray,
    *,
    within_ghz: float = 0.3,
    sense: int = 1,
) -> CombSlopes:
    """Follow teeth and envelope over the locking range.

    Parameters
    ----------
    detuning_ghz : numpy.ndarray, (step,)
        Nominal detunings; teeth are followed from step to step, so the steps must move them by less than
        40 % of their distance.
    combs : sequence of BeatComb or None
        Of each step.
    zero_ghz : numpy.ndarray, (step,)
        Beat frequency of the free line.
    within_ghz : float
        Largest detuning used, to both sides.
    sense : 1 or -1
        -1 for an oscillator above the light, whose beat notes are mirrored.

    Returns
    -------
    CombSlopes
        Errors from the scatter about the straight lines; not known with fewer than four steps.
    """
    usable = [
        k
        for k in np.argsort(detuning_ghz)
        if combs[k] is not None and abs(detuning_ghz[k]) <= within_ghz and np.isfinite(zero_ghz[k])
    ]
    if len(usable) < 4:
        return CombSlopes(NOT_KNOWN, NOT_KNOWN, len(usable))
    nu = np.asarray(detuning_ghz)[usable]
    chosen = [_counted_from(comb, 1e9 * zero_ghz[k]) for k in usable if (comb := combs[k]) is not None]
    start = int(np.argmin(np.abs(nu)))
    labels, spacing = label_teeth(chosen, start)
    tooth = _common_slope(nu, *_tracks(chosen, labels))
    centres = [comb.envelope_hz for comb in chosen]
    whole = _common_slope(nu, *(np.array([[getattr(c, name) for c in centres]]) for name in ("value", "std")))
    return CombSlopes(
        tooth.times(1e-9 * sense),
        whole.times(1e-9 * sense),
        len(usable),
        tuple(nu.tolist()),
        _locked(chosen, labels, spacing),
    )


def _counted_from(comb: BeatComb, zero_hz: float) -> BeatComb:
    """Return a comb whose frequencies are counted from the free line."""

    def moved(place: Value) -> Value:
        return Value(place.value - zero_hz, place.std)

    teeth = tuple(replace(tooth, centre_hz=moved(tooth.centre_hz)) for tooth in comb.teeth)
    return replace(comb, teeth=teeth, envelope_hz=moved(comb.envelope_hz))


def _tracks(combs: Sequence[BeatComb], labels: Sequence[dict[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and errors (tooth, step) of the teeth that are followed; NaN where one is lost."""
    tracks = np.full((2, TEETH, len(combs)), np.nan)
    for row in range(TEETH):
        for step, (comb, numbers) in enumerate(zip(combs, labels, strict=True)):
            if row - TEETH // 2 in numbers:
                centre = comb.teeth[numbers[row - TEETH // 2]].centre_hz
                tracks[:, row, step] = centre.value, centre.std
    return tracks[0], tracks[1]


def _locked(combs: Sequence[BeatComb], labels: Sequence[dict[int, int]], spacing: float) -> tuple[int, ...]:
    """Return the number of the strongest tooth at each step."""
    found = []
    for comb, numbers in zip(combs, labels, strict=True):
        main = comb.teeth[comb.main].centre_hz.value
        known = [(comb.teeth[k].centre_hz.value - main, number) for number, k in numbers.items()]
        below, nearest = min(known, key=lambda each: abs(each[0]), default=(0.0, 0))
        found.append(nearest - (round(below / spacing) if np.isfinite(spacing) else 0))
    return tuple(found)


def _common_slope(nu: np.ndarray, tracks: np.ndarray, errors: np.ndarray) -> Value:
    """Fit straight lines with one slope to rows (row, step) in Hz; return Hz per GHz.

    Scatter that all rows of a step share, such as an error of the free line's frequency, is no smaller for
    many rows: the error is the largest of those from the steps' means, from the points, and from the fits.
    """
    known = np.isfinite(tracks) & (np.count_nonzero(np.isfinite(tracks), axis=1) > 1)[:, np.newaxis]
    steps = known.any(axis=0)
    rows, free = int(known.any(axis=1).sum()), int(np.count_nonzero(steps)) - 2
    if free < 1:
        return NOT_KNOWN
    y, variance = np.where(known, tracks, 0.0), np.where(known, errors, 0.0) ** 2
    excess = 0.0
    for _ in range(30):  # what scatters more than the errors say scatters for reasons of its own
        weight = np.where(known, 1 / np.maximum(variance + excess, 1e-12), 0.0)
        total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
        x = np.where(known, nu - (weight @ nu)[:, np.newaxis] / total, 0.0)
        about = np.where(known, y - (weight * y).sum(axis=1, keepdims=True) / total, 0.0)
        information = float(np.sum(weight * x**2))
        slope = float(np.sum(weight * x * about)) / information
        left = about - slope * x
        points = float(np.sum(weight * left**2)) / max(1, int(np.count_nonzero(known)) - rows - 1)
        if abs(points - 1) < 1e-3 or (points < 1 and excess == 0):
            break
        excess = max(0.0, excess + (points - 1) / float(np.mean(weight[known])))
    of_step = weight[:, steps].sum(axis=0)
    mean = (weight * left)[:, steps].sum(axis=0) / of_step
    by_steps = float(np.sum(of_step * mean**2)) / free
    return Value(slope, float(np.sqrt(max(by_steps, points, 1.0) / information)))
