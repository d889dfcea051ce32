"""Where what is found in recorded beat notes is not to be trusted, in sentences; "" where it is."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from analysis import Value, heterodyne, stability

__all__ = ["dips", "odd_allan", "odd_noise", "weak"]

MISFIT = 4.0
"""Of an Allan variance, in standard errors."""

PARTS, ODD = 8, 2.0
"""Stretches of a frequency noise, and by how much it may differ from its fit in one of them."""

DARK, NEAR = 0.3, 2
"""Of the amplitude's root mean square, and samples about a slip in which it is looked for."""


def odd_allan(allan: xr.Dataset, noises: Mapping[str, Value]) -> str:
    """Return a warning if an Allan variance is not the sum of the noises that were found in it."""
    tau, variance = allan["tau_s"].values, allan["deviation"].values ** 2
    summed = sum(noises[name].value * law(tau) for name, law in stability.LAWS.items())
    off = np.log(summed / variance) / np.sqrt(2 / allan["edf"].values)
    if np.sqrt(np.mean(off**2)) < MISFIT:
        return ""
    return "The Allan deviation is no sum of power laws: its parts are not to be trusted."


def odd_noise(density: xr.Dataset, noise: heterodyne.FrequencyNoiseFit, channel: str = "1") -> str:
    """Return a warning if a frequency noise is not the sum of what was found in it."""
    measured, f = density["frequency_density"].sel(channel=channel).values, density["frequency_hz"].values
    summed = noise.white.value + noise.flicker.value / f + noise.phase_noise.value * f**2
    ratios = [np.median(each) for each in np.array_split(measured / np.maximum(summed, 1e-300), PARTS)]
    if max(ratios) < ODD and min(ratios) > 1 / ODD:
        return ""
    return "The frequency noise is no sum of white noise and flicker: its parts are not to be trusted."


def weak(phases: xr.Dataset) -> str:
    """Return a warning if there is too little light in the band for a phase to be followed."""
    names = [str(each) for each in phases["channel"].values[phases["slips_by_noise"].values]]
    return f"Noise alone may make the phase of channel {' and '.join(names)} slip." if names else ""


def dips(parts: Sequence[xr.Dataset], slips: heterodyne.Slips) -> str:
    """Return a warning if most slips come while the amplitude of a channel passes near zero."""
    amplitude = np.concatenate([part["amplitude_v"].values for part in parts], axis=1)
    dark = (amplitude < DARK * np.sqrt(np.mean(amplitude**2, axis=1, keepdims=True))).any(axis=0)
    about = np.convolve(dark, np.ones(2 * NEAR + 1), "same") > 0
    at = np.round(slips.time_s * float(parts[0].attrs["sample_rate_hz"])).astype(int)
    count = int(np.count_nonzero(about[at]))
    if 2 * count <= at.size:
        return ""
    return (
        f"{count} of {at.size} slips come while the amplitude of a channel passes near zero, where a phase "
        "means little."
    )
