"""An arrangement: which tensors take part in a step, in which batches and rows; kept while these stay the same."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, final

from steepest.core.arrays import Tensors
from steepest.engines.cpu.batch import Batch, Row
from steepest.engines.cpu.memory import addresses_of
from steepest.engines.cpu.program import Program
from steepest.engines.cpu.slots import Slots
from steepest.formula.evaluate import ByGroup, Values


@final
class Arrangement:
    """The batches of a step, and the numbers of their rows.

    used: the hyperparameters that are the same for all tensors, for the step report. scalars: whether slots are one
    number, of the model or of a tensor.
    """

    def __init__(
        self,
        programs: Mapping[str, Program],
        slots: Slots,
        params: Tensors,
        names: Sequence[str],
        values: Values,
    ) -> None:
        self.programs, self.names = programs, list(names)
        kinds = {name: slots.kinds[slots.places[name]] for name in names}
        grouped = [value for value in values.values() if isinstance(value, Mapping)]
        self.batches = tuple(
            self._batch(programs[kind], [name for name in names if kinds[name] == kind], slots, params, grouped)
            for kind in sorted(set(kinds.values()))
        )
        first = self.batches[0].program
        self.host, self.passes = first.host, len(first.plan.passes)
        self.model_sums = len(self.host.model)
        self.scalars = bool(first.model_slots or first.tensor_slots)
        self.rows = tuple(row for batch in self.batches for row in batch.rows)
        self._leaves = [name.partition(":")[::2] for name in self.host.leaves]
        self._ages = [place for place, (kind, _) in enumerate(self._leaves) if kind == "k"]
        self._others = [(place, *leaf) for place, leaf in enumerate(self._leaves) if leaf[0] not in {"value", "k"}]
        self._read(values)

    def fits(self, names: Sequence[str], values: Values, programs: object) -> bool:
        """Whether it serves a step on these tensors with hyperparameters grouped like this."""
        if programs is not self.programs or names != self.names:
            return False
        if values is self._values:
            return True
        marks = {path: _mark(value) for path, value in values.items() if type(value) is not float}
        if marks.keys() != self._marks.keys():
            return False
        if any(mark is not self._marks[path] and mark != self._marks[path] for path, mark in marks.items()):
            return False
        self._read(values)
        return True

    def prepare(self, clock: int, models: Mapping[str, Any], needed: Mapping[str, Any]) -> None:
        """Give every row the numbers of this step."""
        for row in self.rows:
            for place in self._ages:
                row.numbers[place] = row.age[0] + 1
            for place, kind, path in self._others:
                row.numbers[place] = (
                    clock if kind == "t" else float(models[f"slot:{path}"][0] if kind == "slot" else needed[path])
                )

    def advance(self) -> None:
        """One more update of these tensors."""
        for row in self.rows:
            row.age[0] += 1

    def settle(self, slots: Slots) -> None:
        """Write the ages that were counted in place into the state."""
        for name, cell in self.age_cells().items():
            slots.ages[slots.places[name]] = cell[0]

    def age_cells(self) -> dict[str, array[int]]:
        """By tensor, where its age is counted."""
        return {
            name: batch.rows[row].age
            for batch in self.batches
            for name, row in zip(batch.names, batch.table.row_of, strict=True)
        }

    def _read(self, values: Values) -> None:
        """Take over a step's hyperparameters."""
        self._values = values
        self._marks = {path: _mark(value) for path, value in values.items() if type(value) is not float}
        self.used = {path: value for path, value in values.items() if not isinstance(value, Mapping)}
        for row in self.rows:
            row.numbers = [*(self._number(values, kind, path, row) for kind, path in self._leaves), row.ndim]

    @staticmethod
    def _number(values: Values, kind: str, path: str, row: Row) -> float:
        if kind != "value":
            return 0.0
        value = values[path]
        return value[row.name] if isinstance(value, Mapping) else value

    @staticmethod
    def _batch(
        program: Program,
        names: Sequence[str],
        slots: Slots,
        params: Tensors,
        grouped: Sequence[Mapping[str, float]],
    ) -> Batch:
        rows: dict[tuple[object, ...], tuple[int, Row]] = {}
        row_of = []
        for name in names:
            age = int(slots.ages[slots.places[name]])
            ndim = len(params[name].shape) if program.host.sized else 0
            own = tuple(v.group_of[name] if isinstance(v, ByGroup) else v[name] for v in grouped)
            number, _ = rows.setdefault((age, ndim, *own), (len(rows), Row(name, array("q", [age]), ndim)))
            row_of.append(number)
        places = [slots.places[name] for name in names]
        tensors = [params[name] for name in names]
        batch = Batch(program, names, places, tensors, [row for _, row in rows.values()], row_of, slots.seed)
        for name in program.plan.arrays:
            for path, plane in slots.planes(name, program.formats[name]):
                batch.point(name, addresses_of([slots.arrays[path][tensor] for tensor in names]), plane)
        return batch


def _mark(value: float | Mapping[str, float]) -> object:
    """What must stay the same for rows to stay the same: the groups, or the numbers by tensor."""
    if isinstance(value, ByGroup):
        return value.group_of
    return value if isinstance(value, Mapping) else None
