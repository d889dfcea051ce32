"""The command line: each command reads its arguments, calls one function of the suite and prints what it got.

The suite's own modules are imported inside the commands, so that ``labsync doctor`` still runs, and can
explain, when a file of the user's shadows one of the packages.
"""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from labsync.errors import EXIT_FAILURE, EXIT_INTERRUPTED, LabsyncError, UsageError

if TYPE_CHECKING:
    from labsync.store import Run

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run, fit and compare microlaser synchronization experiments.\n\n"
    "Exit codes: 0 done, 1 failure, 2 wrong usage, 130 stopped by Ctrl-C (what was committed is kept).",
)
fit_app = typer.Typer(no_args_is_help=True, help="Fit the data of a run.")
app.add_typer(fit_app, name="fit")

out = Console()
err = Console(stderr=True)

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Run folder, uid or its beginning, or 'latest'.")
]
RunsOption = Annotated[Path, typer.Option("--runs", envvar="LABSYNC_RUNS", help="Folder of all runs.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
StationOption = Annotated[
    str, typer.Option("--station", "-s", help="Station file, or the name of a built-in station.")
]
ParametersOption = Annotated[bool, typer.Option("--parameters", help="List the parameters and stop.")]
FaultOption = Annotated[
    list[str] | None,
    typer.Option(metavar="INSTRUMENT:FAULT[:OPTION=NUMBER,...]", help="Let a fault begin; may be repeated."),
]
ClearOption = Annotated[
    list[str] | None, typer.Option(metavar="all|INSTRUMENT[:FAULT]", help="End faults of the attached lab.")
]
RUNS = Path("runs")
# a procedure's own parameters are options too; they are checked when the procedure is built
FREE_PARAMETERS = {"allow_extra_args": True, "ignore_unknown_options": True}


class _State:
    debug = bool(os.environ.get("LABSYNC_DEBUG"))


@app.callback()
def _options(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False) -> None:
    _State.debug = _State.debug or debug


def _explained(function: Callable[..., Any]) -> Callable[..., Any]:
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


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")


@app.command(context_settings=FREE_PARAMETERS)
@_explained
def run(
    context: typer.Context,
    procedure: Annotated[str, typer.Argument(help="Name of the procedure, such as detuning-scan.")],
    station: StationOption = "simulated",
    runs: RunsOption = RUNS,
    parameters: ParametersOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a procedure on a station: labsync run detuning-scan --steps 21 --integration-s 2."""
    from labsync import acquisition, report

    scan = acquisition.build(procedure, context.args)
    if parameters:
        out.print(report.parameter_table(scan))
    else:
        _end(acquisition.run(scan, station, runs, err), as_json)


def _end(finished: "Run", as_json: bool) -> None:
    """Print a run that has just ended."""
    from labsync import report

    if as_json:
        _print_json(report.summary(finished))
    else:
        report.show(finished, out)
    if finished.status == "aborted":
        raise typer.Exit(EXIT_INTERRUPTED)


@app.command()
@_explained
def runs(runs: RunsOption = RUNS, as_json: JsonOption = False) -> None:
    """List the runs."""
    from labsync import report, store

    found = store.list_runs(runs)
    if as_json:
        _print_json([report.summary(each) for each in found])
    elif found:
        out.print(report.run_table(found))
    else:
        out.print(f"No runs in {runs}. Make one: labsync run detuning-scan")


@app.command()
@_explained
def show(run: RunArgument, runs: RunsOption = RUNS, as_json: JsonOption = False) -> None:
    """Show a run: its steps, its fit, its figures."""
    from labsync import report, store

    found = store.find(runs, run)
    if as_json:
        _print_json({**report.summary(found), "steps": report.rows(found)})
    else:
        report.show(found, out)


@fit_app.command("locking")
@_explained
def fit_locking(run: RunArgument, runs: RunsOption = RUNS, as_json: JsonOption = False) -> None:
    """Fit locking range and locking slopes of a detuning scan."""
    from labsync import report, store

    found = store.find(runs, run)
    fit = report.fit_locking(found)
    if as_json:
        _print_json(fit.as_dict())
    else:
        out.print(report.locking_table(fit))
    if fit.status != "ok":
        raise typer.Exit(EXIT_FAILURE)


@app.command()
@_explained
def compare(
    run: RunArgument,
    inactive_loss_factor: Annotated[
        float, typer.Option(help="f_in of the model's Eq. 6: 1.34 calibrated, 2 as printed.")
    ] = 1.34,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """Compare a detuning scan with the rate-equation model and estimate the coupling."""
    from labsync import report, store

    found = store.find(runs, run)
    comparison = report.compare(found, inactive_loss_factor, err)
    if as_json:
        _print_json(comparison.as_dict())
    else:
        report.show_comparison(found, comparison, out)


@app.command(context_settings=FREE_PARAMETERS)
@_explained
def simulate(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Name of the model, such as micropillars.")],
    runs: RunsOption = RUNS,
    parameters: ParametersOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a model into a run folder: labsync simulate micropillars --detuning=-3:3:61 --coupling 0.02."""
    from labsync import acquisition, procedures, report

    scan = acquisition.build(model, context.args, procedures.SIMULATIONS)
    if parameters:
        out.print(report.parameter_table(scan))
    else:
        _end(acquisition.simulate(scan, runs, err), as_json)


@app.command()
@_explained
def export(
    run: RunArgument,
    to: Annotated[str, typer.Option("--to", help="Format: netcdf or csv.")] = "netcdf",
    folder: Annotated[Path, typer.Option("--into", help="Folder for the exported files.")] = Path(),
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """Export a run with its metadata; existing files are never overwritten."""
    from labsync import exporting, store

    paths = exporting.export(store.find(runs, run), to, folder)
    if as_json:
        _print_json([str(path) for path in paths])
    else:
        for path in paths:
            out.print(str(path), highlight=False, soft_wrap=True)


@app.command()
@_explained
def twin(
    seed: Annotated[int, typer.Option(help="Seed of the hidden truth and of all noise.")] = 1,
    clock: Annotated[str, typer.Option(help="real, lock-step, or a speed-up factor.")] = "real",
    bench: Annotated[str, typer.Option(help="Instruments: minimal, full or mercury-scope.")] = "minimal",
    host: Annotated[str, typer.Option(help="Where to listen; others may drive the lab.")] = "127.0.0.1",
    port_base: Annotated[int, typer.Option(help="First of consecutive ports; 0 takes free ones.")] = 0,
    fault: FaultOption = None,
    attach: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Control port of a lab that runs already.")
    ] = None,
    clear: ClearOption = None,
    faults: Annotated[bool, typer.Option("--faults", help="List the faults of the attached lab.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Serve the simulated lab until Ctrl-C; with --attach, change the faults of one that runs."""
    from labsync import serving

    if attach is None and (clear or faults):
        raise UsageError("--clear and --faults need --attach HOST:PORT, the control port of a lab that runs.")
    if attach is None:
        serving.serve(out, clock, fault, seed=seed, bench=bench, host=host, port_base=port_base)
        return
    report = serving.change_faults(attach, fault or [], clear or [])
    if as_json:
        _print_json(report)
    elif faults or not (fault or clear):
        serving.show_faults(report, out)


@app.command()
@_explained
def doctor(
    station: Annotated[
        str | None, typer.Option("--station", "-s", help="Connect to this station too.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the installation and, with --station, every instrument of a bench."""
    from labsync import doctor as checks

    findings = checks.examine(station)
    if as_json:
        _print_json([finding.as_dict() for finding in findings])
    else:
        out.print(checks.table(findings))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EXIT_FAILURE)


def main() -> None:
    """Entry point of the ``labsync`` command."""
    app()
