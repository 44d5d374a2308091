"""Rows: tensors that share every number of a step, hyperparameters, age and dimensions alike."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from steepest.engines.cpu.host import Host
from steepest.formula.values import ByGroup, Values


@final
@dataclass
class _Row:
    name: str
    age: array[int]
    ndim: int


@final
class Rows:
    """The rows of a step's tensors, kept while the same tensors take part in the same groups.

    row_of: the row of each tensor.
    """

    def __init__(
        self, host: Host, names: Sequence[str], ages: Sequence[int], ndims: Sequence[int], values: Values
    ) -> None:
        self._leaves = [name.partition(":")[::2] for name in host.leaves]
        grouped = [value for value in values.values() if isinstance(value, Mapping)]
        found: dict[tuple[object, ...], int] = {}
        self._rows: list[_Row] = []
        self.row_of: list[int] = []
        for name, age, dimensions in zip(names, ages, ndims, strict=True):
            ndim = dimensions if host.sized else 0
            own = tuple(v.group_of[name] if isinstance(v, ByGroup) else v[name] for v in grouped)
            number = found.setdefault((age, ndim, *own), len(found))
            if number == len(self._rows):
                self._rows.append(_Row(name, array("q", [age]), ndim))
            self.row_of.append(number)
        self._read(values)

    @property
    def ages(self) -> list[int]:
        """How many updates the tensors of each row have had, with this one."""
        return [row.age[0] + 1 for row in self._rows]

    @property
    def cells(self) -> list[array[int]]:
        """Where the age of each row is counted."""
        return [row.age for row in self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    def fits(self, values: Values) -> bool:
        """Whether they serve a step with hyperparameters grouped like this; if so, takes them over."""
        if values is self._values:
            return True
        marks = _marks(values)
        if marks.keys() != self._marks.keys():
            return False
        if any(mark is not self._marks[path] and mark != self._marks[path] for path, mark in marks.items()):
            return False
        self._read(values)
        return True

    def numbers(self, clock: int, needed: Mapping[str, Any]) -> list[list[float]]:
        """Each row's numbers at this step: of the host's leaves, and the number of dimensions."""
        return [
            [*(self._number(row, clock, needed, kind, path) for kind, path in self._leaves), row.ndim]
            for row in self._rows
        ]

    def advance(self) -> None:
        """One more update of these tensors."""
        for row in self._rows:
            row.age[0] += 1

    def _read(self, values: Values) -> None:
        self._values, self._marks = values, _marks(values)

    def _number(self, row: _Row, clock: int, needed: Mapping[str, Any], kind: str, path: str) -> float:
        if kind == "value":
            value = self._values[path]
            return value[row.name] if isinstance(value, Mapping) else value
        # A slot's number is on the device: what depends on it is computed there.
        return float({"k": row.age[0] + 1, "t": clock, "slot": 0.0}[kind] if kind != "input" else needed[path])


def _marks(values: Values) -> dict[str, object]:
    """What must stay the same for rows to stay the same: the groups, or the numbers by tensor."""
    return {
        path: value.group_of if isinstance(value, ByGroup) else value
        for path, value in values.items()
        if isinstance(value, Mapping)
    }
