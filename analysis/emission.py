"""Input-output curves and linewidth curves of one pillar: the model's, and its fit to measured ones."""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from analysis._emission_curves import emission_curves
from analysis._emission_data import Measured
from analysis._emission_fit import Solution, solve
from analysis._values import Value
from models.micropillars import Pillar, threshold_current_ua

__all__ = ["EmissionFit", "emission_curves", "fit_emission"]

_NAMES = ("spontaneous_factor", "injection_efficiency", "parasitic_current_ua", "scale")


@dataclass(frozen=True)
class EmissionFit:
    """Result of `fit_emission`.

    Parameters
    ----------
    spontaneous_factor, injection_efficiency, parasitic_current_ua
        beta, eta and J_p with standard errors.
    scale
        Output per photon; error 0 if it was given, unknown if only linewidths were fitted.
    threshold_current_ua
        Current at which the noise-free strong mode starts to lase, with the error that follows from the
        others; better known than eta and J_p, whose errors are strongly correlated.
    covariance
        4 x 4, order (beta, eta, J_p, scale); zeros for a scale that was not fitted.
    reduced_chi_squared
        Of all fitted values. Where it exceeds one, the errors given here are enlarged by its square root.
    points, free
        Number of fitted values and of free parameters.
    pillar
        The pillar with the fitted values.
    curves
        The fitted model at the measured currents, as from `emission_curves`, with output (mode, current_ua)
        and the residuals output_residual and linewidth_residual in standard errors.
    """

    spontaneous_factor: Value
    injection_efficiency: Value
    parasitic_current_ua: Value
    scale: Value
    threshold_current_ua: Value
    covariance: np.ndarray
    reduced_chi_squared: float
    points: int
    free: int
    pillar: Pillar
    curves: xr.Dataset

    def as_dict(self) -> dict[str, object]:
        """Return all numbers ready for JSON, unknown ones as None."""
        return {
            **{name: getattr(self, name).as_dict() for name in (*_NAMES, "threshold_current_ua")},
            "covariance_names": list(_NAMES),
            "covariance": self.covariance.tolist(),
            "reduced_chi_squared": self.reduced_chi_squared,
            "points": self.points,
            "free": self.free,
        }

    def rows(self) -> list[tuple[str, str]]:
        """Return (quantity, value with error) for a table."""
        return [
            ("beta", str(self.spontaneous_factor)),
            ("eta", str(self.injection_efficiency)),
            ("J_p (uA)", str(self.parasitic_current_ua)),
            ("output per photon", str(self.scale)),
            ("threshold (uA)", str(self.threshold_current_ua)),
            ("reduced chi-squared", f"{self.reduced_chi_squared:.2f}"),
        ]


def fit_emission(measured: xr.Dataset, pillar: Pillar, scale: float | None = None) -> EmissionFit:
    """Fit beta, eta, J_p and the scale of the output axis to the curves of one pillar on its own.

    Weighted least squares on `emission_curves`. The weights are the measured errors and, in quadrature, the
    known errors of that model: 1.5 % of the photon number and 3 % of the linewidth (6 % for the weak mode),
    up to 8 % and 13 % (16 %) near threshold.

    Parameters
    ----------
    measured
        Dimensions mode ("strong", "weak") and current_ua (coordinate, 1/120 of the array current). Either
        or both of: output and output_std, power or photon number in any unit; linewidth_ghz and
        linewidth_std_ghz, full widths at half maximum, NaN where not measured.
    pillar
        All other parameters; its beta, eta and J_p are the first guess, with eta adjusted so that the
        threshold lies where the output rises most steeply or the linewidth falls most steeply.
    scale
        Output per photon if known (1 for photon numbers), otherwise it is fitted.

    Raises
    ------
    ValueError
        If values are missing, NaN, negative or without errors, if there are too few of them, or if the
        threshold does not lie inside the measured currents.

    References
    ----------
    Parameters and equations: Kreinberg et al., Nat. Commun. 10, 1539 (2019), Table 1 and Eqs. 4-9.
    """
    data = Measured.of_dataset(measured)
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"scale is {scale}; the output per photon must be positive, or None to fit it.")
    solution = solve(data, pillar, scale)
    fitted = replace(
        pillar,
        current_ua=float(data.current_ua[-1]),
        spontaneous_factor=solution.values["spontaneous_factor"],
        injection_efficiency=solution.values["injection_efficiency"],
        parasitic_current_ua=solution.values["parasitic_current_ua"],
    )
    threshold = threshold_current_ua(fitted)
    data.check_threshold(threshold)
    return _result(data, solution, fitted, threshold)


def _result(data: Measured, solution: Solution, fitted: Pillar, threshold: float) -> EmissionFit:
    chi = solution.chi_squared / (data.values.size - solution.free)
    covariance = solution.covariance * max(1.0, chi)
    std = np.sqrt(np.diag(covariance))
    beta, eta, parasitic, scale = (
        Value(solution.values[name], float(s)) for name, s in zip(_NAMES, std, strict=True)
    )
    # the noise-free threshold needs a fixed eta (J - J_p)
    slope = np.array([0.0, -(threshold - parasitic.value) / eta.value, 1.0, 0.0])
    curves = emission_curves(fitted, data.current_ua, linewidths="linewidth_ghz" in data.curves)
    curves["output"] = curves["photon_number"] * scale.value
    for name, residual in data.residuals(solution.residual).items():
        curves[name] = (("mode", "current_ua"), residual, {"units": "1"})
    return EmissionFit(
        spontaneous_factor=beta,
        injection_efficiency=eta,
        parasitic_current_ua=parasitic,
        scale=scale,
        threshold_current_ua=Value(threshold, float(np.sqrt(slope @ covariance @ slope))),
        covariance=covariance,
        reduced_chi_squared=float(chi),
        points=data.values.size,
        free=solution.free,
        pillar=fitted,
        curves=curves,
    )
