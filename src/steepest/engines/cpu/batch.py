"""The tensors of one kind of numbers in a step: their program, their rows of hyperparameters, their addresses."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt

from steepest.engines.cpu import pool
from steepest.engines.cpu.calls import Caller
from steepest.engines.cpu.host import UNUSUAL
from steepest.engines.cpu.memory import (
    address_of,
    addresses_of,
    converted,
    empty_like,
    is_row_major,
    row_major_addresses,
    shapes_of,
)
from steepest.engines.cpu.program import Program, Stage, finish
from steepest.engines.cpu.table import Table
from steepest.formula.counter_random import keys, rounding_keys
from steepest.formula.graph import Node
from steepest.formula.plan import GRADIENT, PARAMETER, Sum
from steepest.formula.values import Values

SERIAL_BELOW = 40_000
"""Elements below which one thread is faster than waking the others."""
Check = Callable[[Sequence[str], Sequence[Any]], None]
_Pass = tuple[Stage, Callable[..., None], memoryview, bool, pool.Run, int, int, bool]
Vector = npt.NDArray[np.float64]


@final
@dataclass
class Row:
    """Tensors that share every number of a step, by the name of one of them.

    age: updates so far, counted in place. numbers: of the step, in the order of the host's leaves, and the number of
    dimensions.
    """

    name: str
    age: array[int]
    ndim: int
    numbers: list[float] = field(default_factory=list)


@final
class Batch:
    """One program on some of a step's tensors.

    model: reductions over the model, NaN where not known yet. places: of its tensors among all. row_of: the row of
    each. seed: of random numbers. params: of the last step.
    """

    def __init__(
        self,
        program: Program,
        names: Sequence[str],
        places: Sequence[int],
        params: Sequence[Any],
        rows: Sequence[Row],
        row_of: Sequence[int],
        seed: int,
    ) -> None:
        self.program, self.names, self.places, self.rows = program, tuple(names), np.asarray(places), tuple(rows)
        self._dtype = params[0].dtype
        self.params = list(params)
        self._source: Mapping[str, Any] | None = None
        self._parameters: list[int] = []
        self._shapes: list[Any] = []
        self._row_major = all(map(is_row_major, params))
        self.table = Table(program, [math.prod(p.shape) for p in params], row_of)
        self.sums: dict[Sum, Vector] = {}
        self.model = [math.nan] * len(program.host.model)
        leaves = [name.partition(":")[::2] for name in program.host.leaves]
        self._leaves = leaves
        self._ages = [place for place, (kind, _) in enumerate(leaves) if kind == "k"]
        self._others = [(place, *leaf) for place, leaf in enumerate(leaves) if leaf[0] not in {"value", "k"}]
        self.seed = seed
        self._planes = {plane: place for place, plane in enumerate(program.source.planes)}
        self._known: dict[tuple[str, int], list[int]] = {}
        self._given: dict[str, Sequence[Any]] = {}
        self._callers: dict[int, Caller] = {}
        self._temporary = self._temporaries()
        self._passes = [self._pass(index, stage) for index, stage in enumerate(program.stages)]

    def point(self, array: str, addresses: list[int], plane: int = 0) -> None:
        """Say where the tensors' parts of an array lie."""
        key = (array, plane)
        if self._known.get(key) != addresses:
            self.table.pointers[self._planes[key]] = addresses
            self._known[key] = addresses

    def calls(self, arrays: Mapping[str, Sequence[Any]]) -> None:
        """Make ready the formulas on whole arrays. arrays: slots by leaf name, and what parameters are rounded by."""
        between = self._between()
        for index, step in enumerate(self.program.plan.passes):
            if step.call is not None:
                wide = self.program.formats[PARAMETER].wide
                self._callers[index] = Caller(step.call, self.names, {**arrays, **between}, wide)

    def waits(self, index: int) -> frozenset[str]:
        """The reductions over the model, by path, that a pass needs."""
        return frozenset(self.program.host.paths[place] for place in self.program.stages[index].waits)

    def locate(
        self, params: Mapping[str, Any], gradients: Mapping[str, Any], check: Check, *, trusted: bool
    ) -> list[Any]:
        """Say where the parameters and their gradients lie now; see `receive`.

        check: called with parameters that have moved or changed. trusted: gradients are known to be where these are.
        """
        if params is not self._source:
            self.params, self._source = [params[name] for name in self.names], params
        addresses, shapes = addresses_of(self.params), shapes_of(self.params)
        if addresses != self._parameters or shapes != self._shapes:
            check(self.names, self.params)
            self._shapes = shapes
            if (PARAMETER, 0) in self._planes:
                self.point(PARAMETER, addresses)
            self._parameters = addresses
        return self.receive(GRADIENT, gradients, on_host=trusted)

    def receive(self, array: str, tensors: Mapping[str, Any], *, on_host: bool = False) -> list[Any]:
        """Say where an array lies that comes with the step.

        Tensors in another order or dtype than their parameters are copied, and returned, to be kept until the pass is
        over.
        """
        called = any(array in caller.call.reads for caller in self._callers.values())
        if (array, 0) not in self._planes and not called:
            return []
        given = [tensors[name] for name in self.names]
        found = row_major_addresses(given, self._dtype, on_host=on_host) if self._row_major else None
        copied: list[Any] = []
        if found is None:
            pairs = zip(self.names, given, self.params, strict=True)
            copied = [converted(name, tensor, p) for name, tensor, p in pairs]
            found = addresses_of(copied)
        if called:
            self._given[array] = copied or given
        if (array, 0) in self._planes:
            self.point(array, found)
        return copied

    def read(self, values: Values) -> None:
        """Take over a step's hyperparameters."""
        for row in self.rows:
            row.numbers = [*(_number(values, kind, path, row.name) for kind, path in self._leaves), row.ndim]

    def prepare(self, clock: int, models: Mapping[str, Any], needed: Mapping[str, Any]) -> None:
        """Give every row the numbers of this step, and forget the last one's sums."""
        for row in self.rows:
            for place in self._ages:
                row.numbers[place] = row.age[0] + 1
            for place, kind, path in self._others:
                row.numbers[place] = (
                    clock if kind == "t" else float(models[f"slot:{path}"][0] if kind == "slot" else needed[path])
                )
        if self.sums:
            self.sums.clear()
            self.model[:] = [math.nan] * len(self.model)

    def walk(self, index: int, vectors: Mapping[str, Any]) -> None:
        """Compute what pass `index` reads, and run it. vectors: slots with one number a tensor, over all tensors."""
        if index in self._callers:
            self._call(index)
            return
        stage, pack, memory, keyed, run, chunk_count, tables, summed = self._passes[index]
        if stage.columns is not None:
            self._fill(index, stage, vectors)
        elif stage.width:
            place, size = 0, 8 * stage.width
            for row in self.rows:
                try:
                    values = stage.rows(*row.numbers, *self.model)
                except UNUSUAL:
                    values = stage.careful_rows(*row.numbers, *self.model)
                pack(memory, place, *values)
                place += size
        if keyed:
            self._fill_keys(index)
        run(0, chunk_count, tables)
        if summed:
            self.sums |= self.table.sums(index)

    def _pass(self, index: int, stage: Stage) -> _Pass:
        """All that running a pass takes: looked up once, not at every step."""
        table = self.table
        is_small = table.elements < SERIAL_BELOW
        is_call = self.program.plan.passes[index].call is not None
        return (
            stage,
            struct.Struct(f"={stage.width}d").pack_into,
            table.memory[index],
            table.layout(index).words > 0,
            _nothing if is_call else (pool.bound if is_small else pool.shared)(self.program.kernels[index]),
            table.chunk_count,
            table.addresses[index],
            bool(self.program.plan.passes[index].sums),
        )

    def _call(self, index: int) -> None:
        """Run a formula on whole arrays, and say where its updates lie."""
        caller, stage = self._callers[index], self.program.stages[index]
        rows = [stage.careful_rows(*row.numbers, *self.model) for row in self.rows]
        numbers = [rows[row] for row in self.table.row_of]
        result = caller.call.result
        self._given[result] = caller.run(self.params, self._given, numbers)  # held until the next step: passes read it
        if (result, 0) in self._planes:
            self.point(result, addresses_of(self._given[result]))

    def _fill(self, index: int, stage: Stage, vectors: Mapping[str, Any]) -> None:
        """The tables of a pass that reads numbers by tensor."""
        assert stage.columns is not None
        rows = [stage.careful_rows(*row.numbers, *self.model) for row in self.rows]
        for number, values in enumerate(rows):
            self.table.rows[index][number] = values[: stage.width]
        for number, vector in enumerate(self._columns(stage.columns, rows, stage.width, vectors)):
            self.table.columns[index][:, number] = vector

    def finish(self, vectors: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[Vector, ...]]:
        """The new values of slots that are one number: of the model, and as vectors over tensors."""
        stage = self.program.last
        rows = [stage.careful_rows(*row.numbers, *self.model) for row in self.rows]
        columns = () if stage.columns is None else self._columns(stage.columns, rows, stage.width, vectors)
        return rows[0][: stage.width], columns

    def total(self, place: int) -> float | None:
        """The sum over these tensors behind a reduction over the model, None where it is not taken yet."""
        found = self.sums.get(self.program.sums[self.program.host.model[place]])
        if found is None:
            return None
        with np.errstate(all="ignore"):
            return float(np.add.reduce(found))

    def _columns(
        self,
        compute: Callable[..., tuple[Vector, ...]],
        rows: list[tuple[float, ...]],
        width: int,
        vectors: Mapping[str, Any],
    ) -> tuple[Vector, ...]:
        host = self.program.host
        by_row = np.array([row[width:] for row in rows], dtype=np.float64)[self.table.row_of].T
        sizes = self.table.sizes.astype(np.float64)
        slots = [vectors[name][self.places].astype(np.float64) for name in host.tensor_slots]
        with np.errstate(all="ignore"):
            sums = [self._finished(node, sizes) for node in host.by_tensor]
            return compute(*by_row, sizes, *slots, *sums)

    def _finished(self, node: Node, sizes: Vector) -> Vector | float:
        total = self.sums.get(self.program.sums[node])
        result: Vector | float = math.nan if total is None else finish(node, total, sizes)
        return result

    def _fill_keys(self, index: int) -> None:
        table = self.table.keys[index]
        ages = np.array([row.age[0] + 1 for row in self.rows])[self.table.row_of]
        for owner, first in self.table.layout(index).randoms.items():
            if isinstance(owner, str):
                table[:, first : first + 2] = rounding_keys(self.seed, self.names, owner, ages)
                continue
            attributes = dict(owner.attributes)
            kind, stream = str(attributes["kind"]), int(attributes["stream"])
            for number, (name, age) in enumerate(zip(self.names, ages.tolist(), strict=True)):
                found = keys(kind, self.seed, name, age, stream)
                table[number, first : first + len(found)] = found

    def _between(self) -> dict[str, list[Any]]:
        """Memory for what passes compute for formulas on whole arrays, like each parameter's."""
        arrays: dict[str, list[Any]] = {}
        for name in (name for name in self.program.plan.arrays if name.startswith("given:")):
            dtype = self.program.formats[name].kind
            arrays[name] = [empty_like(p, dtype) for p in self.params]
            self.point(name, addresses_of(arrays[name]))
        return arrays

    def _temporaries(self) -> list[Any]:
        """Memory for what lives between passes."""
        arrays = []
        starts = np.cumsum(self.table.sizes) - self.table.sizes
        for name in self.program.plan.temporaries:
            dtype = np.float64 if self.program.formats[name].wide else np.float32
            arrays.append(np.empty(self.table.elements, dtype=dtype))
            self.table.pointers[self._planes[name, 0]] = address_of(arrays[-1]) + starts * arrays[-1].itemsize
        return arrays


def _nothing(first: int, last: int, tables: int) -> None:
    """What stands in place of a kernel where there is none."""


def _number(values: Values, kind: str, path: str, name: str) -> float:
    """A hyperparameter's number for a tensor; 0 for what is filled in at each step."""
    if kind != "value":
        return 0.0
    value = values[path]
    return value[name] if isinstance(value, Mapping) else value
