"""The roles that instruments play in an experiment, as Protocols.

A procedure asks for a role, never for a maker. The Protocols are `runtime_checkable`; note that
`isinstance(instrument, Role)` evaluates the role's properties and so talks to the instrument.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import xarray as xr

from instruments.timetags import TimeTags

if TYPE_CHECKING:
    from instruments.camera import Frame

__all__ = [
    "Attenuator",
    "Camera",
    "Correlator",
    "Digitizer",
    "FabryPerot",
    "Oscilloscope",
    "PositioningStage",
    "PowerMeter",
    "PumpSource",
    "RampGenerator",
    "Rotator",
    "SpectrumAnalyser",
    "TemperatureController",
    "TimeTagger",
]


@runtime_checkable
class TemperatureController(Protocol):
    """Holds a stage at a temperature."""

    ramp_k_per_min: float
    """Rate of setpoint changes, in K/min; 0 when ramping is off."""

    def set_setpoint_k(self, value: float) -> None:
        """Ask for a temperature, in K; OutOfRange before anything is sent if it is beyond the limits."""
        ...

    @property
    def setpoint_k(self) -> float:
        """Setpoint as the instrument reports it, in K."""
        ...

    @property
    def temperature_k(self) -> float:
        """Temperature, in K; raises Interlock when the sensor's status is bad."""
        ...

    @property
    def heater_percent(self) -> float:
        """Heater output, in percent of the range's maximum."""
        ...

    @property
    def heater_on(self) -> bool:
        """Whether the heater is switched on, whatever its output is just now."""
        ...

    def wait_until_settled(
        self,
        band_k: float,
        dwell_s: float,
        deadline_s: float,
        poll_s: float = 1.0,
        on_poll: Callable[[float], None] | None = None,
    ) -> float:
        """Wait until the temperature stayed within the setpoint +- `band_k` for the whole `dwell_s`.

        Returns the last temperature in K. Raises NotSettled after `deadline_s`, Interlock on a heater or
        sensor fault. `on_poll` is called with every reading.
        """
        ...

    def shutdown(self) -> None:
        """Switch the heater off; never raises."""
        ...


@runtime_checkable
class PumpSource(Protocol):
    """Drives a laser array with a stable current."""

    def ramp_to_current(self, current_a: float, tolerance_a: float) -> float:
        """Approach a current in small voltage steps and return the current reached, in A."""
        ...

    @property
    def current_a(self) -> float:
        """Measured current, in A."""
        ...

    @property
    def voltage_v(self) -> float:
        """Programmed voltage, in V."""
        ...

    @property
    def output_on(self) -> bool:
        """Whether the output is switched on."""
        ...

    def shutdown(self) -> None:
        """Ramp to zero, then switch the output off; never raises."""
        ...


@runtime_checkable
class Correlator(Protocol):
    """Counts photons and histograms their arrival times."""

    def counts(self, channel: int, integration_s: float) -> int:
        """Return the number of events on a channel during the integration time."""
        ...

    def start_stop_histogram(
        self,
        reference: int,
        channels: Sequence[int],
        bin_width_ps: int,
        bins: int,
        integration_s: float,
    ) -> np.ndarray:
        """Histogram the delay of each channel's events after the reference: int64, shape (channel, bin)."""
        ...


@runtime_checkable
class TimeTagger(Protocol):
    """Records the arrival times of photons."""

    def record(self, channels: Sequence[int], duration_s: float) -> TimeTags:
        """Record the tags of some inputs; raises where tags were lost or a detector is saturated."""
        ...


@runtime_checkable
class RampGenerator(Protocol):
    """Drives the piezo of a scanning interferometer."""

    def start_triangle(self, frequency_hz: float, amplitude_v: float, offset_v: float) -> None:
        """Start a triangle: offset +- amplitude, both in V."""
        ...

    def stop(self) -> None:
        """Switch the ramp off."""
        ...


@runtime_checkable
class Rotator(Protocol):
    """Turns an optical element."""

    def move_to_deg(self, angle_deg: float) -> float:
        """Move to an absolute angle and return the angle reached, in degrees."""
        ...

    @property
    def angle_deg(self) -> float:
        """Angle, in degrees."""
        ...

    def home(self) -> None:
        """Find the home position."""
        ...


@runtime_checkable
class FabryPerot(Protocol):
    """Records spectra by scanning an interferometer."""

    def record(self, integration_s: float) -> xr.Dataset:
        """Record `counts(pillar, bin)` over the up-ramp, with the coordinate `ramp_time_ms(bin)`.

        Detectors that give a voltage instead of pulses make it `voltage(pillar, bin)` and `voltage_std`, its
        standard error, in V.
        """
        ...


@runtime_checkable
class PowerMeter(Protocol):
    """Measures the power of light."""

    wavelength_nm: float
    """Wavelength for which the sensor's response is corrected, in nm."""

    @property
    def power_w(self) -> float:
        """Power, in W."""
        ...


@runtime_checkable
class Attenuator(Protocol):
    """Sets the power transmission of an optical path."""

    def set_transmission(self, transmission: float) -> None:
        """Set the power transmission, 0 to 1."""
        ...

    @property
    def transmission(self) -> float:
        """Power transmission, 0 to 1."""
        ...


@runtime_checkable
class PositioningStage(Protocol):
    """Moves something in a plane."""

    @property
    def limits_um(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Lowest and highest position of x and of y, in um."""
        ...

    @property
    def position_um(self) -> tuple[float, float]:
        """Position (x, y), in um."""
        ...

    def move_to_um(self, x_um: float, y_um: float) -> tuple[float, float]:
        """Move there and wait for the end; OutOfRange before anything is sent if it is beyond the limits."""
        ...

    def shutdown(self) -> None:
        """Stop any motion; never raises."""
        ...


@runtime_checkable
class Camera(Protocol):
    """Takes images."""

    def grab(self) -> "Frame":
        """Expose one frame; InstrumentTimeout or InstrumentProtocolError if it is lost, torn or stale."""
        ...


@runtime_checkable
class Digitizer(Protocol):
    """Records voltages fast, without waiting for an event."""

    def record(
        self, channels: Sequence[int], duration_s: float, *, accept_clipped: bool = False
    ) -> xr.Dataset:
        """Record `voltage_v(channel, time_s)` in V for at least `duration_s`, at the highest rate for that.

        The attributes hold `sample_rate_hz` and `clipped`, 0 or 1 per channel. A clipped record raises
        Interlock unless it is accepted.
        """
        ...


@runtime_checkable
class Oscilloscope(Protocol):
    """Records voltages around a trigger, once or as an average."""

    def set_timebase(self, start_s: float, duration_s: float) -> None:
        """Choose what is recorded: from `start_s` after the trigger, for `duration_s`, both in s."""
        ...

    def set_trigger(self, source: str, level_v: float = 0.0, slope: str = "rising") -> None:
        """Trigger on the "rising" or "falling" edge of a source, and on nothing else."""
        ...

    def set_range(self, channel: int, range_v: float, offset_v: float = 0.0) -> None:
        """Set the full scale of a channel and the voltage at its middle, in V."""
        ...

    def capture(
        self,
        channels: Sequence[int],
        *,
        averages: int = 1,
        points: int = 2000,
        wait_s: float = 0.0,
        accept_clipped: bool = False,
    ) -> xr.Dataset:
        """Record `voltage_v(channel, time_s)` in V; attributes as for `Digitizer.record`.

        Triggers that have not come within `wait_s` and twice the timeout raise InstrumentTimeout.
        """
        ...


@runtime_checkable
class SpectrumAnalyser(Protocol):
    """Shows the power of an electrical signal over frequency."""

    def configure(
        self,
        centre_hz: float,
        span_hz: float,
        resolution_bandwidth_hz: float,
        *,
        points: int = 1001,
        averages: int = 1,
        sweep_time_s: float = 0.1,
        reference_level_dbm: float = -20.0,
    ) -> None:
        """Choose centre, span and resolution bandwidth, in Hz, and how long and how strong signals may be."""
        ...

    def trace(self, *, accept_overload: bool = False) -> xr.Dataset:
        """Record `power_dbm(frequency_hz)`; the attributes hold `resolution_bandwidth_hz` and `overloaded`.

        An overload raises Interlock unless it is accepted.
        """
        ...
