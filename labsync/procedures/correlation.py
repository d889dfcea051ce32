"""Correlation scan: photon correlations of two modes while P2 is tuned through resonance with P1.

Source: Kreinberg et al., Nature Communications 10, 1539 (2019), Figs. 5 and 6.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import BooleanParameter, FloatParameter, IntegerParameter, ListParameter

from analysis import timetags
from analysis.correlation import g2
from analysis.timetags import TagStream
from instruments.errors import Interlock
from instruments.timetags import TimeTags
from labsync.procedures.detuning import DetuningScan
from labsync.scan import Point, Report
from labsync.station import Station

MODES = ["strong", "weak"]
ZERO_NS = 1.0
"""Delays up to this make the value of g2 in the live table."""


class CorrelationScan(DetuningScan):
    """Detuning scan that also records time tags of the two photon detectors and correlates them.

    Each step first records the spectra of the strong modes like a detuning scan, whose settings it shares:
    they give the nominal detuning. Then the analysers turn to the chosen modes and time tags are taken in
    chunks until the relative error of a bin of the cross-correlation is small enough, or the time is up.

    A step holds, besides the spectra, ``coincidences`` (pair, delay), the counts of pairs,
    ``coincidences_expected`` of uncorrelated light, ``g2`` and ``g2_std`` (jackknife), ``count_rate_hz``
    (detector) and ``live_time_s``. Raw tags can be kept as .ptu files in the run folder.
    """

    slug: ClassVar[str] = "correlation-scan"
    needs: ClassVar[tuple[str, ...]] = (*DetuningScan.needs, "time_tagger")
    DATA_COLUMNS: ClassVar[list[str]] = ["temperature_2_k", "detuning_ghz", "g2_zero", "g2_error"]

    steps = IntegerParameter("Number of steps", default=21, minimum=1)
    integration_s = FloatParameter("Integration time per spectrum", units="s", default=2.0, minimum=0.1)
    mode_1 = ListParameter("Mode of P1", choices=MODES, default="strong")
    mode_2 = ListParameter("Mode of P2", choices=MODES, default="strong")
    window_ns = FloatParameter("Longest delay", units="ns", default=20.0, minimum=0.1, maximum=1e5)
    bin_ps = FloatParameter("Wanted width of a bin of the delay", units="ps", default=260.0, minimum=1.0)
    target_error = FloatParameter(
        "Relative error of a bin of g2 that ends a step", default=0.02, minimum=1e-4, maximum=1.0
    )
    time_limit_s = FloatParameter("Longest time per step", units="s", default=30.0, minimum=0.01)
    chunk_s = FloatParameter("Time between two looks at the error", units="s", default=2.0, minimum=0.01)
    keep_tags = BooleanParameter("Keep the time tags in the run folder", default=False)

    _report: Report | None = None

    def approach(self, station: Station, point: Point, report: Report) -> None:
        """Approach like a detuning scan."""
        self._report = report
        super().approach(station, point, report)

    def observe(self, station: Station, point: Point) -> xr.Dataset:
        """Record the spectra, then correlate the time tags of the chosen modes.

        Raises
        ------
        Interlock
            A detector counts more than the station's ceiling allows.
        """
        spectra = super().observe(station, point)
        detectors = station.settings.detectors
        assert detectors is not None
        station.select_modes(self.mode_1, self.mode_2)
        station.attenuator.set_transmission(self.coupling_transmission)
        try:
            tags = self._record(station, detectors.inputs, detectors.count_rate_ceiling)
        finally:
            station.attenuator.set_transmission(0.0)
        if self.keep_tags and self.run is not None:
            folder = self.run.path / "tags"
            folder.mkdir(exist_ok=True)
            timetags.write_ptu(folder / f"step-{self.run.history().sizes['step']:04d}.ptu", tags)
        first, second = detectors.inputs
        found = g2(
            tags,
            [(first, second), (first, first), (second, second)],
            window_ns=self.window_ns,
            bin_ps=max(1, round(self.bin_ps / tags.unit_ps)) * tags.unit_ps,
            dead_time_ns=1e9 * detectors.dead_time,
        )
        return spectra.assign(_kept(found)).assign_attrs(
            mode_1=self.mode_1,
            mode_2=self.mode_2,
            configuration=detectors.configuration,
            timing_jitter_ns=1e9 * detectors.timing_jitter,
            dead_time_ns=1e9 * detectors.dead_time,
            dark_rate_hz=detectors.dark_rate,
            bin_ps=float(found.attrs["bin_ps"]),
        )

    def summarise(self, step: xr.Dataset) -> dict[str, float]:
        """Return temperature, detuning, count rates, and g2 around zero delay with the error of a bin."""
        row = super().summarise(step)
        cross = step.isel(pair=0)
        near = np.abs(cross["delay"].values) <= ZERO_NS
        rates = step["count_rate_hz"].values
        return {
            **{name: row[name] for name in ("temperature_2_k", "detuning_ghz")},
            "count_rate_1_hz": float(rates[0]),
            "count_rate_2_hz": float(rates[-1]),
            "g2_zero": float(cross["g2"].values[near].mean()) if near.any() else np.nan,
            "g2_error": float(np.median(cross["g2_std"])),
        }

    def _record(self, station: Station, inputs: tuple[int, int], ceiling_hz: float) -> TagStream:
        chunks: list[TimeTags] = []
        while True:
            chunk = station.time_tagger.record(sorted(set(inputs)), self.chunk_s)
            for channel in set(inputs):
                if (rate_hz := chunk.counts(channel) / chunk.duration_s) > ceiling_hz:
                    raise Interlock(
                        f"The detector at input {channel} counts {rate_hz:.3g}/s, above its ceiling of "
                        f"{ceiling_hz:.3g}/s: attenuate the light."
                    )
            chunks.append(chunk)
            spent_s = sum(each.duration_s for each in chunks)
            error = self._error_reached(chunks, inputs, spent_s)
            if self._report is not None:
                self._report({"g2_error": error, "time_s": spent_s})
            if error <= self.target_error or spent_s + self.chunk_s > self.time_limit_s * (1 + 1e-9):
                return _joined(chunks, self.window_ns)

    def _error_reached(self, chunks: list[TimeTags], inputs: tuple[int, int], spent_s: float) -> float:
        """Return the relative Poisson error of a bin of the cross-correlation."""
        first, second = (sum(chunk.counts(channel) for chunk in chunks) for channel in inputs)
        pairs = first * second / spent_s * self.bin_ps * 1e-12
        return float(pairs**-0.5) if pairs > 0 else np.inf


def _kept(found: xr.Dataset) -> Mapping[str, xr.DataArray]:
    """Return what a step keeps of its correlation, under names that do not collide with the spectra's."""
    renamed = {
        "coincidences": found["counts"],
        "coincidences_expected": found["expected"],
        "g2": found["g2"],
        "g2_std": found["g2_std"],
        "valid": found["valid"].astype(np.int8),
        "count_rate_hz": found["rate_hz"].rename(channel="detector"),
        "live_time_s": xr.DataArray(float(found.attrs["live_s"]), attrs={"units": "s"}),
    }
    return {name: each.drop_vars(["first", "second"], errors="ignore") for name, each in renamed.items()}


def _joined(chunks: list[TimeTags], window_ns: float) -> TagStream:
    """Join recordings with gaps between them that no pair spans."""
    unit = chunks[0].unit_ps
    gap = round(2e3 * window_ns / unit) + 1
    times, gaps, start = [], [], 0
    for chunk in chunks:
        length = round(chunk.duration_s * 1e12 / unit)
        times.append(chunk.time_ps // unit + start)
        start += length + gap
        gaps.append((start - gap, start))
    return TagStream(
        np.concatenate(times),
        np.concatenate([chunk.channel for chunk in chunks]),
        start,
        float(unit),
        np.array(gaps, dtype=np.int64),
    )
