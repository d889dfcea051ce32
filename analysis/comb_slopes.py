"""How single teeth of a comb, and their envelope, follow the detuning.

Inside the locking range the modes of the compound cavity move far less than the envelope that an
interferometer sees, for the light hops from mode to mode: Kreinberg et al., Nat. Commun. 10, 1539 (2019),
Eq. 1 (one mode) and Eq. 2 (envelope).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis._beat_comb import BeatComb
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
        half their distance.
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
    chosen = [comb for k in usable if (comb := combs[k]) is not None]
    zero = np.asarray(zero_ghz)[usable]
    start = int(np.argmin(np.abs(nu)))
    tracks = _tracks(chosen, zero, start)
    envelope = 1e-9 * np.array([comb.envelope_hz.value for comb in chosen]) - zero
    tooth = _common_slope(nu, tracks)
    whole = _common_slope(nu, envelope[np.newaxis])
    return CombSlopes(
        Value(sense * tooth.value, tooth.std),
        Value(sense * whole.value, whole.std),
        len(usable),
        tuple(nu.tolist()),
        _locked(nu, chosen, zero, start, tooth),
    )


def _locked(
    nu: np.ndarray, combs: Sequence[BeatComb], zero: np.ndarray, start: int, slope: Value
) -> tuple[int, ...]:
    """Return the number of the strongest tooth at each step."""
    main = np.array([1e-9 * comb.teeth[comb.main].centre_hz.value for comb in combs]) - zero
    spacings = [1e-9 * gap for comb in combs for gap in np.diff([t.centre_hz.value for t in comb.teeth])]
    if not spacings:
        return (0,) * len(combs)
    expected = main[start] + (slope.value if slope else 0.0) * (nu - nu[start])
    return tuple(int(each) for each in np.round((main - expected) / np.median(spacings)))


def _tracks(combs: Sequence[BeatComb], zero: np.ndarray, start: int) -> np.ndarray:
    """Return positions (tooth, step) of teeth followed outwards from a step; NaN where one is lost."""
    places = [
        1e-9 * np.array([tooth.centre_hz.value for tooth in comb.teeth]) - at
        for comb, at in zip(combs, zero, strict=True)
    ]
    main = combs[start].main
    first = [k for k in range(main - TEETH // 2, main + TEETH // 2 + 1) if 0 <= k < len(places[start])]
    gaps = np.diff(places[start])
    reach = 0.4 * (float(np.median(gaps)) if len(gaps) else 0.1)
    tracks = np.full((len(first), len(combs)), np.nan)
    tracks[:, start] = places[start][first]
    for direction in (1, -1):
        last = tracks[:, start].copy()
        for step in range(start + direction, len(combs) if direction == 1 else -1, direction):
            for row, before in enumerate(last):
                nearest = places[step][np.argmin(np.abs(places[step] - before))]
                if abs(nearest - before) < reach:
                    tracks[row, step] = last[row] = nearest
    return tracks


def _common_slope(nu: np.ndarray, tracks: np.ndarray) -> Value:
    """Fit straight lines with one slope to rows (row, step)."""
    x = y = np.zeros(0)
    for row in tracks:
        known = np.isfinite(row)
        if np.count_nonzero(known) > 1:
            x = np.concatenate([x, nu[known] - nu[known].mean()])
            y = np.concatenate([y, row[known] - row[known].mean()])
    free = len(x) - len(tracks) - 1
    if free < 1:
        return NOT_KNOWN
    slope = x @ y / (x @ x)
    scatter = y - slope * x
    return Value(float(slope), float(np.sqrt(scatter @ scatter / free / (x @ x))))
