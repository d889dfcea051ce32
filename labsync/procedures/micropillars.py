"""Simulated sweep of the coupled micropillars: a scan without a station."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import FloatParameter, IntegerParameter, Parameter

from labsync.errors import UsageError
from labsync.scan import Point, Report, Scan
from labsync.station import Station
from models import micropillars

RESOLUTION_GHZ = 0.02

# What can be a range: name of the parameter, name and unit of the quantity in the run.
_SWEPT = {
    "detuning": ("detuning_ghz", "GHz"),
    "current_1_ua": ("current_1_ua", "uA"),
    "current_2_ua": ("current_2_ua", "uA"),
    "coupling": ("coupling", "1"),
}


class _Text(Parameter):
    """A parameter given as text, with the unit of the numbers in it."""

    def __init__(self, name: str, default: str, units: str | None = None) -> None:
        super().__init__(name, default=default)
        self.units = units


class MicropillarSweep(Scan):
    """Simulate the published pair over a range of one quantity.

    Detuning, currents and coupling take one value or start:stop:number; one of them can be a range. A step
    holds the swept quantity, ``detuning_ghz``, ``power`` (pillar, mode, frequency_ghz; photons/GHz),
    ``photon_number`` and ``g2_zero`` (pillar, mode), each with its standard error from the scatter between
    trajectories, and, if asked for, ``g2_weak`` (pillar, other_pillar, lag_ns).
    """

    slug: ClassVar[str] = "simulate-micropillars"

    detuning = _Text("Detuning of the strong modes, one value or start:stop:number", "0", "GHz")
    current_1_ua = _Text("Pump current per pillar, P1, one value or start:stop:number", "25", "uA")
    current_2_ua = _Text("Pump current per pillar, P2, one value or start:stop:number", "23.5", "uA")
    coupling = _Text("Coupling K, one value or start:stop:number", "0.025")
    inactive_loss_factor = FloatParameter("f_in of Eq. 6 (2 as printed, 1.34 calibrated)", default=1.34)
    delay_ns = FloatParameter("Delay one way", units="ns", default=3.85)
    relay = _Text("Relay with a 50/50 pellicle in the middle of the path, on or off", "off")
    average_phase = _Text("Average over the optical phases of the path, on or off", "on")
    round_trip_phase_rad = FloatParameter("Optical phase of the round trip", units="rad", default=0.0)
    reflection_phase_rad = FloatParameter("Optical phase of the relay's reflection", units="rad", default=0.0)
    duration_ns = FloatParameter("Simulated time per trajectory", units="ns", default=400.0)
    trajectories = IntegerParameter("Number of trajectories", default=32, minimum=2)
    step_ps = FloatParameter("Integration step", units="ps", default=1.0)
    correlation_ns = FloatParameter(
        "Longest lag of g2 of the weak modes, 0 for none", units="ns", default=0.0
    )
    seed = IntegerParameter("Seed of the noise", default=1, minimum=0)

    def grids(self) -> dict[str, np.ndarray]:
        """Return the values of everything that can be swept.

        Raises
        ------
        UsageError
            For a text that is no range, or more than one range.
        """
        grids = {
            name: parse_range(str(getattr(self, name)), f"--{name.replace('_', '-')}") for name in _SWEPT
        }
        ranges = [f"--{name.replace('_', '-')}" for name, grid in grids.items() if grid.size > 1]
        if len(ranges) > 1:
            raise UsageError(
                f"{' and '.join(ranges)} are ranges; give one range and single values otherwise."
            )
        return grids

    def swept(self) -> tuple[str, np.ndarray]:
        """Return the name of the swept quantity and its values; without a range that is the detuning."""
        grids = self.grids()
        name = next((n for n, grid in grids.items() if grid.size > 1), "detuning")
        return _SWEPT[name][0], grids[name]

    def expected_steps(self) -> int:
        """Return the number of values of the swept quantity."""
        return int(self.swept()[1].size)

    def check(self, station: Station | None) -> None:
        """Refuse parameters the model does not take.

        Raises
        ------
        UsageError
            Saying which, and what would be right.
        """
        quantity, values = self.swept()
        average = parse_switch(str(self.average_phase), "--average-phase")
        if not 0 <= self.correlation_ns < self.duration_ns:
            raise UsageError(
                f"--correlation-ns is {self.correlation_ns:g}; give 0 for none, or less than the duration "
                f"of {self.duration_ns:g} ns."
            )
        try:
            pairs = [self._pair({quantity: float(value)}) for value in values]
            micropillars.simulate(
                pairs[0],
                duration_ns=1.0,
                step_ps=self.step_ps,
                trajectories=2,
                settle_ns=0.0,
                average_phase=average,
            )
        except ValueError as error:
            raise UsageError(str(error)) from error

    def next_point(self, history: xr.Dataset) -> Point | None:
        """Return the next value of the swept quantity."""
        done = history.sizes["step"]
        quantity, values = self.swept()
        return {quantity: float(values[done])} if done < values.size else None

    def approach(self, station: Station | None, point: Point, report: Report) -> None:
        """Do nothing: a model is there at once."""

    def observe(self, station: Station | None, point: Point) -> xr.Dataset:
        """Simulate one value and reduce it."""
        pair = self._pair(point)
        light = micropillars.simulate(
            pair,
            duration_ns=self.duration_ns,
            step_ps=self.step_ps,
            trajectories=self.trajectories,
            seed=self.seed,
            average_phase=parse_switch(str(self.average_phase), "--average-phase"),
        )
        spectra = micropillars.spectrum(light, resolution_ghz=RESOLUTION_GHZ)
        level = micropillars.zero_lag(light)
        units = dict(_SWEPT.values())
        step = xr.Dataset(
            {
                "detuning_ghz": ((), pair.detuning_ghz, {"units": "GHz"}),
                **{name: ((), value, {"units": units[name]}) for name, value in point.items()},
                "power": spectra["power"].astype(np.float32),
                "power_std": spectra["power_std"].astype(np.float32),
                **{name: level[name] for name in ("photon_number", "photon_number_std")},
                **{name: level[name] for name in ("g2_zero", "g2_zero_std")},
            }
        )
        if self.correlation_ns > 0:
            g2 = micropillars.correlations(light, self.correlation_ns).sel(mode="weak", drop=True)
            step["g2_weak"] = g2["g2"].astype(np.float32)
            step["g2_weak_std"] = g2["g2_std"].astype(np.float32)
        return step

    def summarise(self, step: xr.Dataset) -> dict[str, float]:
        """Return the swept quantity and the mean photon numbers."""
        photons = step["photon_number"]
        row = {"detuning_ghz": float(step["detuning_ghz"])}
        quantity, _ = self.swept()
        row[quantity] = float(step[quantity])
        for pillar in ("P1", "P2"):
            for mode in ("strong", "weak"):
                row[f"photons_{pillar[1]}_{mode}"] = float(photons.sel(pillar=pillar, mode=mode))
        return row

    def _pair(self, point: Point) -> micropillars.Pair:
        single = {_SWEPT[name][0]: float(grid[0]) for name, grid in self.grids().items()} | point
        pair = micropillars.kreinberg2019(
            single["current_1_ua"],
            single["current_2_ua"],
            coupling=single["coupling"],
            inactive_loss_factor=self.inactive_loss_factor,
            delay_ns=self.delay_ns,
            round_trip_phase_rad=self.round_trip_phase_rad,
        )
        if parse_switch(str(self.relay), "--relay"):
            half = math.sqrt(0.5)
            pair = dataclasses.replace(
                pair,
                transmission_amplitude=half,
                reflection_amplitude=half,
                reflection_phase_rad=self.reflection_phase_rad,
            )
        return pair.detuned(single["detuning_ghz"])


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
        if len(parts) == 3 and number >= 2 and np.isfinite([start, stop]).all():
            return np.linspace(start, stop, number)
    except (ValueError, IndexError):
        pass
    raise UsageError(f"{option} '{text}' is no range; give one value or start:stop:number, such as -3:3:61.")
