"""Equations of motion of two coupled micropillars, in photon numbers, in scalar notation.

Per pillar, with fields A_j (j = s, w), u_j = |A_j|^2 photons, occupation rho of the active dots and
reservoir x = S_in n_r (1/ns), from Kreinberg et al., Nat. Commun. 10, 1539 (2019), Eqs. 4-9:

    dA_j   = [G_j (2 rho - 1) - kappa_j] (1 + i alpha) A_j dt + coupling dt + sqrt(2 Z beta/tau_sp) rho dW_j
    drho   = [-(2 rho - 1) (G_s u_s + G_w u_w)/Z - rho/tau_sp + x (1 - rho)] dt
    dx     = [P - c x (1 - rho) - x/tau_r - c_in rho_inact/tau_sp] dt
    G_j    = G0_j / (1 + a_js u_s + a_jw u_w),     rho_inact = tau_sp x / (1 + tau_sp x)
"""

from typing import Any, NamedTuple

from numba.extending import register_jitable

from models.numerics import abs2, join

__all__ = ["PairRates", "Rates", "relayed_step", "step"]


class Rates(NamedTuple):
    """Coefficients of one pillar in 1/ns: G0_j, kappa_j, a_ji per photon, 1/Z, P (1/ns^2), c, c_in ..."""

    gain_s: float
    gain_w: float
    loss_s: float
    loss_w: float
    a_ss: float
    a_sw: float
    a_ws: float
    a_ww: float
    alpha: float
    per_dot: float
    decay: float
    lifetime: float
    pump: float
    capture: float
    inactive: float
    reservoir_decay: float
    noise: float


class PairRates(NamedTuple):
    """Coefficients of both pillars."""

    pillar_1: Rates
    pillar_2: Rates


@register_jitable(forceinline=True)
def _amplify(a, gain, alpha):  # type: ignore[no-untyped-def]
    """Grow field `a` by exp((1 + i alpha) gain) to second order."""
    phase = alpha * gain
    return a * join(1.0 + gain + 0.5 * (gain * gain - phase * phase), phase + gain * phase)


@register_jitable(forceinline=True)
def _pillar(p, dt, strong, weak, rho, x, into_strong, into_weak, kick_strong, kick_weak):  # type: ignore[no-untyped-def]
    u_s = abs2(strong)
    u_w = abs2(weak)
    compression_s = 1.0 + p.a_ss * u_s + p.a_sw * u_w
    compression_w = 1.0 + p.a_ws * u_s + p.a_ww * u_w
    both = 1.0 / (compression_s * compression_w)
    gain_s = p.gain_s * compression_w * both
    gain_w = p.gain_w * compression_s * both
    inversion = 2.0 * rho - 1.0
    kick = p.noise * rho
    growth_s = (gain_s * inversion - p.loss_s) * dt
    growth_w = (gain_w * inversion - p.loss_w) * dt
    strong = _amplify(strong, growth_s, p.alpha) + (into_strong * dt + kick_strong * kick) * (
        1.0 + 0.5 * growth_s
    )
    weak = _amplify(weak, growth_w, p.alpha) + (into_weak * dt + kick_weak * kick) * (1.0 + 0.5 * growth_w)
    stimulated = (gain_s * u_s + gain_w * u_w) * p.per_dot
    saturation = 1.0 + p.lifetime * x
    rho_loss = 1.0 + dt * (x + p.decay + 2.0 * stimulated)
    x_loss = (1.0 + dt * (p.capture * (1.0 - rho) + p.reservoir_decay)) * saturation + dt * p.inactive
    shared = 1.0 / (rho_loss * x_loss)
    new_rho = (rho + dt * (x + stimulated)) * x_loss * shared
    new_x = (x + dt * p.pump) * saturation * rho_loss * shared
    return strong, weak, new_rho, new_x


@register_jitable(forceinline=True)
def _both(parameters, dt, fields, reals, delayed, noise):  # type: ignore[no-untyped-def]
    p1, p2 = parameters
    s1, w1, s2, w2 = fields
    rho1, x1, rho2, x2 = reals
    into_s1, into_w1, into_s2, into_w2 = delayed
    kick_s1, kick_w1, kick_s2, kick_w2 = noise
    s1, w1, rho1, x1 = _pillar(p1, dt, s1, w1, rho1, x1, into_s1, into_w1, kick_s1, kick_w1)
    s2, w2, rho2, x2 = _pillar(p2, dt, s2, w2, rho2, x2, into_s2, into_w2, kick_s2, kick_w2)
    return (s1, w1, s2, w2), (rho1, x1, rho2, x2)


def step(parameters: PairRates, dt: float, fields: Any, reals: Any, delayed: Any, noise: Any) -> Any:
    """Advance both pillars by one step.

    Fields, delayed terms and noise in the order strong P1, weak P1, strong P2, weak P2; reals in the order
    rho, x of P1, rho, x of P2.

    The field grows with the exponential of the net gain to second order, what is added during the step with
    half of that gain. The carriers are semi-implicit, each linear in itself: stable at any step, and the
    solitary noise-free fixed points are exact. Divisions are gathered in few reciprocals.
    """
    return _both(parameters, dt, fields, reals, delayed, noise)


def relayed_step(parameters: PairRates, dt: float, fields: Any, reals: Any, delayed: Any, noise: Any) -> Any:
    """Advance both pillars by one step, with the light of the other pillar and their own from a relay.

    As `step`, with four more delayed terms that follow the first four: each field's own light.
    """
    s1, w1, s2, w2, own_s1, own_w1, own_s2, own_w2 = delayed
    light = (s1 + own_s1, w1 + own_w1, s2 + own_s2, w2 + own_w2)
    return _both(parameters, dt, fields, reals, light, noise)
