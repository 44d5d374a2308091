"""The figures of a page by name, as plain JSON values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from steepest.plots import Curve, RateSensitivity, Style, budget, curves, profile, sensitivity
from steepest.report.data import ReportData, StudyPart

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SEED_VALUES = 60_000
"""Single runs are drawn with so many points on the whole page, which bounds its size; medians are drawn in full."""


def figures(data: ReportData, look: Mapping[str, Style]) -> dict[str, object]:
    """All figures as plain JSON values, "s0-curves-0" the first measurement of the first problem."""
    found: dict[str, Figure] = {}
    seed_points = _seed_points(data)
    for index, part in enumerate(data.studies):
        found |= {f"s{index}-{name}": figure for name, figure in _study(part, seed_points, look).items()}
    if data.across is not None and data.across.profiles:
        found["profile"] = profile(data.across.profiles, x_label=data.across.x_label, look=look)
    return {name: _plain(figure) for name, figure in found.items()}


def method_names(data: ReportData) -> list[str]:
    """All methods that the page names, those of the tables first, in their order there."""
    ranked = [row.method for row in data.across.rows] if data.across is not None else []
    ranked += [row.method for part in data.studies for row in part.rows]
    drawn = [name for part in data.studies for name in _drawn(part)]
    drawn += [line.name for line in data.across.profiles] if data.across is not None else []
    return list(dict.fromkeys([*ranked, *drawn]))


def _seed_points(data: ReportData) -> int:
    panels = [part.curves for part in data.studies if part.curves is not None]
    runs = sum(len(curve.seeds) for panel in panels for measure in panel.measures for curve in measure.curves)
    return max(8, SEED_VALUES // max(1, runs))


def _study(part: StudyPart, seed_points: int, look: Mapping[str, Style]) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    if part.curves is not None:
        for index, measure in enumerate(part.curves.measures):
            found[f"curves-{index}"] = curves(
                measure.curves,
                y_label=measure.label,
                log=measure.log,
                target=measure.target,
                seed_points=seed_points,
                look=look,
            )
    if part.sensitivity is not None:
        rates, y_label = part.sensitivity.rates, part.sensitivity.y_label
        for index, method in enumerate(rates):
            found[f"rate-{index}"] = sensitivity(rates, y_label=y_label, highlight=method.name, look=look)
    if part.budget is not None:
        found["budget"] = budget(part.budget.curves, y_label=part.budget.y_label, look=look)
    return found


def _drawn(part: StudyPart) -> list[str]:
    named: list[Curve | RateSensitivity] = []
    if part.curves is not None:
        named += [curve for measure in part.curves.measures for curve in measure.curves]
    if part.sensitivity is not None:
        named += part.sensitivity.rates
    names = [drawn.name for drawn in named]
    names += [curve.name for curve in part.budget.curves] if part.budget is not None else []
    return names + (list(part.schedules.methods) if part.schedules is not None else [])


def _plain(figure: Figure) -> object:
    return json.loads(figure.to_json())
