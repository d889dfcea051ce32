"""Simulated sweep of the nanolaser dimer: a scan without a station."""

import warnings
from dataclasses import replace
from typing import ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsync.errors import LabsyncError, UsageError
from labsync.procedures.sweeps import Sweep, TextParameter
from labsync.scan import Point
from labsync.station import Station
from models import nanolaser_dimer
from models.nanolaser_dimer import Dimer, SingleSite
from models.numerics import ConvergenceError, TruncationError, TruncationWarning
from models.validity import ValidityWarning

LEVELS = ("fokker-planck", "gutzwiller", "quantum", "langevin")


class NanolaserDimerSweep(Sweep):
    """Simulate two driven, tunnel-coupled nanolasers over a range of one parameter.

    Rates are in units of kappa, the decay rate of the field amplitude. A step holds the swept quantity,
    ``photons``, ``field_real``, ``field_imag`` and ``coherence`` abs(<a>)^2/<n> of each ``laser``,
    ``imbalance`` n1 - n2 and the ``residual`` of the solution; with Fock states the
    ``truncation_weight``; on the level ``langevin`` also
    ``photons_error`` and ``imbalance_error``, from the scatter between trajectories.
    """

    slug: ClassVar[str] = "simulate-nanolaser-dimer"
    ranges: ClassVar[dict[str, tuple[str, str]]] = {
        "tunnelling": ("tunnelling", "kappa"),
        "phase_2_rad": ("phase_2_rad", "rad"),
        "pump_parameter": ("pump_parameter", "1"),
        "drive": ("drive", "kappa"),
    }

    level = TextParameter(f"Level of description, one of {', '.join(LEVELS)}", "fokker-planck")
    tunnelling = TextParameter("t_c, one value or start:stop:number", "0:0.04:21", "kappa")
    phase_1_rad = FloatParameter("Phase of drive 1", units="rad", default=0.0)
    phase_2_rad = TextParameter("Phase of drive 2, one value or start:stop:number", f"{np.pi / 2:.6f}", "rad")
    pump_parameter = TextParameter("C_p, threshold at 1; one value or start:stop:number", "1.1")
    gamma = FloatParameter("Pump rate of the emitter's coherence", units="kappa", default=3500.0)
    drive = TextParameter("abs(epsilon) of both drives, one value or start:stop:number", "0.3", "kappa")
    single_site_model = TextParameter("Single laser of gutzwiller, full, eliminated or cubic", "full")
    levels = IntegerParameter("Photon numbers kept per laser of quantum", default=8, minimum=2, maximum=12)
    duration = FloatParameter("Time per trajectory of langevin", units="1/kappa", default=10_000.0)
    trajectories = IntegerParameter("Trajectories of langevin", default=64, minimum=2)
    seed = IntegerParameter("Seed of langevin", default=1, minimum=0)

    _response: SingleSite | None = None

    def check(self, station: Station | None) -> None:
        """Refuse parameters the model does not take.

        Raises
        ------
        UsageError
            Saying which, and what would be right.
        """
        if self.level not in LEVELS:
            raise UsageError(f"--level is '{self.level}'; give one of {', '.join(LEVELS)}.")
        quantity, values = self.swept()
        known = nanolaser_dimer.SINGLE_SITE_MODELS
        if self.single_site_model not in known:
            raise UsageError(
                f"--single-site-model is '{self.single_site_model}'; give one of {', '.join(known)}."
            )
        try:
            for value in values:
                self.dimer({quantity: float(value)})
        except ValueError as error:
            raise UsageError(str(error)) from error

    def observe(self, station: Station | None, point: Point) -> xr.Dataset:
        """Solve for one value.

        Raises
        ------
        LabsyncError
            If the solution does not converge or takes more photon numbers than are kept.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ValidityWarning)
            warnings.simplefilter("always", TruncationWarning)
            try:
                found = self.solve(self.dimer(point))
            except (ConvergenceError, TruncationError) as error:
                at = ", ".join(f"{name} = {value:g}" for name, value in point.items())
                raise LabsyncError(f"The level {self.level} has no solution at {at}. {error}") from error
        self.remarks = tuple(dict.fromkeys([*self.remarks, *(str(each.message) for each in caught)]))
        units, photons, field = dict(self.ranges.values()), found["photons"], found["field"]
        step = xr.Dataset({name: ((), value, {"units": units[name]}) for name, value in point.items()})
        step["photons"] = photons
        step["imbalance"] = photons.sel(laser=1, drop=True) - photons.sel(laser=2, drop=True)
        step["field_real"], step["field_imag"] = field.real, field.imag
        step["coherence"] = abs(field) ** 2 / photons
        for name in {"photons_error", "imbalance_error"} & set(found):
            step[name] = found[name]
        for name in ("residual", "truncation_weight"):
            if name in found.attrs:
                step[name] = float(found.attrs[name])
        for variable in step.drop_vars(list(point)).variables.values():
            variable.attrs = {"units": "1"}
        return step

    def summarise(self, step: xr.Dataset) -> dict[str, float]:
        """Return the swept quantity, photon numbers, their difference and the coherences."""
        quantity, _ = self.swept()
        row = {quantity: float(step[quantity]), "imbalance": float(step["imbalance"])}
        for laser in (1, 2):
            row[f"photons_{laser}"] = float(step["photons"].sel(laser=laser))
            row[f"coherence_{laser}"] = float(step["coherence"].sel(laser=laser))
        return row

    def solve(self, dimer: Dimer) -> xr.Dataset:
        """Return the stationary state on the level asked for."""
        if self.level == "fokker-planck":
            return nanolaser_dimer.solve_self_consistent(dimer)
        if self.level == "gutzwiller":
            return nanolaser_dimer.solve_gutzwiller(dimer, single_site_model=self._table(dimer))
        if self.level == "quantum":
            return nanolaser_dimer.solve_dimer(dimer, levels=self.levels)
        return nanolaser_dimer.simulate_langevin(
            dimer, duration=self.duration, trajectories=self.trajectories, seed=self.seed
        )

    def _table(self, dimer: Dimer) -> SingleSite:
        """Return the response of the single laser; it is solved once for all points with the same pump."""
        if self._response is None or self._response.laser.pump_parameter != dimer.pump_parameter:
            grids = self.grids()
            strongest = replace(dimer, drive=float(grids["drive"].max()))
            furthest = float(np.abs(grids["tunnelling"]).max())
            self._response = nanolaser_dimer.response_table(strongest, furthest, str(self.single_site_model))
        return self._response

    def dimer(self, point: Point) -> Dimer:
        """Return the dimer at one value of the swept quantity.

        Raises
        ------
        ValueError
            If the model does not take a parameter.
        """
        return Dimer(gamma=self.gamma, phase_1_rad=self.phase_1_rad, **self.single(point))
