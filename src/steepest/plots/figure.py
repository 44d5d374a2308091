"""What all figures share: Plotly on demand, a transparent quiet layout, and marks for runs that diverged."""

from __future__ import annotations

import html
import importlib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from steepest.core.errors import InputError, MissingExtraError
from steepest.plots.palette import INK, MUTED, RULE, Style
from steepest.trace import Column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def build(traces: list[dict[str, object]], layout: dict[str, object]) -> Figure:
    """A Plotly figure of these traces and layout; MissingExtraError where Plotly is not installed."""
    try:
        graph_objects = importlib.import_module("plotly.graph_objects")
    except ImportError as error:
        raise MissingExtraError("Plotly", "lab") from error
    figure: Figure = graph_objects.Figure({"data": traces, "layout": layout})
    return figure


def base_layout() -> dict[str, object]:
    """A transparent background, system fonts, and an invisible second y axis from 0 to 1 for marks at the top edge."""
    return {
        "template": "none",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": INK},
        "margin": {"l": 64, "r": 16, "t": 16, "b": 48},
        "legend": {"font": {"color": INK}, "itemsizing": "trace", "bgcolor": "rgba(0,0,0,0)"},
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
    }


def axis(title: str, *, log: bool) -> dict[str, object]:
    """An axis with a title, light grid lines and few labels."""
    return {
        "title": {"text": html.escape(title), "font": {"color": MUTED, "size": 13}, "standoff": 10},
        "type": "log" if log else "linear",
        "gridcolor": RULE,
        "linecolor": RULE,
        "tickcolor": RULE,
        "tickfont": {"color": MUTED, "size": 12},
        "zeroline": False,
        "showline": True,
        "automargin": True,
        "exponentformat": "power",
        "nticks": 7,
        "tickangle": 0,
    }


def divergence_marks(
    name: str, x: Iterable[float], style: Style, *, text: str, row: int = 0, size: int = 9
) -> dict[str, object]:
    """A × at the top edge at each x; `row` moves them down a little, so that methods do not hide each other."""
    places = list(x)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": html.escape(name),
        "legendgroup": name,
        "showlegend": False,
        "x": places,
        "y": [0.985 - 0.035 * row] * len(places),
        "yaxis": "y2",
        "cliponaxis": False,
        "marker": {
            "symbol": "x-thin",
            "size": size,
            "color": style.colour,
            "line": {"color": style.colour, "width": 2},
        },
        "hovertemplate": f"{html.escape(name)}<br>{text}<extra></extra>",
    }


def value_range(values: Iterable[float], *, log: bool) -> list[float] | None:
    """The range of an axis that shows all finite values (on a log axis: all positive ones), in the axis' own units."""
    shown = [float(v) for v in values if math.isfinite(v) and (v > 0 or not log)]
    if not shown:
        return None
    low, high = (math.log10(min(shown)), math.log10(max(shown))) if log else (min(shown), max(shown))
    pad = 0.08 * (high - low) or (0.2 if log else 0.05 * abs(high) or 1.0)
    return [low - pad, high + pad]


def log_step(span: list[float] | None) -> str | int:
    """Which ticks a logarithmic axis of this range has: 1, 2, 5 · 10ᵏ, or every so many powers of ten."""
    decades = span[1] - span[0] if span else 1.0
    return "D2" if decades <= 2.5 else math.ceil(decades / 7)


def decade_step(span: list[float] | None) -> str | int:
    """Ticks at powers of ten only, every so many that at most seven fit; 1, 2, 5 · 10ᵏ below one decade."""
    decades = span[1] - span[0] if span else 1.0
    return "D2" if decades < 1 else math.ceil(decades / 7)


def same_shape(owner: str, name: str, columns: dict[str, Column]) -> None:
    """InputError where the columns are not 1-D and of one length."""
    shapes = {column: np.shape(values) for column, values in columns.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
        raise InputError(f"{owner}: {name} must have 1-D columns of one length, got {shapes}")
