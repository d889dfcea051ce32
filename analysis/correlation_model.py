"""Correlations that the rate-equation model predicts, as detectors would record them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from scipy.special import ndtr

from analysis._correlation_shapes import PairResponse
from analysis._values import Value
from models import micropillars

__all__ = [
    "CorrelationComparison",
    "compare_correlations",
    "detected_correlation",
    "model_correlation",
    "model_correlations",
    "simulated_light",
]

MODES = ("strong", "weak")
PILLARS = ("P1", "P2")
_SAMPLE_PS = 50.0
_BEYOND_NS = 2.0  # the response brings light from beyond the window
_LATER_NS = 0.4  # the lasers answer that much after the delay of the path
_PEAK_NS = 0.5  # half width of what counts as the peak at plus or minus the delay


def model_correlation(
    pair: micropillars.Pair,
    modes: tuple[str, str],
    delay_ns: np.ndarray,
    response: PairResponse | None = None,
    *,
    pillars: tuple[str, str] = ("P1", "P2"),
    trajectories: int = 64,
    duration_ns: float = 500.0,
    seed: int = 1,
) -> xr.Dataset:
    """Simulate a pair of lasers and correlate two of its modes through the detectors' response.

    Parameters
    ----------
    pair
        The lasers; phases of the coupling are averaged over.
    modes
        "strong" or "weak" of each pillar.
    delay_ns
        Centres of equal bins, in ns.
    response
        Timing response of both detectors together; sharp by default.
    pillars
        What the two detectors see; the same pillar twice for a Hanbury Brown-Twiss configuration.
    trajectories, duration_ns, seed
        Effort of the simulation.

    Returns
    -------
    xarray.Dataset
        ``g2(delay)`` and ``g2_std(delay)``, averaged over bins and smeared; errors are from the scatter
        between trajectories.
    """
    if pillars[0] == pillars[1] and modes[0] != modes[1]:
        raise ValueError(f"One analyser selects one mode of {pillars[0]}, not {modes[0]} and {modes[1]}.")
    of_each = dict(zip(pillars, modes, strict=True))
    chosen = of_each.get("P1", modes[0]), of_each.get("P2", modes[1])
    light = simulated_light(pair, chosen, trajectories=trajectories, duration_ns=duration_ns, seed=seed)
    return detected_correlation(light, pillars, delay_ns, response)


def simulated_light(
    pair: micropillars.Pair, modes: tuple[str, str], *, trajectories: int, duration_ns: float, seed: int
) -> xr.Dataset:
    """Simulate what the analysers let through of either pillar.

    Parameters
    ----------
    pair, trajectories, duration_ns, seed
        As of `model_correlation`.
    modes
        "strong" or "weak" of P1 and of P2.

    Returns
    -------
    xarray.Dataset
        Of `models.micropillars.simulate`, with the chosen modes both under the name "strong".
    """
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no mode of a pillar; known are {', '.join(MODES)}.")
    light = micropillars.simulate(
        pair,
        duration_ns=duration_ns,
        trajectories=trajectories,
        seed=seed,
        sample_ps=_SAMPLE_PS,
        average_phase=True,
    )
    numbers = [
        light["photon_number"].sel(pillar=[name], mode=[mode]).assign_coords(mode=["strong"])
        for name, mode in zip(PILLARS, modes, strict=True)
    ]
    return light[["photon_number"]].drop_dims("mode").assign(photon_number=xr.concat(numbers, "pillar"))


def detected_correlation(
    light: xr.Dataset,
    pillars: tuple[str, str],
    delay_ns: np.ndarray,
    response: PairResponse | None = None,
) -> xr.Dataset:
    """Correlate light of `simulated_light` as detectors and bins see it; see `model_correlation`."""
    width = float(delay_ns[1] - delay_ns[0])
    longest = float(np.max(np.abs(delay_ns))) + width / 2 + _BEYOND_NS
    found = micropillars.correlations(light, longest)
    one = found.sel(mode="strong", pillar=pillars[0], other_pillar=pillars[1])
    weights = _weights(one["lag_ns"].values, delay_ns, width, response or PairResponse())
    return xr.Dataset(
        {
            "g2": ("delay", weights @ one["g2"].values, {"units": "1"}),
            # neighbouring lags vary together, so that averaging over a bin does not average their errors
            "g2_std": ("delay", weights @ one["g2_std"].values, {"units": "1"}),
        },
        coords={"delay": ("delay", delay_ns, {"units": "ns"})},
        attrs=dict(found.attrs),
    )


def _weights(lag: np.ndarray, delay: np.ndarray, width: float, response: PairResponse) -> np.ndarray:
    """Return how much each lag adds to each bin, shape (bin, lag); rows add up to one."""
    step = float(lag[1] - lag[0])
    sigma = np.hypot(response.sigma_ns, step / np.sqrt(12))  # a sample stands for all of its step
    total = np.zeros((delay.size, lag.size))
    for moved, weight in zip(response.delay_ns, response.weight, strict=True):
        start = (delay[:, None] - width / 2 - moved - lag[None, :]) / sigma
        total += weight * (ndtr(start + width / sigma) - ndtr(start))
    return np.asarray(total / total.sum(axis=1, keepdims=True))


def model_correlations(
    pair: micropillars.Pair,
    detuning_ghz: np.ndarray,
    modes: tuple[str, str],
    delay_ns: np.ndarray,
    response: PairResponse | None = None,
    *,
    pillars: tuple[str, str] = ("P1", "P2"),
    on_progress: Callable[[float], None] | None = None,
    **effort: int | float,
) -> xr.Dataset:
    """Return `model_correlation` for several detunings.

    Returns
    -------
    xarray.Dataset
        ``g2``, ``g2_std`` (step, delay) with ``detuning_ghz(step)``.
    """
    rows = []
    for k, nu in enumerate(detuning_ghz):
        at = replace(pair, detuning_ghz=float(nu))
        rows.append(model_correlation(at, modes, delay_ns, response, pillars=pillars, seed=1 + k, **effort))  # type: ignore[arg-type]
        if on_progress is not None:
            on_progress((k + 1) / len(detuning_ghz))
    joined = xr.concat(rows, "step", combine_attrs="drop_conflicts")
    return joined.assign_coords(detuning_ghz=("step", np.asarray(detuning_ghz), {"units": "GHz"}))


@dataclass(frozen=True)
class CorrelationComparison:
    """Measured and modelled g2 against detuning.

    Parameters
    ----------
    model_map
        From `model_correlations`, at the measured detunings.
    reduced_chi_squared
        Of all bins, with the errors of both.
    peaks
        Per quantity the measured and the modelled value: mean g2 - 1 around plus and minus the coupling's
        delay and at zero, over the detunings where the model has its largest peaks.
    """

    model_map: xr.Dataset
    reduced_chi_squared: float
    peaks: dict[str, tuple[Value, Value]]

    def as_dict(self) -> dict[str, object]:
        """Return all numbers ready for JSON."""
        peaks = {
            name: {"experiment": a.as_dict(), "model": b.as_dict()} for name, (a, b) in self.peaks.items()
        }
        return {"reduced_chi_squared": self.reduced_chi_squared, "peaks": peaks}

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return (quantity, experiment, model, difference in standard errors) for a table."""
        return [
            (name, str(a), str(b), f"{(a.value - b.value) / np.hypot(a.std, b.std):+.1f}")
            for name, (a, b) in self.peaks.items()
        ]


def compare_correlations(
    map_: xr.Dataset,
    pair: micropillars.Pair,
    modes: tuple[str, str],
    response: PairResponse | None = None,
    *,
    pillars: tuple[str, str] = ("P1", "P2"),
    on_progress: Callable[[float], None] | None = None,
    **effort: int | float,
) -> CorrelationComparison:
    """Simulate what a correlation scan should have seen and compare.

    Parameters
    ----------
    map_
        ``g2``, ``g2_std`` (step, delay) with ``detuning_ghz(step)``; steps without a detuning are left out.
    pair, modes, response, pillars, on_progress, effort
        As `model_correlations` takes them.
    """
    known = map_.isel(step=np.flatnonzero(np.isfinite(map_["detuning_ghz"].values)))
    model = model_correlations(
        pair,
        known["detuning_ghz"].values,
        modes,
        known["delay"].values,
        response,
        pillars=pillars,
        on_progress=on_progress,
        **effort,
    )
    seen, seen_std = (known[name].transpose("step", "delay").values for name in ("g2", "g2_std"))
    calculated, std = model["g2"].values, model["g2_std"].values
    usable = np.isfinite(seen) & (seen_std > 0)
    pulls = (seen - calculated)[usable] / np.hypot(seen_std, std)[usable]
    chi = float(np.mean(pulls**2)) if pulls.size else np.nan
    delay = known["delay"].values
    around = {
        f"g2 - 1 around {centre:+.2f} ns": np.abs(delay - centre) <= _PEAK_NS
        for centre in (pair.delay_ns + _LATER_NS, -pair.delay_ns - _LATER_NS)
    } | {"g2 - 1 around 0 ns": np.abs(delay) <= _PEAK_NS}
    strongest = np.argsort(-np.abs(calculated - 1).max(axis=1))[: max(1, len(calculated) // 3)]
    peaks = {
        name: (
            _mean(seen, seen_std, strongest, bins),
            _mean(calculated, std, strongest, bins, together=True),
        )
        for name, bins in around.items()
        if bins.any()
    }
    return CorrelationComparison(model, chi, peaks)


def _mean(
    g: np.ndarray, std: np.ndarray, steps: np.ndarray, bins: np.ndarray, together: bool = False
) -> Value:
    """Return the mean of g2 - 1 over steps and bins; the bins of a step may vary together."""
    part, errors = g[steps][:, bins] - 1, std[steps][:, bins]
    in_step = np.nansum(errors, axis=1) if together else np.sqrt(np.nansum(errors**2, axis=1))
    return Value(float(np.nanmean(part)), float(np.sqrt(np.sum(in_step**2)) / np.isfinite(part).sum()))
