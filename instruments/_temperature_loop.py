"""What all temperature controllers share: a checked setpoint, and waiting until it is reached."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from instruments._driver import Driver
from instruments.errors import InstrumentProtocolError, Interlock, NotSettled, OutOfRange

READBACK_K = 2e-3


class TemperatureLoop(Driver):
    """A driver of a controller that holds one stage.

    A heater that the instrument has switched off stays off until `check_heater` has reported it with an
    Interlock; the next `set_setpoint_k` then switches it on again. One that the driver was told to switch off
    stays off.
    """

    if TYPE_CHECKING:  # what the driver of a model adds
        ramp_k_per_min: float

        @property
        def temperature_k(self) -> float: ...
        @property
        def setpoint_k(self) -> float: ...
        def check_heater(self) -> None: ...
        def _send_setpoint(self, kelvin: float) -> None: ...
        def _heater_is_on(self) -> bool: ...
        def _switch_heater_on(self) -> None: ...

    def _stay_within(self, setpoint_limits_k: tuple[float, float]) -> None:
        """Remember the limits of the setpoint; to be called before the connection is opened."""
        if not 0 < setpoint_limits_k[0] < setpoint_limits_k[1]:
            raise ValueError(f"setpoint_limits_k must be (low, high) in K, got {setpoint_limits_k}.")
        self._limits_k = setpoint_limits_k
        self._target_k: float | None = None
        self._reported = False

    def set_setpoint_k(self, value: float) -> None:
        """Set the setpoint and verify it by reading it back.

        Raises
        ------
        OutOfRange
            The value is beyond the limits given at construction; nothing was sent.
        InstrumentProtocolError
            The instrument refuses the value, or reports another setpoint.
        Interlock
            The heater was reported as off before, and cannot be switched on again.
        """
        low, high = self._limits_k
        if not low <= value <= high:
            raise OutOfRange(
                f"{self.where}: a setpoint of {value} K is outside the limits {low} to {high} K."
            )
        before = self.setpoint_k
        self._send_setpoint(value)
        self._verify_setpoint(before, value)
        self._target_k = value
        if not self._heater_is_on() and self._reported:
            self._switch_heater_on()
        self._reported = False

    def _verify_setpoint(self, before: float, value: float) -> None:
        for _ in range(5):
            after = self.setpoint_k
            if abs(after - value) <= READBACK_K:
                return
            on_the_way = min(before, value) - READBACK_K <= after <= max(before, value) + READBACK_K
            if on_the_way and self.ramp_k_per_min > 0:
                return
            self.clock.sleep(0.1)  # the instrument updates its readings ten times a second
        raise InstrumentProtocolError(
            f"{self.where}: asked for a setpoint of {value} K, but it reads back {after} K; check that the "
            "box is not in local mode and that its input unit is kelvin."
        )

    @property
    def heater_on(self) -> bool:
        """Whether the heater is switched on, whatever its output is just now."""
        return self._heater_is_on()

    def wait_until_settled(
        self,
        band_k: float,
        dwell_s: float,
        deadline_s: float,
        poll_s: float = 1.0,
        on_poll: Callable[[float], None] | None = None,
    ) -> float:
        """Wait until every reading of the last `dwell_s` lay within the setpoint +- `band_k`.

        Parameters
        ----------
        band_k
            Half width of the band, in K.
        dwell_s
            Time that the temperature must stay in the band without a break, in s.
        deadline_s
            Longest time to wait, in s.
        poll_s
            Time between readings, in s.
        on_poll
            Called with each temperature, in K.

        Returns
        -------
        float
            The last temperature, in K.

        Raises
        ------
        NotSettled
            The deadline passed first.
        Interlock
            Bad sensor status, heater fault, or heater switched off by the instrument.
        """
        if not (band_k > 0 and poll_s > 0 and 0 <= dwell_s <= deadline_s):
            raise ValueError(
                "wait_until_settled needs band_k > 0, poll_s > 0 and 0 <= dwell_s <= deadline_s; "
                f"got {band_k}, {poll_s}, {dwell_s}, {deadline_s}."
            )
        target = self._target_k if self._target_k is not None else self.setpoint_k
        start, in_band_since = self.clock.now(), None
        while True:
            self.check_heater()
            kelvin, now = self.temperature_k, self.clock.now()
            if on_poll is not None:
                on_poll(kelvin)
            if abs(kelvin - target) > band_k:
                in_band_since = None
            elif in_band_since is None:
                in_band_since = now
            dwelt = now - in_band_since if in_band_since is not None else 0.0
            if in_band_since is not None and dwelt >= dwell_s:
                return kelvin
            if now - start >= deadline_s:
                raise NotSettled(
                    f"{self.where}: not settled after {deadline_s:g} s: last temperature {kelvin:.4f} "
                    "K, wanted "
                    f"{target:.4f} K +- {band_k:g} K for {dwell_s:g} s, was inside for {dwelt:.3g} s."
                )
            self.clock.sleep(poll_s)

    def _report(self, why: str) -> NoReturn:
        """Raise Interlock because of the heater."""
        self._reported = True
        raise Interlock(f"{self.where}: {why}")
