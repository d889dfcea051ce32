"""The simulated lab in the foreground, and the faults of one that runs: ``labsync twin``."""

from typing import Any

from rich.console import Console
from rich.table import Table

from instruments.errors import InstrumentProtocolError
from instruments.twin import TwinClock, TwinSettings, parse_fault, serve_forever
from labsync.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost")
LAST_FIRINGS = 20


def serve(
    console: Console, clock: str = "real", faults: list[str] | None = None, **choices: int | str
) -> None:
    """Serve the simulated lab and print its addresses until Ctrl-C.

    Parameters
    ----------
    console : Console
        Where to print.
    clock : str
        See `parse_clock`.
    faults : list of str, optional
        Faults from the start, as ``INSTRUMENT:FAULT[:OPTION=NUMBER,...]``.
    **choices
        See `TwinSettings`.

    Raises
    ------
    UsageError
        If a setting or a fault is impossible.
    InstrumentError
        If a port is taken.
    """

    def announce(addresses: dict[str, str]) -> None:
        title = f"simulated lab, seed {settings.seed}, clock {clock}"
        table = Table("instrument", "address", title=title)
        for name, address in addresses.items():
            table.add_row(name, address)
        console.print(table)
        if settings.host not in LOOPBACK:
            console.print(
                f"Warning: the lab listens at {settings.host}; anyone who reaches it can drive it.",
                style="bold yellow",
            )
        control = addresses["control"]
        console.print(f'In a station file: [twin] attach = "{control}". Ctrl-C ends the lab.', markup=False)
        console.print(f"Faults while it runs: labsync twin --attach {control} --faults", highlight=False)

    try:
        settings = TwinSettings(clock=parse_clock(clock), **choices)  # type: ignore[arg-type]
        serve_forever(settings, announce, [parse_fault(text) for text in faults or []])
    except ValueError as error:
        raise UsageError(f"{error}.") from error
    console.print("Simulated lab closed.")


def change_faults(address: str, inject: list[str], clear: list[str]) -> dict[str, Any]:
    """End and begin faults of a simulated lab that runs.

    Parameters
    ----------
    address : str
        Its control port, "127.0.0.1:PORT".
    inject : list of str
        Faults to begin, as ``INSTRUMENT:FAULT[:OPTION=NUMBER,...]``.
    clear : list of str
        What to end first: "all", ``INSTRUMENT`` or ``INSTRUMENT:FAULT``.

    Returns
    -------
    dict
        "active" and "possible" faults and the "log" of what they did, afterwards.

    Raises
    ------
    UsageError
        If the lab knows no such instrument, fault or option.
    InstrumentDisconnected
        If no lab answers at the address.
    """
    try:
        requests: list[dict[str, Any]] = [{"clear": _cleared(text)} for text in clear]
        requests += [{"inject": parse_fault(text)} for text in inject]
    except ValueError as error:
        raise UsageError(f"{error}.") from error
    control = TwinClock(address)
    try:
        for request in requests:
            control.ask(request)
        return control.ask({"faults": True})
    except InstrumentProtocolError as error:
        raise UsageError(f"{error}.") from error
    finally:
        control.close()


def _cleared(text: str) -> dict[str, str]:
    if text == "all":
        return {}
    instrument, _, fault = text.partition(":")
    return {"instrument": instrument} | ({"fault": fault} if fault else {})


def show_faults(report: dict[str, Any], console: Console) -> None:
    """Print active and possible faults and the last firings."""
    active = Table("instrument", "fault", "fired", "schedule", title="active faults")
    for entry in report["active"]:
        options = {
            name: value for name, value in entry.items() if name not in ("instrument", "fault", "fired")
        }
        schedule = ", ".join(f"{name}={value:g}" for name, value in options.items()) or "always"
        active.add_row(entry["instrument"], entry["fault"], str(entry["fired"]), schedule)
    possible = Table("instrument", "can have", title="possible faults")
    for name, faults in report["possible"].items():
        possible.add_row(name, ", ".join(faults))
    log = Table("world time (s)", "instrument", "fault", "what", title=f"last {LAST_FIRINGS} firings")
    for firing in report["log"][-LAST_FIRINGS:]:
        log.add_row(f"{firing['world_s']:.3f}", firing["instrument"], firing["fault"], firing["what"])
    for table in (active, possible, log):
        console.print(table)


def parse_clock(text: str) -> str | float:
    """Return the clock that `text` names: real, lock-step, or a speed-up factor."""
    if text in ("real", "lock-step"):
        return text
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise UsageError(
            f"Clock '{text}' is none; give 'real', 'lock-step' or a positive speed-up factor such as 20."
        )
    return factor
