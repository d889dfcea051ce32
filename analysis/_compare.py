"""Numbers of experiment and model side by side."""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from analysis._model_map import model_map
from analysis._modelled import Progress, Statistics
from analysis._values import NOT_KNOWN, Value, finite_or_none
from analysis.locking import LockingFit, fit_locking
from models.micropillars import Pair

_COMPARED = {
    "locking_range_ghz": "locking range (GHz)",
    "slope_p1": "slope of P1",
    "slope_p2": "slope of P2",
}


@dataclass(frozen=True)
class Comparison:
    """Experiment against model.

    Parameters
    ----------
    experiment, model
        Locking fits of both maps, made in the same way.
    model_map
        The model's map at the experiment's detunings.
    residual_ghz, residual_std_ghz
        Measured minus modelled centres and their errors, shape (step, pillar).
    reduced_chi_squared
        Of these residuals for P1 and P2; no parameter was adjusted.
    """

    experiment: LockingFit
    model: LockingFit
    model_map: xr.Dataset
    residual_ghz: np.ndarray
    residual_std_ghz: np.ndarray
    reduced_chi_squared: tuple[float, float]

    def difference(self, name: str) -> Value:
        """Return experiment minus model of "locking_range_ghz", "slope_p1" or "slope_p2"."""
        ours, theirs = getattr(self.experiment, name), getattr(self.model, name)
        if not ours or not theirs:
            return NOT_KNOWN
        return Value(ours.value - theirs.value, math.hypot(ours.std, theirs.std))

    def sigma(self, name: str) -> float:
        """Return the difference in standard errors; NaN when one of them is unknown."""
        difference = self.difference(name)
        return difference.value / difference.std if difference and difference.std > 0 else math.nan

    def as_dict(self) -> dict[str, object]:
        """Return all numbers ready for JSON."""
        return {
            "experiment": self.experiment.as_dict(),
            "model": self.model.as_dict(),
            "difference": {name: self.difference(name).as_dict() for name in _COMPARED},
            "difference_in_sigma": {name: finite_or_none(self.sigma(name)) for name in _COMPARED},
            "reduced_chi_squared": [finite_or_none(c) for c in self.reduced_chi_squared],
        }

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return (quantity, experiment, model, difference in standard errors) for a table."""
        return [
            (
                label,
                str(getattr(self.experiment, name)),
                str(getattr(self.model, name)),
                f"{self.sigma(name):+.1f}",
            )
            for name, label in _COMPARED.items()
        ]


def compare(
    map_: xr.Dataset, pair: Pair, statistics: Statistics | None = None, on_progress: Progress | None = None
) -> Comparison:
    """Run the model at the measured detunings and set both side by side.

    Parameters
    ----------
    map_
        From `analysis.detuning.reduce_map`.
    pair
        The model's lasers.
    statistics, on_progress
        As for `model_map`.
    """
    usable = map_.isel(step=np.flatnonzero(np.isfinite(map_["detuning_ghz"].values)))
    modelled = model_map(usable, pair, statistics=statistics, on_progress=on_progress)
    residual = usable["centre_ghz"].values - modelled["centre_ghz"].values
    std = np.hypot(usable["centre_std_ghz"].values, modelled["centre_std_ghz"].values)
    reduced = np.nanmean((residual / std) ** 2, axis=0)
    return Comparison(
        fit_locking(usable),
        fit_locking(modelled),
        modelled,
        residual,
        std,
        (float(reduced[0]), float(reduced[1])),
    )
