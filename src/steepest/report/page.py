"""A report as one HTML text that needs nothing else: its style, scripts, figures and the Plotly library inside."""

from __future__ import annotations

import base64
import functools
import gzip
import importlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from steepest.core.errors import InputError, MissingExtraError
from steepest.plots import DARK, styles
from steepest.plots.palette import DARK_BACKGROUND, LIGHT_BACKGROUND
from steepest.report import words
from steepest.report.data import ReportData
from steepest.report.figures import figures, method_names
from steepest.report.heat import heat
from steepest.report.league import league
from steepest.report.panels import Measure
from steepest.report.strip import WIDTH

if TYPE_CHECKING:
    from jinja2 import Template

FOLD_FROM = 9
"""A table of failures with at least so many rows is folded."""
FOLD_SPACES_FROM = 17
"""And so is one of search spaces."""


def render(data: ReportData) -> str:
    """The page as text: HTML with its style, scripts, figures and the Plotly library inside.

    The same data give the same text. Raises InputError for a page without a study, MissingExtraError without Plotly
    or Jinja2.
    """
    if not data.studies:
        raise InputError("report: studies must have at least 1 part, got 0")
    look = styles(method_names(data))
    drawn = figures(data, look)
    return _template().render(
        data=data,
        several=len(data.studies) > 1,
        leagues=[league(part) for part in data.studies],
        heats=[heat(part.schedules) if part.schedules is not None else None for part in data.studies],
        look=look,
        classes={name: f"m{index}" for index, name in enumerate(look)},
        dark=DARK,
        backgrounds=(LIGHT_BACKGROUND, DARK_BACKGROUND),
        spaces=[
            (name, list(group)) for name, group in itertools.groupby(data.audit.spaces, lambda space: space.method)
        ],
        failures=[(part.problem, failure) for part in data.studies for failure in part.failures],
        strip_width=WIDTH,
        figures=_json(drawn) if drawn else "",
        colours=_json(dict(DARK)),
        library=_library() if drawn else "",
        fold_from=FOLD_FROM,
        fold_spaces_from=FOLD_SPACES_FROM,
    )


def _template() -> Template:
    try:
        jinja2 = importlib.import_module("jinja2")
    except ImportError as error:
        raise MissingExtraError("Jinja2", "lab") from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("steepest.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "p": words.p_value,
        "setting": words.setting_text,
        "percent": words.percent,
        "probability": words.probability,
        "rate_facts": words.rate_facts,
        "numbered": _numbered,
        "has_seeds": _has_seeds,
    }
    template: Template = environment.get_template("page.html.j2")
    return template


def _numbered(labels: Sequence[str]) -> list[tuple[int, str]]:
    return list(enumerate(labels))


def _has_seeds(measures: Sequence[Measure]) -> bool:
    return any(curve.seeds.size for measure in measures for curve in measure.curves)


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
