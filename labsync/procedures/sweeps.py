"""Scans of models: a range of one parameter, and nothing to wait for."""

from typing import ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import Parameter

from labsync.errors import UsageError
from labsync.scan import Point, Report, Scan
from labsync.station import Station

__all__ = ["Sweep", "TextParameter", "parse_range", "parse_switch"]


MOST_POINTS = 100_000


class TextParameter(Parameter):
    """A parameter given as text, with the unit of the numbers in it."""

    def __init__(self, name: str, default: str, units: str | None = None) -> None:
        super().__init__(name, default=default)
        self.units = units


class Sweep(Scan):
    """Base of the sweeps of models; needs no station.

    A subclass names in `ranges` what can be a range, and has ``observe`` and ``summarise``.
    """

    ranges: ClassVar[dict[str, tuple[str, str]]] = {}
    """What takes start:stop:number: name and unit of the quantity in the run, the default one first."""

    def grids(self) -> dict[str, np.ndarray]:
        """Return the values of everything that can be swept.

        Raises
        ------
        UsageError
            For a text that is no range, or more than one range.
        """
        grids = {name: parse_range(str(getattr(self, name)), _option(name)) for name in self.ranges}
        ranges = [_option(name) for name, grid in grids.items() if grid.size > 1]
        if len(ranges) > 1:
            raise UsageError(
                f"{' and '.join(ranges)} are ranges; give one range and single values otherwise."
            )
        return grids

    def swept(self) -> tuple[str, np.ndarray]:
        """Return the name of the swept quantity and its values; without a range that of the default one."""
        grids = self.grids()
        name = next((n for n, grid in grids.items() if grid.size > 1), next(iter(grids)))
        return self.ranges[name][0], grids[name]

    def single(self, point: Point) -> dict[str, float]:
        """Return the value of everything that can be swept at one point, by the names of the parameters."""
        return {
            name: float(point.get(quantity, grid[0]))
            for (name, grid), (quantity, _) in zip(self.grids().items(), self.ranges.values(), strict=True)
        }

    def expected_steps(self) -> int:
        """Return the number of values of the swept quantity."""
        return int(self.swept()[1].size)

    def next_point(self, history: xr.Dataset) -> Point | None:
        """Return the next value of the swept quantity."""
        done = history.sizes["step"]
        quantity, values = self.swept()
        return {quantity: float(values[done])} if done < values.size else None

    def approach(self, station: Station | None, point: Point, report: Report) -> None:
        """Do nothing: a model is there at once."""


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def parse_switch(text: str, option: str) -> bool:
    """Return whether a switch is on.

    Raises
    ------
    UsageError
        Naming the option, if the text is neither on nor off.
    """
    if text not in {"on", "off"}:
        raise UsageError(f"{option} is '{text}'; give on or off.")
    return text == "on"


def parse_range(text: str, option: str) -> np.ndarray:
    """Return the values that ``value`` or ``start:stop:number`` names.

    Raises
    ------
    UsageError
        Naming the option, if the text is neither.
    """
    parts = text.split(":")
    try:
        if len(parts) == 1 and np.isfinite(float(text)):
            return np.array([float(text)])
        start, stop, number = float(parts[0]), float(parts[1]), int(parts[2])
        if len(parts) == 3 and 2 <= number <= MOST_POINTS and np.isfinite([start, stop]).all():
            return np.linspace(start, stop, number)
    except (ValueError, IndexError):
        pass
    raise UsageError(
        f"{option} '{text}' is no range; give one value or start:stop:number, such as -3:3:61, "
        f"with 2 to {MOST_POINTS} values."
    )
