"""What `steepest verify` does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from steepest.cli.interrupts import started
from steepest.theory import get

if TYPE_CHECKING:
    from rich.progress import Progress

    from steepest.lab.verify import Verified


@final
@dataclass
class Verification:
    """Holds theorems against runs and against stored worst cases, and says what comes out.

    names: theorems or families, all where there are none. figures: an HTML file, new or an earlier page, with a figure
    of measured, proven and worst-case curves for each; None for none. quick: one run a theorem, and fewer worst cases.
    say: prints a line.
    Raises UnknownNameError, and InputError for a file that cannot be written, before anything runs.
    """

    names: Sequence[str]
    figures: str | None
    quick: bool
    say: Callable[[str], None] = print
    done: list[Verified] = field(default_factory=list)
    total: int = 0
    broken: int = 0

    def __post_init__(self) -> None:
        from steepest.lab.verify import chosen
        from steepest.report.write import check_writable

        if self.figures is not None:
            check_writable(self.figures, argument="verify: figures")
        self.total = len(chosen(self.names, quick=self.quick))

    def run(self) -> int:
        """All of it; how many statements are broken."""
        from steepest.lab.verify import check_table, uncovered, verify
        from steepest.report.write import write_page

        started()
        with self._progress() as step:
            family = ""
            for item in verify(self.names, quick=self.quick):
                self.done.append(item)
                if get(item.case.theorem).family != family:
                    family = get(item.case.theorem).family
                    self.say(family)
                self.say(f"  {item.comes_out:13}  {item.case.theorem:28}  {item.against}")
                if item.why:
                    self.say(f"      {item.why}")
                self.broken += item.outcome == "broken"
                step()
            checked = 0
            if not self.names:
                self.say("exact worst cases")
                for row in check_table(quick=self.quick):
                    self.say(f"  {row}")
                    self.broken += bool(row.broken)
                    checked += 1
                self.broken += self._unheld(uncovered())
        attained = sum(item.outcome == "attained" for item in self.done)
        rows = f" and {checked} row{'' if checked == 1 else 's'} of worst cases" if checked else ""
        runs = f"{self.total} run{'' if self.total == 1 else 's'}"
        self.say(f"{runs}{rows}: {attained} attained, {self.broken} broken")
        if self.figures is not None:
            write_page(page(self.done), self.figures, argument="verify: figures")
            self.say(f"figures: {self.figures}")
        return self.broken

    def stopped(self) -> str:
        """What to say on Ctrl-C."""
        return f"stopped after {len(self.done)} of {self.total} runs, {self.broken} of them broken"

    def _unheld(self, names: Sequence[str]) -> int:
        for name in names:
            self.say(f"  {name}: broken: no run is held against it")
        return len(names)

    def _progress(self) -> AbstractContextManager[Callable[[], None]]:
        """A bar under the lines on a terminal, nothing elsewhere."""
        if self.say is not print or not sys.stdout.isatty():
            return nullcontext(lambda: None)
        return _Bar(self)


@final
class _Bar(AbstractContextManager[Callable[[], None]]):
    """The lines go above it while it lives."""

    def __init__(self, verification: Verification) -> None:
        self.verification = verification
        self.bar: Progress | None = None

    def __enter__(self) -> Callable[[], None]:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress

        bar = Progress(BarColumn(), MofNCompleteColumn(), "runs", transient=True)
        task = bar.add_task("", total=self.verification.total)
        bar.start()
        self.bar = bar
        self.verification.say = lambda line: bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        return lambda: bar.advance(task)

    def __exit__(self, *error: object) -> None:
        self.verification.say = print
        if self.bar is not None:
            self.bar.stop()


def page(done: Sequence[Verified]) -> str:
    """One HTML page that opens offline: a figure for each case that was compared, under its family."""
    return "".join(_parts(done))


def _parts(done: Sequence[Verified]) -> Iterator[str]:
    from steepest.lab.verify import curve
    from steepest.plots.rates import rates
    from steepest.theory.reading import FAMILIES

    yield _HEAD
    family, first = "", True
    for item in done:
        if not len(item.certificate.steps):
            continue
        if get(item.case.theorem).family != family:
            yield "</div>\n" if family else ""
            family = get(item.case.theorem).family
            yield f"<h2>{family}</h2><p>{FAMILIES[family]}</p>\n<div class='figures'>\n"
        drawn = rates(curve(item)).to_html(
            full_html=False, include_plotlyjs=first, default_height="340px", config={"displayModeBar": False}
        )
        yield f"<figure class='{item.outcome}'>{drawn}</figure>\n"
        first = False
    yield f"{'</div>' if family else ''}</body></html>\n"


_HEAD = """<!doctype html>
<html lang='en'><head><meta charset='utf-8'><meta name="generator" content="steepest">
<meta name='viewport' content='width=device-width'>
<title>Theorems held against runs</title>
<style>
body{max-width:80rem;margin:2rem auto;padding:0 1rem;font-family:system-ui,sans-serif;background:#fff;color:#222}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(34rem,1fr));gap:1rem}
figure{margin:0;min-width:0}
figure.broken{outline:2px solid #b00020}
</style></head>
<body><h1>Theorems held against runs</h1>
<p>Each figure shows what a theorem bounds: as a run measured it, as it is proven, and the exact worst case over all
functions of the class where it is stored. A run is above its bound only where a theorem is broken.</p>
"""
