"""Simulated detuning sweep of the coupled micropillars: a scan without a station."""

import dataclasses
from typing import ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import FloatParameter, IntegerParameter, Parameter

from labsync.errors import UsageError
from labsync.scan import Point, Report, Scan
from labsync.station import Station
from models import micropillars

RESOLUTION_GHZ = 0.02


class MicropillarSweep(Scan):
    """Simulate the published pair over a range of detunings; the phase of the coupling path is averaged over.

    A step holds ``power`` (pillar, mode, frequency_ghz; photons/GHz), ``photon_number`` and ``g2_zero``
    (pillar, mode), each with its standard error from the scatter between trajectories.
    """

    slug: ClassVar[str] = "simulate-micropillars"

    detuning = Parameter("Detuning of the strong modes in GHz, one value or start:stop:number", default="0")
    current_1_ua = FloatParameter("Pump current per pillar, P1", units="uA", default=25.0, minimum=0.0)
    current_2_ua = FloatParameter("Pump current per pillar, P2", units="uA", default=23.5, minimum=0.0)
    coupling = FloatParameter("Coupling K", default=0.025)
    inactive_loss_factor = FloatParameter("f_in of Eq. 6 (2 as printed, 1.34 calibrated)", default=1.34)
    duration_ns = FloatParameter("Simulated time per trajectory", units="ns", default=400.0)
    trajectories = IntegerParameter("Number of trajectories", default=32, minimum=2)
    step_ps = FloatParameter("Integration step", units="ps", default=1.0)
    seed = IntegerParameter("Seed of the noise", default=1, minimum=0)

    def detunings_ghz(self) -> np.ndarray:
        """Return the grid of detunings."""
        return parse_range(str(self.detuning), "--detuning")

    def expected_steps(self) -> int:
        """Return the number of detunings."""
        return int(self.detunings_ghz().size)

    def check(self, station: Station | None) -> None:
        """Refuse parameters the model does not take.

        Raises
        ------
        UsageError
            Saying which, and what would be right.
        """
        self.expected_steps()
        try:
            micropillars.simulate(
                self._pair(0.0), duration_ns=1.0, step_ps=self.step_ps, trajectories=2, settle_ns=0.0
            )
        except ValueError as error:
            raise UsageError(str(error)) from error

    def next_point(self, history: xr.Dataset) -> Point | None:
        """Return the next detuning."""
        done = history.sizes["step"]
        grid = self.detunings_ghz()
        return {"detuning_ghz": float(grid[done])} if done < grid.size else None

    def approach(self, station: Station | None, point: Point, report: Report) -> None:
        """Do nothing: a model is there at once."""

    def observe(self, station: Station | None, point: Point) -> xr.Dataset:
        """Simulate one detuning and reduce it."""
        light = micropillars.simulate(
            self._pair(point["detuning_ghz"]),
            duration_ns=self.duration_ns,
            step_ps=self.step_ps,
            trajectories=self.trajectories,
            seed=self.seed,
            average_phase=True,
        )
        spectra = micropillars.spectrum(light, resolution_ghz=RESOLUTION_GHZ)
        photons = light["photon_number"].mean("time_ns")
        g2 = (light["photon_number"] ** 2).mean("time_ns") / photons**2
        return xr.Dataset(
            {
                "detuning_ghz": ((), point["detuning_ghz"], {"units": "GHz"}),
                "power": spectra["power"].astype(np.float32),
                "power_std": spectra["power_std"].astype(np.float32),
                **_mean_and_error("photon_number", photons),
                **_mean_and_error("g2_zero", g2),
            }
        )

    def summarise(self, step: xr.Dataset) -> dict[str, float]:
        """Return the mean photon numbers."""
        photons = step["photon_number"]
        row = {"detuning_ghz": float(step["detuning_ghz"])}
        for pillar in ("P1", "P2"):
            for mode in ("strong", "weak"):
                row[f"photons_{pillar[1]}_{mode}"] = float(photons.sel(pillar=pillar, mode=mode))
        return row

    def _pair(self, detuning_ghz: float) -> micropillars.Pair:
        pair = micropillars.kreinberg2019(
            self.current_1_ua,
            self.current_2_ua,
            coupling=self.coupling,
            inactive_loss_factor=self.inactive_loss_factor,
        )
        return dataclasses.replace(pair, detuning_ghz=detuning_ghz)


def _mean_and_error(name: str, values: xr.DataArray) -> dict[str, xr.DataArray]:
    error = values.std("trajectory", ddof=1) / np.sqrt(values.sizes["trajectory"])
    return {
        name: values.mean("trajectory").assign_attrs(units="1"),
        f"{name}_std": error.assign_attrs(units="1"),
    }


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
