"""The simulated lab in the foreground: ``labsync twin``."""

from rich.console import Console
from rich.table import Table

from instruments.twin import TwinSettings, serve_forever
from labsync.errors import UsageError


def serve(seed: int, clock: str, port_base: int, console: Console) -> None:
    """Serve the simulated lab and print its addresses until Ctrl-C.

    Raises
    ------
    UsageError
        If a setting is impossible.
    InstrumentError
        If a port is taken.
    """

    def announce(addresses: dict[str, str]) -> None:
        table = Table("instrument", "address", title=f"simulated lab, seed {seed}, clock {clock}")
        for name, address in addresses.items():
            table.add_row(name, address)
        console.print(table)
        console.print(f'In a station file: [twin] attach = "{addresses["control"]}". Ctrl-C ends the lab.')

    try:
        settings = TwinSettings(seed=seed, clock=parse_clock(clock), port_base=port_base)
    except ValueError as error:
        raise UsageError(f"{error}.") from error
    serve_forever(settings, announce)
    console.print("Simulated lab closed.")


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
