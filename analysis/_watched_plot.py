"""Figure of a watched quantum oscillator: the spectrum of its record, and where the record puts it."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from analysis._drawing import P1, P2, finish, new_figure

__all__ = ["watched_oscillator"]


def watched_oscillator(spectrum: xr.Dataset, expected: np.ndarray, amplitude: xr.DataArray) -> Figure:
    """Draw the spectrum of heterodyne records, what theory expects of it, and the path that one tells.

    Parameters
    ----------
    spectrum
        From `analysis.heterodyne.spectrum`, in units in which the floor of the shot noise is one; the mean of
        its channels is drawn.
    expected : numpy.ndarray, (frequency,)
        Density at the same frequencies.
    amplitude
        <a> over ``time``, given the record.
    """
    f = spectrum["frequency_hz"].values
    figure = new_figure(8.0, 3.4)
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    measured = spectrum["power_density"].mean("channel").values
    seen = np.abs(f) > 1.5 * spectrum.attrs["resolution_bandwidth_hz"]  # the mean of each segment is gone
    left.plot(f[seen], measured[seen], ".", ms=4, mew=0, color=P1, label="records")
    left.plot(f, expected, color=P2, lw=1.2, label="κ S(ω) + 1")
    left.axhline(1.0, color="0.6", lw=0.8, ls="--", label="shot noise")
    middle = f[np.argmax(expected)]
    left.set_xlim(middle - 5, middle + 5)
    left.set_xlabel("frequency ω/2π (1/time)")
    left.set_ylabel("density")
    left.legend(fontsize=8, frameon=False)
    x, p = np.sqrt(2) * amplitude.values.real, np.sqrt(2) * amplitude.values.imag
    right.plot(x, p, color=P1, lw=0.6)
    right.plot(x[0], p[0], "o", ms=4, color=P2, label="start")
    right.set_aspect("equal")
    right.set_xlabel("⟨x⟩")
    right.set_ylabel("⟨p⟩")
    right.legend(fontsize=8, frameon=False)
    finish(figure)
    return figure
