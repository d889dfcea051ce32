"""The text protocol of the ID900: SCPI words in ZeroMQ messages, every one of which gets an answer."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..devices.id900 import ID900, START, Counter
from ._scpi import Handler, ScpiError, ScpiTree, number, switch

__all__ = ["ID900Protocol"]

INPUT_SETTINGS = {
    "ENABle": "ON",
    "COUPling": "DC",
    "EDGE": "RISING",
    "THREshold": "1V",
    "SELEct": "UNSHAPED",
    "RESYncpolicy": "AUTO",
}


class ID900Protocol:
    """Commands of one time controller; keywords are long or have four letters.

    Parameters
    ----------
    device : ID900
        Its blocks.
    serial : str
        Serial number for ``*IDN?``.
    """

    def __init__(self, device: ID900, serial: str) -> None:
        self._device = device
        self._tree = ScpiTree(
            [
                ("*IDN?", lambda: f"ID QUANTIQUE,ID900,{serial},1.13.0"),
                ("SYSTem:ERRor[:NEXT]?", lambda: self._tree.next_error()),
                *self._device_commands(),
                *self._input_commands("INPUt#", device.check_input),
                *self._input_commands("STARt", lambda: START),
                *self._link_commands(),
                *self._gate_commands(),
                *self._histogram_commands(),
                *self._record_commands(),
            ]
        )

    def handle(self, message: str) -> str:
        """Act on a message; return its answer, which for a chain has one part per command."""
        results = self._tree.execute(message.replace("\0", "").strip())
        return ";".join(_text(result) for result in results) or "SCPI_ERR_INVALID_CMD"

    def _device_commands(self) -> list[tuple[str, Handler]]:
        device = self._device

        def load(name: str) -> str:
            if name.upper() != "INIT":
                raise ScpiError(-224, "Illegal parameter value")
            device.load_init()
            return "Configuration loaded"

        def setting(node: str, key: str) -> list[tuple[str, Handler]]:
            return [
                (f"DEVIce:{node}?", lambda: device.device_settings[key]),
                (f"DEVIce:{node}", _set(lambda word: device.device_settings.update({key: word.upper()}))),
            ]

        return [
            ("DEVIce:CONFiguration:LOAD", load),
            ("DEVIce:RESOlution?", lambda: device.device_settings["RESO"]),
            ("DEVIce:RESOlution", _set(device.set_resolution)),
            ("DEVIce:RES[O]:BWIDth?", lambda: f"{device.resolution_ps}TB"),
            *setting("SYNC", "SYNC"),
        ]

    def _input_commands(self, block: str, channel: Callable[..., int]) -> list[tuple[str, Handler]]:
        """Return the commands of the inputs, or of START, which is one more input without a number."""
        device = self._device

        numbers = len(inspect.signature(channel).parameters)

        def which(*n: int) -> int:
            if len(n) != numbers:
                raise ScpiError(-108, "Parameter not allowed")
            return channel(*n)

        def last(a: tuple) -> str:
            if len(a) != numbers + 1:
                raise ScpiError(-109, "Missing parameter")
            return a[-1]

        def setting(name: str, default: str) -> list[tuple[str, Handler]]:
            settings = device.input_settings
            return [
                (f"{block}:{name}?", lambda *n: settings.get((name, which(*n)), default)),
                (f"{block}:{name}", _set(lambda *a: settings.update({(name, which(*a[:-1])): last(a)}))),
            ]

        def set_mode(*a: Any) -> None:
            if not last(a).upper().startswith(("CYCL", "ACCU")):
                raise ScpiError(-224, "Illegal parameter value")
            counter(*a[:-1]).set_accumulate(last(a).upper().startswith("ACCU"))

        def counter(*n: int) -> Counter:
            return device.counters[which(*n)]

        head = f"{block}:COUNter"
        duration = f"{head}:INTEgrationtime"
        return [
            *(command for name, default in INPUT_SETTINGS.items() for command in setting(name, default)),
            (f"{block}:HIREs:ERROr?", lambda *n: "0"),
            (f"{block}:HIREs:ERROr:CLEAr", lambda *n: "Cleared Highres errors"),
            (f"{head}?", lambda *n: str(counter(*n).count())),
            (f"{head}:RESEt", _set(lambda *n: counter(*n).restart(), "Counter value set to 0 ")),
            (f"{duration}?", lambda *n: str(counter(*n).integration_ms)),
            (duration, _set(lambda *a: counter(*a[:-1]).set_integration(int(number(last(a)))))),
            (f"{head}:MODE?", lambda *n: "ACCUM" if counter(*n).accumulate else "CYCLE"),
            (f"{head}:MODE", _set(set_mode)),
        ]

    def _link_commands(self) -> list[tuple[str, Handler]]:
        device = self._device
        delay, first = "DELAy#:INPOrt:LINK", "TSCOmbiner#[:INPOrt]:FIR[S][T]:LINK"
        return [
            (f"{delay}?", lambda n: device.delay_links[n]),
            (delay, _set(lambda n, to: device.set_link(device.delay_links, n, to))),
            ("DELAy#:VALUe?", lambda n: str(device.delays_ps[n])),
            ("DELAy#:VALUe", _set(lambda n, ps: device.set_delay(n, int(number(ps))))),
            (f"{first}?", lambda n: device.combiner_links[n]),
            (first, _set(lambda n, to: device.set_link(device.combiner_links, n, to))),
            ("TSCOmbiner#:OPIN", _set(lambda n, word: None)),
            ("TSCOmbiner#:OPOUt", _set(lambda n, word: None)),
            ("TSCOmbiner#:WINDow:ENABle", _set(lambda n, word: switch(word))),
        ]

    def _gate_commands(self) -> list[tuple[str, Handler]]:
        device = self._device
        pulse = "TSGEnerator#:ONEShot:PWIDth"
        return [
            ("TSGEnerator#:ENABle?", lambda n: "ON" if device.gates[n].enabled else "OFF"),
            ("TSGEnerator#:ENABle", _set(lambda n, on: device.switch_gate(n, switch(on)))),
            (f"{pulse}?", lambda n: f"{device.gates[n].pulse_s * 1e12:.0f}"),
            (pulse, _set(lambda n, ps: device.set_pulse(n, number(ps) * 1e-12))),
        ]

    def _histogram_commands(self) -> list[tuple[str, Handler]]:
        device = self._device

        def link(port: str) -> list[tuple[str, Handler]]:
            header = f"HISTogram#[:INPOrt]:{port}:LINK"
            key = port[:4].upper()
            return [
                (f"{header}?", lambda n: device.histograms[n].links[key]),
                (header, _set(lambda n, to: device.set_link(device.histograms[n].links, key, to))),
            ]

        def histogram_data(n: int) -> str:
            device.source.process()
            return _list(device.histograms[n].counts())

        def binning(node: str, name: str) -> list[tuple[str, Handler]]:
            header = f"HISTogram#:{node}"
            return [
                (f"{header}?", lambda n: str(getattr(device.histograms[n], name))),
                (header, _set(lambda n, value: device.histograms[n].set_binning(name, int(number(value))))),
            ]

        return [
            *link("REF"),
            *link("STOP"),
            *link("ENABle"),
            *binning("MINimum", "minimum_ps"),
            *binning("BWIDth", "bin_width_ps"),
            *binning("BCOUnt", "bins"),
            ("HISTogram#:FLUSh", _set(lambda n: device.histograms[n].flush(), "Flushed Histogram!")),
            ("HISTogram#:DATA?", histogram_data),
        ]

    def _record_commands(self) -> list[tuple[str, Handler]]:
        """Return the commands of recordings; single ones only, whose tags are counted from their start."""
        device = self._device

        def once(number_of_records: str) -> None:
            if number_of_records != "1":
                raise ScpiError(-224, "Illegal parameter value")

        def send(n: int, on: str) -> None:
            (device.sending.add if switch(on) else device.sending.discard)(device.check_input(n))

        def stop_link(n: int, to: str) -> None:
            device.set_link(device.tag_links, device.check_input(n), to)

        def no_reference(n: int, link: str) -> None:
            if link.upper() != "NONE":
                raise ScpiError(-224, "Illegal parameter value")

        return [
            ("RECord:TRIGger:ARM:MODE", _set(lambda word: None)),
            ("RECord:ENABle", _set(lambda on: switch(on))),
            ("RECord:NUMber?", lambda: "1"),
            ("RECord:NUMber", _set(once)),
            ("RECord:DURation?", lambda: f"{device.record_ps}TB"),
            ("RECord:DURation", _set(lambda ps: device.set_record_ps(number(ps)))),
            ("RECord:PLAY", _set(device.play, "Record playing")),
            ("RECord:STOP", _set(device.stop, "Record stopped")),
            ("RECord:STAGe?", lambda: "PLAYING" if device.playing else "STOPPED"),
            ("RAW#:REF:LINK", _set(no_reference)),
            ("RAW#:STOP:LINK?", lambda n: device.tag_links[n]),
            ("RAW#:STOP:LINK", _set(stop_link)),
            ("RAW#:SEND", _set(send)),
            ("RAW#:ERRORS?", lambda n: str(device.tag_errors())),
            ("RAW#:ERRORS:CLEAr", _set(lambda n: None, "Cleared errors")),
        ]


def _set(action: Callable[..., object], answer: str = "Value set to {}") -> Handler:
    """Return a handler that acts and then answers as the box does."""

    def run(*parameters: object) -> str:
        action(*parameters)
        return answer.format(parameters[-1] if parameters else "")

    # by this the tree finds out that parameters are missing
    run.__signature__ = inspect.signature(action)  # type: ignore[attr-defined]
    return run


def _list(counts: np.ndarray) -> str:
    return "[" + ",".join(map(str, counts.tolist())) + "]"


def _text(result: str | bytes | ScpiError) -> str:
    if isinstance(result, ScpiError):
        kind = "SCPI_ERR_INVALID_CMD" if result.code == -113 else "SCPI_ERR_PARAM_TYPE"
        return f"{result.message} {kind}"
    return result if isinstance(result, str) else result.decode("latin-1")
