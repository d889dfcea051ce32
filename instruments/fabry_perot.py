"""A scanning Fabry-Perot interferometer: a ramp generator with a photon correlator or an oscilloscope."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from instruments._scope_fabry_perot import ScopeFabryPerot
from instruments.clock import Clock, SystemClock
from instruments.errors import InstrumentError
from instruments.idquantique import START
from instruments.roles import Correlator, RampGenerator

__all__ = ["ScanningFabryPerot", "ScopeFabryPerot"]


class ScanningFabryPerot:
    """Drive the piezo with a triangle and histogram the photons of each pillar over the up-ramp.

    The generator's sync output, at the start of the up-ramp, is the reference of the histogram.

    Parameters
    ----------
    ramp
        Generator whose triangle drives the piezo.
    correlator
        Histograms the detectors' pulses after the sync pulse.
    frequency_hz, amplitude_v, offset_v
        The triangle: frequency in Hz; amplitude and centre in V.
    bins
        Number of bins over the up-ramp.
    reference
        Correlator input of the sync pulse.
    channels
        Correlator inputs of the detectors of P1, P2.
    clock
        Source of time.
    """

    def __init__(
        self,
        ramp: RampGenerator,
        correlator: Correlator,
        *,
        frequency_hz: float = 50.0,
        amplitude_v: float = 0.9,
        offset_v: float = 0.0,
        bins: int = 4096,
        reference: int = START,
        channels: Sequence[int] = (1, 2),
        clock: Clock | None = None,
    ) -> None:
        # The correlator's bins are multiples of 100 ps; rounding down keeps the last one on the up-ramp.
        self.bin_width_ps = int(1e12 / (2 * frequency_hz) / bins / 100 + 1e-9) * 100
        if not (100 <= self.bin_width_ps <= 1_000_000_000):
            raise ValueError(
                f"{bins} bins over an up-ramp of {0.5 / frequency_hz} s are {self.bin_width_ps} ps "
                "wide; choose "
                "bins and frequency_hz so that it is 100 ps to 1 ms."
            )
        if not 1 <= len(channels) <= 4:
            raise ValueError(f"channels must name one to four inputs, got {list(channels)}.")
        self._ramp, self._correlator = ramp, correlator
        self._frequency_hz, self._amplitude_v, self._offset_v = frequency_hz, amplitude_v, offset_v
        self._bins, self._reference, self._channels = bins, reference, tuple(channels)
        self._clock = clock if clock is not None else SystemClock()
        self._running = False

    def start(self) -> None:
        """Start the ramp and let the piezo swing in for ten periods."""
        self._ramp.start_triangle(self._frequency_hz, self._amplitude_v, self._offset_v)
        self._clock.sleep(10 / self._frequency_hz)
        self._running = True

    def stop(self) -> None:
        """Stop the ramp; the next `record` starts it again."""
        self._running = False
        self._ramp.stop()

    def record(self, integration_s: float) -> xr.Dataset:
        """Record one spectrum per pillar.

        Parameters
        ----------
        integration_s
            Time that photons are collected, in s, over many ramps.

        Returns
        -------
        xarray.Dataset
            `counts(pillar, bin)` int64 over the up-ramp; coordinates `pillar` and `ramp_time_ms(bin)`, the
            middle of each bin after the start of the ramp.

        Raises
        ------
        InstrumentError
            Not one event was counted: the sync or the detectors are missing.
        """
        if not integration_s * self._frequency_hz >= 1:
            raise ValueError(
                f"integration_s of {integration_s} s is shorter than one ramp of {1 / self._frequency_hz} s."
            )
        if not self._running:
            self.start()
        counts = self._correlator.start_stop_histogram(
            self._reference, self._channels, self.bin_width_ps, self._bins, integration_s
        )
        if not counts.any():
            raise InstrumentError(
                "The interferometer saw not one photon, not even dark counts; check the ramp's sync cable, "
                "the detectors' power and the correlator's inputs."
            )
        time_ms = (np.arange(self._bins) + 0.5) * self.bin_width_ps * 1e-9
        return xr.Dataset(
            {"counts": (("pillar", "bin"), counts, {"units": "counts"})},
            coords={
                "pillar": [f"P{k}" for k in range(1, len(self._channels) + 1)],
                "ramp_time_ms": ("bin", time_ms, {"units": "ms"}),
            },
            attrs={
                "ramp_frequency_hz": self._frequency_hz,
                "bin_width_ps": self.bin_width_ps,
                "integration_s": integration_s,
            },
        )
