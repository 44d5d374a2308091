"""The commands and their options."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import steepest
from steepest.cli.interrupts import INTERRUPTED
from steepest.cli.table import result_table
from steepest.cli.watch import Watch

if TYPE_CHECKING:
    from rich.console import Console

    from steepest.lab import Study, Suite

STORE = "steepest.sqlite"
REPORT = "steepest-report.html"
SCHEDULES = (
    "constant, step, multi-step, exponential, geometric, inverse-time, inverse-sqrt, polynomial, linear, cosine, "
    "cosine-restarts, cyclic, one-cycle, linear-warmup, warmup-linear, warmup-cosine, warmup-stable-decay"
)
"""Those that a study can give its methods: `lab.schedule_families`."""

app = typer.Typer(
    name="steepest",
    help="Gradient-based optimization: which optimizer and learning rate for this problem?",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _steepest(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        print(steepest.__version__)
    elif context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def methods(
    names: Annotated[list[str] | None, typer.Argument(help="Show these methods or schedules instead, in full.")] = None,
) -> None:
    """List the methods there are, a line each, or show some in full."""
    from steepest import rules

    if names:
        from steepest.cli.describing import described

        for name in names:
            for line in described(name):
                print(line)
        return
    _list({name: _first_sentence(method) for name, method in rules.METHODS.items()})


@app.command()
def problems() -> None:
    """List the problems there are, a line each."""
    from steepest import problems as known

    _list({name: known.summary(name) for name in known.names()})


@app.command()
def explain(
    rules: Annotated[list[str], typer.Argument(help="Names of methods, or file.py:rule.")],
    clip: Annotated[float | None, typer.Option(help="Clip the gradient's norm before it.")] = None,
    average: Annotated[float | None, typer.Option(help="Average the parameters after it, with this β.")] = None,
    dtype: Annotated[str, typer.Option(help="Of the parameters: float32, float64 or bfloat16.")] = "float32",
    moments: Annotated[str | None, typer.Option(help="Keep moments as float32, bfloat16 or 8bit.")] = None,
    rounding: Annotated[str, typer.Option(help="nearest, stochastic or kahan.")] = "nearest",
    nonfinite: Annotated[str, typer.Option(help="apply, skip or raise.")] = "apply",
    parameters: Annotated[int, typer.Option(help="How many, for the floor in milliseconds.")] = 25_000_000,
) -> None:
    """Print a rule's formula, its passes over memory, its bytes, and the floor on this machine."""
    from steepest.cli.explaining import explained

    for text in explained(rules, clip, average, dtype, moments, rounding, nonfinite, parameters):
        print(text)


@app.command()
def compare(
    problem: Annotated[list[str], typer.Argument(help="A problem's name, or file.py:make; or several.")],
    methods: Annotated[
        str | None,
        typer.Option(
            help="Names, as adamw or adamw+lookahead, and file.py:object, with commas between, or all. "
            "Default: a dozen."
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Settings tried of each method. Default: 20; --quick: 6.")] = None,
    steps: Annotated[int | None, typer.Option(help="Updates per run. Default: 1000; --quick: 200.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Fresh seeds to judge on. Default: 10; --quick: 3.")] = None,
    schedule: Annotated[str, typer.Option(help=f"{SCHEDULES}; or several, with commas between.")] = "constant",
    target: Annotated[float | None, typer.Option(help="Metric, else loss, that counts as reached.")] = None,
    reference: Annotated[str | None, typer.Option(help="Method that sets the target. Default: the best.")] = None,
    timing: Annotated[bool, typer.Option("--timing", help="Judge one run at a time, so that seconds count.")] = False,
    store: Annotated[str, typer.Option(help="File or database URL that keeps the runs.")] = STORE,
    report: Annotated[str, typer.Option(help="Where to write the page.")] = REPORT,
    jobs: Annotated[int | None, typer.Option(help="Runs at once. Default: the usable cores.")] = None,
    device: Annotated[str, typer.Option(help="As PyTorch names it.")] = "cpu",
    quick: Annotated[bool, typer.Option("--quick", help="A look, not a claim.")] = False,
) -> int:
    """Tune every method on the same budget, judge the winners on fresh seeds, and write a report.

    The same command continues a study that was stopped; more trials, seeds or methods extend it.
    """
    from rich.console import Console

    from steepest.lab import compare as compare_
    from steepest.lab.store import shown

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    watch = Watch(console, shown(store))
    names = methods if methods in {None, "all"} else _split(methods or "")
    try:
        with watch:
            study = compare_(
                problem[0] if len(problem) == 1 else problem,
                names,
                trials=trials,
                steps=steps,
                seeds=seeds,
                schedule=_split(schedule),
                target=target,
                reference=reference,
                timing=timing,
                store=store,
                report=report,
                jobs=jobs,
                isolated=True,
                device=device,
                quick=quick,
                progress=watch,
            )
    except KeyboardInterrupt:
        print(f"steepest: {watch.stopped()}", file=sys.stderr)
        return INTERRUPTED
    _show(console, study, Path(report))
    return 0


@app.command()
def report(
    store: Annotated[str, typer.Argument(help="File or database URL that keeps the runs.")] = STORE,
    output: Annotated[str, typer.Option(help="Where to write the page.")] = REPORT,
    study: Annotated[int | None, typer.Option(help="Which one, by its number. Default: the newest.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the studies in the store, and end.")] = False,
) -> None:
    """Write the report of a study that is in a store; nothing is trained, and no code of the study is needed."""
    from steepest.cli.stored import listed, write_report

    for line in listed(store) if list_ else write_report(store, output, study):
        print(line)


@app.command()
def export(
    store: Annotated[str, typer.Argument(help="File or database URL that keeps the runs.")] = STORE,
    parquet: Annotated[str | None, typer.Option(help="A new Parquet file.")] = None,
    csv: Annotated[str | None, typer.Option(help="A new CSV file.")] = None,
    jsonl: Annotated[str | None, typer.Option(help="A new file of JSON lines.")] = None,
    study: Annotated[int | None, typer.Option(help="Only one, by its number. Default: every run there is.")] = None,
) -> None:
    """Write the runs in a store as a table, a row a run."""
    from steepest.cli.stored import export_runs

    for line in export_runs(store, {".parquet": parquet, ".csv": csv, ".jsonl": jsonl}, study):
        print(line)


@app.command()
def theory(
    names: Annotated[
        list[str] | None, typer.Argument(help="Show these in full: theorems, families, or methods of one.")
    ] = None,
    latex: Annotated[bool, typer.Option("--latex", help="As LaTeX.")] = False,
) -> None:
    """List what is proven about methods, a line a theorem, or show some in full: assumptions, bound, source."""
    from steepest.cli.theorizing import listed, told, width

    for line in told(names, latex=latex, columns=width()) if names else listed(width()):
        print(line)


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Theorems or families. Default: all.")] = None,
    figures: Annotated[
        str | None, typer.Option(help="Where to write a page with measured, proven and worst-case curves.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One run a theorem, and fewer worst cases.")] = False,
) -> int:
    """Hold every theorem against runs on representative problems and against exact worst cases.

    Ends with status 1 where one is broken.
    """
    from steepest.cli.verifying import Verification

    verification = Verification(names or (), figures, quick)
    try:
        return int(verification.run() > 0)
    except KeyboardInterrupt:
        print(f"steepest: {verification.stopped()}", file=sys.stderr)
        return INTERRUPTED


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _list(lines: Mapping[str, str]) -> None:
    """A line each; in a terminal no wider than that."""
    widest = max(map(len, lines))
    columns = max(widest + 32, shutil.get_terminal_size().columns) if sys.stdout.isatty() else sys.maxsize
    for name, text in lines.items():
        for line in textwrap.wrap(f"{name:{widest}}  {text}", columns, subsequent_indent=" " * (widest + 2)):
            print(line)


def _first_sentence(item: object) -> str:
    text = " ".join((item.__doc__ or "").partition("\n\n")[0].split())
    return text.partition(": p ←")[0].partition(": see ")[0].partition(". ")[0].rstrip(".:")


def _show(console: Console, found: Study | Suite, report: Path) -> None:
    """The ranked tables, the settings where they found no room in them, the verdict, and where the report is."""
    from steepest.lab import Suite

    studies = found.studies.values() if isinstance(found, Suite) else [found]
    for study in studies:
        if isinstance(found, Suite):
            console.print(study.spec.problem, style="bold", markup=False)
        for part in result_table(study, console.width):
            console.print(part)
        for result in study.table():
            for remark in result.remarks:
                console.print(f"note: {result.method}: {remark}", style="yellow", markup=False)
        if isinstance(found, Suite):
            console.print(study.sentence, markup=False, soft_wrap=not console.is_terminal)
    console.print(found.sentence, style="bold", markup=False, soft_wrap=not console.is_terminal)
    for sentence in found.details:
        console.print(sentence, markup=False, soft_wrap=not console.is_terminal)
    console.print(f"report: {report}", markup=False, soft_wrap=True)
