"""The model's detuning map, made and fitted like the measured one."""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from analysis._lines import fit_line
from analysis._map import build_map
from analysis._modelled import (
    Progress,
    Statistics,
    as_scan,
    free_lines,
    strong_density,
    through_interferometer,
)
from analysis._signals import Signals
from analysis._tracking import LineTable, fit_near, track_lines
from analysis.fabry_perot import FrequencyAxis
from models.micropillars import Pair


@dataclass(frozen=True)
class Recording:
    """How the experiment recorded its spectra.

    Parameters
    ----------
    free_spectral_range_ghz, finesse
        Of the interferometer.
    span_ghz, bins
        Of the up-ramp.
    integration_s
        Per step.
    line_rate
        Detected photons per second in the line of each pillar.
    background
        Detected photons per second and GHz, each pillar.
    """

    free_spectral_range_ghz: float = 15.0
    finesse: float = 200.0
    span_ghz: float = 67.5
    bins: int = 4096
    integration_s: float = 5.0
    line_rate: tuple[float, float] = (1.0e6, 1.0e6)
    background: tuple[float, float] = (2000.0, 2000.0)

    @classmethod
    def of_map(cls, map_: xr.Dataset) -> "Recording":
        """Take the recording from a measured map; rates are the medians over its steps."""
        rate = map_["line_rate"].median("step").values
        background = map_["background"].median("step").values
        if map_["line_rate"].attrs["units"] == "V":
            rate, background = _equivalent_rates(map_, rate, background)
        return cls(
            float(map_.attrs["free_spectral_range_ghz"]),
            float(map_.attrs["finesse"]),
            float(map_.attrs["ramp_span_ghz"]),
            int(map_.attrs["ramp_bins"]),
            float(map_["integration_s"].median()),
            (float(rate[0]), float(rate[1])),
            (float(background[0]), float(background[1])),
        )

    @property
    def axis(self) -> FrequencyAxis:
        """A straight frequency axis with the span of the experiment's."""
        coefficients = (0.0, self.span_ghz / 2)
        fsr = self.free_spectral_range_ghz
        return FrequencyAxis(coefficients, (0.0, 10.0), fsr, self.finesse, 0.0, 0.0, 0)

    @property
    def frequency_ghz(self) -> np.ndarray:
        """Frequency of every bin on that axis."""
        return self.axis.frequency_ghz(np.linspace(0.0, 10.0, self.bins))

    def expected(self, frequency_ghz: np.ndarray, density: np.ndarray, photons: np.ndarray) -> np.ndarray:
        """Return the expected counts (..., pillar, bin) of optical spectra (..., pillar, frequency)."""
        fsr = self.free_spectral_range_ghz
        grid, power = through_interferometer(frequency_ghz, density, fsr, self.finesse)
        folded = np.mod(self.frequency_ghz + fsr / 2, fsr) - fsr / 2
        rows = [np.interp(folded, grid, row, period=fsr) for row in power.reshape(-1, grid.size)]
        return self.counts(np.reshape(rows, (*power.shape[:-1], self.bins)), photons)

    def counts(self, power: np.ndarray, photons: np.ndarray) -> np.ndarray:
        """Return expected counts of bins that transmit this power from lines of so many photons.

        Shapes (..., pillar, bin) and (pillar,).
        """
        dwell_s = self.integration_s / 2 / self.bins
        instrument = np.pi / 2 * self.free_spectral_range_ghz / self.finesse
        rate = np.asarray(self.line_rate)[:, None] * power / photons[:, None]
        return np.asarray((rate + np.asarray(self.background)[:, None] * instrument) * dwell_s)


def _equivalent_rates(
    map_: xr.Dataset, rate: np.ndarray, background: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return photons per second that would be recorded with the same noise as a map of voltages."""
    instrument_ghz = np.pi / 2 * map_.attrs["free_spectral_range_ghz"] / map_.attrs["finesse"]
    dwell_s = float(map_["integration_s"].median()) / 2 / map_.attrs["ramp_bins"]
    photons = np.array(map_.attrs["counts_per_density"]) / (dwell_s * instrument_ghz)
    dark = np.array(map_.attrs["counts_without_light"]) / (dwell_s * instrument_ghz)
    return rate * photons, background * photons + dark


def model_map(
    detunings: xr.Dataset | np.ndarray,
    pair: Pair,
    recording: Recording | None = None,
    statistics: Statistics | None = None,
    poisson: bool = False,
    on_progress: Progress | None = None,
) -> xr.Dataset:
    """Run the model over nominal detunings, record and fit it as the experiment does.

    Parameters
    ----------
    detunings
        A reduced map (its detunings and recording are used) or nominal detunings in GHz, shape (step,).
    pair
        The lasers; ``detuning_ghz`` is replaced. The nominal detuning is the distance of the free-running
        lines as fitted, as in the experiment, so the model's own pulling of free lines is taken out.
    recording
        How spectra are recorded; by default the map's, or `Recording` for plain detunings.
    statistics
        Length and number of trajectories.
    poisson
        Draw Poisson counts; else the expected counts are fitted and errors are the trajectories' alone.
    on_progress
        Called with the finished part, 0 to 1.

    Returns
    -------
    xarray.Dataset
        As `analysis.detuning.reduce_map` gives; standard errors from a jackknife over groups of
        trajectories. ``attrs["free_pull_ghz"]``: distance of free lines from the cold frequencies.
    """
    nu, recording = _resolve(detunings, recording)
    statistics = statistics or Statistics()
    fsr, finesse, axis = recording.free_spectral_range_ghz, recording.finesse, recording.axis
    frequency = recording.frequency_ghz

    def transmitted(raw: np.ndarray, density: np.ndarray, shift: float) -> np.ndarray:
        """Return counts of all groups and their mean, (group + 1, pillar, bin), free P1 moved to zero."""
        photons = density.mean(axis=0).sum(axis=-1) * (raw[1] - raw[0])
        spectra = np.concatenate([_left_out(density), density.mean(0)[None]])
        return recording.expected(raw - shift, spectra, photons)

    def centre(raw: np.ndarray, density: np.ndarray) -> float:
        both = np.stack([density, density])[None]
        return fit_line(frequency, transmitted(raw, both, 0.0)[-1, 0], fsr, finesse).centre_ghz

    free = free_lines(pair, statistics, centre)
    counts, left_out = [], []
    for step, detuning in enumerate(nu):
        cold = float(detuning - (free.pull_2_ghz - free.pull_1_ghz))
        raw, density = strong_density(replace(pair, detuning_ghz=cold), statistics, statistics.seed + step)
        recorded = transmitted(raw, density, free.pull_1_ghz)
        counts.append(recorded[-1])
        left_out.append(recorded[:-1])
        if on_progress is not None:
            on_progress((step + 1) / nu.size)
    rows = np.array(counts)
    if poisson:
        rows = np.random.default_rng(statistics.seed).poisson(rows).astype(float)
    expected = np.stack([np.zeros_like(nu), nu], axis=1)
    lines = track_lines(frequency, rows, fsr, finesse, expected)
    scan = as_scan(rows, frequency, recording.integration_s, fsr, finesse)
    zero = np.zeros_like(nu)
    result = build_map(scan, axis, Signals.of_counts(rows), lines, zero, zero, nu, zero)
    _replace_errors(result, lines, _jackknife(frequency, left_out, lines, fsr, finesse), poisson)
    result.attrs.update(
        kind="model",
        coupling=pair.coupling,
        trajectories=statistics.trajectories,
        duration_ns=statistics.duration_ns,
        seed=statistics.seed,
        free_pull_ghz=[free.pull_1_ghz, free.pull_2_ghz],
    )
    return result


def _resolve(detunings: xr.Dataset | np.ndarray, recording: Recording | None) -> tuple[np.ndarray, Recording]:
    if isinstance(detunings, xr.Dataset):
        recording = recording or Recording.of_map(detunings)
        detunings = detunings["detuning_ghz"].values
    nu = np.asarray(detunings, dtype=float)
    if nu.ndim != 1 or nu.size == 0 or not np.all(np.isfinite(nu)):
        raise ValueError("The detunings for the model must be a non-empty list of finite numbers in GHz.")
    return nu, recording or Recording()


def _left_out(density: np.ndarray) -> np.ndarray:
    """Return means over all groups but one, shape like ``density`` (group, ...); one group stays itself."""
    groups = len(density)
    return density if groups == 1 else (density.sum(axis=0) - density) / (groups - 1)


def _jackknife(
    frequency: np.ndarray, left_out: list[np.ndarray], lines: LineTable, fsr: float, finesse: float
) -> np.ndarray:
    """Return the covariance of (centre 1, centre 2, width 1, width 2) of each step, shape (step, 4, 4)."""
    covariances = []
    for step, counts in enumerate(left_out):
        rows = []
        for group in counts:
            fits = [
                fit_near(frequency, group[p], fsr, finesse, lines.centre_ghz[step, p], 0.3) for p in range(2)
            ]
            rows.append(
                [np.nan if f is None else f.centre_ghz for f in fits]
                + [np.nan if f is None else f.width_ghz for f in fits]
            )
        values = np.array(rows)
        deviation = values - values.mean(axis=0)
        covariances.append((len(values) - 1) / len(values) * deviation.T @ deviation)
    return np.array(covariances)


def _replace_errors(result: xr.Dataset, lines: LineTable, covariance: np.ndarray, poisson: bool) -> None:
    """Put trajectory scatter, smoothed over neighbouring detunings, in place of counting errors."""
    order = np.argsort(result["detuning_ghz"].values)
    smooth = covariance.copy()
    for place, step in enumerate(order):
        around = order[max(place - 1, 0) : place + 2]
        smooth[step] = covariance[around].mean(axis=0)
    counting = np.where(poisson, 1.0, 0.0)
    variance = np.diagonal(smooth, axis1=1, axis2=2)
    result["centre_std_ghz"].values = np.sqrt(variance[:, :2] + counting * lines.centre_std_ghz**2)
    result["width_std_ghz"].values = np.sqrt(variance[:, 2:] + counting * lines.width_std_ghz**2)
    beat = variance[:, 0] + variance[:, 1] - 2 * smooth[:, 0, 1]
    result["beat_std_ghz"].values = np.sqrt(beat + counting * (lines.centre_std_ghz**2).sum(axis=1))
    result.attrs["scatter_ghz"] = [0.0, 0.0, 0.0]
