"""Shows a study as it goes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from steepest.cli.interrupts import STOPPED_EARLY, started
from steepest.cli.table import NARROW, setting_text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from steepest.lab import Event, Run, StudySpec

_PHASES = {
    "tune": "tuning",
    "confirm": "confirming",
    "final": "judging",
    "default": "default settings",
    "rates": "learning rates",
}


@final
@dataclass
class Watch:
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

    def __enter__(self) -> Watch:
        """The live table appears when the study starts, so that until then nothing is to be undone on the terminal."""
        return self

    def __exit__(self, *error: object) -> None:
        self._stop_live()

    def __call__(self, event: Event) -> None:
        from steepest.lab import PhaseStarted, RunFinished, StudyFinished, StudyStarted

        if isinstance(event, StudyStarted):
            started()
            self._begin(event.spec, event.total, event.jobs)
            self._introduce(event.spec, event.stored)
            self._go_live()
        elif isinstance(event, PhaseStarted):
            self.phase, self.total = _PHASES[event.phase], event.total
            self._say(f"{self.phase}: {event.count} runs, {event.stored} of them stored", always=True)
        elif isinstance(event, RunFinished):
            self._finish(event.run, event.stored)
        elif isinstance(event, StudyFinished):
            self._say(f"trained {event.trained} runs in {duration(event.seconds)}", always=True)
            self._stop_live()

    def stopped(self) -> str:
        """What to say when the user stops the study."""
        if self.spec is None:
            return STOPPED_EARLY
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
            table.add_column(header, justify="left" if header in {"method", "at"} else "right", overflow="fold")
        for name in self.spec.methods:
            best = self.best.get(name)
            trials = (self.spec.trials if self.spec.spaces[name].dimensions else 1) * len(self.spec.schedules)
            table.add_row(
                name,
                f"{self.counts.get((name, 'tune'), 0)}/{trials}",
                "–" if best is None else f"{best.validation:.4g}",
                "" if best is None else self._at(best),
                f"{self.counts.get((name, 'final'), 0)}/{self.spec.seeds * len(self.spec.schedules)}",
                str(self.failures.get(name, 0) or ""),
            )
        bar = Table.grid(padding=(0, 2))
        left = self._left()
        bar.add_row(
            self.phase,
            ProgressBar(self.total, self.done, width=max(8, min(40, self.console.width - 48))),
            f"{self.done} of {self.total}",
            left,
        )
        return Group(table, "", bar)

    def _begin(self, spec: StudySpec, total: int, jobs: int) -> None:
        """Another study starts: nothing of the last one is shown."""
        self.spec, self.total, self.jobs, self.phase = spec, total, jobs, ""
        self.done = self.trained = 0
        self.began = 0.0
        self.best, self.counts, self.failures = {}, {}, {}

    def _stop_live(self) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None

    def _go_live(self) -> None:
        if self.console.is_terminal:
            from rich.live import Live

            self.live = Live(get_renderable=self.view, console=self.console, refresh_per_second=4, transient=True)
            self.live.start()

    def _at(self, run: Run) -> str:
        """The setting, on a narrow terminal its first value only: the learning rate, where there is one."""
        return setting_text(run.setting if self.console.width >= NARROW else dict(list(run.setting.items())[:1]))

    def _introduce(self, spec: StudySpec, stored: int) -> None:
        under = "" if len(spec.schedules) == 1 else f" under {len(spec.schedules)} schedules"
        budget = f"{spec.trials} trials × {spec.steps:,} steps each{under}, then {spec.seeds} fresh seeds"
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
        if (run.diverged or run.failed) and run.phase != "rates":  # there the rate is driven up until it does
            self.failures[run.method] = self.failures.get(run.method, 0) + 1
        elif (
            not (run.diverged or run.failed)
            and run.phase == "tune"
            and (run.method not in self.best or run.validation < self.best[run.method].validation)
        ):
            self.best[run.method] = run
        if not stored:
            self._say(f"{self.phase}: {self.done} of {self.total} runs, {self._left()}")

    def _left(self) -> str:
        """The time left at the pace since the first run was trained."""
        if self.trained < 2 or self.trained <= self.jobs:
            return "starting"
        pace = (time.monotonic() - self.began) / (self.trained - 1)
        return f"{duration(pace * max(0, self.total - self.done))} left"

    def _say(self, line: str, *, always: bool = False) -> None:
        """A plain line where nothing is live, at most one every few seconds."""
        now = time.monotonic()
        if self.live is None and (always or now - self._said > 5):
            self.console.print(line)
            self._said = now


def duration(seconds: float) -> str:
    """In words: "12 s", "3 min 05 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
