"""What the catalogue holds about one run: its facts, and the range of everything that has a number."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from labsync import notes
from labsync.errors import DamagedRun
from labsync.store import Run


class Quantity(NamedTuple):
    """A named value of a run, or the range that it covered; a text has no range."""

    name: str
    source: str
    low: float | None
    high: float | None
    text: str | None


@dataclass(frozen=True)
class Entry:
    """One run in the catalogue: the facts of `summary` with tags and notes, and all quantities."""

    facts: dict[str, Any]
    quantities: list[Quantity]


def summary(run: Run, steps: int | None = None) -> dict[str, Any]:
    """Return the facts of a run that a list of runs shows, ready for JSON.

    Parameters
    ----------
    run : Run
        Any run.
    steps : int, optional
        Number of committed steps, if it is known already.
    """
    stop = run.stop or {}
    return {
        "uid": run.uid,
        "path": str(run.path),
        "procedure": run.procedure,
        "status": run.status,
        "started": run.start.get("started"),
        "stopped": stop.get("stopped"),
        "steps": len(run.journal()) if steps is None else steps,
        "station": run.start.get("station"),
        "seed": run.start.get("seed"),
        "message": stop.get("message", ""),
        "remarks": stop.get("remarks", []),
        "timing_s": stop.get("timing_s", {}),
    }


def read_entry(run: Run) -> Entry:
    """Read what the catalogue holds about `run`; a run with a damaged journal has the status ``damaged``."""
    try:
        steps, said = run.journal(), notes.read(run)
    except DamagedRun as error:
        facts = {**summary(run, steps=0), "status": "damaged", "message": str(error), "tags": [], "notes": []}
        return Entry(facts, list(_parameters(run)))
    facts = {**summary(run, len(steps)), "tags": list(said.tags), "notes": list(said.notes)}
    return Entry(facts, [*_parameters(run), *_measured(steps), *_results(run)])


def _parameters(run: Run) -> Iterator[Quantity]:
    for name, value in run.start.get("parameters", {}).items():
        yield from _single(name, "parameter", value)


def _measured(steps: Iterable[Mapping[str, Any]]) -> Iterator[Quantity]:
    ranges: dict[str, tuple[float, float]] = {}
    for step in steps:
        for name, value in [*step.get("point", {}).items(), *step.get("row", {}).items()]:
            if _is_number(value):
                low, high = ranges.get(name, (value, value))
                ranges[name] = min(low, float(value)), max(high, float(value))
    for name, (low, high) in ranges.items():
        yield Quantity(name, "measured", low, high, None)


def _results(run: Run) -> Iterator[Quantity]:
    for path in sorted((run.path / "results").glob("*.json")):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # derived, and may be made again
        for name, value in _flat(result):
            yield from _single(name, f"results/{path.stem}", value)


def _flat(result: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted names and scalars; of {"value": ..., "std": ...} the value."""
    if not isinstance(result, dict):
        if name and not isinstance(result, list):
            yield name, result
    elif "value" in result:
        yield name, result["value"]
    else:
        for key, value in result.items():
            yield from _flat(value, f"{name}.{key}" if name else key)


def _single(name: str, source: str, value: Any) -> Iterator[Quantity]:
    if _is_number(value):
        yield Quantity(name, source, float(value), float(value), None)
    elif isinstance(value, str | bool):
        text = str(value).lower() if isinstance(value, bool) else value
        number = _number_in(text)
        yield Quantity(name, source, number, number, text)


def _number_in(text: str) -> float | None:
    """Return the number that a text states: parameters that may be ranges are kept as text."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
