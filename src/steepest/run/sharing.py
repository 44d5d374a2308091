"""Which rules can move their runs in one stepper, and the rows of hyperparameters that differ by run."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from steepest.core.errors import FormulaError
from steepest.core.schedule import Schedule
from steepest.formula import Rule
from steepest.formula.graph import Level
from steepest.formula.plan import Unplannable
from steepest.formula.values import ByGroup, Values


def structures(rules: Sequence[Rule]) -> list[Hashable | None]:
    """For each rule what those that share its stepper have in common: formulas and fixed choices; None for none.

    In a shared stepper the tensors of all runs are one model under other names. So what is read over the whole model,
    drawn by the names of tensors or chosen by them, taken from outside (the value), or what is not traced, would differ
    from a run by itself; and so might a point of query or answer, which is not traced here.
    """
    links = [tuple((p, id(link.formula), repr(sorted(link.statics.items()))) for p, link in r.links()) for r in rules]
    shareable = {key: _is_shareable(rule) for key, rule in dict(zip(links, rules, strict=True)).items()}
    return [key if shareable[key] else None for key in links]


def _is_shareable(rule: Rule) -> bool:
    if rule.needs or rule.link_with("query") is not None or rule.link_with("answer") is not None:
        return False
    if any(callable(slot.like) or slot.like == "model" for slot in rule.slots().values()):
        return False
    try:
        graph = rule.graph()
    except (FormulaError, Unplannable):
        return False
    return not any(node.op in {"random", "opaque"} or node.level is Level.MODEL for node in graph.nodes())


@final
class Settings:
    """Hyperparameters of several rules of one structure, as rows: rules that are equal have one row.

    labels: for each rule, what its tensors' names begin with. tensors: the names of one run.
    """

    def __init__(self, rules: Sequence[Rule], labels: Sequence[str], tensors: Sequence[str]) -> None:
        rows: dict[Rule, int] = {}
        self._row_of = [rows.setdefault(rule, len(rows)) for rule in rules]
        self._rules = list(rows)
        self._groups = {
            f"{label}{tensor}": row for label, row in zip(labels, self._row_of, strict=True) for tensor in tensors
        }
        settings = [rule.hyperparameters().values() for rule in self._rules]
        self._constant = not any(isinstance(value, Schedule) for row in settings for value in row)
        self._last: dict[str, float | ByGroup] = self._at(0)

    def values(self, clock: int) -> Values:
        """Every hyperparameter by path after `clock` updates: one number, or one by row."""
        if not self._constant:
            self._last = self._at(clock)
        return self._last

    def last(self, path: str) -> float | npt.NDArray[np.float64]:
        """The numbers given last, by rule; NaN where there is no such path."""
        found = self._last.get(path, math.nan)
        return np.array([found.numbers[row] for row in self._row_of]) if isinstance(found, ByGroup) else found

    def _at(self, clock: int) -> dict[str, float | ByGroup]:
        rows = [rule.values(clock) for rule in self._rules]
        return {path: self._column([row[path] for row in rows]) for path in rows[0]}

    def _column(self, numbers: list[float]) -> float | ByGroup:
        return numbers[0] if len(set(numbers)) == 1 else ByGroup(self._groups, numbers)
