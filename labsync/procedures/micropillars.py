"""Simulated sweep of the coupled micropillars: a scan without a station."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsync.errors import UsageError
from labsync.procedures.sweeps import Sweep, TextParameter, parse_switch
from labsync.scan import Point
from labsync.station import Station
from models import micropillars

RESOLUTION_GHZ = 0.02


class MicropillarSweep(Sweep):
    """Simulate the published pair over a range of one quantity.

    Detuning, currents and coupling take one value or start:stop:number; one of them can be a range. A step
    holds the swept quantity, ``detuning_ghz``, ``power`` (pillar, mode, frequency_ghz; photons/GHz),
    ``photon_number`` and ``g2_zero`` (pillar, mode), each with its standard error from the scatter between
    trajectories, and, if asked for, ``g2_weak`` (pillar, other_pillar, lag_ns).
    """

    slug: ClassVar[str] = "simulate-micropillars"
    ranges: ClassVar[dict[str, tuple[str, str]]] = {
        "detuning": ("detuning_ghz", "GHz"),
        "current_1_ua": ("current_1_ua", "uA"),
        "current_2_ua": ("current_2_ua", "uA"),
        "coupling": ("coupling", "1"),
    }

    detuning = TextParameter("Detuning of the strong modes, one value or start:stop:number", "0", "GHz")
    current_1_ua = TextParameter("Pump current per pillar, P1, one value or start:stop:number", "25", "uA")
    current_2_ua = TextParameter("Pump current per pillar, P2, one value or start:stop:number", "23.5", "uA")
    coupling = TextParameter("Coupling K, one value or start:stop:number", "0.025")
    inactive_loss_factor = FloatParameter("f_in of Eq. 6 (2 as printed, 1.34 calibrated)", default=1.34)
    delay_ns = FloatParameter("Delay one way", units="ns", default=3.85)
    relay = TextParameter("Relay with a 50/50 pellicle in the middle of the path, on or off", "off")
    average_phase = TextParameter("Average over the optical phases of the path, on or off", "on")
    round_trip_phase_rad = FloatParameter("Optical phase of the round trip", units="rad", default=0.0)
    reflection_phase_rad = FloatParameter("Optical phase of the relay's reflection", units="rad", default=0.0)
    duration_ns = FloatParameter("Simulated time per trajectory", units="ns", default=400.0)
    trajectories = IntegerParameter("Number of trajectories", default=32, minimum=2)
    step_ps = FloatParameter("Integration step", units="ps", default=1.0)
    correlation_ns = FloatParameter(
        "Longest lag of g2 of the weak modes, 0 for none", units="ns", default=0.0
    )
    seed = IntegerParameter("Seed of the noise", default=1, minimum=0)

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
            pairs = [self.pair({quantity: float(value)}) for value in values]
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

    def observe(self, station: Station | None, point: Point) -> xr.Dataset:
        """Simulate one value and reduce it."""
        pair = self.pair(point)
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
        units = dict(self.ranges.values())
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

    def pair(self, point: Point) -> micropillars.Pair:
        """Return the pair at one value of the swept quantity.

        Raises
        ------
        ValueError
            If the model does not take a parameter.
        """
        single = self.single(point)
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
        return pair.detuned(single["detuning"])
