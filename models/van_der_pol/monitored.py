"""A van der Pol oscillator whose one-photon loss is watched: homodyne and heterodyne records.

Stochastic master equation for the watched jump sqrt(eta kappa) a, with
H[c] rho = c rho + rho c^+ - Tr[(c + c^+) rho] rho:

    homodyne    d rho = L rho dt + sqrt(eta kappa) H[exp(i phi) a] rho dW
    heterodyne  d rho = L rho dt + sqrt(eta kappa/2) (H[a] rho dW_x + H[-i a] rho dW_y)

Records, with a floor of exactly one from the detector's shot noise:

    homodyne    I = 2 sqrt(eta kappa) Re <exp(i phi) a> + dW/dt, power spectrum eta kappa (S(w) + S(-w)) + 1
    heterodyne  I = sqrt(eta kappa) <a> + (dW_x + i dW_y)/(sqrt(2) dt), I* has the spectrum eta kappa S(w) + 1

Both spectra are two-sided; one-sided ones are twice as large. A homodyne record of an oscillator that turns
fast in the local oscillator's frame is the beat note of a heterodyne detector with one output.

Wiseman and Milburn, Quantum Measurement and Control (Cambridge, 2010), Sec. 4.4-4.5.
"""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import qutip
import xarray as xr

from models.numerics import check_truncation
from models.van_der_pol.oscillator import operators
from models.van_der_pol.parameters import VanDerPol

__all__ = ["heterodyne", "homodyne"]

FINE = 0.3  # product of step and fastest decay, by default
STABLE = 1.5  # the largest one: an explicit scheme runs away from 2 on


def homodyne(
    model: VanDerPol,
    duration: float,
    sample: float,
    *,
    start: qutip.Qobj,
    phase_rad: float = 0.0,
    efficiency: float = 1.0,
    trajectories: int = 1,
    step: float | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Return homodyne records of the oscillator's light and the state that each lets know.

    Parameters
    ----------
    model : VanDerPol
        The oscillator; its one-photon loss is what is watched.
    duration : float
        Length of a record.
    sample : float
        Time of one sample of the record.
    start : Qobj
        State at the beginning, ket or density matrix; its size is the number of Fock states.
    phase_rad : float
        Phase phi of the local oscillator.
    efficiency : float
        Part eta of the lost photons that is detected.
    trajectories : int
        Number of records.
    step : float, optional
        Step of the integration, at most `sample`; by default what the fastest decay asks for.
    seed : int
        Seed of the noise.

    Returns
    -------
    Dataset
        ``current(trajectory, time)``, the mean over the sample that begins at ``time``; at that time
        the conditional ``amplitude`` = <a> and ``photons``; and the conditional ``final_rho`` at the end.

    Raises
    ------
    ValueError
        If a duration, efficiency or number makes no sense, or nothing is lost that could be watched.
    TruncationError
        If `start` has too few Fock states.
    """
    watched = np.exp(1j * phase_rad) * qutip.destroy(start.shape[0])
    run = _Run(model, duration, sample, start, efficiency, trajectories, step, seed)
    data = run.solve(watched, both=False)
    data.attrs["phase_rad"] = float(phase_rad)
    return data


def heterodyne(
    model: VanDerPol,
    duration: float,
    sample: float,
    *,
    start: qutip.Qobj,
    efficiency: float = 1.0,
    trajectories: int = 1,
    step: float | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Return heterodyne records, complex, of the oscillator's light and the state that each lets know.

    Parameters, variables and errors are those of `homodyne`.
    """
    run = _Run(model, duration, sample, start, efficiency, trajectories, step, seed)
    return run.solve(qutip.destroy(start.shape[0]), both=True)


@dataclass(frozen=True)
class _Run:
    model: VanDerPol
    duration: float
    sample: float
    start: qutip.Qobj
    efficiency: float
    trajectories: int
    step: float | None
    seed: int

    def __post_init__(self) -> None:
        if not 0 < self.sample <= self.duration < np.inf:
            raise ValueError(
                f"The record lasts {self.duration:g} and a sample {self.sample:g}; both must be positive and "
                "finite, and a sample no longer than the record."
            )
        if not 0 <= self.efficiency <= 1:
            raise ValueError(f"The efficiency is {self.efficiency:g}; it must be from 0 to 1.")
        if self.trajectories < 1:
            raise ValueError(f"{self.trajectories} trajectories are asked for; it takes at least one.")
        if not self.model.loss:
            raise ValueError("The oscillator has no one-photon loss, so there is no light to detect.")
        if self.step is not None and not 0 < self.step <= self.sample:
            raise ValueError(f"The step is {self.step:g}; it must be positive and at most {self.sample:g}.")
        longest = STABLE / self.model.decay(self.start.shape[0]).max()
        if self.step is not None and self.step > longest:
            raise ValueError(
                f"The step is {self.step:g}; with {self.start.shape[0]} Fock states, the fastest of which "
                f"decays within {longest / STABLE:.2g}, steps longer than {longest:.2g} run away."
            )

    @property
    def fine_step(self) -> float:
        """The step, such that samples hold a whole number of them."""
        wanted = self.step or FINE / (self.model.decay(self.start.shape[0]).max() + abs(self.model.frequency))
        return self.sample / np.ceil(self.sample / wanted - 1e-9)

    def solve(self, watched: qutip.Qobj, both: bool) -> xr.Dataset:
        levels = self.start.shape[0]
        _, jumps = operators(self.model, levels)
        a, top = qutip.destroy(levels), qutip.fock_dm(levels, levels - 1)
        seen, unseen = ((part * self.model.loss) ** 0.5 for part in (self.efficiency, 1 - self.efficiency))
        times = self.sample * np.arange(round(self.duration / self.sample) + 1)
        omega = self.model.frequency
        # in the oscillator's own frame: the rotation would make a first-order scheme gain energy
        turning = qutip.QobjEvo([watched, lambda t: np.exp(-1j * omega * t)]) if not both else watched
        done = qutip.smesolve(
            0 * top, self.start, times,
            c_ops=[*jumps[:-1], unseen * a] if unseen else jumps[:-1],
            sc_ops=[seen * turning], heterodyne=both,
            e_ops=[a, a.dag() * a, top],
            ntraj=self.trajectories, seeds=self.seed,
            options={
                "method": "milstein", "dt": self.fine_step, "store_measurement": "middle",
                "keep_runs_results": True, "store_final_state": True, "progress_bar": "",
            },
        )  # fmt: skip
        last = _matrices(done, omega * times[-1])
        amplitude, photons, weight = (np.array(values)[:, :-1] for values in done.runs_expect)
        begin, middle = (np.exp(-1j * omega * (times[:-1] + shift)) for shift in (0, self.sample / 2))
        measured = np.array(done.measurement)[:, 0].real
        # the mean of both ends holds what the sample's own noise does to the state, as a detector's mean
        # would; QuTiP's two currents are 2 sqrt(kappa) <x>, <p> with noise of sqrt(2): twice the record
        current = middle * (measured[:, 0] + 1j * measured[:, 1]) / 2 if both else measured
        dims = ("trajectory", "time")
        return xr.Dataset(
            {
                "current": (dims, current, {"units": "sqrt(rate)"}),
                "amplitude": (dims, begin * amplitude, {"units": "1"}),
                "photons": (dims, photons.real, {"units": "1"}),
                "final_rho": (("trajectory", "row", "column"), last, {"units": "1"}),
            },
            {"time": times[:-1]},
            self._attributes(levels, float(weight.real.mean()), both),
        )

    def _attributes(self, levels: int, weight: float, both: bool) -> dict[str, Any]:
        # the mean over noise scatters about the weight, so that less is required of it
        where = f"the watched oscillator at {levels} Fock states"
        return self.model.describe() | {
            "detection": "heterodyne" if both else "homodyne",
            "efficiency": float(self.efficiency),
            "sample": float(self.sample),
            "step": float(self.fine_step),
            "method": "QuTiP smesolve, milstein",
            "seed": self.seed,
            "levels": levels,
            "truncation_weight": check_truncation(weight, where, warn_above=1e-5, refuse_above=1e-3),
            "labsync_version": version("labsync"),
        }


def _matrices(done: Any, angle: float) -> np.ndarray:
    states = np.array([state.full() for state in done.runs_final_states])
    n = np.arange(states.shape[1])
    return np.asarray(states * np.exp(-1j * angle * (n[:, None] - n)))
