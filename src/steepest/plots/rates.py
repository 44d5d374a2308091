"""Measured, proven and worst-case curves of one method on one problem."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from steepest.plots.figure import axis, base_layout, build, log_step, same_shape, shown, spread, value_range
from steepest.plots.palette import INK, MUTED, Style, styles
from steepest.trace import Column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class RateCurve:
    """A theorem's bound over k beside what a run shows: columns of one length; worst cases have their own.

    theorem: its name. problem: what was run. statement: the inequality. steps: k. measured, proven: both sides.
    worst_steps, worst: exact worst cases, both empty where there are none.
    """

    theorem: str
    problem: str
    statement: str
    steps: Column
    measured: Column
    proven: Column
    worst_steps: Column = field(default_factory=lambda: np.empty(0))
    worst: Column = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        for column in ("steps", "measured", "proven", "worst_steps", "worst"):
            object.__setattr__(self, column, np.asarray(getattr(self, column), dtype=np.float64))
        same_shape("rates", self.theorem, {name: getattr(self, name) for name in ("steps", "measured", "proven")})
        same_shape("rates", self.theorem, {name: getattr(self, name) for name in ("worst_steps", "worst")})


def rates(curve: RateCurve, *, points: int = 240, look: Mapping[str, Style] | None = None) -> Figure:
    """A figure of one curve, its y axis logarithmic where all that is shown is positive.

    points: at how many k at most lines are drawn, ≥ 2. look: a style for each of "measured", "proven" and "worst case".
    Raises MissingExtraError without Plotly.

    >>> curve = RateCurve("gd-convex", "x²", "f ≤ …", [1, 2], [0.5, 0.2], [0.6, 0.3], [1, 2], [0.6, 0.3])
    >>> [trace.name for trace in rates(curve).data]
    ['measured', 'worst case', 'proven']
    """
    look = look or styles(["measured", "proven", "worst case"])
    at = spread(curve.steps.size, max(2, points))
    values = np.concatenate([curve.measured, curve.proven, curve.worst])
    log = bool((values[np.isfinite(values)] > 0).all())
    traces = [_line("measured", curve.steps[at], curve.measured[at], look["measured"])]
    if curve.worst.size:
        traces.append(_marks("worst case", curve.worst_steps, curve.worst, look["worst case"]))
    # The last one lies on top: a dashed line shows what it covers.
    traces.append(_line("proven", curve.steps[at], curve.proven[at], look["proven"]))
    span = value_range(values.tolist(), log=log)
    layout = base_layout() | {
        "margin": {"l": 64, "r": 16, "t": 64, "b": 88},
        "title": {
            "text": f"{html.escape(curve.theorem)}<br><sup>{html.escape(f'{curve.statement}; {curve.problem}')}</sup>",
            "font": {"size": 15, "color": INK},
            "x": 0.02,
        },
        "legend": {"orientation": "h", "x": 0, "y": -0.3, "font": {"color": INK}, "bgcolor": "rgba(0,0,0,0)"},
        "showlegend": True,
        "xaxis": axis("k", log=False),
        "yaxis": axis("", log=log) | ({"range": span, "dtick": log_step(span)} if log else {"range": span}),
        "hoverlabel": {"font": {"color": MUTED}},
    }
    return build(traces, layout)


def _line(name: str, x: Column, y: Column, style: Style) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": shown(x),
        "y": shown(y),
        "line": {"color": style.colour, "width": 2, "dash": style.dash},
        "hovertemplate": f"{name} at k = %{{x}}: %{{y:.5g}}<extra></extra>",
    }


def _marks(name: str, x: Column, y: Column, style: Style) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": shown(x),
        "y": shown(y),
        "marker": {"symbol": style.symbol, "size": 7, "color": style.colour},
        "hovertemplate": f"{name} at k = %{{x}}: %{{y:.5g}}<extra></extra>",
    }
