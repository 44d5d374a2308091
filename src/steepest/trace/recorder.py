"""Collects a trace row by row while a run goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np

from steepest.trace.record import STEP_COLUMNS, Column, Trace


@final
class Recorder:
    """Rows in, `Trace` out. Columns that appear late are filled with NaN above."""

    def __init__(self) -> None:
        self._steps = _Table(STEP_COLUMNS)
        self._evaluations = _Table(("step",))

    def step(self, row: Mapping[str, float]) -> None:
        """Add a row to `steps`."""
        self._steps.add(row)

    def amend_last_step(self, values: Mapping[str, float]) -> None:
        """Set values of the last row that became known only later: f there, and the gradient's norm."""
        self._steps.amend(values)

    def evaluation(self, row: Mapping[str, float]) -> None:
        """Add a row to `evaluations`."""
        self._evaluations.add(row)

    def trace(self, meta: Mapping[str, object]) -> Trace:
        """Everything recorded so far."""
        return Trace(self._steps.arrays(), self._evaluations.arrays(), dict(meta))


class _Table:
    def __init__(self, names: tuple[str, ...]) -> None:
        self.columns: dict[str, list[float]] = {name: [] for name in names}
        self.rows = 0

    def add(self, row: Mapping[str, float]) -> None:
        for name in [name for name in row if name not in self.columns]:
            self.columns[name] = [float("nan")] * self.rows
        for name, column in self.columns.items():
            column.append(float(row.get(name, float("nan"))))
        self.rows += 1

    def arrays(self) -> dict[str, Column]:
        return {name: np.array(column, dtype=np.float64) for name, column in self.columns.items()}

    def amend(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.columns[name][-1] = float(value)
