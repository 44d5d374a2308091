"""The ranked table, as wide as the terminal allows; settings that find no room in it stand below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from steepest.lab import Result, Study

NARROW = 120
"""A terminal of fewer columns shows settings below the table, and as little of the metric as it must."""

_Cell = Callable[["Result"], str]
_LEFT = ("method", "schedule", "", "setting")


def result_table(study: Study, width: int) -> list[RenderableType]:
    """The widest layout that fits into `width` characters, and below it the settings if they are not in it.

    First the setting leaves the table, then the metric's interval, the metric, and the count of failures. Nothing is
    cut: where a method's name is longer than there is room for, it goes on in the next line.
    """
    layouts = _layouts(study)
    fitting = [layout for layout in layouts if (width >= NARROW or "setting" not in layout)]
    tables = [(layout, _table(study, layout)) for layout in fitting]
    layout, table = next(((shown, made) for shown, made in tables if _width(made) <= width), tables[-1])
    return [table] if "setting" in layout else [table, _settings(study), ""]


def setting_text(setting: Mapping[str, float]) -> str:
    """A setting on one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in setting.items()) or "as given"


def _layouts(study: Study) -> list[dict[str, _Cell]]:
    """From wide to narrow: what is in each column, by its header."""
    enough = study.verdict.enough or study.seedless
    start: dict[str, _Cell] = {"rank": lambda r: str(r.rank), "method": lambda r: r.method}
    if len(study.spec.schedules) > 1:
        start["schedule"] = lambda r: r.schedule
    score: dict[str, _Cell] = {study.label: lambda r: str(r.score)}
    failures: dict[str, _Cell] = {"diverged": _failures}
    test: dict[str, _Cell] = {"p": lambda r: "–" if r.p_adjusted is None else f"{r.p_adjusted:.2g}"}
    if enough:  # else nothing could be told apart, and the verdict says so
        test[""] = lambda r: "tied" if r.tied else ""
    setting: dict[str, _Cell] = {"setting": lambda r: "–" if r.setting is None else setting_text(r.setting)}
    metric: dict[str, _Cell] = {}
    median: dict[str, _Cell] = {}
    if any(result.metric is not None for result in study.table()):
        metric = {study.metric_label: lambda r: str(r.metric or "–")}
        median = {study.metric_label: lambda r: str(r.metric or "–").partition(" ")[0]}
    return [
        start | score | metric | failures | test | setting,
        start | score | metric | failures | test,
        start | score | median | failures | test,
        start | score | failures | test,
        start | score | test,
    ]


def _table(study: Study, layout: Mapping[str, _Cell]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in layout:
        table.add_column(
            header, justify="left" if header in _LEFT else "right", overflow="fold", no_wrap=header != "method"
        )
    for result in study.table():
        table.add_row(*(Text(cell(result)) for cell in layout.values()))
    return table


def _width(table: Table) -> int:
    """Of the table with nothing wrapped."""
    from rich.console import Console

    return Console(width=10_000).measure(table).maximum


def _settings(study: Study) -> Table:
    """A line a method, wrapped under itself."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for result in study.table():
        text = "no setting ended at a usable point" if result.setting is None else setting_text(result.setting)
        table.add_row(Text(f"{result.method}:"), Text(text))
    return table


def _failures(result: Result) -> str:
    failed = f", {result.failed} failed" if result.failed else ""
    return f"{result.diverged} of {result.seeds}{failed}"
