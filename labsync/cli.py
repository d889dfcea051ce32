"""The command line: each command reads its arguments, calls one function of the suite and prints what it got.

The suite's own modules are imported inside the commands, so that ``labsync doctor`` still runs, and can
explain, when a file of the user's shadows one of the packages.
"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

import labsync._commands_heterodyne
import labsync._commands_photons
import labsync._commands_runs
import labsync._commands_safety  # noqa: F401 - all register their commands
from labsync._terminal import (
    RUNS,
    JsonOption,
    RunArgument,
    RunsOption,
    app,
    err,
    explained,
    fit_app,
    out,
    print_json,
)
from labsync.errors import EXIT_FAILURE, EXIT_INTERRUPTED, UsageError

if TYPE_CHECKING:
    from labsync.store import Run

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
# a procedure's own parameters are options too; they are checked when the procedure is built
FREE_PARAMETERS = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(context_settings=FREE_PARAMETERS)
@explained
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
        print_json(report.summary(finished))
    else:
        report.show(finished, out)
    if finished.status == "aborted":
        raise typer.Exit(EXIT_INTERRUPTED)


@app.command()
@explained
def resume(
    run: RunArgument,
    arm: Annotated[bool, typer.Option("--arm", help="Let the pumps be switched on without asking.")] = False,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """Let an aborted, failed or killed run go on; what is damaged is measured again."""
    from labsync import resuming

    def consent(question: str) -> bool:
        if not arm and not sys.stdin.isatty():
            raise UsageError(f"{question} Say --arm to allow it without being asked.")
        return arm or typer.confirm(f"{question} Go on?", err=True)

    _end(resuming.resume(run, runs, err, consent), as_json)


@app.command()
@explained
def rerun(run: RunArgument, runs: RunsOption = RUNS, as_json: JsonOption = False) -> None:
    """Make a run again with the same parameters and station, into a new folder."""
    from labsync import resuming

    _end(resuming.rerun(run, runs, err), as_json)


@app.command()
@explained
def show(run: RunArgument, runs: RunsOption = RUNS, as_json: JsonOption = False) -> None:
    """Show a run: its steps, its fit, its figures."""
    from labsync import report, store
    from labsync._entries import read_entry

    found = store.find(runs, run)
    if as_json:
        print_json({**read_entry(found).facts, "steps": report.rows(found)})
    else:
        report.show(found, out)


@fit_app.command("locking")
@explained
def fit_locking(run: RunArgument, runs: RunsOption = RUNS, as_json: JsonOption = False) -> None:
    """Fit locking range and locking slopes of a detuning scan."""
    from labsync import report, store

    found = store.find(runs, run)
    fit = report.fit_locking(found)
    if as_json:
        print_json(fit.as_dict())
    else:
        out.print(report.locking_table(fit))
    if fit.status != "ok":
        raise typer.Exit(EXIT_FAILURE)


@app.command()
@explained
def compare(
    run: RunArgument,
    inactive_loss_factor: Annotated[
        float, typer.Option(help="f_in of the model's Eq. 6: 1.34 calibrated, 2 as printed.")
    ] = 1.34,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """Compare a scan with the rate-equation model: lines and coupling, photon correlations, or beat notes."""
    from labsync import beat_comparison, correlations, procedures, report, store

    found = store.find(runs, run)
    of_procedure = {
        procedures.CorrelationScan.slug: correlations,
        procedures.HeterodyneScan.slug: beat_comparison,
    }
    comparing = of_procedure.get(found.procedure, report)
    comparison = comparing.compare(found, inactive_loss_factor, err)
    if as_json:
        print_json(comparison.as_dict())
    else:
        comparing.show_comparison(found, comparison, out)


@app.command(context_settings=FREE_PARAMETERS)
@explained
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
@explained
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
        print_json(report)
    elif faults or not (fault or clear):
        serving.show_faults(report, out)


@app.command()
@explained
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
        print_json([finding.as_dict() for finding in findings])
    else:
        out.print(checks.table(findings))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EXIT_FAILURE)


def main() -> None:
    """Entry point of the ``labsync`` command."""
    app()
