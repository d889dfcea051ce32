"""Figures of measured detuning scans."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from analysis._drawing import BLACK, P1, P2, by_detuning, edges, finish, new_figure, scale
from analysis._lines import line_shape
from analysis.locking import LockingFit

__all__ = ["example_spectrum", "heat_map", "locking_slopes"]


def heat_map(map_: xr.Dataset, model_map: xr.Dataset | None = None) -> Figure:
    """Draw the spectra of both pillars against nominal detuning.

    Parameters
    ----------
    map_
        From `analysis.detuning.reduce_map`. Fitted centres are drawn as circles.
    model_map
        From `analysis.comparison.model_map`; its centres are drawn as lines.
    """
    figure = new_figure(7.2, 3.4)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    ordered = by_detuning(map_)
    nu, frequency = ordered["detuning_ghz"].values, ordered["frequency_ghz"].values
    spectrum = ordered["spectrum"].values
    low, high = scale(spectrum)
    half = _view(ordered)
    for p, axis in enumerate(axes):
        image = np.maximum(np.nan_to_num(spectrum[:, p], nan=low), low).T
        axis.pcolormesh(
            edges(nu), edges(frequency), image, norm=LogNorm(low, high), cmap="magma", rasterized=True
        )
        axis.plot(nu, nu, ":", color="white", lw=0.7, alpha=0.7)
        axis.axhline(0.0, ls=":", color="white", lw=0.7, alpha=0.7)
        if model_map is not None:
            modelled = by_detuning(model_map)
            lines = modelled["centre_ghz"].values[:, p]
            axis.plot(modelled["detuning_ghz"], lines, color="#2ee59d", lw=1.2, label="model")
        points = ordered["centre_ghz"].values[:, p]
        axis.plot(nu, points, "o", ms=2.8, mfc="black", mec="white", mew=0.5, label="fit")
        axis.set_title(f"P{p + 1}", fontsize=9)
        axis.set_xlabel("nominal detuning (GHz)")
        axis.set_ylim(-half, half)
        axis.set_xlim(edges(nu)[[0, -1]])
    axes[0].set_ylabel("frequency from free P1 (GHz)")
    axes[1].legend(
        loc="upper left",
        fontsize=7,
        facecolor="#30203a",
        labelcolor="white",
        framealpha=0.8,
        edgecolor="none",
    )
    bar = figure.colorbar(axes[1].collections[0], ax=axes, pad=0.015, fraction=0.05)
    bar.set_label(f"light detected ({map_['spectrum'].attrs['units']})", fontsize=9)
    finish(figure)
    return figure


def locking_slopes(map_: xr.Dataset, fit: LockingFit) -> Figure:
    """Draw both line centres with the locked region and fitted slopes; below, the beat with its fit.

    Parameters
    ----------
    map_
        Measured or modelled map.
    fit
        Its `analysis.locking.fit_locking`; unless its status is "ok" only data and message are drawn.
    """
    figure = new_figure(4.6, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[1.25, 1])
    ordered = by_detuning(map_)
    nu = ordered["detuning_ghz"].values
    centre, std = ordered["centre_ghz"].values, ordered["centre_std_ghz"].values
    span, reach = _slopes_view(nu, fit)
    upper.axhline(0.0, ls=":", color="0.5", lw=0.8)
    upper.plot(span, span, ":", color="0.5", lw=0.8)
    for p, colour in enumerate((P1, P2)):
        upper.errorbar(
            nu,
            centre[:, p],
            std[:, p],
            fmt="os"[p],
            ms=3,
            mfc="white",
            color=colour,
            lw=0.9,
            label=f"P{p + 1}",
        )
    lower.plot(span, np.abs(span), ":", color="0.5", lw=0.8, label="unlocked")
    beat = np.abs(ordered["beat_ghz"].values)
    lower.errorbar(
        nu, beat, ordered["beat_std_ghz"].values, fmt="D", ms=2.8, mfc="white", color=BLACK, lw=0.9
    )
    if fit.hinge is not None and fit.lines is not None:
        _draw_fit(upper, lower, fit, span)
    else:
        upper.set_title(f"{fit.status}: {fit.message}", fontsize=7, wrap=True)
    upper.set_ylabel("frequency from free P1 (GHz)")
    lower.set_ylabel("|$f_2 - f_1$| (GHz)")
    lower.set_xlabel("nominal detuning (GHz)")
    lower.set_xlim(-reach, reach)
    upper.set_ylim(-reach, reach)
    lower.set_ylim(-0.03 * reach, 1.05 * reach)
    upper.legend(loc="lower right", fontsize=7, frameon=False)
    lower.legend(loc="upper center", fontsize=7, frameon=False)
    finish(figure)
    return figure


def _draw_fit(upper: Axes, lower: Axes, fit: LockingFit, span: np.ndarray) -> None:
    """Add locked region, slopes and hinge."""
    assert fit.hinge is not None
    assert fit.lines is not None
    middle, half = fit.hinge.centre_ghz, fit.hinge.half_range_ghz
    for axis in (upper, lower):
        axis.axvspan(middle - half, middle + half, color="0.9", lw=0, zorder=0)
    if fit.lines.known:
        inside = np.array([middle - half, middle + half])
        for p, (colour, slope) in enumerate(((P1, fit.slope_p1), (P2, fit.slope_p2))):
            text = f"$m_{{\\mathrm{{P{p + 1}}}}}$ = {slope}"
            upper.plot(inside, fit.lines.centre_ghz(inside, p), color=colour, lw=1.4, label=text)
    text = f"locking range {fit.locking_range_ghz} GHz"
    lower.plot(span, np.abs(fit.hinge.beat_ghz(span)), color=P2, lw=1.1, label=text)


def example_spectrum(map_: xr.Dataset, step: int, pillar: str) -> Figure:
    """Draw the folded spectrum of one step and pillar with its fit; below, the residuals.

    Parameters
    ----------
    map_
        Measured or modelled map.
    step
        Label of the step (coordinate ``step``).
    pillar
        "P1" or "P2".
    """
    one = map_.sel(step=step, pillar=pillar)
    figure = new_figure(4.6, 4.0)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    frequency, measured = one["frequency_ghz"].values, one["spectrum"].values
    centre, width = float(one["centre_ghz"]), float(one["width_ghz"])
    fsr = float(map_.attrs["free_spectral_range_ghz"])
    instrument = fsr / float(map_.attrs["finesse"])
    gain, dark = _cell_counts(map_, pillar)
    std = np.sqrt(np.maximum(measured * gain + dark, 1.0)) / gain
    colour = P1 if pillar == "P1" else P2
    analog = map_["spectrum"].attrs["units"] == "V/GHz"
    unit = 1e-3 if analog else 1e3
    upper.plot(frequency, measured / unit, ".", ms=3, color="0.35", label="detected")
    title = f"{pillar}, step {step}, detuning {float(one['detuning_ghz']):+.3f} GHz"
    if np.isfinite(centre):
        reach = max(5 * (width + instrument), 8 * instrument)

        def fitted(at: np.ndarray) -> np.ndarray:
            shape = line_shape(at, centre, width + instrument, fsr)[0]
            return np.asarray(float(one["background"]) + float(one["line_rate"]) * shape)

        fine = np.linspace(centre - reach, centre + reach, 601)
        text = f"Lorentz, width {width * 1e3:.0f} MHz\n(+ instrument {instrument * 1e3:.0f} MHz)"
        text += f"\nreduced deviance {float(one['reduced_deviance']):.2f}"
        upper.plot(fine, fitted(fine) / unit, color=colour, lw=1.2, label=text)
        lower.plot(frequency, (measured - fitted(frequency)) / std, ".", ms=2.5, color=colour)
        upper.set_xlim(centre - reach, centre + reach)
        title += f", centre {centre:+.4f} GHz"
    else:
        title += ", no line"
    upper.set_title(title, fontsize=8)
    upper.set_ylabel("light (mV GHz$^{-1}$)" if analog else "photons (10$^3$ s$^{-1}$ GHz$^{-1}$)")
    upper.set_ylim(bottom=0)
    upper.legend(fontsize=7, frameon=False)
    lower.axhline(0.0, color="0.5", lw=0.8)
    lower.set_ylabel("residual ($\\sigma$)")
    lower.set_xlabel("frequency from free P1 (GHz)")
    finish(figure)
    return figure


def _cell_counts(map_: xr.Dataset, pillar: str) -> tuple[float, float]:
    """Return counts in a cell of the folded spectrum, per unit of its density and without light."""
    index = list(map_["pillar"].values).index(pillar)
    # all orders together put (bins / cells) bins into every cell
    bins = map_.attrs["ramp_bins"] / map_.sizes["frequency_ghz"]
    per_density, dark = (map_.attrs[f"counts_{name}"][index] for name in ("per_density", "without_light"))
    return bins * per_density, bins * dark


def _view(map_: xr.Dataset) -> float:
    """Return the half height of the heat map: all lines and a margin, at most half an order."""
    half = float(map_.attrs["free_spectral_range_ghz"]) / 2
    reach = float(np.nanmax(np.abs(map_["detuning_ghz"].values)))
    return min(half, 1.15 * reach + 0.4)


def _slopes_view(nu: np.ndarray, fit: LockingFit) -> tuple[np.ndarray, float]:
    """Return a fine axis and the half width shown: the locked region with surroundings, or all."""
    reach = float(np.max(np.abs(nu)))
    if fit.hinge is not None:
        reach = min(reach, 4 * fit.hinge.half_range_ghz + abs(fit.hinge.centre_ghz))
    return np.linspace(-reach, reach, 801), reach
