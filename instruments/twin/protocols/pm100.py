"""The SCPI command set of the Thorlabs PM100, as far as a reading needs it."""

from ..devices.pm100 import PM100, WAVELENGTHS_NM
from ._scpi import ScpiError, ScpiTree, number

__all__ = ["PM100Protocol"]


class PM100Protocol:
    """Commands of one power meter.

    Parameters
    ----------
    device : PM100
        Its registers.
    serial : str
        Serial number for ``*IDN?``.
    """

    def __init__(self, device: PM100, serial: str) -> None:
        self._device = device
        self._tree = ScpiTree(
            [
                ("*IDN?", lambda: f"Thorlabs,PM100D,P{serial},2.8.0"),
                ("*OPC?", lambda: "1"),
                ("*CLS", lambda: self._tree.clear()),
                ("SYSTem:ERRor[:NEXT]?", self._error),
                ("SYSTem:SENSor:IDN?", lambda: f"S130C,{serial},12-Mar-2024,1,18,33"),
                ("SENSe:CORRection:WAVelength?", self._wavelength),
                ("SENSe:CORRection:WAVelength", lambda value: device.set_wavelength(number(value))),
                ("SENSe:POWer[:DC]:UNIT?", device.unit),
                ("MEASure[:SCALar][:POWer]?", self._power),
                ("READ?", self._power),
            ]
        )

    def handle(self, line: str) -> str | None:
        """Act on a line; return the answers to its queries, or None for silence."""
        answers = [str(result) for result in self._tree.execute(line) if isinstance(result, str)]
        return ";".join(answers) if answers else None

    def _error(self) -> str:
        text = self._tree.next_error()
        return f"+{text}" if text.startswith("0,") else text

    def _wavelength(self, which: str = "") -> str:
        choices = {"": self._device.wavelength_nm, "MIN": WAVELENGTHS_NM[0], "MAX": WAVELENGTHS_NM[1]}
        if which.upper() not in choices:
            raise ScpiError(-224, "Illegal parameter value")
        return f"{choices[which.upper()]:.6E}"

    def _power(self) -> str:
        return f"{self._device.read():.6E}"
