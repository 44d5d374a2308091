"""The commands and their options."""

from __future__ import annotations

import sys
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

    from steepest.lab import Study

STORE = "steepest.sqlite"
REPORT = "steepest-report.html"

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
def methods() -> None:
    """List the methods there are, a line each."""
    from steepest import rules

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
    problem: Annotated[str, typer.Argument(help="A problem's name, or file.py:make.")],
    methods: Annotated[
        str | None, typer.Option(help="Names and file.py:object, with commas between. Default: every method.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Settings tried of each method. Default: 20; --quick: 6.")] = None,
    steps: Annotated[int | None, typer.Option(help="Updates per run. Default: 1000; --quick: 200.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Fresh seeds to judge on. Default: 10; --quick: 3.")] = None,
    schedule: Annotated[str, typer.Option(help="constant, cosine, step or warmup-cosine.")] = "constant",
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
    names = None if methods is None else [name.strip() for name in methods.split(",") if name.strip()]
    try:
        with watch:
            study = compare_(
                problem,
                names,
                trials=trials,
                steps=steps,
                seeds=seeds,
                schedule=schedule,
                store=store,
                report=report,
                jobs=jobs,
                device=device,
                quick=quick,
                progress=watch,
            )
    except KeyboardInterrupt:
        print(f"steepest: {watch.stopped()}", file=sys.stderr)
        return INTERRUPTED
    _show(console, study, Path(report))
    return 0


def _list(lines: Mapping[str, str]) -> None:
    for name, text in lines.items():
        print(f"{name:{max(map(len, lines))}}  {text}")


def _first_sentence(item: object) -> str:
    text = " ".join((item.__doc__ or "").partition("\n\n")[0].split())
    return text.partition(": p ←")[0].partition(": see ")[0].partition(". ")[0].rstrip(".:")


def _show(console: Console, study: Study, report: Path) -> None:
    """The ranked table, the settings where they found no room in it, the verdict, and where the report is."""
    for part in result_table(study, console.width):
        console.print(part)
    for result in study.table():
        for remark in result.remarks:
            console.print(f"note: {result.method}: {remark}", style="yellow", markup=False)
    console.print(study.sentence, style="bold", markup=False, soft_wrap=not console.is_terminal)
    console.print(f"report: {report}", markup=False, soft_wrap=True)
