"""Detuning scan: P2 is tuned by temperature through P1's resonance while both spectra are recorded.

Source: Kreinberg et al., Nature Communications 10, 1539 (2019), Figs. 3 and 4.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import FloatParameter, IntegerParameter

from analysis.detuning import live_detuning
from labsync import position
from labsync.errors import UsageError
from labsync.scan import Point, Report, Scan
from labsync.settings import PumpSection
from labsync.station import Station


class DetuningScan(Scan):
    """Sweep P2's temperature on a uniform grid; record both lines at each step, uncoupled and coupled.

    The uncoupled spectra (coupling path blocked) are the step's own frequency reference: they give the
    nominal detuning and the zero of the frequency axis whatever the interferometer and the cryostats have
    drifted.

    A step holds ``counts`` and ``counts_free`` (pillar, bin) or, where an oscilloscope reads the
    interferometer, ``voltage`` and ``voltage_free`` (V) with their standard deviations ``voltage_std`` and
    ``voltage_free_std``; the measured temperatures (K), the currents per pillar (uA), the transmission of the
    coupling path and the integration time (s).
    """

    slug: ClassVar[str] = "detuning-scan"
    needs: ClassVar[tuple[str, ...]] = ("attenuator", "fabry_perot")
    DATA_COLUMNS: ClassVar[list[str]] = ["temperature_2_k", "detuning_ghz", "centre_1_ghz", "centre_2_ghz"]

    temperature_1_k = FloatParameter("Temperature of P1, held", units="K", default=32.0)
    temperature_2_start_k = FloatParameter("Temperature of P2, first step", units="K", default=34.9)
    temperature_2_stop_k = FloatParameter("Temperature of P2, last step", units="K", default=33.9)
    steps = IntegerParameter("Number of steps", default=41, minimum=2)
    current_1_ua = FloatParameter("Pump current per pillar, P1", units="uA", default=25.0, minimum=0.0)
    current_2_ua = FloatParameter("Pump current per pillar, P2", units="uA", default=23.5, minimum=0.0)
    coupling_transmission = FloatParameter(
        "Power transmission of the coupling path", default=1.0, minimum=0.0, maximum=1.0
    )
    integration_s = FloatParameter("Integration time per spectrum", units="s", default=4.0, minimum=0.1)

    _sample_offset: Mapping[str, Any] = {}

    def expected_steps(self) -> int:
        """Return the number of grid points."""
        return int(self.steps)

    def check(self, station: Station) -> None:
        """Refuse temperatures and currents outside the station's limits.

        Raises
        ------
        UsageError
            Naming the parameter, its value and the limit.
        """
        asked = {
            "temperature_1_k": (self.temperature_1_k, station.settings.cryostat_1.setpoint_limits),
            "temperature_2_start_k": (
                self.temperature_2_start_k,
                station.settings.cryostat_2.setpoint_limits,
            ),
            "temperature_2_stop_k": (self.temperature_2_stop_k, station.settings.cryostat_2.setpoint_limits),
            "current_1_ua": (self.current_1_ua, (0.0, _per_pillar_ua(station.settings.pump_1))),
            "current_2_ua": (self.current_2_ua, (0.0, _per_pillar_ua(station.settings.pump_2))),
        }
        for name, (value, (low, high)) in asked.items():
            if not low <= value <= high:
                raise UsageError(f"{name} = {value:g} is outside this station's limits, {low:g} to {high:g}.")

    def next_point(self, history: xr.Dataset) -> Point | None:
        """Return the next temperature of the grid."""
        done = history.sizes["step"]
        if done >= self.steps:
            return None
        grid = np.linspace(self.temperature_2_start_k, self.temperature_2_stop_k, self.steps)
        return {"temperature_2_k": round(float(grid[done]), 6)}

    def approach(self, station: Station, point: Point, report: Report) -> None:
        """Pump both arrays on their strong modes, set both temperatures, wait, and recentre P2's sample."""
        position.remember(station)
        station.select_modes("strong", "strong")
        for pump, pillars, current_ua in (
            (station.pump_1, station.settings.pump_1.pillars, self.current_1_ua),
            (station.pump_2, station.settings.pump_2.pillars, self.current_2_ua),
        ):
            array_a = current_ua * 1e-6 * pillars
            pump.ramp_to_current(array_a, tolerance_a=2e-4 * array_a)
        follow = position.follower(station)
        station.cryostat_1.set_setpoint_k(self.temperature_1_k)
        station.cryostat_2.set_setpoint_k(point["temperature_2_k"])
        for name, cryostat, rule in (
            ("temperature_1_k", station.cryostat_1, station.settings.cryostat_1.settle),
            ("temperature_2_k", station.cryostat_2, station.settings.cryostat_2.settle),
        ):

            def on_poll(kelvin: float, name: str = name) -> None:
                report({name: kelvin})
                follow()

            cryostat.wait_until_settled(
                band_k=rule.band, dwell_s=rule.dwell, deadline_s=rule.deadline, on_poll=on_poll
            )
        self._sample_offset = position.recentre(station)

    def observe(self, station: Station, point: Point) -> xr.Dataset:
        """Record the coupled spectra between two halves of the free-running ones.

        A slow drift of a laser or of the interferometer then moves both by the same amount.
        """
        started = station.wall_time_s()
        temperatures = [self._temperatures(station)]
        station.attenuator.set_transmission(0.0)
        before = station.fabry_perot.record(self.integration_s / 2)
        station.attenuator.set_transmission(self.coupling_transmission)
        coupled = station.fabry_perot.record(self.integration_s)
        transmission = station.attenuator.transmission
        station.attenuator.set_transmission(0.0)
        after = station.fabry_perot.record(self.integration_s / 2)
        temperatures.append(self._temperatures(station))
        temperature_1_k, temperature_2_k = np.mean(temperatures, axis=0)
        kelvin, microampere = {"units": "K"}, {"units": "uA"}
        return xr.Dataset(
            {
                **_spectra(coupled, before, after),
                **self._sample_offset,
                "temperature_1_k": ((), temperature_1_k, kelvin),
                "temperature_2_k": ((), temperature_2_k, kelvin),
                "temperature_setpoint_2_k": ((), point["temperature_2_k"], kelvin),
                "current_1_ua": (
                    (),
                    station.pump_1.current_a / station.settings.pump_1.pillars * 1e6,
                    microampere,
                ),
                "current_2_ua": (
                    (),
                    station.pump_2.current_a / station.settings.pump_2.pillars * 1e6,
                    microampere,
                ),
                "coupling_transmission": ((), transmission, {"units": "1"}),
                "integration_s": ((), float(self.integration_s), {"units": "s"}),
                "time": (
                    (),
                    started,
                    {"units": "seconds since 1970-01-01", "calendar": "proleptic_gregorian"},
                ),
            },
            coords={"pillar": ["P1", "P2"], "ramp_time_ms": coupled["ramp_time_ms"]},
            attrs=station.fabry_perot_attrs(),
        )

    def summarise(self, step: xr.Dataset) -> dict[str, float]:
        """Return temperature, nominal detuning and the centres of the coupled lines."""
        lines = live_detuning(step)
        return {
            "temperature_2_k": float(step["temperature_2_k"]),
            "detuning_ghz": lines.detuning_ghz.value,
            "centre_1_ghz": lines.centre_1_ghz.value,
            "centre_2_ghz": lines.centre_2_ghz.value,
        }

    def _number(self, point: Point) -> int:
        """Return the step whose point this is, from 1."""
        grid = np.linspace(self.temperature_2_start_k, self.temperature_2_stop_k, self.steps)
        return 1 + int(np.argmin(np.abs(grid - point["temperature_2_k"])))

    @staticmethod
    def _temperatures(station: Station) -> tuple[float, float]:
        return station.cryostat_1.temperature_k, station.cryostat_2.temperature_k


def _spectra(coupled: xr.Dataset, before: xr.Dataset, after: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return the spectra; counts of the two free-running halves add up, their voltages are averaged."""
    if "counts" in coupled:
        free = (before["counts"] + after["counts"]).astype(np.int32).assign_attrs(units="counts")
        return {"counts": coupled["counts"].astype(np.int32), "counts_free": free}
    spectra = {
        "voltage": coupled["voltage"],
        "voltage_std": coupled["voltage_std"],
        "voltage_free": (before["voltage"] + after["voltage"]) / 2,
        "voltage_free_std": (before["voltage_std"] ** 2 + after["voltage_std"] ** 2) ** 0.5 / 2,
    }
    return {name: each.astype(np.float32).assign_attrs(units="V") for name, each in spectra.items()}


def _per_pillar_ua(pump: PumpSection) -> float:
    return pump.current_limit / pump.pillars * 1e6
