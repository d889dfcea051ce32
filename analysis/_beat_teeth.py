"""Which tooth of a comb is which, from spectrum to spectrum."""

from collections.abc import Sequence

import numpy as np

from analysis._beat_comb import BeatComb

__all__ = ["label_teeth"]

REACH = 0.4
"""Of the spacing: by so much the comb may move from one step to the next."""

ASIDE = 0.25
"""Of the spacing: what lies farther from where a tooth is expected is none."""


def label_teeth(combs: Sequence[BeatComb], start: int) -> tuple[list[dict[int, int]], float]:
    """Give the teeth numbers, outwards from one step.

    The whole comb is followed, not each tooth for itself: from one step to the next all teeth move by about
    the same, so that one too many, or one that is missing, does not mislead the others.

    Parameters
    ----------
    combs : sequence of BeatComb
        In the order of their detunings, frequencies counted from the free line of each.
    start : int
        Step whose strongest tooth is number 0.

    Returns
    -------
    list of dict
        Of each step, from a tooth's number to its index. What fits nowhere has no number.
    float
        Median spacing in Hz; NaN if no comb has two teeth.
    """
    places = [np.array([tooth.centre_hz.value for tooth in comb.teeth]) for comb in combs]
    errors = [np.array([tooth.centre_hz.std for tooth in comb.teeth]) for comb in combs]
    gaps = np.concatenate([np.diff(each) for each in places])
    spacing = float(np.median(gaps)) if gaps.size else np.nan
    labels: list[dict[int, int]] = [{} for _ in combs]
    first = {0: float(places[start][combs[start].main])}
    labels[start] = _numbered(places[start], first, spacing)
    for direction in (1, -1):
        last = {number: float(places[start][k]) for number, k in labels[start].items()}
        for step in range(start + direction, len(combs) if direction == 1 else -1, direction):
            moved = _shift(places[step], errors[step], np.array([*last.values()]), spacing)
            expected = {number: place + moved for number, place in last.items()}
            labels[step] = _numbered(places[step], expected, spacing)
            last = expected | {number: float(places[step][k]) for number, k in labels[step].items()}
    return labels, spacing


def _shift(places: np.ndarray, errors: np.ndarray, last: np.ndarray, spacing: float) -> float:
    """Return by how much a comb has moved: the weighted median over the teeth that have a counterpart."""
    apart = places[:, np.newaxis] - last
    off = apart[np.arange(places.size), np.argmin(np.abs(apart), axis=1)]
    near = np.abs(off) < REACH * spacing if np.isfinite(spacing) else np.ones(off.size, dtype=bool)
    if not near.any():
        return 0.0
    order = np.argsort(off[near])
    floor = 0.02 * spacing if np.isfinite(spacing) else 1.0
    weight = np.cumsum((1 / (errors[near] ** 2 + floor**2))[order])
    return float(off[near][order][np.searchsorted(weight, weight[-1] / 2)])


def _numbered(places: np.ndarray, expected: dict[int, float], spacing: float) -> dict[int, int]:
    """Return the number of each tooth where one is expected; beyond, spacings are counted outwards."""
    if not np.isfinite(spacing):
        return {0: 0}
    found: dict[int, int] = {}
    for number, place in expected.items():
        nearest = int(np.argmin(np.abs(places - place)))
        if abs(places[nearest] - place) < ASIDE * spacing:
            found[number] = nearest
    if not found:
        return found
    for direction in (1, -1):
        edge = max(found, key=lambda number: direction * number)
        at = found[edge]
        for k in range(at + direction, places.size if direction == 1 else -1, direction):
            teeth = direction * (places[k] - places[at]) / spacing
            number = edge + direction * round(teeth)
            if number not in found and abs(teeth - round(teeth)) < ASIDE:
                found[number] = k
                edge, at = number, k
    return found
