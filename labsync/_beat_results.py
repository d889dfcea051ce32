"""What is found in recorded beat notes, ready to be shown."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from analysis import Value, heterodyne
from analysis._values import NOT_KNOWN, finite_or_none

__all__ = ["ChannelFit", "CounterFit", "DelayedFit", "PhaseFit", "RecordFit"]


@dataclass(frozen=True)
class ChannelFit:
    """One channel of a record.

    Parameters
    ----------
    name
        Of the channel.
    line
        Its strongest line.
    extreme_share, clipped
        Share of samples at the highest or lowest value; whether the recorder says that it was clipped.
    snr
        Light over noise in the demodulated band; NaN if it was not demodulated.
    noise
        White part, flicker and phase noise of the frequency; None if not demodulated.
    beta_hz
        Width that the noise above the beta-separation line makes.
    """

    name: str
    line: heterodyne.BeatLine
    extreme_share: float
    clipped: bool
    snr: float = np.nan
    noise: heterodyne.FrequencyNoiseFit | None = None
    beta_hz: Value = NOT_KNOWN

    def as_dict(self, unit: str) -> dict[str, Any]:
        """Return all numbers ready for JSON; the unit of the record is in the name of the power."""
        line = self.line
        return {
            "channel": self.name,
            "centre_hz": line.centre_hz.as_dict(),
            "width_hz": line.width_hz.as_dict(),
            "lorentzian_hz": line.lorentzian_hz.as_dict(),
            "gaussian_hz": line.gaussian_hz.as_dict(),
            "width_bound_hz": line.bound_hz,
            f"power_{unit.lower()}2": {
                "value": finite_or_none(line.power),
                "std": finite_or_none(line.power_std),
            },
            "extreme_share": self.extreme_share,
            "clipped": self.clipped,
            "snr": finite_or_none(self.snr),
            **_noise_dict(self.noise, self.beta_hz),
        }


def _noise_dict(noise: heterodyne.FrequencyNoiseFit | None, beta_hz: Value) -> dict[str, Any]:
    if noise is None:
        return {}
    return {
        "white_hz2_per_hz": noise.white.as_dict(),
        "flicker_hz2": noise.flicker.as_dict(),
        "intrinsic_width_hz": noise.intrinsic_hz.as_dict(),
        "beta_width_hz": beta_hz.as_dict(),
    }


@dataclass(frozen=True)
class PhaseFit:
    """Relative phase of two channels.

    Parameters
    ----------
    relative
        The phase of the second over the first; gaps in the record are closed.
    coherence
        Of both channels at the line: squared modulus of the cross spectrum over both densities.
    concentration
        Modulus of the mean of exp(i phase): one if locked without noise, zero if evenly spread.
    slips, potential
        From `analysis.heterodyne`.
    adler
        None where the record is too noisy or too short to tell; then `untold` says why.
    untold
        Why something is not known; empty if nothing is.
    """

    relative: xr.DataArray
    coherence: float
    concentration: float
    slips: heterodyne.Slips
    potential: xr.Dataset
    adler: heterodyne.AdlerFit | None
    untold: str

    @property
    def depth(self) -> float:
        """Depth of the well: logarithm of the largest over the smallest density of the phase."""
        density = heterodyne.phase_distribution(self.relative).values
        return float(np.log(density.max() / density[density > 0].min()))

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers ready for JSON."""
        low, high = self.slips.limits_hz()
        found: dict[str, Any] = {
            "first": self.relative.attrs["first"],
            "second": self.relative.attrs["second"],
            "duration_s": self.slips.duration_s,
            "coherence": finite_or_none(self.coherence),
            "concentration": self.concentration,
            "well_rad": self.slips.well_rad,
            "slips": int(self.slips.time_s.size),
            "slip_rate_hz": {"value": self.slips.rate_hz.value, "low": low, "high": high},
            "forward_hz": self.slips.forward_hz.as_dict(),
            "backward_hz": self.slips.backward_hz.as_dict(),
            "mean_residence_s": self.slips.mean_residence_s.as_dict(),
            "well_depth": self.depth,
            "diffusion_rad2_per_s": finite_or_none(float(self.potential.attrs["diffusion"])),
            "untold": self.untold,
        }
        if self.adler is not None:
            found["adler"] = {
                "detuning_hz": self.adler.detuning.times(1 / (2 * np.pi)).as_dict(),
                "locking_hz": self.adler.locking.times(1 / (2 * np.pi)).as_dict(),
                "diffusion_rad2_per_s": self.adler.diffusion.as_dict(),
                "offset_rad": self.adler.offset_rad.as_dict(),
                "slip_rate_hz": finite_or_none(self.adler.slip_rate_hz),
            }
        return found


@dataclass(frozen=True)
class RecordFit:
    """All that is found in one record.

    Parameters
    ----------
    record, spectrum
        What was analysed.
    channels
        One fit for each.
    bandwidth_hz
        Of the demodulated band; NaN if nothing was demodulated.
    noise, allan
        Frequency noise of all channels and Allan deviation of the first; None if not demodulated.
    phase
        Relative phase, of records with two channels; else None.
    untold
        Why something is not known; empty if nothing is.
    """

    record: heterodyne.Record
    spectrum: xr.Dataset
    channels: tuple[ChannelFit, ...]
    bandwidth_hz: float = np.nan
    noise: xr.Dataset | None = None
    allan: xr.Dataset | None = None
    phase: PhaseFit | None = None
    untold: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers ready for JSON."""
        return {
            "source": self.record.source,
            "sample_rate_hz": self.record.sample_rate_hz,
            "samples": self.record.samples,
            "stretches": len(self.record.stretches),
            "lost": self.record.lost,
            "resolution_hz": self.spectrum.attrs["resolution_bandwidth_hz"],
            "looks": self.spectrum.attrs["looks"],
            "bandwidth_hz": finite_or_none(self.bandwidth_hz),
            "channels": [each.as_dict(self.record.unit) for each in self.channels],
            "allan": None if self.allan is None else _allan_rows(self.allan),
            "relative_phase": None if self.phase is None else self.phase.as_dict(),
            "untold": self.untold,
        }


@dataclass(frozen=True)
class DelayedFit:
    """Delayed self-heterodyne spectra.

    Parameters
    ----------
    source
        Where they are from.
    spectrum
        What was fitted.
    fits
        Of each channel.
    """

    source: str
    spectrum: xr.Dataset
    fits: dict[str, heterodyne.SelfHeterodyneFit]

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers ready for JSON."""
        return {
            "source": self.source,
            "resolution_hz": float(self.spectrum.attrs["resolution_bandwidth_hz"]),
            "self_heterodyne": [
                {
                    "channel": name,
                    "linewidth_hz": fit.linewidth_hz.as_dict(),
                    "shift_hz": fit.shift_hz,
                    "delay_s": fit.delay_s,
                    "coherence": fit.coherence,
                }
                for name, fit in self.fits.items()
            ],
        }


@dataclass(frozen=True)
class CounterFit:
    """Readings of a counter.

    Parameters
    ----------
    source
        Where they are from.
    readings_hz, interval_s
        Mean frequencies over one interval each.
    allan, noises
        Allan deviation and the noises behind it.
    density, noise, beta_hz
        Frequency noise, its parts, and the width that what lies above the beta-separation line makes.
    untold
        Why something is not known; empty if nothing is.
    """

    source: str
    readings_hz: np.ndarray
    interval_s: float
    allan: xr.Dataset
    noises: dict[str, Value]
    density: xr.Dataset
    noise: heterodyne.FrequencyNoiseFit
    beta_hz: Value
    untold: str

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers ready for JSON."""
        return {
            "source": self.source,
            "readings": int(self.readings_hz.size),
            "interval_s": self.interval_s,
            "mean_hz": float(self.readings_hz.mean()),
            "allan": _allan_rows(self.allan),
            "noises": {name: value.as_dict() for name, value in self.noises.items()},
            **_noise_dict(self.noise, self.beta_hz),
            "untold": self.untold,
        }


def _allan_rows(allan: xr.Dataset) -> list[dict[str, float]]:
    names = ("deviation", "low", "high", "edf")
    return [
        {
            "tau_s": float(tau),
            **{f"{name}_hz" if name != "edf" else name: float(allan[name][k]) for name in names},
        }
        for k, tau in enumerate(allan["tau_s"].values)
    ]
