"""Sensitivity to the learning rate: every tuning trial, diverged ones at the top edge, the chosen one ringed."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from steepest.core.errors import InputError
from steepest.plots.figure import (
    axis,
    base_layout,
    build,
    decade_step,
    divergence_marks,
    log_step,
    same_shape,
    value_range,
)
from steepest.plots.palette import GHOST, INK, Style, styles
from steepest.trace import Column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class Trials:
    """One method's tuning trials: columns of one length.

    learning_rate: > 0. loss: the validation loss it ended with, +inf where the trial diverged. chosen: the index of
    the setting that was chosen, None where none was.
    """

    name: str
    learning_rate: Column
    loss: Column
    chosen: int | None = None

    def __post_init__(self) -> None:
        for column in ("learning_rate", "loss"):
            object.__setattr__(self, column, np.asarray(getattr(self, column), dtype=np.float64))
        same_shape("trials", self.name, {"learning_rate": self.learning_rate, "loss": self.loss})
        if self.chosen is not None and not 0 <= self.chosen < self.loss.size:
            raise InputError(f"trials: chosen must be an index in [0, {self.loss.size}), got {self.chosen}")


def sensitivity(
    trials: Sequence[Trials],
    *,
    y_label: str = "validation loss",
    highlight: str | None = None,
    look: Mapping[str, Style] | None = None,
) -> Figure:
    """A figure of validation loss against learning rate, both logarithmic where the losses are positive.

    highlight: draw this method in colour and the others as grey context; None (default) colours all. look: a style for
    each method, default `styles` of their names. Axes span all methods' trials, whichever is highlighted.
    Raises InputError for an unknown `highlight`, MissingExtraError without Plotly.

    >>> tried = Trials("sgd", learning_rate=[0.01, 0.1, 1.0], loss=[0.5, 0.2, float("inf")], chosen=1)
    >>> [trace.mode for trace in sensitivity([tried]).data]
    ['lines+markers', 'markers', 'markers']
    """
    names = [tried.name for tried in trials]
    if highlight is not None and highlight not in names:
        raise InputError(f"sensitivity: highlight must be one of {names}, got {highlight!r}")
    look = look or styles(names)
    losses = [float(value) for tried in trials for value in tried.loss]
    log = all(value > 0 for value in losses)
    traces = [_context(tried) for tried in trials if highlight not in (None, tried.name)]
    for row, tried in enumerate(tried for tried in trials if highlight in (None, tried.name)):
        traces += _trials(tried, look[tried.name], y_label, row)
    rates = [float(value) for tried in trials for value in tried.learning_rate]
    span, rate_span = value_range(losses, log=log), value_range(rates, log=True)
    layout = base_layout() | {
        "xaxis": axis("learning rate", log=True) | {"range": rate_span, "dtick": decade_step(rate_span)},
        "yaxis": axis(y_label, log=log) | {"tickformat": "~g", "range": span, "dtick": log_step(span) if log else None},
        "hovermode": "closest",
    }
    return build(traces, layout)


def _context(tried: Trials) -> dict[str, object]:
    finite = np.isfinite(tried.loss)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": html.escape(tried.name),
        "showlegend": False,
        "hoverinfo": "skip",
        "x": tried.learning_rate[finite],
        "y": tried.loss[finite],
        "marker": {"color": GHOST, "size": 4, "opacity": 0.55},
    }


def _trials(tried: Trials, style: Style, y_label: str, row: int) -> list[dict[str, object]]:
    ascending = np.argsort(tried.learning_rate, kind="stable")
    rates, losses = tried.learning_rate[ascending], tried.loss[ascending]
    finite = np.isfinite(losses)
    shared = {"type": "scatter", "name": html.escape(tried.name), "legendgroup": tried.name}
    hover = f"<b>{html.escape(tried.name)}</b><br>learning rate %{{x:.3g}}<br>{html.escape(y_label)} %{{y:.4g}}"
    found: list[dict[str, object]] = [
        shared
        | {
            "mode": "lines+markers",
            "x": rates[finite],
            "y": losses[finite],
            "line": {"color": style.rgba(0.35), "width": 1},
            "marker": {"color": style.colour, "symbol": style.symbol, "size": 7},
            "hovertemplate": f"{hover}<extra></extra>",
        }
    ]
    if not finite.all():
        diverged = divergence_marks(
            tried.name, rates[~finite], style, text="diverged at learning rate %{x:.3g}", row=row, size=8
        )
        found.append(diverged)
    if tried.chosen is not None and np.isfinite(tried.loss[tried.chosen]):
        ring = {
            "mode": "markers",
            "showlegend": False,
            "cliponaxis": False,
            "x": [float(tried.learning_rate[tried.chosen])],
            "y": [float(tried.loss[tried.chosen])],
            "marker": {"symbol": "circle-open", "size": 15, "color": INK, "line": {"color": INK, "width": 2}},
            "hovertemplate": f"{hover}<br>chosen<extra></extra>",
        }
        found.append(shared | ring)
    return found
