"""An arrangement: which tensors take part in a step, in which batches and rows; kept while these stay the same."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, final

from steepest.core.arrays import Tensors
from steepest.engines.cpu.slots import Kind
from steepest.engines.cuda.batch import Batch
from steepest.engines.cuda.program import Program
from steepest.engines.cuda.rows import Rows
from steepest.engines.cuda.seen import Reduction, Seen
from steepest.engines.cuda.slots import Slots
from steepest.engines.cuda.upload import Upload
from steepest.formula.values import Values


@final
class Arrangement:
    """The batches of a step, and what their kernels read.

    rounds: the passes in their order. used: the hyperparameters that are the same for all tensors, for the report.
    """

    def __init__(
        self,
        programs: Mapping[Kind, Program],
        slots: Slots,
        params: Tensors,
        names: Sequence[str],
        values: Values,
    ) -> None:
        self.programs, self.names, self._slots = programs, list(names), slots
        groups: dict[Kind, list[str]] = {}
        for name in names:
            groups.setdefault(slots.kinds[slots.places[name]], []).append(name)
        self._upload, self._sums = Upload(slots.device), len(groups)
        self.batches: list[Batch] = []
        for kind in sorted(groups):
            self._add(programs[kind], groups[kind], params, values, len(groups))
        self._upload.allot()
        for batch in self.batches:
            for name in batch.program.plan.arrays:
                for path, plane in slots.planes(name, batch.program.formats[name]):
                    batch.point(name, [slots.arrays[path][tensor].data_ptr() for tensor in batch.names], plane)
        self._shared = self._shared_reductions()
        self._counts = {path: sum(batch.elements for batch in members) for path, members in self._shared.items()}
        self._seen = self._reductions()
        self.rounds = self._rounds()
        self._read(values)

    def fits(self, names: Sequence[str], values: Values, programs: object) -> bool:
        """Whether it serves a step on these tensors with hyperparameters grouped like this."""
        if programs is not self.programs or names != self.names:
            return False
        if values is not self._values:
            if not all(batch.rows.fits(values) for batch in self.batches):
                return False
            self._read(values)
        return True

    def send(self, clock: int, needed: Mapping[str, Any]) -> dict[str, Any]:
        """Send this step's numbers to the device; the tables that kernels read, with room for its sums."""
        torch: Any = sys.modules["torch"]
        for batch in self.batches:
            batch.fill(clock, needed, self._counts)
        self._upload.send()
        width = self.batches[0].program.layout.sums
        # A batch that lacks a reduction of another has 0 there.
        room = torch.zeros if len(self.batches) > 1 else torch.empty
        return {
            "sums": room(self._sums * width, dtype=torch.float64, device=self._slots.device),
            "scalars": self._slots.scalars,
            "scratch": self._slots.scratch,
        }

    def is_finite(self, tables: Mapping[str, Any]) -> bool:
        """Whether the sums of squared gradients are finite; waits for the device."""
        layout = self.batches[0].program.layout
        return bool(self._batch_sums(tables)[:, layout.check].isfinite().all())

    def seen(self, tables: Mapping[str, Any]) -> Mapping[str, float]:
        """What a step reduced over the model."""
        return Seen(self._seen, self._batch_sums(tables)) if self._seen else {}

    def advance(self) -> None:
        """One more update of these tensors."""
        for batch in self.batches:
            batch.rows.advance()

    def age_cells(self) -> dict[str, array[int]]:
        """By tensor, where its age is counted."""
        return {
            name: batch.rows.cells[row]
            for batch in self.batches
            for name, row in zip(batch.names, batch.rows.row_of, strict=True)
        }

    def _read(self, values: Values) -> None:
        self._values = values
        self.used = {path: value for path, value in values.items() if not isinstance(value, Mapping)}

    def _add(self, program: Program, names: list[str], params: Tensors, values: Values, batches: int) -> None:
        slots = self._slots
        places = [slots.places[name] for name in names]
        ages = [int(slots.ages[place]) for place in places]
        rows = Rows(program.layout.host, names, ages, [len(params[name].shape) for name in names], values)
        number = len(self.batches)
        batch = Batch(program, names, places, params, rows, self._sums, number, batches, slots.seed, self._upload)
        self.batches.append(batch)
        self._sums += len(names)

    def _batch_sums(self, tables: Mapping[str, Any]) -> Any:
        """Each batch's sums, a row for each."""
        width = self.batches[0].program.layout.sums
        return tables["sums"][: len(self.batches) * width].reshape(-1, width)

    def _shared_reductions(self) -> dict[str, list[Batch]]:
        """Each reduction over the model, by its first path, with the batches that have it."""
        found: dict[str, list[Batch]] = {}
        for batch in self.batches:
            for path in batch.program.layout.taken:
                found.setdefault(path, []).append(batch)
        return found

    def _reductions(self) -> dict[str, Reduction]:
        return {
            path: Reduction(node.op, layout.reduced[node], self._counts[layout.paths[node]])
            for layout in (batch.program.layout for batch in self.batches)
            for path, node in layout.seen.items()
        }

    def _rounds(self) -> list[list[tuple[Batch, int]]]:
        """The passes in order: a pass waits for the reductions that it reads, the first ones for nothing."""
        walked = dict.fromkeys(self.batches, 0)
        rounds: list[list[tuple[Batch, int]]] = []
        while left := [batch for batch in self.batches if walked[batch] < len(batch.program.plan.passes)]:
            known = {
                path
                for path, members in self._shared.items()
                if all(walked[batch] > batch.program.taken(path) for batch in members)
            }
            ready = [(batch, walked[batch]) for batch in left if batch.program.source.waits[walked[batch]] <= known]
            assert ready, "some pass can always be walked"
            for batch, _ in ready:
                walked[batch] += 1
            rounds.append(ready)
        return rounds
