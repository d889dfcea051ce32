"""Models of a second-order correlation function: what physics predicts, before a plateau and before noise."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from analysis._correlation_shapes import PairResponse

__all__ = ["MODELS", "CorrelationModel", "Start"]

Numbers = Mapping[str, float]
LN2 = math.log(2)
PEAKS = 3
"""Pairs of peaks of a delay-coupled pair that are modelled; more than these are lost in the noise."""


@dataclass(frozen=True)
class Start:
    """Start value and bounds of a parameter."""

    value: float
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class CorrelationModel:
    """A named model.

    Parameters
    ----------
    summary
        What it describes, for people.
    excess
        Function of bin edges (ns), parameters and response: g2 - 1, averaged over each bin.
    guess
        Function of delays (ns) and g2 - 1: start values with bounds, several sets to start from.
    amplitudes
        Names of the parameters that scale with g2 - 1, and so with the share of signal among the counts.
    units
        Unit per parameter; "1" where it is not named.
    """

    summary: str
    excess: Callable[[np.ndarray, Numbers, PairResponse], np.ndarray]
    guess: Callable[[np.ndarray, np.ndarray], list[dict[str, Start]]]
    amplitudes: tuple[str, ...]
    units: Mapping[str, str]


def _width_ns(delay: np.ndarray, excess: np.ndarray, at: int) -> float:
    """Return a rough half width at half maximum of the extremum at an index."""
    bin_ns = float(delay[1] - delay[0])
    above = excess * np.sign(excess[at]) > abs(excess[at]) / 2
    last = at
    while last + 1 < above.size and above[last + 1]:
        last += 1
    first = at
    while first > 0 and above[first - 1]:
        first -= 1
    return max(bin_ns / 2, (last - first + 1) * bin_ns / 2)


def _smooth(excess: np.ndarray) -> np.ndarray:
    return np.convolve(excess, np.ones(3) / 3, mode="same")


def _centre(delay: np.ndarray, excess: np.ndarray) -> tuple[float, float]:
    """Return height and half width of what stands at zero delay."""
    at = int(np.argmin(np.abs(delay)))
    near = slice(max(0, at - 1), at + 2)
    return float(excess[near].mean()), _width_ns(delay, _smooth(excess), at)


def _one_decay(name: str, factor: float, sign: float) -> CorrelationModel:
    """Return a model of a single decay sign * amplitude * exp(-factor |t|/time)."""

    def excess(edges: np.ndarray, p: Numbers, response: PairResponse) -> np.ndarray:
        return sign * p["amplitude"] * response.peak(edges, factor / p["time_ns"])

    def guess(delay: np.ndarray, g: np.ndarray) -> list[dict[str, Start]]:
        height, width = _centre(delay, g)
        bin_ns, span = float(delay[1] - delay[0]), float(np.ptp(delay))
        limits = (-1.0, math.inf) if sign > 0 else (0.0, 1.0)
        return [
            {
                "amplitude": Start(float(np.clip(sign * height, 0.01, 0.9 / f + 1)), *limits),
                "time_ns": Start(factor * f * width / LN2, bin_ns / 20, 5 * span),
            }
            for f in (1.0, 0.3, 3.0)
        ]

    return CorrelationModel(name, excess, guess, ("amplitude",), {"time_ns": "ns"})


def _switching_excess(edges: np.ndarray, p: Numbers, response: PairResponse) -> np.ndarray:
    slow = p["amplitude"] * response.peak(edges, p["rate_per_ns"])
    return slow + p["thermal_amplitude"] * response.peak(edges, 2 / p["coherence_time_ns"])


def _switching_guess(delay: np.ndarray, g: np.ndarray) -> list[dict[str, Start]]:
    height, width = _centre(delay, g)
    bin_ns, span = float(delay[1] - delay[0]), float(np.ptp(delay))
    outside = g[np.abs(np.abs(delay) - 2 * width) < max(width, bin_ns)]
    slow = float(outside.mean()) if outside.size else height / 2
    return [
        {
            "amplitude": Start(amplitude, -1.0, math.inf),
            "rate_per_ns": Start(LN2 / (f * width), 0.2 / span, 5 / bin_ns),
            "thermal_amplitude": Start(rest, 0.0, math.inf),
            "coherence_time_ns": Start(2 * width / 3, bin_ns / 10, span),
        }
        for f in (1.0, 4.0, 12.0)
        for amplitude, rest in ((height, 1e-3), (slow, max(1e-3, height - slow)))
    ]


def _relaxation_excess(edges: np.ndarray, p: Numbers, response: PairResponse) -> np.ndarray:
    rate = 1 / p["damping_time_ns"] + 2j * math.pi * p["frequency_ghz"]
    return p["amplitude"] * response.peak(edges, rate)


def _relaxation_guess(delay: np.ndarray, g: np.ndarray) -> list[dict[str, Start]]:
    bin_ns, span = float(delay[1] - delay[0]), float(np.ptp(delay))
    power = np.abs(np.fft.rfft(g - g.mean())) ** 2
    frequency = np.fft.rfftfreq(g.size, bin_ns)
    best = float(frequency[1 + int(np.argmax(power[1:]))])
    height, width = _centre(delay, g)
    return [
        {
            "amplitude": Start(max(abs(height), 1e-3), 0.0, math.inf),
            "frequency_ghz": Start(f, 0.0, 0.5 / bin_ns),
            "damping_time_ns": Start(time, bin_ns / 10, 5 * span),
        }
        for f in (best, 0.7 * best, 0.15 / width)
        for time in (2 * width, 6 * width)
    ]


def _pulsed_excess(edges: np.ndarray, p: Numbers, response: PairResponse) -> np.ndarray:
    period, rate = p["period_ns"], 1 / p["time_ns"]
    reach = math.ceil(max(abs(edges[0]), abs(edges[-1])) / period) + 1
    comb = [p["central_ratio"] * response.peak(edges, rate, 0.0)]
    comb += [response.peak(edges, rate, k * period) for k in range(-reach, reach + 1) if k]
    # every peak of unit height holds 2 time_ns; a plateau of one holds a period
    return p["contrast"] * (period / (2 * p["time_ns"]) * np.sum(comb, axis=0) - 1)


def _pulsed_guess(delay: np.ndarray, g: np.ndarray) -> list[dict[str, Start]]:
    bin_ns = float(delay[1] - delay[0])
    n = g.size
    around = np.correlate(g - g.mean(), g - g.mean(), mode="full")[n - 1 :]
    below = int(np.argmax(around < 0))
    period = (
        bin_ns * (below + int(np.argmax(around[below : n // 2]))) if 0 < below < n // 2 else bin_ns * n / 4
    )
    tallest = int(np.argmax(g))
    width = _width_ns(delay, g + 1, tallest)
    near = np.abs(delay) < period / 2
    sides = np.abs(np.abs(delay) - period) < period / 2
    ratio = float(np.sum(g[near] + 1) / max(np.sum(g[sides] + 1) / 2, 1e-9))
    return [
        {
            "period_ns": Start(period, 0.9 * period, 1.1 * period),
            "time_ns": Start(f * width / LN2, bin_ns / 20, period),
            "central_ratio": Start(max(ratio, 0.01), 0.0, math.inf),
            "contrast": Start(1.0, 0.0, 1.0),
        }
        for f in (1.0, 0.4)
    ]


def _delayed_excess(edges: np.ndarray, p: Numbers, response: PairResponse) -> np.ndarray:
    """Sum peaks at odd multiples of the delay, P2 repeating P1 at positive ones, and one at zero."""
    total = p["amplitude_zero"] * response.peak(edges, 1 / p["time_ns"])
    for k in range(PEAKS):
        rate = 1 / (p["time_ns"] * (1 + k * p["broadening"]))
        at, height = (2 * k + 1) * p["delay_ns"], p["damping"] ** k
        total = total + height * p["amplitude_plus"] * response.peak(edges, rate, at)
        total = total + height * p["amplitude_minus"] * response.peak(edges, rate, -at)
    return total


def _delayed_guess(delay: np.ndarray, g: np.ndarray) -> list[dict[str, Start]]:
    bin_ns, span = float(delay[1] - delay[0]), float(delay[-1])
    smooth = _smooth(g)
    zero = int(np.argmin(np.abs(delay)))
    apart = np.abs(delay) > max(3 * bin_ns, 0.1 * span)
    plus = int(np.argmax(np.where(apart & (delay > 0), smooth, -np.inf)))
    minus = int(np.argmax(np.where(apart & (delay < 0), smooth, -np.inf)))
    width = max(_width_ns(delay, smooth, plus), _width_ns(delay, smooth, minus))
    candidates = {float(delay[plus]), float(-delay[minus]), float(delay[plus] - delay[minus]) / 2}
    return [
        {
            "delay_ns": Start(at, 2 * bin_ns, span),
            "amplitude_plus": Start(max(float(smooth[plus]), 1e-3), -1.0, math.inf),
            "amplitude_minus": Start(max(float(smooth[minus]), 1e-3), -1.0, math.inf),
            "amplitude_zero": Start(float(smooth[zero]), -1.0, math.inf),
            "time_ns": Start(width, bin_ns / 10, span),
            "damping": Start(0.3, 0.0, 1.0),
            "broadening": Start(0.3, 0.0, 5.0),
        }
        for at in sorted(candidates)
    ]


def _revivals_excess(edges: np.ndarray, p: Numbers, response: PairResponse) -> np.ndarray:
    """Sum what stands at zero and its revivals at even multiples of the delay."""
    total = p["amplitude"] * response.peak(edges, 1 / p["time_ns"])
    for k in range(1, PEAKS + 1):
        rate = 1 / (p["time_ns"] * (1 + k * p["broadening"]))
        height = p["amplitude_revival"] * p["damping"] ** (k - 1)
        for at in (2 * k * p["delay_ns"], -2 * k * p["delay_ns"]):
            total = total + height * response.peak(edges, rate, at)
    return total


def _revivals_guess(delay: np.ndarray, g: np.ndarray) -> list[dict[str, Start]]:
    bin_ns, span = float(delay[1] - delay[0]), float(delay[-1])
    height, width = _centre(delay, g)
    smooth = _smooth(g + g[::-1]) / 2
    far = delay > max(4 * width, 0.1 * span)
    if not far.any():
        far = delay > span / 2
    at = int(np.argmax(np.where(far, smooth, -np.inf)))
    return [
        {
            "delay_ns": Start(float(delay[at]) / 2 * f, bin_ns, span),
            "amplitude": Start(height, -1.0, math.inf),
            "amplitude_revival": Start(max(float(smooth[at]), 1e-3), -1.0, math.inf),
            "time_ns": Start(width / LN2, bin_ns / 10, span),
            "damping": Start(0.3, 0.0, 1.0),
            "broadening": Start(0.3, 0.0, 5.0),
        }
        for f in (1.0, 0.5)
    ]


_TIMES = {"time_ns": "ns", "delay_ns": "ns"}

MODELS: dict[str, CorrelationModel] = {
    "bunching": _one_decay("thermal light of one coherence time: 1 + A exp(-2|t|/tc)", 2.0, 1.0),
    "antibunching": _one_decay("a single emitter: 1 - A exp(-|t|/T)", 1.0, -1.0),
    "switching": CorrelationModel(
        "random switching between two modes at a total rate, with a thermal part: "
        "1 + A exp(-(k1+k2)|t|) + B exp(-2|t|/tc)",
        _switching_excess,
        _switching_guess,
        ("amplitude", "thermal_amplitude"),
        {"rate_per_ns": "1/ns", "coherence_time_ns": "ns"},
    ),
    "relaxation": CorrelationModel(
        "relaxation oscillation: 1 + A exp(-|t|/T) cos(2 pi f t)",
        _relaxation_excess,
        _relaxation_guess,
        ("amplitude",),
        {"frequency_ghz": "GHz", "damping_time_ns": "ns"},
    ),
    "pulsed": CorrelationModel(
        "pulsed excitation: peaks at multiples of the period, the central one of relative area g2(0)",
        _pulsed_excess,
        _pulsed_guess,
        ("contrast",),
        {"period_ns": "ns", "time_ns": "ns"},
    ),
    "delay-coupled": CorrelationModel(
        "two lasers coupled with a delay: peaks at odd multiples of it, unequal where one leads, "
        "and a peak without lag",
        _delayed_excess,
        _delayed_guess,
        ("amplitude_plus", "amplitude_minus", "amplitude_zero"),
        _TIMES,
    ),
    "revivals": CorrelationModel(
        "one of two lasers coupled with a delay: revivals at even multiples of it",
        _revivals_excess,
        _revivals_guess,
        ("amplitude", "amplitude_revival"),
        _TIMES,
    ),
}
"""Models of g2 by name."""
