"""Noise-free state of the coupled pair, next to those of the pillars on their own."""

import numpy as np
import xarray as xr

from models.micropillars._solitary import net_gains, solitary_state, threshold_current_ua
from models.micropillars.parameters import Pair
from models.micropillars.simulation import METHOD, MODES, PILLARS, delay_system, describe
from models.numerics import Ensemble, integrate

__all__ = ["steady_state"]

_STEP_PS = 1.0
_WINDOW_NS = 100.0


def _settle(pair: Pair, settle_ns: float, step_ps: float) -> Ensemble:
    """Integrate without noise from the solitary states, strong modes in phase; return the last 100 ns."""
    states = [solitary_state(pillar) for pillar in pair.pillars]
    fields = np.sqrt([[n for state in states for n in (state.strong, state.weak)]]).astype(complex)
    reals = np.array([[v for state in states for v in (state.rho, state.x)]])
    return integrate(
        delay_system(pair, pair.round_trip_phase_rad, pair.reflection_phase_rad, noise=False),
        fields,
        reals,
        duration=_WINDOW_NS,
        step=step_ps * 1e-3,
        sample=step_ps * 1e-3 * 10,
        settle=settle_ns,
        engine="scalar",
    )


def _frequencies(ensemble: Ensemble, pair: Pair) -> np.ndarray:
    """Mean frequency of each field relative to free-running P1, shape (pillar, mode); NaN without light."""
    span = ensemble.time[-1] - ensemble.time[0]
    phase = np.unwrap(np.angle(ensemble.fields[0].astype(complex)), axis=-1)
    frequency = (phase[:, -1] - phase[:, 0]) / (2 * np.pi * span)
    frequency[ensemble.moduli[0].mean(axis=-1) < 1e-9] = np.nan
    shift = [pair.detuning_ghz, pair.weak_detuning_ghz]
    return frequency.reshape(2, 2) + shift


def steady_state(pair: Pair, settle_ns: float = 400.0, step_ps: float = _STEP_PS) -> xr.Dataset:
    """Return the noise-free states of both pillars, on their own and coupled.

    The solitary states are roots of the equations. The coupled one is what these states turn into when the
    coupling is switched on, by integration without noise: a compound-cavity state if the lasers lock, a beat
    note otherwise. Several compound states can be stable; which one is reached depends on the phases.

    Parameters
    ----------
    pair : Pair
        What is solved.
    settle_ns : float
        Time given to the coupled pair.
    step_ps : float
        Step of the integration; the delay must be a multiple of it.

    Returns
    -------
    xarray.Dataset
        Solitary: photon_number (pillar, mode), occupation, reservoir in 1/ns, threshold_current_ua
        (pillar), net_gain in 1/ns (pillar, mode). Coupled, averaged over 100 ns: coupled_photon_number
        (pillar, mode), coupled_occupation, coupled_reservoir (pillar), coupled_frequency_ghz (pillar,
        mode), relative to free-running P1. ``attrs["residual"]`` is the largest peak-to-peak change of a
        photon number relative to its pillar's total, ``attrs["locked"]`` is 1 when it is below 1e-3.
    """
    states = [solitary_state(pillar) for pillar in pair.pillars]
    ensemble = _settle(pair, settle_ns, step_ps)
    moduli, carriers = ensemble.moduli[0].reshape(2, 2, -1), ensemble.reals[0].reshape(2, 2, -1)
    total = np.maximum(moduli.mean(axis=-1).sum(axis=-1), 1e-9)
    residual = float((np.ptp(moduli, axis=-1).max(axis=-1) / total).max())
    both, one = ("pillar", "mode"), ("pillar",)
    dataset = xr.Dataset(
        {
            "photon_number": (both, [[s.strong, s.weak] for s in states], {"units": "1"}),
            "net_gain": (
                both,
                [net_gains(p.rates, s) for p, s in zip(pair.pillars, states, strict=True)],
                {"units": "1/ns"},
            ),
            "occupation": (one, [s.rho for s in states], {"units": "1"}),
            "reservoir": (one, [s.x for s in states], {"units": "1/ns"}),
            "threshold_current_ua": (one, [threshold_current_ua(p) for p in pair.pillars], {"units": "uA"}),
            "coupled_photon_number": (both, moduli.mean(axis=-1, dtype=float), {"units": "1"}),
            "coupled_occupation": (one, carriers[:, 0].mean(axis=-1, dtype=float), {"units": "1"}),
            "coupled_reservoir": (one, carriers[:, 1].mean(axis=-1, dtype=float), {"units": "1/ns"}),
            "coupled_frequency_ghz": (both, _frequencies(ensemble, pair), {"units": "GHz"}),
        },
        coords={"pillar": PILLARS, "mode": MODES},
    )
    run = {"residual": residual, "locked": int(residual < 1e-3), "seed": 0, "step_ps": step_ps}
    dataset.attrs = describe(pair) | run | {"engine": ensemble.engine, "method": f"roots; {METHOD}, no noise"}
    return dataset
