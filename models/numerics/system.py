"""What is integrated, and what comes out: `System` with its `Delay` terms, and `Ensemble`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Delay", "Ensemble", "System"]


@dataclass(frozen=True)
class Delay:
    """A delayed term ``factor * field[source](t - delay)``.

    Parameters
    ----------
    source : int
        Index of the delayed field.
    delay : float
        Delay, a positive multiple of the step.
    factor : complex or ndarray of complex, shape (trajectories,)
        What the delayed field is multiplied with, per trajectory if it is an array.
    """

    source: int
    delay: float
    factor: complex | np.ndarray = 1.0


@dataclass(frozen=True)
class System:
    """A stochastic delay differential equation.

    Parameters
    ----------
    step : callable
        Step function in scalar notation, see `models.numerics.sdde`.
    parameters : tuple
        Named tuple of floats, or tuple of such; handed to `step`.
    fields, reals, noises : int
        Number of complex fields (at least 1), real variables and complex noise terms.
    delays : tuple of Delay
        Delayed terms, in the order in which `step` gets them.
    frequencies : tuple of float
        Frequency of each field's rotation ``exp(2 pi i f t)``; empty for none.
    interpretation : {"ito", "stratonovich"}
        How multiplicative noise is read.
    """

    step: Callable[..., Any]
    parameters: tuple
    fields: int
    reals: int = 0
    noises: int = 0
    delays: tuple[Delay, ...] = ()
    frequencies: tuple[float, ...] = ()
    interpretation: str = "ito"

    def __post_init__(self) -> None:
        if self.fields < 1:
            raise ValueError(f"fields is {self.fields}; a system needs at least one complex field")
        if self.frequencies and len(self.frequencies) != self.fields:
            raise ValueError(f"frequencies has {len(self.frequencies)} entries for {self.fields} fields")
        if self.interpretation not in {"ito", "stratonovich"}:
            raise ValueError(f"interpretation is {self.interpretation!r}; choose 'ito' or 'stratonovich'")
        for term in self.delays:
            if not 0 <= term.source < self.fields:
                raise ValueError(
                    f"delayed field {term.source} does not exist; there are {self.fields} fields"
                )


@dataclass(frozen=True)
class Ensemble:
    """Box averages of an ensemble of trajectories, or what was accumulated from them.

    Attributes
    ----------
    time : ndarray, (samples,)
        Middle of each box; 0 is the end of the settling time. No samples if no series was asked for.
    fields : ndarray of complex64, (trajectories, fields, samples)
        Averaged fields.
    moduli : ndarray of float32, (trajectories, fields, samples)
        Averaged squared moduli of the fields.
    reals : ndarray of float32, (trajectories, reals, samples)
        Averaged real variables.
    engine : str
        "lanes" or "scalar".
    compile_s : float
        Time that this call spent on compiling; 0 if the kernel was ready or on disk.
    records : tuple
        One result per record that was asked for.
    """

    time: np.ndarray
    fields: np.ndarray
    moduli: np.ndarray
    reals: np.ndarray
    engine: str
    compile_s: float = 0.0
    records: tuple[Any, ...] = ()
