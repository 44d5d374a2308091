"""Writes a report as one HTML file that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import contextlib
import functools
import gzip
import importlib
import itertools
import json
import math
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from steepest.core.errors import InputError, MissingExtraError
from steepest.plots import DARK, curves, sensitivity, styles
from steepest.plots.palette import DARK_BACKGROUND, LIGHT_BACKGROUND
from steepest.report.data import ReportData, Row
from steepest.report.strip import WIDTH, strip
from steepest.statistics import Interval

if TYPE_CHECKING:
    from jinja2 import Template
    from plotly.graph_objects import Figure

_MARK = b'<meta name="generator" content="steepest">'
_HEAD = 2048
FOLD_FROM = 9
"""A table of failures with at least so many rows is folded."""


def render(data: ReportData) -> str:
    """The page as text: HTML with its style, scripts, figures and the Plotly library inside.

    The same data give the same text. Raises MissingExtraError without Plotly or Jinja2.
    """
    look = styles([row.method for row in data.rows] + _drawn_only(data))
    figures: dict[str, Figure] = {}
    for index, panel in enumerate(data.curves):
        figures[f"curves-{index}"] = curves(panel.curves, x_label=panel.x_label, y_label=panel.y_label, look=look)
    if data.sensitivity is not None:
        trials, y_label = data.sensitivity.trials, data.sensitivity.y_label
        for index, tried in enumerate(trials):
            figures[f"sensitivity-{index}"] = sensitivity(trials, y_label=y_label, highlight=tried.name, look=look)
    return _template().render(
        data=data,
        look=look,
        classes={name: f"m{index}" for index, name in enumerate(look)},
        dark=DARK,
        backgrounds=(LIGHT_BACKGROUND, DARK_BACKGROUND),
        scores=_column([row.score for row in data.rows]),
        metrics=_column([row.metric for row in data.rows]),
        spaces=[(name, list(group)) for name, group in itertools.groupby(data.spaces, lambda space: space.method)],
        strip=strip([row.score for row in data.rows]),
        strip_width=WIDTH,
        times=_times(data.rows),
        coverage=_coverage(data.rows),
        figures=_json({name: json.loads(figure.to_json()) for name, figure in figures.items()}) if figures else "",
        colours=_json(dict(DARK)),
        library=_library() if figures else "",
        fold_from=FOLD_FROM,
    )


def write(data: ReportData, path: str | Path) -> None:
    """Render the page and write it to `path`, atomically. Raises InputError where the path cannot be written."""
    check_writable(path)
    text = render(data)
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise _unwritable(path, error.strerror) from error


def check_writable(path: str | Path) -> None:
    """InputError where `write` could not write to `path`; to be asked before a long study. Leaves no file behind.

    What is there already must be an earlier report, or an empty file: anything else would be lost.

    >>> check_writable("/none/report.html")
    Traceback (most recent call last):
    ...
    steepest.core.errors.InputError: report: path must be writable, got '/none/report.html' (No such file or directory)
    """
    target = Path(path)
    try:
        if target.exists():
            _check_earlier(target)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
        if target.exists() and not os.access(target, os.W_OK):
            raise _unwritable(path, "Permission denied")
    except OSError as error:
        raise _unwritable(path, error.strerror) from error


def _check_earlier(target: Path) -> None:
    """Only an earlier report or an empty file may be replaced; nothing else is even opened."""
    mode = target.stat().st_mode
    if stat.S_ISREG(mode):
        with target.open("rb") as file:
            head = file.read(_HEAD)
        if not head or _MARK in head:
            return
    raise InputError(f"report: path must be a new file or an earlier report, got {str(target)!r}")


def _unwritable(path: str | Path, reason: str | None) -> InputError:
    return InputError(f"report: path must be writable, got {str(path)!r} ({reason})")


def _drawn_only(data: ReportData) -> list[str]:
    """Methods that have a curve or trials but no row."""
    names = [curve.name for panel in data.curves for curve in panel.curves]
    return names + [tried.name for tried in (data.sensitivity.trials if data.sensitivity else ())]


def _template() -> Template:
    try:
        jinja2 = importlib.import_module("jinja2")
    except ImportError as error:
        raise MissingExtraError("Jinja2", "lab") from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("steepest.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "p": _p, "setting": _setting}
    template: Template = environment.get_template("template.html.j2")
    return template


@functools.cache
def _library() -> str:
    """plotly.js, compressed, as text; the page inflates it."""
    try:
        offline = importlib.import_module("plotly.offline")
    except ImportError as error:
        raise MissingExtraError("Plotly", "lab") from error
    packed = gzip.compress(offline.get_plotlyjs().encode(), compresslevel=9, mtime=0)
    return base64.b64encode(packed).decode("ascii")


def _json(value: Mapping[str, object]) -> str:
    """JSON that is safe inside a script element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _column(intervals: Sequence[Interval | None]) -> list[str]:
    """The texts of a column, with the same number of decimals where their sizes allow it; empty for None."""
    wanted = [interval.decimals for interval in intervals if interval is not None]
    known = [decimals for decimals in wanted if decimals is not None]
    if known and max(known) - min(known) <= 2:
        return [interval.text(max(known)) if interval is not None else "" for interval in intervals]
    return [str(interval) if interval is not None else "" for interval in intervals]


def _number(value: float | int | bool | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def _setting(setting: Mapping[str, float | int | bool | str]) -> str:
    return ", ".join(f"{name} = {_number(value)}" for name, value in setting.items())


def _times(rows: tuple[Row, ...]) -> tuple[str, list[str]] | None:
    """One unit for the column of times, and its texts with equally many decimals; None where nothing was timed."""
    known = [row.seconds_per_step for row in rows if row.seconds_per_step]
    if not known:
        return None
    least = min(known)
    unit, scale = next(
        ((unit, scale) for unit, scale in (("s", 1.0), ("ms", 1e3)) if least * scale >= 0.1), ("μs", 1e6)
    )
    decimals = max(0, 2 - math.floor(math.log10(least * scale)))
    return unit, [
        f"{row.seconds_per_step * scale:.{decimals}f}" if row.seconds_per_step is not None else "" for row in rows
    ]


def _coverage(rows: tuple[Row, ...]) -> str:
    """What the intervals of the scores are, in one sentence."""
    scored = [row.score for row in rows if row.score.n > 1]
    if not scored:
        return ""
    low = scored[0]
    attained = f"{math.floor(1000 * low.coverage) / 10:g} %"
    nominal = f"{100 * low.level:g} %"
    short = f"less than the {nominal} asked for, which {low.n} seeds cannot give" if low.coverage < low.level else ""
    text = f"Brackets enclose the median with {attained} confidence, exactly, whatever the distribution"
    return f"{text} ({short or f'order statistics of {low.n} seeds'})."
