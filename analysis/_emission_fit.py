"""Weighted least squares of the emission model on measured curves."""

from dataclasses import dataclass, replace

import lmfit
import numpy as np
from lmfit.minimizer import MinimizerResult

from analysis._emission_data import Measured
from analysis._emission_model import Emission, emission, model_errors
from models.micropillars import Pillar, threshold_current_ua

_STEP = 2e-4  # relative, for slopes
_NAMES = ("spontaneous_factor", "injection_efficiency", "parasitic_current_ua", "scale")


@dataclass(frozen=True)
class Solution:
    """Best values, their covariance in the order beta, eta, J_p, scale, and residuals in standard errors."""

    values: dict[str, float]
    covariance: np.ndarray
    residual: np.ndarray
    free: int

    @property
    def chi_squared(self) -> float:
        """Sum of squared residuals."""
        return float(np.sum(self.residual**2))


def solve(data: Measured, pillar: Pillar, scale: float | None) -> Solution:
    """Fit beta, eta, J_p and, if it is None and outputs were measured, the scale.

    Twice: the second time the errors contain those of the model at the curves found first.
    """
    pillar = _first_guess(data, pillar)
    model = _Model(data, pillar)
    fit_scale = scale is None and "output" in data.curves
    parameters = lmfit.Parameters()
    for name, lowest, highest in (
        ("spontaneous_factor", 1e-6, 1.0),
        ("injection_efficiency", 1e-6, 1.0),
        ("parasitic_current_ua", 0.0, float(data.current_ua[-1])),
    ):
        parameters.add(name, getattr(pillar, name), min=lowest, max=highest)
    parameters.add("scale", model.best_scale(pillar) if fit_scale else scale or 1.0, vary=fit_scale, min=0.0)
    first = _minimise(model, parameters)
    model.admit_own_errors(first.params)
    result = _minimise(model, first.params)
    names = result.var_names
    if not result.success or getattr(result, "covar", None) is None:
        raise ValueError(f"The curves do not determine {', '.join(names)}: {result.message}")
    covariance = np.zeros((4, 4))
    places = [_NAMES.index(name) for name in names]
    covariance[np.ix_(places, places)] = result.covar
    values = result.params.valuesdict()
    if scale is None and not fit_scale:
        values["scale"] = float("nan")
    return Solution(dict(values), covariance, np.asarray(result.residual), len(names))


def _minimise(model: "_Model", parameters: lmfit.Parameters) -> MinimizerResult:
    return lmfit.minimize(
        model.residual,
        parameters,
        method="least_squares",
        scale_covar=False,
        jac=model.slopes,
        x_scale="jac",
        ftol=1e-5,
        xtol=1e-4,
    )


def _first_guess(data: Measured, pillar: Pillar) -> Pillar:
    """Choose eta such that the threshold lies where the curves are steepest, keeping beta and J_p."""
    steepest = data.steepest_ua()
    parasitic = min(pillar.parasitic_current_ua, 0.8 * steepest)
    threshold = threshold_current_ua(replace(pillar, parasitic_current_ua=parasitic))
    factor = (threshold - parasitic) / (steepest - parasitic)
    return replace(
        pillar,
        parasitic_current_ua=parasitic,
        injection_efficiency=pillar.injection_efficiency * factor,
    )


class _Model:
    """The model at the measured places, remembering its last evaluation."""

    def __init__(self, data: Measured, pillar: Pillar) -> None:
        self._data, self._pillar, self._std = data, pillar, data.std
        self._lines = [mode for mode in (0, 1) if data.has_linewidth(mode)]
        self._last: tuple[Pillar, dict[str, np.ndarray]] | None = None

    def residual(self, parameters: lmfit.Parameters) -> np.ndarray:
        """Return (model - measured) in standard errors."""
        pillar = self._with(parameters)
        if self._last is None or self._last[0] != pillar:
            self._last = pillar, self._curves(pillar)
        modelled = self._row(self._last[1], parameters["scale"].value)
        return np.asarray((modelled - self._data.values) / self._std)

    def slopes(self, parameters: lmfit.Parameters) -> np.ndarray:
        """Return the residuals' slopes by the fitted parameters, shape (value, parameter).

        eta and J_p act through eta (J - J_p) only, so two further evaluations give all slopes.
        """
        self.residual(parameters)
        assert self._last is not None
        pillar, curves = self._last
        scale = parameters["scale"].value
        above = self._data.current_ua - pillar.parasitic_current_ua
        beta, eta = pillar.spontaneous_factor, pillar.injection_efficiency
        by_beta = self._difference(replace(pillar, spontaneous_factor=beta * (1 + _STEP)), beta * _STEP)
        by_eta = self._difference(replace(pillar, injection_efficiency=eta * (1 + _STEP)), eta * _STEP)
        by_parasitic = {
            kind: -eta * np.divide(slope, above, out=np.zeros_like(slope), where=above > 0)
            for kind, slope in by_eta.items()
        }
        columns = [self._row(slope, scale) for slope in (by_beta, by_eta, by_parasitic)]
        if parameters["scale"].vary:
            by_scale = {kind: curve * (kind == "output") for kind, curve in curves.items()}
            columns.append(self._row(by_scale, 1.0))
        return np.stack(columns, axis=1) / self._std[:, None]

    def admit_own_errors(self, parameters: lmfit.Parameters) -> None:
        """Add to the measured errors, in quadrature, those that the model has with these parameters."""
        emitted = self._emitted(self._with(parameters))
        numbers, widths = (np.array(each).T for each in zip(*map(model_errors, emitted), strict=True))
        relative = {"output": numbers, "linewidth_ghz": widths}
        curves = self._by_kind(emitted)
        own = self._row(
            {kind: relative[kind] * curve for kind, curve in curves.items()}, parameters["scale"].value
        )
        self._std = np.hypot(self._data.std, own)

    def best_scale(self, pillar: Pillar) -> float:
        """Return the scale that brings the model's outputs closest to the measured ones."""
        modelled = self._curves(pillar)["output"] / self._data.errors["output"]
        measured = self._data.curves["output"] / self._data.errors["output"]
        return float(np.sum(modelled * measured) / np.sum(modelled**2))

    def _with(self, parameters: lmfit.Parameters) -> Pillar:
        return replace(self._pillar, **{name: parameters[name].value for name in _NAMES[:3]})

    def _curves(self, pillar: Pillar) -> dict[str, np.ndarray]:
        return self._by_kind(self._emitted(pillar))

    def _emitted(self, pillar: Pillar) -> list[Emission]:
        return [
            emission(replace(pillar, current_ua=float(current)), self._lines)
            for current in self._data.current_ua
        ]

    def _by_kind(self, emitted: list[Emission]) -> dict[str, np.ndarray]:
        curves = {
            "output": np.array([each.photon_number for each in emitted]).T,
            # no light, no line: a width that no measurement has
            "linewidth_ghz": np.nan_to_num(np.array([each.linewidth_ghz for each in emitted]).T, nan=1e3),
        }
        return {kind: curves[kind] for kind in self._data.curves}

    def _difference(self, moved: Pillar, step: float) -> dict[str, np.ndarray]:
        assert self._last is not None
        return {kind: (curve - self._last[1][kind]) / step for kind, curve in self._curves(moved).items()}

    def _row(self, curves: dict[str, np.ndarray], scale: float) -> np.ndarray:
        return self._data.flat({k: curve * (scale if k == "output" else 1.0) for k, curve in curves.items()})
