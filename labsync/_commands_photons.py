"""Commands for photon correlations: ``labsync fit g2`` and ``labsync tags info``."""

import math
from pathlib import Path
from typing import Annotated

import typer

from labsync._terminal import RUNS, JsonOption, RunsOption, app, err, explained, fit_app, out, print_json
from labsync.errors import EXIT_FAILURE, UsageError

tags_app = typer.Typer(no_args_is_help=True, help="Look into files of time tags.")
app.add_typer(tags_app, name="tags")


@tags_app.command("info")
@explained
def tags_info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".ptu, .ht2, .ht3, .phu, .spc, .hdf5 ...")],
    as_json: JsonOption = False,
) -> None:
    """Tell what a file of time tags holds: format, unit, duration, rates."""
    from labsync import correlations

    facts = correlations.describe(file)
    if as_json:
        print_json(facts)
    else:
        out.print(correlations.description_table(facts))


@fit_app.command("g2")
@explained
def fit_g2(
    source: Annotated[str, typer.Argument(metavar="FILE|RUN", help="File of time tags, or a run.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Model for all pairs, or one for each pair; may be repeated.")
    ] = None,
    pair: Annotated[
        list[str] | None, typer.Option(help="Pair of channels such as 1-2; all if not given.")
    ] = None,
    window_ns: Annotated[float | None, typer.Option(help="Longest delay, of a file; 50.")] = None,
    bin_ps: Annotated[float | None, typer.Option(help="Width of a bin, of a file; 256.")] = None,
    jitter_ps: Annotated[
        float | None, typer.Option(help="FWHM of one detector's response, of a file; 0.")
    ] = None,
    dead_time_ns: Annotated[
        float | None, typer.Option(help="Dead time, left out of autocorrelations of a file; 0.")
    ] = None,
    background_cps: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANNEL:RATE[:ERROR]",
            help="Uncorrelated counts per second on a channel of a file; may be repeated.",
        ),
    ] = None,
    exclude_ns: Annotated[float, typer.Option(help="Leave out delays closer to zero than this.")] = 0.0,
    step: Annotated[
        int | None, typer.Option(help="Step of a run; the most correlated one if not given.")
    ] = None,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """Fit photon correlations: labsync fit g2 tags.ptu --pair 1-2 --model delay-coupled."""
    from labsync import correlations, store

    wanted = [_channels(each) for each in pair or []]
    of_files = {
        "window_ns": window_ns,
        "bin_ps": bin_ps,
        "jitter_ps": jitter_ps,
        "dead_time_ns": dead_time_ns,
    }
    given = {name: value for name, value in of_files.items() if value is not None}
    background = dict(_background(each) for each in background_cps or [])
    if _is_file(source):
        if step is not None:
            raise UsageError("--step chooses a step of a run; a file of time tags has none.")
        found = correlations.correlate_file(Path(source), wanted, err, background_hz=background, **given)
    else:
        if given or background:
            name = next(iter(given), "background_cps").replace("_", "-")
            raise UsageError(f"--{name} is for files; a run was correlated when it was measured.")
        found = correlations.correlate_run(store.find(runs, source), step)
    fits = correlations.fit(found, model or ["bunching"], pair or [], exclude_ns=exclude_ns)
    if as_json:
        print_json([one.as_dict() for one in fits])
    else:
        correlations.show_fits(found, fits, out)
    if not all(one.converged for one in fits):
        raise typer.Exit(EXIT_FAILURE)


@fit_app.command("rho")
@explained
def fit_rho(
    cross: Annotated[
        str, typer.Argument(metavar="CROSS", help="File or run with one detector on each mode.")
    ],
    first: Annotated[str, typer.Argument(metavar="HBT1", help="The same, both detectors on the first mode.")],
    second: Annotated[str, typer.Argument(metavar="HBT2", help="The same, both on the second mode.")],
    pair: Annotated[str, typer.Option(help="The two detectors' channels.")] = "3-4",
    window_ns: Annotated[float, typer.Option(help="Longest delay, of files.")] = 20.0,
    bin_ps: Annotated[float, typer.Option(help="Width of a bin, of files.")] = 520.0,
    step: Annotated[int, typer.Option(help="Step of runs.")] = 1,
    model: Annotated[bool, typer.Option("--model", help="Run the model too; of runs only.")] = False,
    inactive_loss_factor: Annotated[
        float, typer.Option(help="f_in of the model's Eq. 6: 1.34 calibrated, 2 as printed.")
    ] = 1.34,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
) -> None:
    """Combine three recordings into the correlation coefficient: labsync fit rho CROSS HBT1 HBT2."""
    from labsync import coefficients, correlations, store

    found_runs = [None if _is_file(one) else store.find(runs, one) for one in (cross, first, second)]
    coefficients.check(found_runs)
    three = [
        correlations.correlate_run(run, step)
        if run is not None
        else correlations.correlate_file(
            Path(one), [_channels(pair)], err, window_ns=window_ns, bin_ps=bin_ps
        )
        for run, one in zip(found_runs, (cross, first, second), strict=True)
    ]
    rho = coefficients.combine(three, pair)
    modelled = None
    if model:
        if found_runs[0] is None:
            raise UsageError("--model needs runs; a file does not tell currents and detuning.")
        modelled = coefficients.model(found_runs[0], step, rho["delay"].values, inactive_loss_factor)
    if as_json:
        print_json(coefficients.record(rho, modelled))
    else:
        coefficients.show(rho, modelled, three[0].folder, out)
    if bool(rho["undefined"]):
        raise typer.Exit(EXIT_FAILURE)


def _is_file(source: str) -> bool:
    """Whether a file is meant, not a run; UsageError if it does not exist."""
    path = Path(source)
    if path.suffix and not path.exists():
        raise UsageError(f"There is no file '{source}'.")
    return path.is_file()


def _channels(pair: str) -> tuple[int, int]:
    first, dash, second = pair.partition("-")
    if not (dash and first.isdecimal() and second.isdecimal()):
        raise UsageError(f"'{pair}' is no pair of channels; write it like 1-2.")
    return int(first), int(second)


def _background(text: str) -> tuple[int, tuple[float, float]]:
    try:
        channel, rate, *error = text.split(":")
        values = float(rate), float(error[0]) if error else 0.0
        if len(error) > 1 or not all(0 <= value < math.inf for value in values):
            raise ValueError(text)
        return int(channel), values
    except ValueError as cause:
        raise UsageError(
            f"'{text}' is no background; write channel:rate or channel:rate:error, such as 3:250:5."
        ) from cause
