"""Parameters of two delay-coupled bimodal quantum-dot micropillar lasers.

Values and symbols: Kreinberg et al., Nat. Commun. 10, 1539 (2019), Table 1 and Eqs. 4-9.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from scipy import constants

from models.micropillars.equations import Rates
from models.validity import wrong_parameter

__all__ = ["Pair", "Pillar", "kreinberg2019"]

_ANY_SIGN = {"linewidth_enhancement", "detuning_ghz", "round_trip_phase_rad", "reflection_phase_rad"}
_MAY_BE_ZERO = {
    "coupling",
    "current_ua",
    "parasitic_current_ua",
    "inactive_loss_factor",
    "spontaneous_factor",
    "inactive_dots",
    "compression_ss_m2_per_w",
    "compression_sw_m2_per_w",
    "compression_ws_m2_per_w",
    "compression_ww_m2_per_w",
    "splitting_ghz",
    "transmission_amplitude",
    "reflection_amplitude",
}


def _check(model: Any, owner: str) -> None:
    values = {field.name: getattr(model, field.name) for field in fields(model)}
    numbers = {name: value for name, value in values.items() if not isinstance(value, Pillar)}
    if wrong := wrong_parameter(numbers, owner, any_sign=_ANY_SIGN, may_be_zero=_MAY_BE_ZERO):
        raise ValueError(wrong)


@dataclass(frozen=True)
class Pillar:
    """One bimodal micropillar laser.

    The first five parameters differ between the published pillars, the others are common to both.

    Parameters
    ----------
    current_ua : float
        Pump current J per pillar, 1/120 of the array current.
    spontaneous_factor : float
        beta, share of the spontaneous emission that goes into each mode.
    parasitic_current_ua, injection_efficiency : float
        J_p and eta of the pump term eta (J - J_p).
    linewidth_enhancement : float
        alpha; positive means that more gain raises the frequency.
    dot_lifetime_ns : float
        tau_sp of the dots.
    loss_strong_per_ns, loss_weak_per_ns : float
        kappa, decay rates of the field amplitudes.
    gain_strong_m2_per_v2_s, gain_weak_m2_per_v2_s : float
        g0, gain without compression.
    compression_ss_m2_per_w, compression_sw_m2_per_w, compression_ws_m2_per_w, compression_ww_m2_per_w : float
        Gain compression; the first letter is the mode that loses gain, the second the one that causes it.
    capture_m2_per_s : float
        S_in, capture of reservoir carriers into the dots.
    area_um2, mode_volume_um3, refractive_index, photon_energy_ev : float
        A, V, n_bg and the photon energy.
    active_dots, inactive_dots : float
        Z and Z_inact.
    reservoir_lifetime_ns : float
        tau_r.
    inactive_loss_factor : float
        f_in, factor of the loss to inactive dots in Eq. 6: 2 as printed. With 2 the thresholds come out near
        25 and 24 uA, above what the published linewidths allow; 1.34 puts them near 20 uA. It is a
        calibration: say which one was used.
    splitting_ghz : float
        Frequency of the weak mode minus that of the strong mode.
    """

    current_ua: float
    spontaneous_factor: float
    parasitic_current_ua: float
    injection_efficiency: float
    linewidth_enhancement: float
    dot_lifetime_ns: float
    loss_strong_per_ns: float = 39.0
    loss_weak_per_ns: float = 38.5
    gain_strong_m2_per_v2_s: float = 5.35
    gain_weak_m2_per_v2_s: float = 5.21
    compression_ss_m2_per_w: float = 10e-10
    compression_sw_m2_per_w: float = 16e-10
    compression_ws_m2_per_w: float = 17.8e-10
    compression_ww_m2_per_w: float = 12e-10
    capture_m2_per_s: float = 7e-3
    area_um2: float = 15.0
    mode_volume_um3: float = 5.0
    refractive_index: float = 3.34
    photon_energy_ev: float = 1.38
    active_dots: float = 312.0
    inactive_dots: float = 938.0
    reservoir_lifetime_ns: float = 1.0
    inactive_loss_factor: float = 2.0
    splitting_ghz: float = 26.0

    def __post_init__(self) -> None:
        _check(self, "Pillar")

    @property
    def pump_per_ns2_per_ua(self) -> float:
        """Pump of the reservoir variable x per microampere of injected current."""
        carriers_per_ns = self.injection_efficiency * 1e-6 / constants.e * 1e-9
        return self.capture_m2_per_s * 1e-9 * carriers_per_ns / (self.area_um2 * 1e-12)

    @property
    def output_nw_per_photon(self) -> float:
        """Power lost by the strong mode per photon, ``2 kappa hbar omega``; all of it counts as output."""
        return 2.0 * self.loss_strong_per_ns * 1e9 * self.photon_energy_ev * constants.e * 1e9

    @property
    def rates(self) -> Rates:
        """Coefficients of the equations in photon numbers, in 1/ns (see `equations`)."""
        photon_energy = self.photon_energy_ev * constants.e
        volume = self.mode_volume_um3 * 1e-18
        permittivity = constants.epsilon_0 * self.refractive_index**2
        gain = photon_energy * self.active_dots / (permittivity * volume) * 1e-9
        intensity = constants.c * photon_energy / (self.refractive_index * volume)  # W/m^2 per photon
        capture = self.capture_m2_per_s * 1e-9 / (self.area_um2 * 1e-12)
        return Rates(
            gain_s=gain * self.gain_strong_m2_per_v2_s,
            gain_w=gain * self.gain_weak_m2_per_v2_s,
            loss_s=self.loss_strong_per_ns,
            loss_w=self.loss_weak_per_ns,
            a_ss=self.compression_ss_m2_per_w * intensity,
            a_sw=self.compression_sw_m2_per_w * intensity,
            a_ws=self.compression_ws_m2_per_w * intensity,
            a_ww=self.compression_ww_m2_per_w * intensity,
            alpha=self.linewidth_enhancement,
            per_dot=1.0 / self.active_dots,
            decay=1.0 / self.dot_lifetime_ns,
            lifetime=self.dot_lifetime_ns,
            pump=self.pump_per_ns2_per_ua * (self.current_ua - self.parasitic_current_ua),
            capture=2.0 * self.active_dots * capture,
            inactive=self.inactive_loss_factor * self.inactive_dots * capture,
            reservoir_decay=1.0 / self.reservoir_lifetime_ns,
            noise=math.sqrt(self.spontaneous_factor * 2.0 * self.active_dots / self.dot_lifetime_ns),
        )


@dataclass(frozen=True)
class Pair:
    """Two pillars, face to face or through a relay.

    Parameters
    ----------
    pillar_1, pillar_2 : Pillar
        P1 and P2.
    coupling : float
        K; light from the other pillar enters at the rate K kappa. K = K0 sqrt(T) for a path of power
        transmission T.
    detuning_ghz : float
        Nominal detuning nu of the strong modes, f(P2) - f(P1), free-running. The weak modes are detuned by
        nu + splitting(P2) - splitting(P1).
    delay_ns : float
        tau, one way.
    round_trip_phase_rad : float
        Optical phase of the path there and back, in the frame of free-running P2: 2 theta_t.
    transmission_amplitude, reflection_amplitude : float
        t and r of a relay, a partly reflecting pellicle in the middle of the path, from which each pillar's
        own light comes back after the same delay: pillar p receives
        ``K kappa [t e^{i theta_t} A_other(t - tau) + r e^{i theta_r} A_p(t - tau)]``. Face-to-face is t = 1,
        r = 0, a 50/50 pellicle t = r = 2^-1/2.
    reflection_phase_rad : float
        theta_r, the same for both pillars. Adding pi to theta_t changes nothing, so that the round-trip
        phase and theta_r are all that counts.
    """

    pillar_1: Pillar
    pillar_2: Pillar
    coupling: float = 0.025
    detuning_ghz: float = 0.0
    delay_ns: float = 3.85
    round_trip_phase_rad: float = 0.0
    transmission_amplitude: float = 1.0
    reflection_amplitude: float = 0.0
    reflection_phase_rad: float = 0.0

    def __post_init__(self) -> None:
        _check(self, "Pair")
        t, r = self.transmission_amplitude, self.reflection_amplitude
        if t**2 + r**2 > 1 + 1e-6:
            raise ValueError(
                f"Pair: transmission_amplitude {t:g} and reflection_amplitude {r:g} make {t**2 + r**2:g} of "
                "the power; a relay gives back at most 1"
            )

    @property
    def pillars(self) -> tuple[Pillar, Pillar]:
        """P1 and P2."""
        return self.pillar_1, self.pillar_2

    @property
    def weak_detuning_ghz(self) -> float:
        """Nominal detuning of the weak modes."""
        return self.detuning_ghz + self.pillar_2.splitting_ghz - self.pillar_1.splitting_ghz

    def detuned(self, detuning_ghz: float) -> "Pair":
        """Return the pair with P2 tuned to another detuning and the length of the path unchanged.

        The phases of the path are given for the frequency of P2, so they move with it.
        """
        turn = -2 * math.pi * self.delay_ns * (detuning_ghz - self.detuning_ghz)
        return replace(
            self,
            detuning_ghz=detuning_ghz,
            round_trip_phase_rad=self.round_trip_phase_rad + 2 * turn,
            reflection_phase_rad=self.reflection_phase_rad + turn,
        )


def kreinberg2019(
    current_1_ua: float,
    current_2_ua: float,
    coupling: float = 0.025,
    detuning_ghz: float = 0.0,
    inactive_loss_factor: float = 2.0,
    delay_ns: float = 3.85,
    round_trip_phase_rad: float = 0.0,
) -> Pair:
    """Return the pair of Kreinberg et al., Nat. Commun. 10, 1539 (2019), Table 1.

    Parameters
    ----------
    current_1_ua, current_2_ua : float
        Pump currents per pillar.
    coupling, detuning_ghz, delay_ns, round_trip_phase_rad : float
        See `Pair`.
    inactive_loss_factor : float
        See `Pillar`; 2 as printed, 1.34 calibrated.
    """
    pillar_1 = Pillar(
        current_ua=current_1_ua,
        spontaneous_factor=3.5e-3,
        parasitic_current_ua=2.3,
        injection_efficiency=0.0596,
        linewidth_enhancement=1.7,
        dot_lifetime_ns=0.155,
        inactive_loss_factor=inactive_loss_factor,
        splitting_ghz=26.0,
    )
    pillar_2 = Pillar(
        current_ua=current_2_ua,
        spontaneous_factor=4.0e-3,
        parasitic_current_ua=7.3,
        injection_efficiency=0.0674,
        linewidth_enhancement=1.0,
        dot_lifetime_ns=0.185,
        inactive_loss_factor=inactive_loss_factor,
        splitting_ghz=21.0,
    )
    return Pair(pillar_1, pillar_2, coupling, detuning_ghz, delay_ns, round_trip_phase_rad)
