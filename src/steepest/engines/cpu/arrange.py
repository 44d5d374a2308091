"""An arrangement: which tensors take part in a step, in which batches and rows; kept while these stay the same."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from steepest.core.arrays import Tensors
from steepest.engines.cpu.batch import Batch, Row
from steepest.engines.cpu.memory import addresses_of
from steepest.engines.cpu.program import Program, finish
from steepest.engines.cpu.slots import Kind, Slots
from steepest.formula.plan import PARAMETER
from steepest.formula.values import ByGroup, Values


@final
class Arrangement:
    """The batches of a step, and the numbers of their rows.

    used: the hyperparameters that are the same for all tensors, for the step report. seen: reductions over the model by
    their path in the report. scalars: whether slots are one number, of the model or of a tensor. rounds: the passes in
    their order.
    """

    def __init__(
        self,
        programs: Mapping[Kind, Program],
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
        self.scalars = any(batch.program.model_slots or batch.program.tensor_slots for batch in self.batches)
        self.rows = tuple(row for batch in self.batches for row in batch.rows)
        self.seen = {path: (batch, place) for batch in self.batches for path, place in batch.program.host.seen.items()}
        self._reductions = self._shared_reductions()
        self.rounds = self._rounds()
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

    def reduce(self) -> None:
        """Finish the reductions over the model whose sums are known: over the tensors of every batch that has them."""
        for members in self._reductions.values():
            parts = [batch.total(place) for batch, place in members]
            known = [part for part in parts if part is not None]
            if len(known) == len(parts):
                first, place = members[0]
                count = sum(batch.table.elements for batch, _ in members)
                with np.errstate(all="ignore"):
                    total = float(np.add.reduce(known))
                    result = float(finish(first.program.host.model[place], total, count))
                for batch, place in members:
                    batch.model[place] = result

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
        for batch in self.batches:
            batch.read(values)

    def _shared_reductions(self) -> dict[str, list[tuple[Batch, int]]]:
        """Each reduction over the model, by its path, with the batches that have it and its place there."""
        found: dict[str, list[tuple[Batch, int]]] = {}
        for batch in self.batches:
            for place, path in enumerate(batch.program.host.paths):
                found.setdefault(path, []).append((batch, place))
        return found

    def _rounds(self) -> tuple[tuple[tuple[Batch, int], ...], ...]:
        """The passes in order: a pass waits for the reductions that it needs, the first ones for nothing."""
        walked = dict.fromkeys(self.batches, 0)
        rounds = []
        while left := [batch for batch in self.batches if walked[batch] < len(batch.program.plan.passes)]:
            known = {
                path
                for path, members in self._reductions.items()
                if all(walked[batch] > batch.program.taken(place) for batch, place in members)
            }
            ready = tuple((batch, walked[batch]) for batch in left if batch.waits(walked[batch]) <= known)
            assert ready, "some pass can always be walked"
            for batch, _ in ready:
                walked[batch] += 1
            rounds.append(ready)
        return tuple(rounds)

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
        calls = [step.call for step in program.plan.passes if step.call is not None]
        if calls:
            paths = {f"slot:{path}": path for call in calls for path in call.slots if path is not None}
            paths |= {"p.low": "p.low"} if program.formats[PARAMETER].kind == "kahan" else {}
            batch.calls({name: [slots.arrays[path][tensor] for tensor in names] for name, path in paths.items()})
        return batch


def _mark(value: float | Mapping[str, float]) -> object:
    """What must stay the same for rows to stay the same: the groups, or the numbers by tensor."""
    if isinstance(value, ByGroup):
        return value.group_of
    return value if isinstance(value, Mapping) else None
