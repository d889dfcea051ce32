"""Noise-free state of one pillar without light from outside."""

from typing import NamedTuple

from scipy.optimize import brentq, root

from models.micropillars.equations import Rates
from models.micropillars.parameters import Pillar

__all__ = ["State", "net_gains", "solitary_state", "threshold_current_ua"]


class State(NamedTuple):
    """Photon numbers of both modes, occupation rho and reservoir x (1/ns)."""

    strong: float
    weak: float
    rho: float
    x: float


def _balance(rates: Rates, rho: float, stimulated: float) -> tuple[float, float]:
    """Return the x that holds rho while light empties `stimulated` dots per ns, and the pump for it."""
    x = (stimulated + rho * rates.decay) / (1.0 - rho)
    inactive = rates.inactive * x / (1.0 + rates.lifetime * x)
    return x, rates.capture * x * (1.0 - rho) + rates.reservoir_decay * x + inactive


def net_gains(rates: Rates, state: State) -> tuple[float, float]:
    """Return the net gain G_j (2 rho - 1) - kappa_j of the strong and of the weak mode, in 1/ns."""
    inversion = 2.0 * state.rho - 1.0
    gain_s = rates.gain_s / (1.0 + rates.a_ss * state.strong + rates.a_sw * state.weak)
    gain_w = rates.gain_w / (1.0 + rates.a_ws * state.strong + rates.a_ww * state.weak)
    return gain_s * inversion - rates.loss_s, gain_w * inversion - rates.loss_w


def _dark(rates: Rates) -> State:
    """State without light."""
    if rates.pump <= 0:
        return State(0.0, 0.0, 0.0, 0.0)
    rho = brentq(lambda r: _balance(rates, r, 0.0)[1] - rates.pump, 0.0, 1.0 - 1e-12, xtol=1e-15)
    return State(0.0, 0.0, rho, _balance(rates, rho, 0.0)[0])


def _one_mode(rates: Rates, strong: bool) -> State:
    """State in which only one mode lases."""
    gain = rates.gain_s if strong else rates.gain_w
    loss = rates.loss_s if strong else rates.loss_w
    compression = rates.a_ss if strong else rates.a_ww

    def occupation(photons: float) -> float:  # the gain is clamped at the loss
        return 0.5 * (1.0 + loss / gain * (1.0 + compression * photons))

    def missing(photons: float) -> float:
        rho = occupation(photons)
        return _balance(rates, rho, loss * photons * rates.per_dot)[1] - rates.pump if rho < 1 else 1.0

    high = 1.0
    while missing(high) < 0:
        high *= 2.0
    photons = brentq(missing, 0.0, high, xtol=1e-13)
    rho = occupation(photons)
    x = _balance(rates, rho, loss * photons * rates.per_dot)[0]
    return State(photons, 0.0, rho, x) if strong else State(0.0, photons, rho, x)


def _both_modes(rates: Rates, guess: State) -> State:
    """State in which both modes lase."""

    def residuals(v: list[float]) -> list[float]:
        strong, weak, rho = v
        first, second = net_gains(rates, State(strong, weak, rho, 0.0))
        stimulated = (rates.loss_s * strong + rates.loss_w * weak) * rates.per_dot
        return [first, second, _balance(rates, rho, stimulated)[1] / rates.pump - 1.0]

    solution = root(residuals, [guess.strong, guess.weak, guess.rho], tol=1e-12)
    if not solution.success:
        raise RuntimeError(f"no noise-free state with two lasing modes found: {solution.message}")
    strong, weak, rho = (float(v) for v in solution.x)
    return State(
        strong,
        weak,
        rho,
        _balance(rates, rho, (rates.loss_s * strong + rates.loss_w * weak) * rates.per_dot)[0],
    )


def solitary_state(pillar: Pillar) -> State:
    """Return the stable noise-free state of a pillar; of two stable ones, that with the strong mode on."""
    rates = pillar.rates
    dark = _dark(rates)
    gains = net_gains(rates, dark)
    if max(gains) <= 0:
        return dark
    candidates = []
    for mode in (0, 1):
        if gains[mode] > 0:
            state = _one_mode(rates, strong=mode == 0)
            if net_gains(rates, state)[1 - mode] <= 0:
                return state
            candidates.append(state)
    guess = State(*(sum(v) / len(candidates) for v in zip(*candidates, strict=True)))
    return _both_modes(rates, guess)


def threshold_current_ua(pillar: Pillar) -> float:
    """Return the current at which the strong mode's gain reaches its loss without noise, in closed form.

    Raises
    ------
    ValueError
        If the gain stays below the loss even at full inversion.
    """
    rates = pillar.rates
    if rates.loss_s >= rates.gain_s:
        raise ValueError(
            f"the strong mode loses {rates.loss_s:g} per ns and gains at most {rates.gain_s:g}: no threshold"
        )
    rho = 0.5 * (1.0 + rates.loss_s / rates.gain_s)
    return pillar.parasitic_current_ua + _balance(rates, rho, 0.0)[1] / pillar.pump_per_ns2_per_ua
