"""Stochastic time series of the coupled micropillars."""

from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr

from models.micropillars._solitary import solitary_state
from models.micropillars.equations import PairRates, relayed_step, step
from models.micropillars.parameters import Pair
from models.numerics import Delay, Ensemble, System, integrate, whole_steps

__all__ = ["MODES", "PILLARS", "METHOD", "delay_system", "describe", "simulate"]

PILLARS = ["P1", "P2"]
MODES = ["strong", "weak"]
METHOD = "exponential Euler-Maruyama, semi-implicit carriers, exact rotation; Ito"


def delay_system(
    pair: Pair,
    phases_rad: np.ndarray | float,
    reflection_phases_rad: np.ndarray | float = 0.0,
    noise: bool = True,
) -> System:
    """Return the pair as a delay system, in the frame of free-running P2 (one frame per polarisation).

    Parameters
    ----------
    pair : Pair
        Parameters.
    phases_rad : float or ndarray, (trajectories,)
        Optical phase of the round trip; it acts on the way from P1 to P2, which is equivalent to any
        other share between the two ways.
    reflection_phases_rad : float or ndarray, (trajectories,)
        Optical phase of each pillar's own light that a relay sends back.
    noise : bool
        Whether the dots emit spontaneously.
    """
    rates = [pillar.rates if noise else pillar.rates._replace(noise=0.0) for pillar in pair.pillars]
    into = [loss for rate in rates for loss in (rate.loss_s, rate.loss_w)]
    across = pair.coupling * pair.transmission_amplitude
    ways: list[Any] = [across + 0j, across * np.exp(1j * np.asarray(phases_rad))]
    # field k of strong P1, weak P1, strong P2, weak P2 receives the same mode of the other pillar
    delays = [Delay((k + 2) % 4, pair.delay_ns, ways[k // 2] * into[k]) for k in range(4)]
    if pair.reflection_amplitude > 0:
        back = pair.coupling * pair.reflection_amplitude * np.exp(1j * np.asarray(reflection_phases_rad))
        delays += [Delay(k, pair.delay_ns, back * into[k]) for k in range(4)]
    frequencies = (-pair.detuning_ghz, -pair.weak_detuning_ghz, 0.0, 0.0)
    motion = step if pair.reflection_amplitude == 0 else relayed_step
    return System(motion, PairRates(*rates), 4, 4, 4, tuple(delays), frequencies)


def _phases(pair: Pair, trajectories: int, average: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return round-trip and reflection phase of each trajectory; the average is over a lattice in both."""
    k = np.arange(trajectories) if average else np.zeros(trajectories)
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    return (
        pair.round_trip_phase_rad + 2 * np.pi * k / trajectories,
        pair.reflection_phase_rad + 2 * np.pi * np.mod(k * golden, 1.0),
    )


def _initial(pair: Pair, trajectories: int) -> tuple[np.ndarray, np.ndarray]:
    """Start with the light in the strong modes (even trajectories) or in the weak modes (odd ones)."""
    states = [solitary_state(pillar) for pillar in pair.pillars]
    fields = np.zeros((trajectories, 2, 2), complex)
    for p, state in enumerate(states):
        amplitude = np.sqrt(state.strong + state.weak)
        fields[0::2, p, 0] = amplitude
        fields[1::2, p, 1] = amplitude
    reals = np.tile([v for state in states for v in (state.rho, state.x)], (trajectories, 1))
    return fields.reshape(trajectories, 4), reals


def describe(pair: Pair) -> dict[str, Any]:
    """Return a pair's parameters as flat attributes; those of the pillars end in _1 and _2."""
    attrs: dict[str, Any] = {"labsync_version": version("labsync"), "model": "micropillars"}
    attrs |= {name: value for name, value in asdict(pair).items() if not isinstance(value, dict)}
    attrs["weak_detuning_ghz"] = pair.weak_detuning_ghz
    factors = {pillar.inactive_loss_factor for pillar in pair.pillars}
    attrs["inactive_loss_factor"] = factors.pop() if len(factors) == 1 else sorted(factors)
    for k, pillar in enumerate(pair.pillars, start=1):
        attrs |= {f"{name}_{k}": value for name, value in asdict(pillar).items()}
    return attrs


def _dataset(ensemble: Ensemble) -> xr.Dataset:
    trajectories, _, samples = ensemble.fields.shape
    shape = (trajectories, 2, 2, samples)
    carriers = ensemble.reals.reshape(shape)
    dims = ("trajectory", "pillar", "mode", "time_ns")
    short = ("trajectory", "pillar", "time_ns")
    return xr.Dataset(
        {
            "field": (
                dims,
                ensemble.fields.reshape(shape),
                {"units": "1", "long_name": "field, |A|^2 photons"},
            ),
            "photon_number": (dims, ensemble.moduli.reshape(shape), {"units": "1"}),
            "occupation": (short, carriers[:, :, 0], {"units": "1"}),
            "reservoir": (short, carriers[:, :, 1], {"units": "1/ns"}),
        },
        coords={
            "trajectory": np.arange(trajectories),
            "pillar": PILLARS,
            "mode": MODES,
            "time_ns": ("time_ns", ensemble.time, {"units": "ns"}),
        },
    )


def simulate(
    pair: Pair,
    duration_ns: float = 400.0,
    step_ps: float = 1.0,
    trajectories: int = 16,
    seed: int = 1,
    sample_ps: float = 25.0,
    settle_ns: float = 60.0,
    average_phase: bool = False,
    engine: str = "auto",
    on_progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Simulate an ensemble of trajectories of two coupled pillars.

    Every second trajectory starts with the light in the weak modes, the others in the strong modes; the
    settling time is thrown away.

    Parameters
    ----------
    pair : Pair
        What is simulated.
    duration_ns, settle_ns : float
        Recorded time and settling time before it.
    step_ps : float
        Time step; the delay must be a multiple of it.
    trajectories : int
        Number of trajectories.
    seed : int
        Seed of the ensemble.
    sample_ps : float
        Recorded values are averages over boxes of this length, a multiple of `step_ps`.
    average_phase : bool
        Give trajectory k of n its own round-trip phase, ``2 pi k/n`` more than the pair's: the average over
        an uncontrolled path length. The reflection phase of a relay is then spread too, in steps of the
        golden section, so that each phase is averaged over whatever the other.
    engine : {"auto", "lanes", "scalar"}
        See `models.numerics.integrate`.
    on_progress : callable, optional
        Called with the fraction done.

    Returns
    -------
    xarray.Dataset
        field (trajectory, pillar, mode, time_ns; complex64), photon_number (same dims; average of |A|^2),
        occupation rho and reservoir x in 1/ns (trajectory, pillar, time_ns), round_trip_phase_rad and
        reflection_phase_rad (trajectory). Fields are in the frame of free-running P2, one frame per
        polarisation: there free P1 sits at ``-detuning`` and a field ``exp(2 pi i f t)`` has the frequency f.
        "Free-running" means zero net gain: a lasing line peaks there, its first moment lies
        ``alpha net/(2 pi)`` off, with the net gain weighted by the light, and so does all of a mode that
        does not lase.

    Raises
    ------
    ValueError
        If times do not fit each other or counts are not positive.
    """
    if trajectories < 1:
        raise ValueError(f"trajectories is {trajectories}; at least one is needed")
    for name, value in {"duration_ns": duration_ns, "step_ps": step_ps, "sample_ps": sample_ps}.items():
        if not value > 0:
            raise ValueError(f"{name} is {value:g}; it must be positive")
    whole_steps("delay_ns", pair.delay_ns, step_ps * 1e-3)
    whole_steps("sample_ps", sample_ps, step_ps)
    phases, reflected = _phases(pair, trajectories, average_phase)
    fields, reals = _initial(pair, trajectories)
    ensemble = integrate(
        delay_system(pair, phases, reflected),
        fields,
        reals,
        duration=duration_ns,
        step=step_ps * 1e-3,
        sample=sample_ps * 1e-3,
        settle=settle_ns,
        seed=seed,
        engine=engine,
        on_progress=on_progress,
    )
    dataset = _dataset(ensemble)
    dataset["round_trip_phase_rad"] = ("trajectory", phases, {"units": "rad"})
    dataset["reflection_phase_rad"] = ("trajectory", reflected, {"units": "rad"})
    run: dict[str, Any] = {"seed": seed, "step_ps": step_ps, "sample_ps": sample_ps, "settle_ns": settle_ns}
    run |= {"engine": ensemble.engine, "method": METHOD, "average_phase": int(average_phase)}
    dataset.attrs = describe(pair) | run | {"frame": "free-running P2, one per polarisation"}
    return dataset
