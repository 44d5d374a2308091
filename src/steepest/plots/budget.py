"""What tuning buys: the best result after k trials, one method a colour."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from steepest.plots.figure import (
    axis,
    band,
    bare_axis,
    base_layout,
    build,
    intervals,
    log_step,
    nothing_finite,
    same_shape,
    shown,
    strength_of,
    value_range,
)
from steepest.plots.palette import Style, styles
from steepest.trace import Column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class BudgetCurve:
    """One method's best after k trials: columns of one length, +inf where all of k trials may diverge.

    trials: k, ascending; a single one for a method that is not tuned. median, low, high: of the best result.
    """

    name: str
    trials: Column
    median: Column
    low: Column
    high: Column

    def __post_init__(self) -> None:
        for column in ("trials", "median", "low", "high"):
            object.__setattr__(self, column, np.asarray(getattr(self, column), dtype=np.float64))
        same_shape("budget curve", self.name, {c: getattr(self, c) for c in ("trials", "median", "low", "high")})


def budget(
    lines: Sequence[BudgetCurve],
    *,
    y_label: str = "best validation loss after k trials",
    look: Mapping[str, Style] | None = None,
) -> Figure:
    """A figure of results against the number of trials, the result logarithmic where all are positive.

    lines: one a method, the first drawn on top. A method with a single k is a point. look: a style for each method,
    default `styles` of their names. Raises MissingExtraError without Plotly.

    >>> figure = budget([BudgetCurve("adam", [1, 2], [0.3, 0.2], [0.2, 0.2], [float("inf"), 0.3])])
    >>> [trace.mode for trace in figure.data]
    ['lines', 'lines', 'lines+markers']
    """
    look = look or styles([line.name for line in lines])
    finite = [v for line in lines for v in [*line.median.tolist(), *line.low.tolist()] if math.isfinite(v)]
    log = bool(finite) and min(finite) > 0
    span = value_range(finite, log=log)
    top = 1e3 * max(finite, default=1.0)
    traces = []
    for line in reversed(lines):
        traces += band(
            line.name, line.trials, line.low, line.high, look[line.name], edge=top, strength=strength_of(len(lines))
        )
    traces += [_median(line, look[line.name], y_label) for line in reversed(lines)]
    last = max((float(line.trials[-1]) for line in lines if line.trials.size), default=1.0)
    whole = {"range": [1 - 0.03 * last, 1.03 * last], "tickformat": "d", "dtick": _step(last)}
    layout = base_layout() | {
        "xaxis": axis("trials k", log=False) | whole,
        "yaxis": axis(y_label, log=log) | {"tickformat": "~g", "range": span, "dtick": log_step(span) if log else None},
        "hovermode": "closest",
    }
    if span is None:
        layout |= nothing_finite() | {"yaxis": bare_axis(y_label)}
    return build(traces, layout)


def _step(last: float) -> int:
    """Whole numbers of trials between labels, at most about eight of them."""
    sizes = (factor * 10**power for power in range(9) for factor in (1, 2, 5))
    return next(size for size in sizes if last / size <= 8)


def _median(line: BudgetCurve, style: Style, y_label: str) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": html.escape(line.name),
        "legendgroup": line.name,
        "x": shown(line.trials),
        "y": shown(line.median),
        "line": {"color": style.colour, "width": 2, "dash": style.dash},
        "marker": {"color": style.colour, "symbol": style.symbol, "size": 8 if line.trials.size == 1 else 4},
        "customdata": intervals(line.low, line.high),
        "hovertemplate": f"<b>{html.escape(line.name)}</b> after %{{x}} trials<br>{html.escape(y_label)} "
        "%{y:.4g} %{customdata}<extra></extra>",
    }
