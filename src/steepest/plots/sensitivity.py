"""Sensitivity to the learning rate: every trial, the ladder of rates at the chosen setting, and where it is safe."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from steepest.core.errors import InputError
from steepest.plots.figure import (
    axis,
    band,
    bare_axis,
    base_layout,
    build,
    decade_step,
    divergence_marks,
    intervals,
    log_step,
    nothing_finite,
    same_shape,
    shown,
    value_range,
)
from steepest.plots.palette import BAD, GHOST, INK, MUTED, Style, styles, with_opacity
from steepest.trace import Column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class Ladder:
    """Results at a few learning rates with all else as chosen, over the tuning seeds: columns of one length.

    rates: > 0, ascending. median, low, high: of the result, +inf where runs diverged.
    """

    rates: Column
    median: Column
    low: Column
    high: Column

    def __post_init__(self) -> None:
        for column in ("rates", "median", "low", "high"):
            object.__setattr__(self, column, np.asarray(getattr(self, column), dtype=np.float64))
        same_shape("ladder", "rates", {c: getattr(self, c) for c in ("rates", "median", "low", "high")})
        if not (self.rates > 0).all() or (np.diff(self.rates) <= 0).any():
            raise InputError(f"ladder: rates must be > 0 and ascending, got {self.rates.tolist()}")


@dataclass(frozen=True, eq=False)
class RateSensitivity:
    """One method against its learning rate.

    rates, losses: its tuning trials, +inf where one diverged; both empty where it had none. ladder: more runs at the
    chosen setting with only the rate varied. chosen, default: the rate that was chosen, and the method's own.
    usable: the lowest and highest rate whose result is within the interval of the best. first_diverged: the lowest
    rate above it that diverged. searched: ends of the range. flags: a sentence each, "the best rate lies at the upper
    end of its range".
    """

    name: str
    rates: Column = field(default_factory=lambda: np.empty(0))
    losses: Column = field(default_factory=lambda: np.empty(0))
    ladder: Ladder | None = None
    chosen: float | None = None
    default: float | None = None
    usable: tuple[float, float] | None = None
    first_diverged: float | None = None
    searched: tuple[float, float] | None = None
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for column in ("rates", "losses"):
            object.__setattr__(self, column, np.asarray(getattr(self, column), dtype=np.float64))
        same_shape("rate sensitivity", self.name, {"rates": self.rates, "losses": self.losses})
        for what in ("rates", "chosen", "default", "usable", "first_diverged", "searched"):
            value = getattr(self, what)
            known = [] if value is None else np.ravel(value).tolist()
            if not all(0 < number < math.inf for number in known):
                raise InputError(f"rate sensitivity: {what} of {self.name} must be in (0, inf), got {known}")


def sensitivity(
    methods: Sequence[RateSensitivity],
    *,
    y_label: str = "validation loss",
    highlight: str | None = None,
    look: Mapping[str, Style] | None = None,
) -> Figure:
    """A figure of results against learning rate, both logarithmic where the results are positive.

    Each trial is a point, and a × at the top edge where it diverged; the ladder is a line with its band. Of the
    highlighted method, or the only one, there are besides: the usable interval as a light column, the rates from the
    first that diverged on as a red one, the searched range as a bar below, the default rate as a triangle on it,
    and the chosen rate as a ring around its point.
    highlight: draw this method in colour and the others' trials as grey context; None (default) colours all. look: a
    style for each method, default `styles` of their names. Axes span all methods, whichever is highlighted.
    Raises InputError for an unknown `highlight`, MissingExtraError without Plotly.

    >>> tried = RateSensitivity("sgd", rates=[0.01, 0.1, 1.0], losses=[0.5, 0.2, float("inf")], chosen=0.1)
    >>> [trace.marker.symbol for trace in sensitivity([tried]).data]
    ['circle', 'x-thin', 'circle-open']
    """
    names = [method.name for method in methods]
    if highlight is not None and highlight not in names:
        raise InputError(f"sensitivity: highlight must be one of {names}, got {highlight!r}")
    look = look or styles(names)
    coloured = [method for method in methods if highlight in (None, method.name)]
    losses, rates = _extent(methods)
    log = all(value > 0 for value in losses)
    span, rate_span = value_range(losses, log=log), value_range(rates, log=True)
    traces = [_context([method for method in methods if method not in coloured])] if highlight is not None else []
    for row, method in enumerate(coloured):
        traces += _ladder(method, look[method.name], y_label)
        traces += _trials(method, look[method.name], y_label, row)
    shapes: list[dict[str, object]] = []
    if len(coloured) == 1:
        shapes = _zones(coloured[0], look[coloured[0].name], rate_span)
        traces += _default(coloured[0])
    layout = base_layout() | {
        "xaxis": axis("learning rate", log=True) | {"range": rate_span, "dtick": decade_step(rate_span)},
        "yaxis": axis(y_label, log=log) | {"tickformat": "~g", "range": span, "dtick": log_step(span) if log else None},
        "hovermode": "closest",
        "shapes": shapes,
    }
    if span is None:
        layout |= nothing_finite() | {"yaxis": bare_axis(y_label)}
    return build(traces, layout)


def _extent(methods: Sequence[RateSensitivity]) -> tuple[list[float], list[float]]:
    """All results and all rates that a view has to hold; a ladder's highest ends may leave it."""
    losses = [value for method in methods for value in method.losses.tolist()]
    rates = [value for method in methods for value in method.rates.tolist()]
    for method in methods:
        if method.ladder is not None:
            losses += [*method.ladder.median.tolist(), *method.ladder.low.tolist()]
            rates += method.ladder.rates.tolist()
        rates += [rate for rate in (method.chosen, method.default) if rate is not None]
    return losses, rates


def _context(methods: Sequence[RateSensitivity]) -> dict[str, object]:
    """The trials of other methods, which show what there is to reach."""
    rates = np.concatenate([np.empty(0), *(method.rates for method in methods)])
    losses = np.concatenate([np.empty(0), *(method.losses for method in methods)])
    finite = np.isfinite(losses)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "other methods",
        "showlegend": False,
        "hoverinfo": "skip",
        "x": shown(rates[finite]),
        "y": shown(losses[finite]),
        "marker": {"color": GHOST, "size": 4, "opacity": 0.4},
    }


def _ladder(method: RateSensitivity, style: Style, y_label: str) -> list[dict[str, object]]:
    """The band and the line of the ladder, up to where it diverges."""
    ladder = method.ladder
    if ladder is None:
        return []
    finite = np.isfinite(ladder.median)
    edge = 1e3 * max((value for value in ladder.median[finite]), default=1.0)
    rates, low, high = ladder.rates[finite], ladder.low[finite], ladder.high[finite]
    line = _shared(method) | {
        "mode": "lines",
        "x": shown(rates),
        "y": shown(ladder.median[finite]),
        "line": {"color": style.colour, "width": 2, "dash": style.dash},
        "customdata": intervals(low, high),
        "hovertemplate": f"{_hover(method, y_label)} %{{customdata}}<extra></extra>",
    }
    return [*band(method.name, rates, low, high, style, edge=edge), line]


def _trials(method: RateSensitivity, style: Style, y_label: str, row: int) -> list[dict[str, object]]:
    """The trials, × at the edge for all that diverged, and a ring around the chosen one."""
    finite = np.isfinite(method.losses)
    ascending = np.argsort(method.rates[finite], kind="stable")
    rates, losses = method.rates[finite][ascending], method.losses[finite][ascending]
    shared, hover = _shared(method), _hover(method, y_label)
    found: list[dict[str, object]] = []
    if method.rates.size:
        marker = {"color": style.rgba(0.75), "symbol": style.symbol, "size": 6}
        points = {"mode": "markers", "x": shown(rates), "y": shown(losses), "marker": marker}
        found.append(shared | points | {"hovertemplate": f"{hover}<extra></extra>"})
    lost = method.rates[~finite].tolist()
    if method.ladder is not None:
        lost += method.ladder.rates[~np.isfinite(method.ladder.median)].tolist()
    if lost:
        text = "diverged at learning rate %{x:.3g}"
        found.append(divergence_marks(method.name, sorted(set(lost)), style, text=text, row=row, size=8))
    height = _height(method)
    if method.chosen is not None and height is not None:
        ring = {
            "mode": "markers",
            "cliponaxis": False,
            "x": [method.chosen],
            "y": [height],
            "marker": {"symbol": "circle-open", "size": 15, "color": INK, "line": {"color": INK, "width": 2}},
            "hovertemplate": f"{hover}<br>chosen<extra></extra>",
        }
        found.append(shared | ring)
    return found


def _height(method: RateSensitivity) -> float | None:
    """Where the ring goes: on the ladder at the chosen rate, else on the best trial at it."""
    if method.chosen is None:
        return None
    if method.ladder is not None:
        on = [
            m for r, m in zip(method.ladder.rates, method.ladder.median, strict=True) if math.isclose(r, method.chosen)
        ]
        if on and math.isfinite(on[0]):
            return float(on[0])
    at = [m for r, m in zip(method.rates, method.losses, strict=True) if math.isclose(r, method.chosen)]
    return float(min(at)) if at and math.isfinite(min(at)) else None


def _zones(method: RateSensitivity, style: Style, rate_span: list[float] | None) -> list[dict[str, object]]:
    """Columns for what is usable and what diverges, and a bar for what was searched, as shapes behind the data."""
    column = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0}}
    found: list[dict[str, object]] = []
    if method.usable is not None:
        low, high = method.usable
        found.append(column | {"x0": low, "x1": high, "fillcolor": style.rgba(0.13)})
    if method.first_diverged is not None and rate_span is not None:
        end = 10 ** rate_span[1]
        if method.first_diverged < end:
            found.append(column | {"x0": method.first_diverged, "x1": end, "fillcolor": with_opacity(BAD, 0.12)})
    if method.searched is not None:
        low, high = method.searched
        bar = {"type": "line", "yref": "paper", "y0": 0, "y1": 0, "x0": low, "x1": high}
        found.append(bar | {"line": {"color": MUTED, "width": 3}})
    return found


def _default(method: RateSensitivity) -> list[dict[str, object]]:
    if method.default is None:
        return []
    marker = {"symbol": "triangle-up", "size": 9, "color": INK}
    found = {
        "mode": "markers",
        "cliponaxis": False,
        "x": [method.default],
        "y": [0.02],
        "yaxis": "y2",
        "marker": marker,
    }
    return [_shared(method) | found | {"hovertemplate": "default learning rate %{x:.3g}<extra></extra>"}]


def _shared(method: RateSensitivity) -> dict[str, object]:
    return {
        "type": "scatter",
        "name": html.escape(method.name),
        "legendgroup": method.name,
        "showlegend": False,
    }


def _hover(method: RateSensitivity, y_label: str) -> str:
    return f"<b>{html.escape(method.name)}</b><br>learning rate %{{x:.3g}}<br>{html.escape(y_label)} %{{y:.4g}}"
