"""Figures of beat notes: line, frequency noise, Allan deviation, relative phase."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from scipy.special import voigt_profile

from analysis._beat_adler import AdlerFit
from analysis._beat_line import BeatLine, density_of
from analysis._beat_noise import BETA, FrequencyNoiseFit, noise_of
from analysis._beat_profiles import FWHM
from analysis._beat_relative import effective_potential, phase_distribution
from analysis._beat_self_heterodyne import SelfHeterodyneFit, envelope
from analysis._drawing import BLACK, P1, P2, finish, new_figure
from analysis._values import Value
from analysis.stability import LAWS

__all__ = ["allan_deviation", "beat_line", "frequency_noise", "phase_potential", "self_heterodyne"]

TOLD = 3.0
"""Largest error of a potential, over the diffusion, that is drawn."""

UNITS = ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"), (1.0, "Hz"))
LAW_NAMES = {
    "phase": ("white phase", "-."),
    "white": ("white frequency", ":"),
    "flicker": ("flicker", (0, (1, 1))),
    "random_walk": ("random walk", "--"),
    "drift": ("drift", (0, (6, 1))),
}


def beat_line(
    spectrum: xr.Dataset, line: BeatLine, channel: str | None = None, beside: Sequence[BeatLine] = ()
) -> Figure:
    """Draw a spectrum about a line, the fit over it.

    Parameters
    ----------
    spectrum, channel
        As for `analysis.heterodyne.fit_line`.
    line
        Its result.
    beside
        Other lines that were fitted with it.
    """
    f, p, resolution = density_of(spectrum, channel)
    seen = resolution + (line.width_hz.value if line.width_hz else 0.0)
    near = np.abs(f - line.centre_hz.value) <= 12 * seen
    x = f[near] - line.centre_hz.value
    per_unit, unit = next((each for each in UNITS if 3 * seen >= each[0]), UNITS[-1])
    fine = np.linspace(x[0], x[-1], 2001)
    profiles = sum(_profile(each, fine + line.centre_hz.value) for each in (line, *beside))
    fitted = (line.floor + profiles) * np.exp(line.tilt_per_hz * fine)
    density = spectrum.get("power_density", xr.DataArray(0, attrs={"units": "mW/Hz"}))
    figure = new_figure(4.8, 3.4)
    axis = figure.subplots()
    axis.plot(x / per_unit, 10 * np.log10(p[near]), ".", ms=2.5, mew=0, color=P1, label="spectrum")
    axis.plot(fine / per_unit, 10 * np.log10(fitted), color=P2, lw=1.2, label="fit")
    axis.set_title(f"{line.centre_hz.times(1e-6)} MHz, width {line.width_text(per_unit)} {unit}", fontsize=9)
    axis.set_xlabel(f"frequency from the line ({unit})")
    axis.set_ylabel(f"density (dB({density.attrs['units'].replace('2/', '²/')}))")
    axis.legend(fontsize=8, frameon=False)
    axis.set_xlim(x[0] / per_unit, x[-1] / per_unit)
    finish(figure)
    return figure


def _profile(line: BeatLine, frequency_hz: np.ndarray) -> np.ndarray:
    lorentz = line.lorentzian_hz.value if line.lorentzian_hz else 0.0
    gauss = line.gaussian_hz.value if line.gaussian_hz else 0.0
    sigma = np.hypot(line.resolution_hz, gauss) / FWHM
    return np.asarray(line.power * voigt_profile(frequency_hz - line.centre_hz.value, sigma, lorentz / 2))


def self_heterodyne(spectrum: xr.Dataset, fit: SelfHeterodyneFit, channel: str | None = None) -> Figure:
    """Draw a delayed self-heterodyne spectrum, the fitted envelope over it.

    Parameters
    ----------
    spectrum, channel
        As for `analysis.heterodyne.fit_self_heterodyne`.
    fit
        Its result.
    """
    f, p, _ = density_of(spectrum, channel)
    x = f - fit.shift_hz
    near = np.abs(x) <= max(8 * fit.linewidth_hz.value, 4 / fit.delay_s)
    per_unit, unit = next((each for each in UNITS if x[near].max() >= each[0]), UNITS[-1])
    fitted = fit.floor + fit.power * envelope(x[near], fit.linewidth_hz.value, fit.delay_s)
    figure = new_figure(4.8, 3.4)
    axis = figure.subplots()
    axis.plot(x[near] / per_unit, 10 * np.log10(p[near]), ".", ms=2.5, mew=0, color=P1, label="spectrum")
    axis.plot(x[near] / per_unit, 10 * np.log10(fitted), color=P2, lw=1.2, label="fitted envelope")
    axis.set_title(f"linewidth {fit.linewidth_hz.times(1 / per_unit)} {unit}", fontsize=9)
    axis.set_xlabel(f"frequency from the shift ({unit})")
    axis.set_ylabel(f"density (dB({spectrum['power_density'].attrs['units'].replace('2/', '²/')}))")
    axis.legend(fontsize=8, frameon=False)
    finish(figure)
    return figure


def frequency_noise(
    noise: xr.Dataset, fit: FrequencyNoiseFit | None = None, channel: str | None = None
) -> Figure:
    """Draw the spectral density of a frequency, the beta-separation line, and a fit.

    Parameters
    ----------
    noise, channel
        As for `analysis.heterodyne.fit_frequency_noise`.
    fit
        Its result, or None.
    """
    f, s = noise_of(noise, channel)
    figure = new_figure(4.8, 3.4)
    axis = figure.subplots()
    axis.loglog(f, s, color=P1, lw=0.6, alpha=0.6, label="density")
    axis.loglog(f, BETA * f, color="0.4", lw=1.0, ls="--", label="beta-separation line")
    axis.fill_between(f, BETA * f, s, where=s > BETA * f, color=P1, alpha=0.15, lw=0)
    if fit is not None:
        model = fit.white.value + fit.flicker.value / f + fit.phase_noise.value * f**2
        axis.loglog(f, model, color=P2, lw=1.3, label="fit")
        if fit.white.value > 0:
            label = f"white floor: {fit.intrinsic_hz.times(1e-3)} kHz"
            axis.axhline(fit.white.value, color=P2, lw=0.8, ls=":", label=label)
    low, high = np.quantile(s, [0.001, 0.999])
    axis.set_ylim(low / 5, high * 5)
    axis.set_xlim(f[0], f[-1])
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("frequency (Hz)")
    axis.set_ylabel("frequency noise (Hz²/Hz)")
    axis.legend(fontsize=7, frameon=False)
    finish(figure)
    return figure


def allan_deviation(allan: xr.Dataset, noises: Mapping[str, Value] | None = None) -> Figure:
    """Draw an Allan deviation with its 68 % limits, and the noises that make it up.

    Parameters
    ----------
    allan
        From `analysis.stability.allan_deviation`.
    noises
        From `analysis.stability.fit_noise`, or None.
    """
    tau, deviation = allan["tau_s"].values, allan["deviation"].values
    errors = np.stack([deviation - allan["low"].values, allan["high"].values - deviation])
    figure = new_figure(4.8, 3.4)
    axis = figure.subplots()
    axis.errorbar(tau, deviation, errors, fmt="o", ms=3.5, mew=0, elinewidth=0.8, capsize=2, color=BLACK)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_ylim(*axis.get_ylim())
    if noises is not None:
        fine = np.geomspace(tau[0], tau[-1], 200)
        parts = {name: noises[name].value * law(fine) for name, law in LAWS.items() if noises[name].value > 0}
        for name, variance in parts.items():
            label, style = LAW_NAMES[name]
            axis.plot(fine, np.sqrt(variance), color="0.5", lw=0.9, ls=style, label=label)
        axis.plot(fine, np.sqrt(sum(parts.values())), color=P2, lw=1.3, label="sum")
        axis.legend(fontsize=7, frameon=False)
    axis.set_xlabel("averaging time (s)")
    axis.set_ylabel("Allan deviation (Hz)")
    finish(figure)
    return figure


def phase_potential(relative: xr.DataArray, adler: AdlerFit | None = None, bins: int = 48) -> Figure:
    """Draw the distribution of a relative phase and the potential behind it.

    Parameters
    ----------
    relative
        From `analysis.heterodyne.relative_phase`.
    adler
        From `analysis.heterodyne.fit_adler`, or None.
    bins
        How many.
    """
    density, found = phase_distribution(relative, bins), effective_potential(relative, bins)
    phase, potential, std = (
        found["phase_rad"].values,
        found["potential"].values,
        found["potential_std"].values,
    )
    figure = new_figure(4.8, 5.0)
    above, below = figure.subplots(2, sharex=True)
    above.bar(phase, density, width=2 * np.pi / bins, color=P1, alpha=0.6, lw=0)
    above.set_ylabel("probability density (1/rad)")
    told = np.isfinite(potential) & (std < TOLD)
    below.errorbar(
        phase[told],
        potential[told],
        std[told],
        fmt="o",
        ms=3.0,
        mew=0,
        elinewidth=0.8,
        color=BLACK,
        label="data",
    )
    if adler is not None:
        depth = adler.locking.value * np.cos(phase - adler.offset_rad.value)
        curve = -(adler.detuning.value * phase + depth) / adler.diffusion.value
        known = np.isfinite(potential)
        shift = np.average((potential - curve)[known], weights=std[known] ** -2)
        below.plot(phase[told], (curve + shift)[told], color=P2, lw=1.3, label="Adler")
        below.legend(fontsize=8, frameon=False)
    below.set_xlabel("relative phase (rad)")
    below.set_ylabel("potential / diffusion")
    below.set_xticks([-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi], ["-π", "-π/2", "0", "π/2", "π"])
    below.set_xlim(-np.pi, np.pi)
    finish(figure)
    return figure
