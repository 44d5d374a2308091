"""The stored table of worst cases, so that reports need no solver. `python -m steepest.theory.performance.build_table`
computes it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

from steepest.core.errors import InputError
from steepest.theory.performance.ask import Ask

FILE: Final = "worst_cases.json"


@dataclass(frozen=True)
class TableRow:
    """One method's worst cases by N, in units of L = 1 and 1 for what bounds the start.

    name: of the row, for a person. key: what a row must match to be used. values: by N. tolerances: by N, how far the
    value may be off, relative, where that is more than 1e-6.
    """

    name: str
    key: str
    values: Mapping[int, float]
    tolerances: Mapping[int, float] = field(default_factory=dict)

    def tolerance(self, steps: int) -> float:
        """How far the value at N may be off, relative."""
        return self.tolerances.get(steps, 1e-6)


@cache
def table() -> tuple[TableRow, ...]:
    """All rows.

    >>> table()[0].name, round(table()[0].values[1], 6)
    ('gradient-descent, convex, gap from distance, h = 1', 0.166667)
    """
    data: dict[str, Any] = json.loads((files("steepest.theory.performance") / FILE).read_text(encoding="utf-8"))
    return tuple(
        TableRow(
            row["name"],
            row["key"],
            {int(steps): float(value) for steps, value in row["values"].items()},
            {int(steps): float(value) for steps, value in row.get("tolerances", {}).items()},
        )
        for row in data["rows"]
    )


def key_of(ask: Ask, method: str) -> str:
    """What makes two asks the same but for N."""
    numbers = {"step": ask.step, "mu": ask.mu, **ask.numbers}
    shown = ", ".join(f"{key}={value:.9g}" for key, value in sorted(numbers.items()) if value == value)
    return f"{method}; {ask.functions}; {ask.quantity.name} from {ask.initial}; {ask.rule}; {shown}"


def table_row(ask: Ask, method: str) -> TableRow | None:
    """The row that has this ask, None where there is none."""
    key = key_of(ask, method)
    return next((row for row in table() if row.key == key), None)


def stored_value(ask: Ask, method: str) -> tuple[float, float]:
    """The stored worst case, and how far it may be off, relative. Raises InputError, with what there is, for others."""
    row = table_row(ask, method)
    if row is None:
        raise InputError(f"worst_case: the table has no row {key_of(ask, method)!r}; stored=False computes it")
    if ask.steps not in row.values:
        raise InputError(f"worst_case: the table has {row.name} for N up to {max(row.values)}, got {ask.steps}")
    return row.values[ask.steps], row.tolerance(ask.steps)
