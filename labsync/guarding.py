"""Safety by hand: ``labsync watchdog`` over a program that runs already, and ``labsync safe``."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from instruments.twin import TwinClock
from labsync import safety
from labsync._engine import Engine
from labsync.errors import UsageError
from labsync.safety import Outcome
from labsync.settings import StationSettings
from labsync.watchdog import Watchdog, quick_connections

__all__ = ["make_safe", "show", "watch"]


def watch(settings: StationSettings, pid: int | None, console: Console) -> bool:
    """Read the interlocks of a bench, and go to its safe state when one trips or a program ends.

    Parameters
    ----------
    settings : StationSettings
        The bench. Count rates are not read, since that would disturb the program's counting.
    pid : int or None
        Process of the program; it is ended by force before the safe state, so that it lets go of the bench.
    console : Console
        Where to say that the watch begins.

    Returns
    -------
    bool
        True: the watchdog tripped. It does not return otherwise.

    Raises
    ------
    UsageError
        If there is no such process, or nothing to watch.
    """
    addresses = _addresses(settings)
    interlocks = settings.watchdog.interlock if settings.watchdog else ()
    readable = [each.name for each in interlocks if each.input is None]
    if pid is None and not readable:
        raise UsageError(
            f"Station '{settings.station.name}' has no interlock that could be read; name a process (--pid)."
        )
    try:
        engine = Engine(pid)
    except OSError as error:
        raise UsageError(f"There is no process {pid} that could be watched.") from error
    what = [*readable, *([f"process {pid}"] if pid is not None else [])]
    console.print(f"Watching {', '.join(what)}. Ctrl-C ends the watch and changes nothing.", highlight=False)
    return Watchdog(settings, addresses, engine).run()


def make_safe(settings: StationSettings) -> list[Outcome]:
    """Bring a bench to its safe state now, through new connections.

    Raises
    ------
    UsageError
        If the bench is a simulated lab that only exists inside a program.
    """
    connections = quick_connections(settings, _addresses(settings))
    try:
        return safety.make_safe(settings.safe_state, connections, connections.forget)
    finally:
        connections.close()


def show(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print what was done on the way to the safe state."""
    table = Table("role", "action", "result", "time (s)", title="safe state")
    for each in outcomes:
        table.add_row(each.role, each.action, each.problem or "done", f"{each.took_s:.2f}")
    console.print(table)


def _addresses(settings: StationSettings) -> dict[str, str]:
    """Return where the instruments of a bench answer that exists without this program."""
    if settings.station.backend == "hardware":
        return {name: each.address or "" for name, each in settings.instruments.items()}
    if settings.twin.attach is None:
        raise UsageError(
            f"Station '{settings.station.name}' is simulated inside the program that uses it, so there is "
            "nothing to connect to; serve a lab (labsync twin) and name it in [twin] attach."
        )
    lab = TwinClock(settings.twin.attach)
    try:
        return lab.ask({"addresses": True})["addresses"]
    finally:
        lab.close()
