"""The command line: the only place for printing."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, final

import typer

import steepest
from steepest.core.errors import SteepestError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.table import Table

    from steepest.lab import Event, Run, Study, StudySpec

STORE = "steepest.sqlite"
REPORT = "steepest-report.html"
INTERRUPTED = 130
REFUSED = 2

app = typer.Typer(
    name="steepest",
    help="Gradient-based optimization: which optimizer and learning rate for this problem?",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 2 where something is refused, 130 on Ctrl-C."""
    try:
        status = app(args=arguments, prog_name="steepest", standalone_mode=False)
    except SteepestError as error:
        return _refuse(str(error))
    except (KeyboardInterrupt, typer.Abort):
        print("steepest: stopped", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):  # what the argument parser refuses
            raise
        return _refuse(error.format_message())
    return status if isinstance(status, int) else 0


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
    watch = _Watch(console, shown(store))
    names = None if methods is None else [name.strip() for name in methods.split(",") if name.strip()]
    try:
        with watch.shown():
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


def _refuse(message: str) -> int:
    print(f"steepest: error: {' '.join(message.split())}", file=sys.stderr)
    return REFUSED


def _list(lines: Mapping[str, str]) -> None:
    for name, text in lines.items():
        print(f"{name:{max(map(len, lines))}}  {text}")


def _first_sentence(item: object) -> str:
    text = " ".join((item.__doc__ or "").partition("\n\n")[0].split())
    return text.partition(": p ←")[0].partition(": see ")[0].partition(". ")[0].rstrip(".:")


@final
@dataclass
class _Watch:
    """Shows a study as it goes: a live table on a terminal, a line now and then elsewhere."""

    console: Console
    store: str
    spec: StudySpec | None = None
    total: int = 0
    done: int = 0
    trained: int = 0
    jobs: int = 1
    phase: str = ""
    began: float = 0.0
    live: Live | None = None
    best: dict[str, Run] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    _said: float = 0.0

    def shown(self) -> AbstractContextManager[object]:
        """Inside this context the live table is on the screen."""
        if not self.console.is_terminal:
            return nullcontext()
        from rich.live import Live

        self.live = Live(get_renderable=self.view, console=self.console, refresh_per_second=4, transient=True)
        return self.live

    def __call__(self, event: Event) -> None:
        from steepest.lab import PhaseStarted, RunFinished, StudyFinished, StudyStarted

        if isinstance(event, StudyStarted):
            self.spec, self.total, self.jobs = event.spec, event.total, event.jobs
            self._introduce(event.spec, event.stored)
        elif isinstance(event, PhaseStarted):
            self.phase, self.total = _PHASES[event.phase], event.total
            self._say(f"{self.phase}: {event.count} runs, {event.stored} of them stored", always=True)
        elif isinstance(event, RunFinished):
            self._finish(event.run, event.stored)
        elif isinstance(event, StudyFinished):
            self._say(f"trained {event.trained} runs in {_duration(event.seconds)}", always=True)

    def stopped(self) -> str:
        """What to say when the user stops the study."""
        if self.spec is None:
            return "stopped before anything was run"
        return f"stopped; {self.done} of {self.total} runs are in {self.store}, the same command goes on from there"

    def view(self) -> RenderableType:
        """The live table with its bar."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        if self.spec is None:
            return ""
        table = Table(box=None, pad_edge=False, header_style="dim")
        for header in ("method", "trials", "best validation", "at", "judged", "diverged"):
            table.add_column(header, justify="left" if header in {"method", "at"} else "right")
        for name in self.spec.methods:
            best = self.best.get(name)
            trials = self.spec.trials if self.spec.spaces[name].dimensions else 1
            table.add_row(
                name,
                f"{self.counts.get((name, 'tune'), 0)}/{trials}",
                "–" if best is None else f"{best.validation:.4g}",
                "" if best is None else _setting(best.setting),
                f"{self.counts.get((name, 'final'), 0)}/{self.spec.seeds}",
                str(self.failures.get(name, 0) or ""),
            )
        bar = Table.grid(padding=(0, 2))
        left = self._left()
        bar.add_row(self.phase, ProgressBar(self.total, self.done, width=40), f"{self.done} of {self.total}", left)
        return Group(table, "", bar)

    def _introduce(self, spec: StudySpec, stored: int) -> None:
        budget = f"{spec.trials} trials × {spec.steps:,} steps each, then {spec.seeds} fresh seeds"
        runs = "run" if self.jobs == 1 else "runs"
        self.console.print(f"{spec.problem}: {len(spec.methods)} methods, {budget}; {self.jobs} {runs} at once")
        if stored:
            self.console.print(f"{stored} of {self.total} runs are in {self.store} already")

    def _finish(self, run: Run, stored: bool) -> None:
        self.done += 1
        if not stored:
            self.trained += 1
            self.began = self.began or time.monotonic()  # the first one also waited for its process to start
        self.counts[run.method, run.phase] = self.counts.get((run.method, run.phase), 0) + 1
        if run.diverged or run.failed:
            self.failures[run.method] = self.failures.get(run.method, 0) + 1
        elif run.phase == "tune" and (run.method not in self.best or run.validation < self.best[run.method].validation):
            self.best[run.method] = run
        if not stored:
            self._say(f"{self.phase}: {self.done} of {self.total} runs, {self._left()}")

    def _left(self) -> str:
        """The time left at the pace since the first run was trained."""
        if self.trained < 2 or self.trained <= self.jobs:
            return "starting"
        pace = (time.monotonic() - self.began) / (self.trained - 1)
        return f"{_duration(pace * max(0, self.total - self.done))} left"

    def _say(self, line: str, *, always: bool = False) -> None:
        """A plain line where nothing is live, at most one every few seconds."""
        now = time.monotonic()
        if self.live is None and (always or now - self._said > 5):
            self.console.print(line)
            self._said = now


_PHASES = {"tune": "tuning", "confirm": "confirming", "final": "judging"}


def _show(console: Console, study: Study, report: Path) -> None:
    """The ranked table, the verdict, and where the report is."""
    console.print(_table(study))
    for result in study.table():
        for remark in result.remarks:
            console.print(f"note: {result.method}: {remark}", style="yellow", markup=False)
    console.print(study.sentence, style="bold", markup=False, soft_wrap=not console.is_terminal)
    console.print(f"report: {report}", markup=False)


def _table(study: Study) -> Table:
    from rich import box
    from rich.table import Table

    results = study.table()
    metric = any(result.metric is not None for result in results)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    scores = [study.label, *([study.metric_label] if metric else [])]
    for header in ("rank", "method", *scores, "diverged", "Holm p", ""):
        table.add_column(header, justify="left" if header in {"method", ""} else "right", no_wrap=True)
    table.add_column("setting")
    for result in results:
        failures = result.diverged + result.failed
        table.add_row(
            str(result.rank),
            result.method,
            str(result.score),
            *([str(result.metric or "–")] if metric else []),
            f"{failures} of {result.seeds}",
            "–" if result.p_adjusted is None else f"{result.p_adjusted:.2g}",
            "tied" if result.tied else "",
            "–" if result.setting is None else _setting(result.setting),
        )
    return table


def _setting(setting: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in setting.items()) or "as given"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


if __name__ == "__main__":
    sys.exit(main())
