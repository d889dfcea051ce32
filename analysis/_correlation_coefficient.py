"""Correlation coefficient of two intensities."""

import numpy as np
import xarray as xr

from analysis._correlation_estimate import jackknife_std
from analysis._correlation_result import replicates

__all__ = ["correlation_coefficient"]

_UNDEFINED_SIGMA = 2.0
_ALARM_SIGMA = 3.0


def correlation_coefficient(correlation: xr.Dataset, cross: str, first: str, second: str) -> xr.Dataset:
    """Return rho(tau) = (g12(tau) - 1)/sqrt((g11(0) - 1)(g22(0) - 1)).

    After Kreinberg et al., Nat. Commun. 10, 1539 (2019), Eq. 3, with the autocorrelations of both modes in
    the denominator: only so is the coefficient bounded by 1.

    Parameters
    ----------
    correlation
        Of `g2`: all three pairs in the same bins.
    cross
        Pair of one mode with the other, e.g. "1-2".
    first, second
        Pairs that give the autocorrelations of either mode: "1-1" if the detector has no dead time at delay
        0, else two detectors behind a beam splitter on the same mode, e.g. "1-3" and "2-4".

    Returns
    -------
    xarray.Dataset
        ``rho``, ``rho_std`` (delay), jackknifed as a whole; ``alarm`` (delay): |rho| exceeds 1 by more than
        three errors, which no light does: the normalisation is wrong. Scalars ``undefined`` (a factor of the
        denominator is not above zero by two errors: rho is NaN) and ``first_excess``, ``second_excess``
        (g(0) - 1) with ``*_std``. g(0) is the mean of the two bins that meet at delay 0.

    Raises
    ------
    ValueError
        If a pair is missing.
    """
    names = correlation["pair"].values.tolist()
    for pair in (cross, first, second):
        if pair not in names:
            raise ValueError(f"There is no pair {pair!r}; there are {', '.join(names)}.")
    rows = [names.index(pair) for pair in (cross, first, second)]
    valid = correlation["valid"].values
    value = np.where(valid, correlation["g2"].values, np.nan)[rows] - 1
    each = np.where(valid, replicates(correlation).values, np.nan)[:, rows] - 1
    centre = correlation.sizes["delay"] // 2
    middle = slice(centre - 1, centre + 1)
    excess, excess_each = value[1:, middle].mean(axis=1), each[:, 1:, middle].mean(axis=2)
    excess_std = np.hypot(jackknife_std(excess_each), _background_std(correlation, rows[1:], middle))
    undefined = not bool(np.all(excess > _UNDEFINED_SIGMA * excess_std))
    rho, std = (np.full(value.shape[1], np.nan) for _ in range(2))
    if not undefined:
        rho = value[0] / np.sqrt(excess.prod())
        with np.errstate(invalid="ignore"):
            std = jackknife_std(each[:, 0] / np.sqrt(excess_each.prod(axis=1))[:, None])
    with np.errstate(invalid="ignore"):
        alarm = np.abs(rho) > 1 + _ALARM_SIGMA * std
    return xr.Dataset(
        {
            "rho": ("delay", rho, {"units": "1"}),
            "rho_std": ("delay", std, {"units": "1"}),
            "alarm": ("delay", alarm),
            "undefined": undefined,
            "first_excess": ((), excess[0], {"units": "1"}),
            "first_excess_std": ((), excess_std[0], {"units": "1"}),
            "second_excess": ((), excess[1], {"units": "1"}),
            "second_excess_std": ((), excess_std[1], {"units": "1"}),
        },
        coords={"delay": correlation["delay"]},
        attrs=dict(correlation.attrs) | {"cross": cross, "first": first, "second": second},
    )


def _background_std(correlation: xr.Dataset, rows: list[int], middle: slice) -> np.ndarray:
    if "background_std" not in correlation:
        return np.zeros(len(rows))
    return np.asarray(np.abs(correlation["background_std"].values[rows, middle]).mean(axis=1))
