"""The progress bar of a scan: step, temperature, detuning and time left, with the committed rows above it."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from labsync.columns import column
from labsync.scan import Event

# what the line of the bar has room for
_LIVE = ("temperature_2_k", "detuning_ghz", "g2_error")


class ScanProgress:
    """Listener of the scan loop that draws a bar; used as a context manager.

    Parameters
    ----------
    console : Console
        Where to draw. On a terminal the bar is live; elsewhere only the committed rows are printed.
    title : str
        Name of the scan.
    """

    def __init__(self, console: Console, title: str):
        self._title = title
        self._task: TaskID | None = None
        self._known: dict[str, float] = {}
        self._bar = Progress(
            BarColumn(bar_width=12),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[state]}"),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )

    def __enter__(self) -> "ScanProgress":
        self._bar.start()
        if self._bar.console.is_terminal:
            self._bar.console.print("p pauses and continues, q stops", style="dim")
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        """Take one event of the loop."""
        if self._task is None:
            self._task = self._bar.add_task(self._title, total=event.total or None, state="", count="")
        if event.kind == "commit":
            row = event.facts["row"]
            self._known.update(row)
            self._show_count(event.step + 1, event.total)
            self._bar.console.print(
                f"{event.step + 1:>4}/{event.total or '?'}  {_cells(row)}", highlight=False, soft_wrap=True
            )
        elif event.kind == "retry":
            again = f"again in {event.facts['pause_s']:g} s"
            self._bar.console.print(f"step {event.step + 1}: {event.facts['error']}; {again}", style="yellow")
        else:
            self._show_count(event.step, event.total)
            self._known.update(event.facts)
        live = {name: self._known[name] for name in _LIVE if name in self._known}
        self._bar.update(self._task, state=f"{event.kind:<8} {_cells(live)}")

    def _show_count(self, done: int, total: int) -> None:
        assert self._task is not None
        self._bar.update(self._task, completed=done, count=f"step {done}/{total or '?'}")


def _cells(values: dict[str, float]) -> str:
    cells = []
    for name, value in values.items():
        shown = column(name)
        cells.append(f"{shown.label} {shown.text(value)} {shown.unit}".rstrip())
    return "  ".join(cells)
