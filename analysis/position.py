"""How still a sample stood: what the position loop recorded, phase by phase."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from analysis._values import Value

__all__ = ["Stillness", "stillness"]

SETTLING_FRAMES = 5
"""Frames at the start of the closed loop in which the sample is still being fetched back."""


@dataclass(frozen=True)
class Stillness:
    """One phase of a recording, open or closed loop.

    Attributes
    ----------
    frames, held, steps : int
        Frames, those without a believable displacement, and those after which the stage moved.
    rms_um : Value
        Root mean square distance from the reference, with its standard error, in um.
    rms_axis_um : tuple of float
        The same along x and along y.
    largest_um : float
        Largest distance, in um.
    """

    frames: int
    held: int
    steps: int
    rms_um: Value
    rms_axis_um: tuple[float, float]
    largest_um: float

    def as_dict(self) -> dict[str, object]:
        """Return all numbers ready for JSON."""
        return {
            "frames": self.frames,
            "held": self.held,
            "steps": self.steps,
            "rms_um": self.rms_um.value,
            "rms_std_um": self.rms_um.std,
            "rms_x_um": self.rms_axis_um[0],
            "rms_y_um": self.rms_axis_um[1],
            "largest_um": self.largest_um,
        }


def stillness(data: xr.Dataset) -> dict[str, Stillness]:
    """Return how still the sample stood with the loop open and with it closed.

    Parameters
    ----------
    data
        ``displacement_um(step, axis)``, ``step_um(step, axis)``, ``closed_loop(step)`` and ``held(step)``.

    Returns
    -------
    dict of str to Stillness
        "open" and "closed", as far as they were recorded; the closed loop without its first five frames.
    """
    closed = data["closed_loop"].values.astype(bool)
    phases = {}
    for name, inside, settling in (("open", ~closed, 0), ("closed", closed, SETTLING_FRAMES)):
        part = data.isel(step=np.flatnonzero(inside)[settling:])
        if np.isfinite(part["displacement_um"].values).all(axis=1).any():
            phases[name] = _phase(part)
    return phases


def _phase(part: xr.Dataset) -> Stillness:
    displacement = part["displacement_um"].values
    known = displacement[np.isfinite(displacement).all(axis=1)]
    squares = np.sum(known**2, axis=1)
    rms = float(np.sqrt(squares.mean()))
    std_of_mean = np.sqrt(squares.var() / _independent(squares))
    return Stillness(
        frames=part.sizes["step"],
        held=int(part["held"].values.sum()),
        steps=int(np.any(part["step_um"].values != 0, axis=1).sum()),
        rms_um=Value(rms, float(std_of_mean / (2 * rms)) if rms > 0 else 0.0),
        rms_axis_um=(float(np.sqrt(np.mean(known[:, 0] ** 2))), float(np.sqrt(np.mean(known[:, 1] ** 2)))),
        largest_um=float(np.sqrt(squares.max())),
    )


def _independent(series: np.ndarray) -> float:
    """Return how many independent values a correlated series is worth, at least 1."""
    deviation = series - series.mean()
    n = len(series)
    if n < 3 or not deviation.any():
        return float(n)
    spectrum = np.abs(np.fft.rfft(deviation, 2 * n)) ** 2
    correlation = np.fft.irfft(spectrum)[:n]
    correlation = correlation / correlation[0]
    negative = np.flatnonzero(correlation <= 0)
    reach = negative[0] if negative.size else n
    return float(max(1.0, n / (2 * correlation[:reach].sum() - 1)))
