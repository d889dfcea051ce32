"""Heterodyne scan: beat notes with a local oscillator while P2 is tuned through resonance with P1.

It resolves what the interferometer of Kreinberg et al., Nature Communications 10, 1539 (2019), could not: the
modes of the compound cavity inside a locked line.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import BooleanParameter, FloatParameter, IntegerParameter, ListParameter

from labsync._beat_notes import RECORDS, record_beat_notes
from labsync.errors import UsageError
from labsync.procedures.correlation import MODES
from labsync.procedures.detuning import DetuningScan
from labsync.scan import Point
from labsync.station import Station


class HeterodyneScan(DetuningScan):
    """Detuning scan that also records the spectra of beat notes, uncoupled and coupled.

    Each step first records the spectra of the strong modes behind the interferometer like a detuning scan,
    whose settings it shares: they give the nominal detuning. Then the analysers turn to the chosen modes, and
    what the station file's section [heterodyne] names records the beat notes, first with the coupling path
    blocked: the free line of P1 is the zero of the beat's frequency.

    A step holds, besides the spectra, ``beat_density`` and ``beat_density_free`` (detector,
    beat_frequency_hz) in V^2/Hz, and the recorder's health: ``beat_clipped`` (detector), the share of clipped
    records, ``beat_records_lost`` and ``beat_clock_error``. A digitizer's raw records can be kept in the run
    folder, in segments with checksums.
    """

    slug: ClassVar[str] = "heterodyne-scan"
    needs: ClassVar[tuple[str, ...]] = (*DetuningScan.needs, "heterodyne")
    DATA_COLUMNS: ClassVar[list[str]] = ["temperature_2_k", "detuning_ghz", "beat_free_ghz", "beat_ghz"]

    steps = IntegerParameter("Number of steps", default=21, minimum=1)
    integration_s = FloatParameter("Integration time per spectrum", units="s", default=2.0, minimum=0.1)
    mode_1 = ListParameter("Mode of P1", choices=MODES, default="strong")
    mode_2 = ListParameter("Mode of P2", choices=MODES, default="strong")
    configuration = ListParameter(
        "How the pillars are coupled, as the path is set up",
        choices=["face-to-face", "relay"],
        default="face-to-face",
    )
    keep_records = BooleanParameter("Keep a digitizer's records in the run folder", default=False)

    def check(self, station: Station) -> None:
        """Refuse what a detuning scan refuses, and raw records where there are none.

        Raises
        ------
        UsageError
            Naming the parameter.
        """
        super().check(station)
        settings = station.settings
        assert settings.heterodyne is not None
        if self.keep_records and settings.heterodyne.read_by != "digitizer":
            raise UsageError(
                "keep_records = True needs [heterodyne] read_by 'digitizer'; an analyser has none."
            )
        if settings.station.backend == "twin" and settings.twin.attach is None:
            simulated = settings.twin.configuration
            if simulated != self.configuration:
                raise UsageError(
                    f"configuration = {self.configuration}, but the simulated path is {simulated}; "
                    f'set [twin] configuration = "{self.configuration}" in the station file.'
                )

    def observe(self, station: Station, point: Point) -> xr.Dataset:
        """Record the spectra of the interferometer, then the beat notes of the chosen modes."""
        spectra = super().observe(station, point)
        station.select_modes(self.mode_1, self.mode_2)
        free = record_beat_notes(station, self._folder(point, "free"))
        station.attenuator.set_transmission(self.coupling_transmission)
        try:
            coupled = record_beat_notes(station, self._folder(point, "coupled"))
        finally:
            station.attenuator.set_transmission(0.0)
        section = station.settings.heterodyne
        assert section is not None
        return spectra.assign(_kept(free, coupled)).assign_attrs(
            **coupled.attrs,
            mode_1=self.mode_1,
            mode_2=self.mode_2,
            configuration=self.configuration,
            read_by=section.read_by,
            oscillator=section.oscillator,
            oscillator_linewidth_hz=section.oscillator_linewidth,
            photodiode_bandwidth_hz=section.photodiode_bandwidth,
        )

    def summarise(self, step: xr.Dataset) -> dict[str, float]:
        """Return temperature, detuning, and where the beat note of the first detector is strongest."""
        row = super().summarise(step)
        frequency_ghz = 1e-9 * step["beat_frequency_hz"].values
        first = step.isel(detector=0)
        return {
            **{name: row[name] for name in ("temperature_2_k", "detuning_ghz")},
            "beat_free_ghz": float(frequency_ghz[first["beat_density_free"].values.argmax()]),
            "beat_ghz": float(frequency_ghz[first["beat_density"].values.argmax()]),
            "beat_clipped": float(step["beat_clipped"].max()),
            "beat_records_lost": float(step["beat_records_lost"]),
        }

    def _folder(self, point: Point, which: str) -> Path | None:
        if not self.keep_records or self.run is None:
            return None
        return self.run.path / RECORDS / f"step-{self._number(point):04d}-{which}"


def _kept(free: xr.Dataset, coupled: xr.Dataset) -> Mapping[str, xr.DataArray]:
    """Return what a step keeps of both recordings, under names that do not collide with the spectra's."""
    both = xr.concat([free, coupled], "coupled")
    return {
        "beat_density_free": free["density"],
        "beat_density": coupled["density"],
        "beat_clipped": both["clipped"].mean("coupled").assign_attrs(units="1"),
        "beat_records_lost": both["records_lost"].sum("coupled").astype(np.int64).assign_attrs(units="1"),
        "beat_clock_error": both["clock_error"].mean("coupled").assign_attrs(units="1"),
    }
