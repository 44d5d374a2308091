"""Learning curves: the median over seeds with its band, one method a colour, seeds on demand, divergences marked ×."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from steepest.core.errors import InputError
from steepest.plots.figure import (
    axis,
    band,
    bare_axis,
    base_layout,
    build,
    divergence_marks,
    intervals,
    log_step,
    nothing_finite,
    same_shape,
    shown,
    spread,
    strength_of,
    target_line,
    value_range,
)
from steepest.plots.palette import Style, styles
from steepest.trace import Column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SEEDS = "seeds"
"""What `meta` of a trace says where it holds the single runs behind a curve; they are hidden at first."""
_UNITS = {
    "steps": "step",
    "samples": "samples seen",
    "gradients": "gradient calls",
    "seconds": "seconds of training",
}


@dataclass(frozen=True, eq=False)
class Curve:
    """One method's curve over seeds: columns of one length, ±inf from where a run diverged on.

    steps: the grid. median, low, high: of the score there. seeds: the single runs, shape (runs, points), and
    seed_names: what they are called, as many; both empty by default. diverged: at which steps seeds diverged, each
    once. samples_per_step, gradient_calls_per_step, seconds_per_step: what turns steps into other units of the x axis,
    > 0, None where it is not known; a figure offers the units that all of its curves have.
    """

    name: str
    steps: Column
    median: Column
    low: Column
    high: Column
    seeds: Column = field(default_factory=lambda: np.empty((0, 0)))
    seed_names: tuple[int | str, ...] = ()
    diverged: Column = field(default_factory=lambda: np.empty(0))
    samples_per_step: float | None = None
    gradient_calls_per_step: float | None = None
    seconds_per_step: float | None = None

    def __post_init__(self) -> None:
        for column in ("steps", "median", "low", "high", "seeds", "diverged"):
            object.__setattr__(self, column, np.asarray(getattr(self, column), dtype=np.float64))
        same_shape("curve", self.name, {c: getattr(self, c) for c in ("steps", "median", "low", "high")})
        if self.seeds.size and self.seeds.shape != (len(self.seed_names), self.steps.size):
            expected = (len(self.seed_names), self.steps.size)
            raise InputError(
                f"curve: seeds of {self.name} must have shape (seed names, steps) = {expected}, got {self.seeds.shape}"
            )
        for unit in ("samples_per_step", "gradient_calls_per_step", "seconds_per_step"):
            value = getattr(self, unit)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"curve: {unit} of {self.name} must be in (0, inf), got {value!r}")


def curves(
    lines: Sequence[Curve],
    *,
    y_label: str = "loss",
    log: bool = True,
    target: float | None = None,
    points: int = 240,
    seed_points: int = 240,
    look: Mapping[str, Style] | None = None,
) -> Figure:
    """A figure of learning curves with their bands, over steps.

    lines: one a method; the first named is drawn on top. log: a logarithmic y axis (needs positive scores), default
    yes. target: draws a line at this height. points, seed_points: at how many steps at most a median and a single run
    are drawn, evenly spread, ≥ 2. look: a style for each method, default `styles` of their names.
    What a page needs to switch stands in `layout.meta`: `range` and `dtick` of both kinds of y axis, and for each unit
    of the x axis its `label` and by method the `scale` that steps are multiplied by. What lies beyond the view (a
    diverged run) leaves it through the edge, where × marks the steps at which seeds diverged. Single runs are traces
    with `meta` "seeds", hidden until asked for. Raises MissingExtraError without Plotly.

    >>> line = Curve("adam", steps=[0, 1], median=[2, 1], low=[2, 0.9], high=[2, float("inf")], samples_per_step=64)
    >>> figure = curves([line])
    >>> [trace.name for trace in figure.data], list(figure.layout.meta["units"])
    (['adam', 'adam', 'adam'], ['steps', 'samples'])
    """
    for what, count in (("points", points), ("seed_points", seed_points)):
        if count < 2:
            raise InputError(f"curves: {what} must be ≥ 2, got {count}")
    look = look or styles([line.name for line in lines])
    marks = [] if target is None else [target]
    ranges = {"log": _range(lines, marks, log=True), "linear": _range(lines, marks, log=False)}
    if not log:
        ranges["log"] = None
    log = log and ranges["log"] is not None
    traces: list[dict[str, object]] = []
    for line in reversed(lines):
        traces += _band(_thinned(line, points), look[line.name], _edge(ranges), strength_of(len(lines)))
    for line in reversed(lines):
        if line.seeds.size:
            traces.append(_single_runs(_thinned(line, seed_points), look[line.name], y_label))
    for line in reversed(lines):
        traces.append(_median(_thinned(line, points), look[line.name], y_label))
    for row, line in enumerate(line for line in lines if line.diverged.size):
        text = "a seed diverged at %{x:,.5~g}"
        traces.append(divergence_marks(line.name, shown(line.diverged), look[line.name], text=text, row=row))
    steps = {"log": log_step(ranges["log"]), "linear": None}
    kind = "log" if log else "linear"
    layout = base_layout() | {
        "xaxis": axis(_UNITS["steps"], log=False) | {"rangemode": "tozero"},
        "yaxis": axis(y_label, log=log) | {"tickformat": "~g", "range": ranges[kind], "dtick": steps[kind]},
        "hovermode": "closest",
        "meta": {"range": ranges, "dtick": steps, "units": _units(lines)},
    }
    if ranges[kind] is None:
        layout |= nothing_finite() | {"yaxis": bare_axis(y_label)}
    return build(traces, layout if target is None else layout | target_line(target))


def _thinned(line: Curve, points: int) -> Curve:
    kept = spread(line.steps.size, points)
    if len(kept) == line.steps.size:
        return line
    columns = {name: getattr(line, name)[kept] for name in ("steps", "median", "low", "high")}
    return replace(line, **columns, seeds=line.seeds[:, kept] if line.seeds.size else line.seeds)


def _units(lines: Sequence[Curve]) -> dict[str, dict[str, object]]:
    """The units that all curves have: label, and how many of them each method spends a step."""
    scales: dict[str, dict[str, float | None]] = {
        "steps": {line.name: 1.0 for line in lines},
        "samples": {line.name: line.samples_per_step for line in lines},
        "gradients": {line.name: line.gradient_calls_per_step for line in lines},
        "seconds": {line.name: line.seconds_per_step for line in lines},
    }
    known = {unit: scale for unit, scale in scales.items() if all(value is not None for value in scale.values())}
    return {unit: {"label": _UNITS[unit], "scale": scale} for unit, scale in known.items()}


def _range(lines: Sequence[Curve], marks: Sequence[float], *, log: bool) -> list[float] | None:
    """From the lowest band to the highest median; a blow-up past three times every start is not followed."""
    starts = [float(line.median[0]) for line in lines if line.median.size and math.isfinite(line.median[0])]
    roof = 3 * max(starts, default=math.inf) if all(start > 0 for start in starts) and _falls(lines) else math.inf
    low = [float(v) for line in lines for v in line.low if v <= roof]
    high = [float(v) for line in lines for v in line.median if v <= roof]
    return value_range([*low, *high, *marks], log=log) if np.isfinite([*low, *high]).any() else None


def _falls(lines: Sequence[Curve]) -> bool:
    """Whether a diverged run counts as +inf (a loss), not as −inf (an accuracy)."""
    return not any(np.isneginf(line.low).any() for line in lines)


def _edge(ranges: Mapping[str, list[float] | None]) -> float:
    """A finite distance far beyond every view, drawn in place of infinity."""
    linear = ranges["linear"]
    return 1e3 * max(abs(linear[0]), abs(linear[1]), 1e-300) if linear else 1.0


def _band(line: Curve, style: Style, edge: float, strength: float) -> list[dict[str, object]]:
    """The band up to where the median itself diverges."""
    finite = np.flatnonzero(np.isfinite(line.median))
    part = slice(0, finite[-1] + 1 if finite.size else 0)
    return band(line.name, line.steps[part], line.low[part], line.high[part], style, edge=edge, strength=strength)


def _single_runs(line: Curve, style: Style, y_label: str) -> dict[str, object]:
    """All runs as one trace with gaps between them."""
    gap: list[float | str | None] = [None]
    x = [value for _ in line.seed_names for value in [*shown(line.steps), *gap]]
    y = [value for run in line.seeds for value in [*shown(run), *gap]]
    names = [str(name) for name in line.seed_names for _ in range(line.steps.size + 1)]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(line.name),
        "legendgroup": line.name,
        "showlegend": False,
        "visible": False,
        "meta": SEEDS,
        "x": x,
        "y": y,
        "customdata": [html.escape(name) for name in names],
        "line": {"color": style.rgba(0.5), "width": 1},
        "hovertemplate": f"<b>{html.escape(line.name)}</b>, seed %{{customdata}}, at %{{x:,.5~g}}<br>"
        f"{html.escape(y_label)} %{{y:.4g}}<extra></extra>",
    }


def _median(line: Curve, style: Style, y_label: str) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(line.name),
        "legendgroup": line.name,
        "x": shown(line.steps),
        "y": shown(line.median),
        "line": {"color": style.colour, "width": 2, "dash": style.dash},
        "customdata": intervals(line.low, line.high),
        "hovertemplate": f"<b>{html.escape(line.name)}</b> at %{{x:,.5~g}}<br>{html.escape(y_label)} "
        "%{y:.4g} %{customdata}<extra></extra>",
    }
