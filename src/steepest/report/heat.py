"""The table of schedules × methods as rows of cells, each with how deep its colour is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from steepest.report.panels import ScheduleCell, SchedulePanel

FULL = 0.5
"""A change by this share, up or down, has the full colour."""


@dataclass(frozen=True)
class HeatCell:
    """A cell as drawn. depth: of its colour, in [0, 1]. kind: "better", "worse", or "" where it is neither.

    sure: whether the interval of the change lies on one side of zero.
    """

    cell: ScheduleCell
    kind: str
    depth: float
    sure: bool


def heat(panel: SchedulePanel) -> list[tuple[str, list[HeatCell | None]]]:
    """A row for each method, a cell for each schedule in the panel's order, None where there is none.

    >>> from steepest.statistics import Interval
    >>> change = Interval(-0.125, -0.2, -0.05, 0.95, 0.979, 10)
    >>> panel = SchedulePanel(("adam",), ("constant", "cosine"), (ScheduleCell("adam", "cosine", change),))
    >>> [(name, [cell and (cell.kind, cell.depth, cell.sure) for cell in row]) for name, row in heat(panel)]
    [('adam', [None, ('better', 0.5, True)])]
    """
    known = {(cell.method, cell.schedule): _drawn(cell) for cell in panel.cells}
    return [(name, [known.get((name, schedule)) for schedule in panel.schedules]) for name in panel.methods]


def _drawn(cell: ScheduleCell) -> HeatCell:
    change = cell.change
    if change is None or change.estimate == 0 or math.isnan(change.estimate):
        return HeatCell(cell, "", 0.0, False)
    depth = min(1.0, math.sqrt(abs(change.estimate) / FULL))
    kind = "better" if change.estimate < 0 else "worse"
    return HeatCell(cell, kind, round(depth, 3), change.low > 0 or change.high < 0)
