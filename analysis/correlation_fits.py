"""Fits of models to measured g2: bins integrated, detectors' response convolved, Poisson statistics."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import lmfit
import numpy as np
import xarray as xr
from scipy.special import xlogy
from scipy.stats import chi2

from analysis._correlation_models import MODELS, CorrelationModel, Start
from analysis._correlation_shapes import PairResponse
from analysis._poisson import deviance, expected_deviance
from analysis._values import Value, finite_or_none
from analysis.correlation import replicates

__all__ = ["MODELS", "G2Fit", "PairResponse", "fit_g2"]

_SMALLEST = 1e-9  # expected counts below this share of the accidental ones are no model of light
_FEWEST_PER_PARAMETER = 3


@dataclass(frozen=True)
class G2Fit:
    """Result of `fit_g2`.

    Parameters
    ----------
    model, pair
        Names of the model and of the pair of channels.
    values
        Fitted parameters with standard errors, by name (units in the names), the plateau among them.
    covariance
        Of the parameters in the order of `values`; those that were held have zeros.
    deviance, degrees_of_freedom
        Poisson deviance of the counts and bins less free parameters.
    p_value
        Probability of a larger deviance if the model is right.
    scatter
        Deviance over its expectation.
    errors
        "jackknife" where the correlation has blocks: the errors are those of the blocks' scatter, which also
        sees light that fluctuates slowly; else "Poisson", enlarged by the root of a scatter above one.
    converged
        Whether the optimiser ended in a minimum with a covariance.
    delay_ns, g2, g2_std, curve
        Data with Poisson errors, and the fitted model, at the bins that were used; shape (bin,).
    """

    model: str
    pair: str
    values: Mapping[str, Value]
    covariance: np.ndarray
    deviance: float
    degrees_of_freedom: int
    p_value: float
    scatter: float
    errors: str
    converged: bool
    delay_ns: np.ndarray = field(repr=False)
    g2: np.ndarray = field(repr=False)
    g2_std: np.ndarray = field(repr=False)
    curve: np.ndarray = field(repr=False)

    def as_dict(self) -> dict[str, object]:
        """Return all numbers ready for JSON, unknown ones as None."""
        return {
            "model": self.model,
            "pair": self.pair,
            "converged": self.converged,
            "parameters": {name: value.as_dict() for name, value in self.values.items()},
            "covariance_names": list(self.values),
            "covariance": [[finite_or_none(c) for c in row] for row in self.covariance],
            "deviance": finite_or_none(self.deviance),
            "degrees_of_freedom": self.degrees_of_freedom,
            "p_value": finite_or_none(self.p_value),
            "scatter": finite_or_none(self.scatter),
            "errors": self.errors,
        }

    def rows(self) -> list[tuple[str, str]]:
        """Return (quantity, value with error) for a table."""
        return [
            ("model", MODELS[self.model].summary),
            *((_label(self.model, name), str(value)) for name, value in self.values.items()),
            ("deviance / degrees of freedom", f"{self.deviance:.1f} / {self.degrees_of_freedom}"),
            ("p-value", f"{self.p_value:.3g}"),
        ]


def fit_g2(
    correlation: xr.Dataset,
    model: str,
    *,
    pair: str | None = None,
    response: PairResponse | None = None,
    signal_share: Value | None = None,
    exclude_ns: float = 0.0,
    held: Mapping[str, float] | None = None,
) -> G2Fit:
    """Fit a model to one pair's correlation.

    The counts of a bin are those of uncorrelated light times ``plateau (1 + share (g2 - 1))``, with the model
    averaged over the bin and convolved with the response. The Poisson deviance is minimised, from several
    starts.

    Parameters
    ----------
    correlation
        From `analysis.correlation.g2`: ``counts(pair, delay)``, ``expected(pair, delay)`` and, if there,
        ``valid``, ``signal_fraction`` and the blocks.
    model
        Name out of `MODELS`.
    pair
        Label of the pair, such as "1-2"; may be left out where there is only one.
    response
        Timing response of both detectors together; sharp by default.
    signal_share
        Product of the shares of signal among the counts of both channels, with its error, by which
        background reduces g2 - 1; by default ``signal_fraction`` of the correlation, or 1.
    exclude_ns
        Bins that begin closer to zero delay than this are left out: the dead time of a single detector.
    held
        Parameters that are not fitted, with their values.

    Returns
    -------
    G2Fit
        Also when the fit is bad: look at ``converged`` and ``p_value``.

    Raises
    ------
    ValueError
        If the model or the pair is unknown, or if there are too few bins with expected counts.
    """
    chosen = _model(model)
    data = _bins(correlation, pair, exclude_ns)
    if data.delay.size < _FEWEST_PER_PARAMETER:
        raise ValueError(
            f"Pair {data.pair} has {data.delay.size} bins that can be fitted; use a wider window."
        )
    share = signal_share if signal_share is not None else Value(data.signal_fraction, 0.0)
    if not 0 < share.value <= 1:
        raise ValueError(f"signal_share must lie above 0 and not exceed 1, not {share.value}.")
    fitting = _Fitting(chosen, data, response or PairResponse(), share.value)
    starts = [_parameters(start, held or {}, model) for start in chosen.guess(data.delay, data.excess())]
    if data.delay.size < _FEWEST_PER_PARAMETER * len(starts[0]):
        raise ValueError(
            f"{data.delay.size} bins are too few to fit {len(starts[0])} parameters of {model!r}; "
            "use a wider window or smaller bins."
        )
    tried = [lmfit.minimize(fitting.residual, start, method="leastsq", scale_covar=False) for start in starts]
    return _result(model, data, fitting, min(tried, key=lambda each: each.chisqr), share)


def _model(name: str) -> CorrelationModel:
    if name not in MODELS:
        raise ValueError(f"Unknown model {name!r} of g2; known are {', '.join(MODELS)}.")
    return MODELS[name]


@dataclass(frozen=True)
class _Bins:
    """Bins of one pair that can be fitted; `edges` are those of all bins, `used` marks the fitted ones."""

    pair: str
    edges: np.ndarray
    used: np.ndarray
    delay: np.ndarray
    counts: np.ndarray
    uncorrelated: np.ndarray
    signal_fraction: float
    replicates: np.ndarray | None

    def excess(self) -> np.ndarray:
        """Return g2 - 1 relative to the outer quarter of the window."""
        g = self.counts / self.uncorrelated
        outer = np.abs(self.delay) >= np.quantile(np.abs(self.delay), 0.75)
        return np.asarray(g / max(float(np.median(g[outer])), 1e-12) - 1)


def _bins(correlation: xr.Dataset, pair: str | None, exclude_ns: float) -> _Bins:
    missing = [name for name in ("counts", "expected", "delay", "pair") if name not in correlation.variables]
    if missing:
        raise ValueError(f"The correlation lacks {', '.join(missing)}; make it with analysis.correlation.g2.")
    labels = [str(label) for label in np.atleast_1d(correlation["pair"].values)]
    if pair is None:
        if len(labels) != 1:
            raise ValueError(f"Which pair is to be fitted? There are {', '.join(labels)}.")
        pair = labels[0]
    if pair not in labels:
        raise ValueError(f"There is no pair {pair!r}; there are {', '.join(labels)}.")
    one = correlation.sel(pair=pair) if "pair" in correlation.dims else correlation
    delay = one["delay"].values.astype(float)
    width = float(delay[1] - delay[0])
    counts, expected = one["counts"].values.astype(float), one["expected"].values.astype(float)
    near = np.abs(delay) - width / 2 < exclude_ns - 1e-9
    used = np.isfinite(expected) & (expected > 0) & ~(near & (exclude_ns > 0))
    if "valid" in one:
        used &= one["valid"].values
    if "first" in one and int(one["first"]) == int(one["second"]):
        used &= delay > 0  # the other half of an autocorrelation holds the same pairs
    return _Bins(
        pair,
        np.append(delay - width / 2, delay[-1] + width / 2),
        used,
        delay[used],
        counts[used],
        expected[used],
        float(one["signal_fraction"]) if "signal_fraction" in one else 1.0,
        _replicates(correlation, pair, used),
    )


def _replicates(correlation: xr.Dataset, pair: str, used: np.ndarray) -> np.ndarray | None:
    """Return g2 without one block each, shape (block, bin in use); None where blocks are missing or few."""
    if "block_counts" not in correlation or not correlation.attrs.get("enough_blocks"):
        return None
    without = replicates(correlation)
    one = without.sel(pair=pair) if "pair" in without.dims else without
    return np.asarray(one.transpose("block", "delay").values[:, used])


class _Fitting:
    """The residuals whose squares add up to the Poisson deviance."""

    def __init__(self, model: CorrelationModel, data: _Bins, response: PairResponse, share: float) -> None:
        self._model, self._data, self._response, self._share = model, data, response, share

    def curve(self, values: Mapping[str, float]) -> np.ndarray:
        """Return the modelled g2 at the bins in use."""
        excess = self._model.excess(self._data.edges, values, self._response)[self._data.used]
        return np.asarray(values["plateau"] * (1 + self._share * excess))

    def slopes(self, found: lmfit.minimizer.MinimizerResult) -> np.ndarray:
        """Return the derivatives of the curve by the fitted parameters, shape (bin, parameter)."""
        values, columns = found.params.valuesdict(), []
        for name, std in zip(found.var_names, np.sqrt(np.diag(found.covar)), strict=True):
            step = 1e-2 * std
            above, below = ({**values, name: values[name] + sign * step} for sign in (1, -1))
            columns.append((self.curve(above) - self.curve(below)) / (2 * step))
        return np.stack(columns, axis=1)

    def residual(self, parameters: lmfit.Parameters) -> np.ndarray:
        """Return the signed roots of the deviance of each bin."""
        counts = self._data.counts
        curve = np.maximum(self.curve(parameters.valuesdict()), _SMALLEST)
        expected = self._data.uncorrelated * curve
        each = 2 * (xlogy(counts, counts / expected) - counts + expected)
        return np.asarray(np.sign(counts - expected) * np.sqrt(np.maximum(each, 0.0)))


def _parameters(start: Mapping[str, Start], held: Mapping[str, float], model: str) -> lmfit.Parameters:
    parameters = lmfit.Parameters()
    parameters.add("plateau", value=1.0, min=0.01, max=100.0)
    for name, begin in start.items():
        span = 1e-6 * max(1.0, abs(begin.value))
        inside = float(np.clip(begin.value, begin.low + span, begin.high - span))
        parameters.add(name, value=inside, min=begin.low, max=begin.high)
    for name, value in held.items():
        if name not in parameters:
            raise ValueError(f"{model!r} has no parameter {name!r}; it has {', '.join(parameters)}.")
        parameters[name].set(value=value, vary=False, min=-math.inf, max=math.inf)
    return parameters


def _result(
    name: str, data: _Bins, fitting: _Fitting, found: lmfit.minimizer.MinimizerResult, share: Value
) -> G2Fit:
    values = found.params.valuesdict()
    curve = np.maximum(fitting.curve(values), _SMALLEST)
    expected = data.uncorrelated * curve
    total = deviance(data.counts, expected)
    degrees = data.counts.size - found.nvarys
    scatter = total / max(expected_deviance(expected) * degrees / data.counts.size, 1e-12)
    covariance, kind = _covariance(data, fitting, found, curve, scatter)
    amplitudes = np.array([values[n] if n in MODELS[name].amplitudes else 0.0 for n in values])
    covariance = covariance + np.outer(amplitudes, amplitudes) * (share.std / share.value) ** 2
    errors = np.sqrt(np.diag(covariance))
    return G2Fit(
        name,
        data.pair,
        {n: Value(float(v), float(e)) for (n, v), e in zip(values.items(), errors, strict=True)},
        covariance,
        total,
        degrees,
        float(chi2.sf(scatter * degrees, degrees)),
        scatter,
        kind,
        bool(found.success and found.errorbars),
        data.delay,
        data.counts / data.uncorrelated,
        np.sqrt(np.maximum(expected, 1.0)) / data.uncorrelated,
        curve,
    )


def _covariance(
    data: _Bins,
    fitting: _Fitting,
    found: lmfit.minimizer.MinimizerResult,
    curve: np.ndarray,
    scatter: float,
) -> tuple[np.ndarray, str]:
    """Return the covariance of all parameters (zeros for held ones, NaN where unknown) and its kind."""
    names = list(found.params)
    covariance = np.zeros((len(names), len(names)))
    inner = np.ix_(*[[names.index(name) for name in found.var_names]] * 2)
    if not found.errorbars:
        covariance[inner] = math.nan
        return covariance, "none"
    if data.replicates is None:
        covariance[inner] = found.covar * max(scatter, 1.0)
        return covariance, "Poisson"
    slopes = fitting.slopes(found)
    weighted = slopes.T * (data.uncorrelated / curve)
    moved = (data.replicates - data.counts / data.uncorrelated) @ np.linalg.solve(
        weighted @ slopes, weighted
    ).T
    moved -= moved.mean(axis=0)
    blocks = moved.shape[0]
    covariance[inner] = (blocks - 1) / blocks * moved.T @ moved
    return covariance, "jackknife"


def _label(model: str, name: str) -> str:
    unit = MODELS[model].units.get(name, "1")
    plain = name.removesuffix("_ns").removesuffix("_ghz").removesuffix("_per").replace("_", " ")
    return plain if unit == "1" else f"{plain} ({unit})"
