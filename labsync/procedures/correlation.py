"""Correlation scan: photon correlations of two modes while P2 is tuned through resonance with P1.

Source: Kreinberg et al., Nature Communications 10, 1539 (2019), Figs. 5 and 6.
"""

from collections.abc import Mapping
from typing import ClassVar, cast

import numpy as np
import xarray as xr
from pymeasure.experiment import BooleanParameter, FloatParameter, IntegerParameter, ListParameter

from analysis import timetags
from analysis.correlation import g2
from analysis.timetags import TagStream
from labsync import position
from labsync.procedures._live_tags import Enough, LiveTags
from labsync.procedures.detuning import DetuningScan
from labsync.scan import Point, Report
from labsync.settings import DetectorsSection
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
    bin_ps = FloatParameter("Wanted width of a bin of the delay", units="ps", default=520.0, minimum=1.0)
    target_error = FloatParameter(
        "Relative error of a bin of g2 that ends a step", default=0.03, minimum=1e-4, maximum=1.0
    )
    time_limit_s = FloatParameter("Longest time per step", units="s", default=30.0, minimum=0.01)
    chunk_s = FloatParameter("Time between two looks at the error", units="s", default=2.0, minimum=0.01)
    keep_tags = BooleanParameter("Keep the time tags in the run folder", default=False)

    _report: Report = staticmethod(lambda facts: None)

    def check(self, station: Station) -> None:
        """Refuse what a detuning scan refuses, and weak modes at a bench that cannot select them.

        Raises
        ------
        UsageError
            Naming what is wrong.
        """
        super().check(station)
        for analyser, mode in (("analyser_1", self.mode_1), ("analyser_2", self.mode_2)):
            if mode == "weak":
                station.settings.require((analyser,), "the weak mode")

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
            found = self._correlate(station, detectors, point)
        finally:
            station.attenuator.set_transmission(0.0)
        return spectra.assign(_kept(found)).assign_attrs(
            mode_1=self.mode_1,
            mode_2=self.mode_2,
            detection=detectors.configuration,
            coupling_path=station.settings.twin.configuration,
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

    def _correlate(self, station: Station, detectors: DetectorsSection, point: Point) -> xr.Dataset:
        """Correlate the tags while they are recorded, with the sample kept in its place."""
        follow = position.follower(station)

        def between(facts: Mapping[str, float]) -> None:
            self._report(facts)
            follow()

        first, second = detectors.inputs
        enough = Enough(
            self.target_error, self.bin_ps, self.time_limit_s, self.chunk_s, detectors.count_rate_ceiling
        )
        tags = LiveTags(
            station.time_tagger, detectors.inputs, self.window_ns, enough, between, keep=bool(self.keep_tags)
        )
        found = g2(
            cast(TagStream, tags),
            [(first, second), (first, first), (second, second)],
            window_ns=self.window_ns,
            bin_ps=max(1, round(self.bin_ps / tags.unit_ps)) * tags.unit_ps,
            dead_time_ns=1e9 * detectors.dead_time,
        )
        if self.keep_tags:
            self._write(tags.kept(), point)
        return found

    def _write(self, tags: TagStream, point: Point) -> None:
        assert self.run is not None
        folder = self.run.path / "tags"
        folder.mkdir(exist_ok=True)
        timetags.write_ptu(folder / f"step-{self._number(point):04d}.ptu", tags)


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
