"""The tensors of one kind of numbers in a step: their program, their rows of hyperparameters, their addresses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from steepest.engines.cpu import pool
from steepest.engines.cpu.memory import address_of, is_row_major, kind_of
from steepest.engines.cpu.program import Program, finish
from steepest.engines.cpu.table import Table
from steepest.formula.counter_random import keys, rounding_keys
from steepest.formula.graph import Node
from steepest.formula.plan import Sum

SERIAL_BELOW = 40_000
"""Elements below which one thread is faster than waking the others."""
Vector = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class Row:
    """Tensors that share every number of a step: the name of one of them, its place among all, their dimensions."""

    name: str
    place: int
    ndim: int


@final
class Batch:
    """One program on some of a step's tensors.

    indices: places of its tensors among all. row_of: the row of each.
    """

    def __init__(
        self,
        program: Program,
        names: Sequence[str],
        indices: Sequence[int],
        params: Sequence[Any],
        rows: Sequence[Row],
        row_of: Sequence[int],
        seed: int,
    ) -> None:
        self.program, self.names, self.indices, self.rows = program, tuple(names), np.asarray(indices), tuple(rows)
        self.table = Table(program, [math.prod(p.shape) for p in params], row_of)
        self.sums: dict[Sum, Vector] = {}
        self.seed = seed
        self._places = {plane: place for place, plane in enumerate(program.source.planes)}
        self._run: Callable[[int, int, int], None] = pool.serial if self.table.elements < SERIAL_BELOW else pool.launch
        self._own = self._temporaries()
        self._expected: list[tuple[str, tuple[str, bool]]] = []
        self._known: dict[str, list[int]] = {}

    def point(self, array: str, addresses: list[int], plane: int = 0) -> None:
        """Say where the tensors' parts of an array lie."""
        place = self._places.get((array, plane))
        if place is not None and self._known.get(f"{array} {plane}") != addresses:
            self.table.pointers[place] = addresses
            self._known[f"{array} {plane}"] = addresses

    def touches(self, array: str) -> bool:
        """Whether the plan reads or writes it."""
        return (array, 0) in self._places

    def expected(self, params: Mapping[str, Any]) -> list[tuple[str, tuple[str, bool]]]:
        """By tensor: the kind of numbers of its parameter, and whether they lie in row-major order."""
        if not self._expected:
            self._expected = [(name, (str(kind_of(params[name])), is_row_major(params[name]))) for name in self.names]
        return self._expected

    def run(
        self, index: int, leaves: Callable[[Row], tuple[float, ...]], model: Sequence[float], step: StepState
    ) -> None:
        """Compute what pass `index` reads, and walk it."""
        stage = self.program.stages[index]
        if stage.width or stage.columns is not None:
            rows = [stage.rows(*leaves(row), row.ndim, *model) for row in self.rows]
            if stage.width:
                for number, values in enumerate(rows):
                    self.table.rows[index][number] = values[: stage.width]
            if stage.columns is not None:
                vectors = self._columns(stage.columns, rows, stage.width, step)
                for number, vector in enumerate(vectors):
                    self.table.columns[index][:, number] = vector
        if self.table.layout(index).words:
            self._fill_keys(index, step.ages)
        self._run(self.program.kernels[index], self.table.addresses[index], self.table.chunk_count)
        if self.program.plan.passes[index].sums:
            self.sums |= self.table.sums(index)

    def finish(
        self, leaves: Callable[[Row], tuple[float, ...]], model: Sequence[float], step: StepState
    ) -> tuple[tuple[float, ...], tuple[Vector, ...]]:
        """The new values of slots that are one number: of the model, and vectors over tensors."""
        stage = self.program.last
        rows = [stage.rows(*leaves(row), row.ndim, *model) for row in self.rows]
        vectors = () if stage.columns is None else self._columns(stage.columns, rows, stage.width, step)
        return rows[0][: stage.width], vectors

    def total(self, node: Node) -> float | None:
        """The model's sum over these tensors, None where it is not taken yet."""
        found = self.sums.get(self.program.sums[node])
        return None if found is None else float(np.add.reduce(found))

    def _columns(
        self, compute: Callable[..., tuple[Vector, ...]], rows: list[tuple[float, ...]], width: int, step: StepState
    ) -> tuple[Vector, ...]:
        host = self.program.host
        by_row = np.array([row[width:] for row in rows], dtype=np.float64)[self.table.row_of].T
        sizes = self.table.sizes.astype(np.float64)
        slots = [step.vectors[name][self.indices].astype(np.float64) for name in host.tensor_slots]
        sums = [self._finished(node, sizes) for node in host.by_tensor]
        with np.errstate(all="ignore"):
            return compute(*by_row, sizes, *slots, *sums)

    def _finished(self, node: Node, sizes: Vector) -> Vector | float:
        total = self.sums.get(self.program.sums[node])
        with np.errstate(all="ignore"):
            result: Vector | float = math.nan if total is None else finish(node, total, sizes)
        return result

    def _fill_keys(self, index: int, ages: npt.NDArray[np.int64]) -> None:
        table = self.table.keys[index]
        for owner, first in self.table.layout(index).randoms.items():
            if isinstance(owner, str):
                table[:, first : first + 2] = rounding_keys(self.seed, self.names, owner, ages[self.indices])
                continue
            attributes = dict(owner.attributes)
            kind, stream = str(attributes["kind"]), int(attributes["stream"])
            for number, (name, age) in enumerate(zip(self.names, ages[self.indices].tolist(), strict=True)):
                found = keys(kind, self.seed, name, age, stream)
                table[number, first : first + len(found)] = found

    def _temporaries(self) -> list[Any]:
        """Memory for what lives between passes."""
        arrays = []
        starts = np.cumsum(self.table.sizes) - self.table.sizes
        for name in self.program.plan.temporaries:
            dtype = np.float64 if self.program.formats[name].wide else np.float32
            arrays.append(np.empty(self.table.elements, dtype=dtype))
            place = self._places[name, 0]
            self.table.pointers[place] = address_of(arrays[-1]) + starts * arrays[-1].itemsize
        return arrays


@final
@dataclass(frozen=True)
class StepState:
    """What a step's batches share: ages with this update, and slots with one number a tensor."""

    ages: npt.NDArray[np.int64]
    vectors: Mapping[str, npt.NDArray[Any]]
