"""What all figures share: Plotly on demand, a transparent quiet layout, and marks for runs that diverged."""

from __future__ import annotations

import html
import importlib
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

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


def bare_axis(title: str) -> dict[str, object]:
    """An axis without numbers, for a figure that has none."""
    return axis(title, log=False) | {"showticklabels": False, "showgrid": False, "range": [0, 1]}


def band(
    name: str, x: Column, low: Column, high: Column, style: Style, *, edge: float, strength: float = 1.0
) -> list[dict[str, object]]:
    """The area between `low` and `high`, fainter where an end is not finite, and so only a side of it is known.

    Left out where `low` and `high` are the same infinity. edge: a finite height beyond every view, drawn in place of
    infinity. strength: in (0, 1], multiplies the opacity; `strength_of` says how much many bands bear.
    """
    closed = np.isfinite(low) & np.isfinite(high)
    bottom, top = np.clip(low, -edge, edge), np.clip(high, -edge, edge)
    half = ~closed & (low != high)
    met = closed & (np.append(half[1:], False) | np.append(False, half[:-1]))  # areas share these points
    found = []
    for parts, opacity in ((_runs(closed), 0.15), (_runs(half | met), 0.05)):
        if parts:
            found.append(_area(name, *_outline(x, bottom, top, parts), style.rgba(round(strength * opacity, 4))))
    return found


def strength_of(bands: int) -> float:
    """The more bands lie over each other, the fainter is each."""
    return min(1.0, 5 / max(1, bands))


def _runs(inside: npt.NDArray[np.bool_]) -> list[slice]:
    """Where `inside` is True, as slices."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    return [slice(start, stop) for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)]


def _outline(
    x: Column, low: Column, high: Column, parts: Sequence[slice]
) -> tuple[list[float | None], list[float | None]]:
    across: list[float | None] = []
    up: list[float | None] = []
    for part in parts:
        across += [*shown(x[part]), *shown(x[part][::-1]), None]
        up += [*shown(low[part]), *shown(high[part][::-1]), None]
    return across, up


def _area(name: str, x: list[float | None], y: list[float | None], colour: str) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(name),
        "legendgroup": name,
        "showlegend": False,
        "hoverinfo": "skip",
        "x": x,
        "y": y,
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0, "color": colour},
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
    name: str, x: Iterable[float | None], style: Style, *, text: str, row: int = 0, size: int = 9
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


def shown(values: Column) -> list[float | None]:
    """Numbers as a page holds them: six significant digits, None for what is not finite."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values.tolist()]


def intervals(low: Column, high: Column) -> list[str]:
    """Intervals as a hover shows them."""
    pairs = zip(low.tolist(), high.tolist(), strict=True)
    return [f"[{a:.4g}, {b:.4g}]".replace("inf", "∞") for a, b in pairs]


def spread(size: int, most: int) -> list[int]:
    """At most `most` indices into `size` values, evenly spread, the first and the last among them.

    >>> spread(4, 9), spread(101, 3)
    ([0, 1, 2, 3], [0, 50, 100])
    """
    if size <= most:
        return list(range(size))
    return np.unique(np.linspace(0, size - 1, most).round().astype(int)).tolist()


def target_line(height: float) -> dict[str, object]:
    """The part of a layout that draws a dashed line at this height across the figure, and its label."""
    shape = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": height,
        "y1": height,
        "line": {"color": MUTED, "width": 1, "dash": "4px,3px"},
        "label": {
            "text": f"target {height:.4g}",
            "textposition": "start",
            "yanchor": "bottom",
            "font": {"color": MUTED, "size": 11},
        },
    }
    return {"shapes": [shape]}


def value_range(values: Iterable[float], *, log: bool) -> list[float] | None:
    """The range of an axis that shows all finite values (on a log axis: all positive ones), in the axis' own units."""
    shown = [float(v) for v in values if math.isfinite(v) and (v > 0 or not log)]
    if not shown:
        return None
    low, high = (math.log10(min(shown)), math.log10(max(shown))) if log else (min(shown), max(shown))
    pad = 0.08 * (high - low) or (0.2 if log else 0.05 * abs(high) or 1.0)
    return [low - pad, high + pad]


def nothing_finite() -> dict[str, object]:
    """The part of a layout that says so where every run diverged; the y axis has no numbers then."""
    words = {
        "text": "every run diverged",
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.5,
        "font": {"color": MUTED, "size": 13},
    }
    return {"annotations": [words]}


def log_step(span: list[float] | None) -> str | int | None:
    """Which ticks a logarithmic axis of this range has: all or 1, 2, 5 · 10ᵏ, or every so many powers of ten.

    None where it is so short that ticks have to lie as on a linear one.
    """
    decades = span[1] - span[0] if span else 1.0
    if decades < 0.3:
        return None
    return "D1" if decades <= 0.8 else "D2" if decades <= 2.5 else math.ceil(decades / 7)


def decade_step(span: list[float] | None) -> str | int:
    """Ticks at powers of ten only, every so many that at most seven fit; 1, 2, 5 · 10ᵏ below one decade."""
    decades = span[1] - span[0] if span else 1.0
    return "D2" if decades < 1 else math.ceil(decades / 7)


def same_shape(owner: str, name: str, columns: dict[str, Column]) -> None:
    """InputError where the columns are not 1-D and of one length."""
    shapes = {column: np.shape(values) for column, values in columns.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
        raise InputError(f"{owner}: {name} must have 1-D columns of one length, got {shapes}")
