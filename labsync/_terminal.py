"""What all commands share: the app, its consoles, its common options, and how errors become sentences."""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from labsync.errors import EXIT_FAILURE, EXIT_INTERRUPTED, LabsyncError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run, fit and compare microlaser synchronization experiments.\n\n"
    "Exit codes: 0 done, 1 failure, 2 wrong usage, 130 stopped by Ctrl-C (what was committed is kept).",
)

fit_app = typer.Typer(no_args_is_help=True, help="Fit data: of a run, or of a file.")
app.add_typer(fit_app, name="fit")

out = Console()
err = Console(stderr=True)

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Run folder, uid or its beginning, or 'latest'.")
]
RunsOption = Annotated[Path, typer.Option("--runs", envvar="LABSYNC_RUNS", help="Folder of all runs.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
RUNS = Path("runs")


class _State:
    debug = bool(os.environ.get("LABSYNC_DEBUG"))


@app.callback()
def _options(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False) -> None:
    _State.debug = _State.debug or debug


def explained(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the suite's errors into one sentence and an exit code."""

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            err.print("[yellow]Stopped.[/]")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except Exception as error:
            if _State.debug:
                raise
            raise typer.Exit(_tell(error)) from None

    return command


def _tell(error: Exception) -> int:
    from instruments.errors import InstrumentError

    if isinstance(error, LabsyncError):
        code, sentence = error.exit_code, str(error)
    elif isinstance(error, InstrumentError | ValueError | OSError):
        code, sentence = EXIT_FAILURE, str(error)
    else:
        code = EXIT_FAILURE
        sentence = (
            f"Unexpected {type(error).__name__}: {error}. Run 'labsync --debug ...' and report the traceback."
        )
    # a sentence may quote a section of the station file, such as [ramp], which is no markup
    err.print(f"[bold red]labsync:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    return code


def print_json(value: Any) -> None:
    """Print `value` as JSON on the standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")
