"""A trace: what one run did, as columns and metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError
from steepest.core.status import Status

Column = npt.NDArray[np.float64]
Meta = Mapping[str, object]
"""JSON values: problem, method (canonical text), hyperparameters, facts, seed, versions, machine, status."""

STEP_COLUMNS: Final = (
    "step",
    "value_calls",
    "gradient_calls",
    "sample_gradients",
    "seconds",
    "value",
    "gradient_norm",
    "learning_rate",
)
"""Row 0 of `steps` is the start, row k is after k updates. `value` and `gradient_norm` are those at row k's point
where they became known there, NaN where nobody looked; `seconds` excludes evaluation."""


@dataclass(frozen=True)
class Trace:
    """The record of a run.

    steps: columns of equal length, one row a recorded step. evaluations: columns of equal length, first of them
    `step`, one row a measurement at the answer point on the declared data. meta: JSON values.

    >>> trace = Trace({"step": [0, 1], "value": [4.0, 1.0]}, meta={"status": "max_steps"})
    >>> trace.steps["value"].tolist(), trace.status.message
    ([4.0, 1.0], 'all steps were taken')
    """

    steps: Mapping[str, Column]
    evaluations: Mapping[str, Column] = field(default_factory=dict)
    meta: Meta = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in ("steps", "evaluations"):
            columns = {name: np.asarray(values, dtype=np.float64) for name, values in getattr(self, table).items()}
            lengths = {name: column.shape for name, column in columns.items()}
            if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
                raise InputError(f"trace: {table} must have columns of one length, got {lengths}")
            object.__setattr__(self, table, columns)

    @property
    def status(self) -> Status:
        """How the run ended; RUNNING where the metadata does not say."""
        return Status(str(self.meta.get("status", Status.RUNNING)))

    def last(self, column: str) -> float:
        """The last value of a column of `evaluations`, else of `steps`; NaN where it is empty or missing."""
        for table in (self.evaluations, self.steps):
            if column in table and len(table[column]):
                return float(table[column][-1])
        return float("nan")
