"""The SCPI command set of the Keithley 2450, as far as a pump source needs it."""

from ..devices.keithley2450 import Keithley2450
from ._scpi import ScpiError, ScpiTree, number, switch

__all__ = ["KeithleyProtocol"]

FUNCTIONS = {"VOLT": "VOLT", "VOLTAGE": "VOLT", "CURR": "CURR", "CURRENT": "CURR"}
MEASURES = {
    **FUNCTIONS,
    "VOLT:DC": "VOLT",
    "VOLTAGE:DC": "VOLT",
    "CURR:DC": "CURR",
    "CURRENT:DC": "CURR",
    "RES": "RES",
}


class KeithleyProtocol:
    """Commands of one source meter.

    Parameters
    ----------
    device : Keithley2450
        Its registers.
    serial : str
        Serial number for ``*IDN?``.
    """

    def __init__(self, device: Keithley2450, serial: str) -> None:
        self._device = device
        self._stored: dict[str, str] = {"DELAY": "0.000000E+00", "SMODE": "NORM", "TERMINALS": "FRON"}
        self._tree = ScpiTree(
            [
                ("*IDN?", lambda: f"KEITHLEY INSTRUMENTS,MODEL 2450,{serial},1.7.12b"),
                ("*LANG?", lambda: "SCPI"),
                ("*OPC?", lambda: "1"),
                ("*CLS", lambda: self._tree.clear()),
                ("*RST", device.reset),
                ("STATus:PRESet", lambda: None),
                ("SYSTem:ERRor[:NEXT]?", self._error),
                ("SYSTem:BEEPer[:IMMediate]", lambda *_: None),
                ("ABORt", lambda: None),
                ("TRACe:CLEar", lambda *_: None),
                ("OUTPut#[:STATe]?", lambda _: f"{device.output_on:d}"),
                ("OUTPut#[:STATe]", lambda _, on: self._switch_output(switch(on))),
                ("OUTPut#:VOLTage:SMODe?", lambda _: self._stored["SMODE"]),
                ("OUTPut#:VOLTage:SMODe", lambda _, mode: self._store("SMODE", mode)),
                ("OUTPut#:CURRent:SMODe?", lambda _: self._stored["SMODE"]),
                ("OUTPut#:CURRent:SMODe", lambda _, mode: self._store("SMODE", mode)),
                ("ROUTe:TERMinals?", lambda: self._stored["TERMINALS"]),
                ("ROUTe:TERMinals", lambda side: self._store("TERMINALS", side)),
                ("READ?", self._read),
                ("MEASure:CURRent?", lambda: self._measure("CURR")),
                ("MEASure:VOLTage?", lambda: self._measure("VOLT")),
                ("SENSe#:FUNCtion[:ON]?", lambda _: f'"{device.measure}:DC"'),
                ("SENSe#:FUNCtion[:ON]", lambda _, name: self._sense(name)),
                *self._source_commands(),
                *self._function_commands("VOLTage", "VOLT", "ILIMit"),
                *self._function_commands("CURRent", "CURR", "VLIMit"),
            ]
        )

    def _source_commands(self) -> list:
        device = self._device
        return [
            ("SOURce#:FUNCtion[:MODE]?", lambda _: device.source),
            ("SOURce#:FUNCtion[:MODE]", lambda _, name: device.set_source(_choice(name, FUNCTIONS))),
        ]

    def _function_commands(self, node: str, function: str, limit: str) -> list:
        """Return the branch of a source function and its namesake of the measurement."""
        device, source, sense = self._device, f"SOURce#:{node}", f"SENSe#:{node}"
        return [
            (f"{source}[:LEVel][:IMMediate][:AMPLitude]?", lambda _: f"{device.levels[function]:.6E}"),
            (
                f"{source}[:LEVel][:IMMediate][:AMPLitude]",
                lambda _, value: device.set_level(function, number(value)),
            ),
            (f"{source}:{limit}[:LEVel]?", lambda _: f"{device.limits[function]:.6E}"),
            (
                f"{source}:{limit}[:LEVel]",
                lambda _, value: device.set_limit(function, number(value)),
            ),
            (f"{source}:{limit}[:LEVel]:TRIPped?", lambda _: f"{device.tripped:d}"),
            (f"{source}:RANGe?", lambda _: f"{device.ranges[function]:.6E}"),
            (f"{source}:RANGe", lambda _, value: device.ranges.update({function: number(value)})),
            (f"{source}:RANGe:AUTO", _accept_switch),
            (f"{source}:DELay?", lambda _: self._stored["DELAY"]),
            (f"{source}:DELay", lambda _, value: self._store("DELAY", f"{number(value):.6E}")),
            (f"{source}:DELay:AUTO", _accept_switch),
            (f"{source}:READ:BACK", _accept_switch),
            (f"{sense}:NPLCycles?", lambda _: f"{device.nplc:.6E}"),
            (f"{sense}:NPLCycles", lambda _, value: device.set_nplc(number(value))),
            (f"{sense}:RANGe?", lambda _: f"{device.ranges[function]:.6E}"),
            (f"{sense}:RANGe", lambda _, value: device.ranges.update({function: number(value)})),
            (f"{sense}:RANGe:AUTO", _accept_switch),
        ]

    def handle(self, line: str) -> str | None:
        """Act on a line; return the answers to its queries, or None for silence."""
        answers = [str(result) for result in self._tree.execute(line) if isinstance(result, str)]
        return ";".join(answers) if answers else None

    def _error(self) -> str:
        text = self._tree.next_error()
        return '0,"No error;0;0 0"' if text.startswith("0,") else text

    def _switch_output(self, on: bool) -> None:
        self._device.set_output(on)
        if on and not self._device.output_on:
            raise ScpiError(802, "OUTPUT blocked by interlock")

    def _store(self, name: str, value: str) -> None:
        self._stored[name] = value.upper()

    def _sense(self, name: str) -> None:
        self._device.measure = _choice(name, MEASURES)

    def _read(self, *_: str) -> str:
        return f"{self._device.read():.6E}"

    def _measure(self, function: str) -> str:
        self._device.measure = function
        return self._read()


def _accept_switch(_: int, on: str) -> None:
    """Take a switch that makes no difference here."""
    switch(on)


def _choice(name: str, choices: dict[str, str]) -> str:
    try:
        return choices[name.strip("\"' ").upper()]
    except KeyError:
        raise ScpiError(-224, "Illegal parameter value") from None
