"""The correlation coefficient of two modes from three recordings, and from the model.

With two detectors the cross-correlation and the two autocorrelations (each behind a beam splitter) are
recorded one after the other;
`analysis.correlation.correlation_coefficient` is for one recording of all three.
"""

import numpy as np
import xarray as xr

from analysis._correlation_estimate import jackknife_std
from analysis._correlation_shapes import PairResponse
from analysis._values import Value
from analysis.correlation import replicates
from analysis.correlation_model import detected_correlation, simulated_light
from models import micropillars

__all__ = ["combined_coefficient", "model_coefficient"]

_UNDEFINED_SIGMA = 2.0
_ALARM_SIGMA = 3.0


def combined_coefficient(cross: xr.Dataset, first: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    """Return rho(tau) = (g12(tau) - 1)/sqrt((g11(0) - 1)(g22(0) - 1)) from three correlations.

    After Kreinberg et al., Nat. Commun. 10, 1539 (2019), Eq. 3, with the autocorrelations in the denominator.

    Parameters
    ----------
    cross, first, second
        Of one pair of detectors each: ``g2`` and ``g2_std`` (delay) in the same bins. One detector on either
        mode; both on the first; both on the second. A dimension ``pair`` has length one, or is not there.

    Returns
    -------
    xarray.Dataset
        ``rho``, ``rho_std`` (delay); ``alarm`` (delay): |rho| exceeds 1 by more than three errors. Scalars
        ``undefined`` (an autocorrelation does not exceed 1 by two errors: rho is NaN), ``first_excess`` and
        ``second_excess`` (g(0) - 1) with ``*_std``. g(0) is the mean of the two bins that meet at delay 0.
        Errors are those of independent recordings, to first order, each from its jackknife.

    Raises
    ------
    ValueError
        If the bins differ or one holds more than one pair.
    """
    if any(each["g2"].size != each["delay"].size for each in (cross, first, second)):
        raise ValueError("Each of the three correlations must hold one pair; select it first.")
    if not all(np.array_equal(each["delay"], cross["delay"]) for each in (first, second)):
        raise ValueError(
            "The three correlations have different bins; correlate them with the same window and bin."
        )
    a, b = _excess(first), _excess(second)
    undefined = not (a.value > _UNDEFINED_SIGMA * a.std and b.value > _UNDEFINED_SIGMA * b.std)
    excess, std = cross["g2"].values.ravel() - 1, cross["g2_std"].values.ravel()
    if undefined:
        rho = rho_std = np.full(excess.size, np.nan)
    else:
        scale = np.sqrt(a.value * b.value)
        shared = np.hypot(a.std / a.value, b.std / b.value) / 2
        rho, rho_std = excess / scale, np.hypot(std, excess * shared) / scale
    with np.errstate(invalid="ignore"):
        alarm = np.abs(rho) > 1 + _ALARM_SIGMA * rho_std
    one = {"units": "1"}
    return xr.Dataset(
        {
            "rho": ("delay", rho, one),
            "rho_std": ("delay", rho_std, one),
            "alarm": ("delay", alarm),
            "undefined": undefined,
            "first_excess": ((), a.value, one),
            "first_excess_std": ((), a.std, one),
            "second_excess": ((), b.value, one),
            "second_excess_std": ((), b.std, one),
        },
        coords={"delay": cross["delay"]},
    )


def _excess(one: xr.Dataset) -> Value:
    """Return g(0) - 1; without blocks to tell, the two bins are taken to vary together."""
    centre = one.sizes["delay"] // 2
    middle = slice(centre - 1, centre + 1)
    value = float(one["g2"].values.ravel()[middle].mean()) - 1
    if "block_counts" not in one:
        return Value(value, float(one["g2_std"].values.ravel()[middle].mean()))
    each = replicates(one).values[:, 0, middle].mean(axis=1)
    return Value(value, float(jackknife_std(each)))


def model_coefficient(
    pair: micropillars.Pair,
    modes: tuple[str, str],
    delay_ns: np.ndarray,
    response: PairResponse | None = None,
    *,
    trajectories: int = 64,
    duration_ns: float = 500.0,
    seed: int = 1,
) -> xr.Dataset:
    """Return the coefficient that the three recordings would give of simulated light.

    Parameters
    ----------
    pair, modes, delay_ns, response, trajectories, duration_ns, seed
        As `analysis.correlation_model.model_correlation` takes them.

    Returns
    -------
    xarray.Dataset
        As of `combined_coefficient`; what the three correlations of the same light have in common is left out
        of the errors.
    """
    light = simulated_light(pair, modes, trajectories=trajectories, duration_ns=duration_ns, seed=seed)
    pairs = (("P1", "P2"), ("P1", "P1"), ("P2", "P2"))
    return combined_coefficient(*(detected_correlation(light, each, delay_ns, response) for each in pairs))
