"""Learning curves: the median over seeds with its band, one method a colour, divergences marked ×."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from steepest.plots.figure import axis, base_layout, build, divergence_marks, log_step, same_shape, value_range
from steepest.plots.palette import Style, styles
from steepest.trace import Column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class Curve:
    """One method's curve over seeds: columns of one length, +inf from where a run diverged on.

    x: steps, seconds or samples. median, low, high: of the score at x. diverged: at which x seeds diverged, each once.
    """

    name: str
    x: Column
    median: Column
    low: Column
    high: Column
    diverged: Column = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        for column in ("x", "median", "low", "high", "diverged"):
            object.__setattr__(self, column, np.asarray(getattr(self, column), dtype=np.float64))
        same_shape("curve", self.name, {c: getattr(self, c) for c in ("x", "median", "low", "high")})


def curves(
    lines: Sequence[Curve],
    *,
    x_label: str = "step",
    y_label: str = "loss",
    log: bool = True,
    look: Mapping[str, Style] | None = None,
) -> Figure:
    """A figure of learning curves with their bands.

    lines: one a method; the first named is drawn on top. log: a logarithmic y axis (needs positive scores), default
    yes. look: a style for each method, default `styles` of their names. Range and tick step of both kinds of y
    axis stand in `layout.meta`, so that a page can switch between them. What lies above the view (a diverged run)
    leaves it through the top edge, where × marks the steps at which seeds diverged.
    Raises MissingExtraError without Plotly.

    >>> line = Curve("adam", x=[0, 1], median=[2, 1], low=[2, 0.9], high=[2, float("inf")])
    >>> [trace.name for trace in curves([line]).data]
    ['adam', 'adam', 'adam']
    """
    look = look or styles([line.name for line in lines])
    ranges = {"log": _range(lines, log=True), "linear": _range(lines, log=False)}
    log = log and ranges["log"] is not None
    traces: list[dict[str, object]] = []
    for line in reversed(lines):
        traces += _band(line, look[line.name], _ceiling(ranges))
    for line in reversed(lines):
        traces.append(_median(line, look[line.name], y_label))
    failed = [line for line in lines if line.diverged.size]
    for row, line in enumerate(failed):
        traces.append(
            divergence_marks(
                line.name, line.diverged, look[line.name], text=f"a seed diverged at {_x(x_label)}", row=row
            )
        )
    steps = {"log": log_step(ranges["log"]), "linear": None}
    kind = "log" if log else "linear"
    layout = base_layout() | {
        "xaxis": axis(x_label, log=False) | {"rangemode": "tozero"},
        "yaxis": axis(y_label, log=log) | {"tickformat": "~g", "range": ranges[kind], "dtick": steps[kind]},
        "hovermode": "closest",
        "meta": {"range": ranges, "dtick": steps},
    }
    return build(traces, layout)


def _x(label: str) -> str:
    return f"{html.escape(label)} %{{x}}"


def _range(lines: Sequence[Curve], *, log: bool) -> list[float] | None:
    """From the lowest band to the highest median; a blow-up past three times every start is not followed."""
    starts = [float(line.median[0]) for line in lines if line.median.size and math.isfinite(line.median[0])]
    roof = 3 * max(starts, default=math.inf)
    low = [float(v) for line in lines for v in line.low if v <= roof]
    high = [float(v) for line in lines for v in line.median if v <= roof]
    return value_range([*low, *high], log=log)


def _ceiling(ranges: Mapping[str, list[float] | None]) -> float:
    """A finite height far above every view, drawn in place of +inf."""
    linear = ranges["linear"]
    return 1e3 * max(abs(linear[0]), abs(linear[1]), 1e-300) if linear else 1.0


def _band(line: Curve, style: Style, ceiling: float) -> list[dict[str, object]]:
    """Two traces with the fill between them, up to where the median itself diverges."""
    finite = np.flatnonzero(np.isfinite(line.median))
    shown = slice(0, finite[-1] + 1 if finite.size else 0)
    shared: dict[str, object] = {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(line.name),
        "legendgroup": line.name,
        "showlegend": False,
        "hoverinfo": "skip",
        "x": line.x[shown],
        "line": {"width": 0, "color": style.colour},
    }
    low, high = np.minimum(line.low[shown], ceiling), np.minimum(line.high[shown], ceiling)
    return [shared | {"y": low}, shared | {"y": high, "fill": "tonexty", "fillcolor": style.rgba(0.14)}]


def _median(line: Curve, style: Style, y_label: str) -> dict[str, object]:
    finite = np.where(np.isfinite(line.median), line.median, np.nan)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(line.name),
        "legendgroup": line.name,
        "x": line.x,
        "y": finite,
        "line": {"color": style.colour, "width": 2, "dash": style.dash},
        "customdata": np.stack([line.low, line.high], axis=1),
        "hovertemplate": f"<b>{html.escape(line.name)}</b> at %{{x}}<br>{html.escape(y_label)} "
        "%{y:.4g} [%{customdata[0]:.4g}, %{customdata[1]:.4g}]<extra></extra>",
    }
