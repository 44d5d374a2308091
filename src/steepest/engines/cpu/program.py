"""A plan made runnable: its kernels' addresses, and what is computed on the host before each pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from steepest.engines.cpu.host import Host, Rows, Vector
from steepest.engines.cpu.source import PassLayout, Source, source
from steepest.engines.formats import Format, computed_in, plan_in
from steepest.formula import bundle
from steepest.formula.graph import Graph, Level, Node
from steepest.formula.plan import PARAMETER, Plan, Sum, sums_of


@final
@dataclass(frozen=True, eq=False)
class Stage:
    """What is computed before a pass, or after the last one.

    rows, careful_rows: compute one row, as `Host.rows` says: first what the kernel reads (`width` values), then what
    `columns` borrows. columns: computes vectors over tensors, None where there are none. waits: the places of the
    reductions over the model that it needs.
    """

    rows: Rows
    careful_rows: Rows
    width: int
    columns: Callable[..., tuple[Vector, ...]] | None
    waits: tuple[int, ...]


@final
class Program:
    """One graph on arrays of given formats.

    formats: by array name. atomic, zero: as for `plan`. The kernels are compiled, or loaded, when they are first
    asked for.
    """

    def __init__(
        self, graph: Graph, formats: Mapping[str, Format], *, atomic: bool = False, zero: bool = False, title: str = ""
    ) -> None:
        self.host = Host(graph)
        self.plan: Plan = plan_in(graph, formats, atomic=atomic, zero=zero)
        kept = {name: Format("float64" if self.plan.sizes[name] == 8 else "float32") for name in self.plan.temporaries}
        between = (*graph.extra, *(call.result for call in graph.calls))
        self.formats = {**formats, **kept, **dict.fromkeys(between, computed_in(formats[PARAMETER]))}
        self.source: Source = source(self.plan, self.formats, per_row=self.host.per_row, title=title)
        self.stages = tuple(self._stage(layout) for layout in self.source.layouts)
        self.sums = sums_of(graph)
        slots = {path: node for path, node in graph.slots.items() if graph.inputs[f"slot:{path}"].level < Level.ELEMENT}
        self.model_slots = {p: n for p, n in slots.items() if graph.inputs[f"slot:{p}"].level is Level.MODEL}
        self.tensor_slots = {path: node for path, node in slots.items() if path not in self.model_slots}
        self.last = self._stage(PassLayout(tuple(self.model_slots.values()), tuple(self.tensor_slots.values()), {}, 0))

    @cached_property
    def kernels(self) -> tuple[int, ...]:
        """The address of each pass, compiled or loaded; 0 for a call."""
        from steepest.engines.cpu.cache import load

        module: Any = load(self.source.text, "plan")
        found = iter(module.PASSES)
        return tuple(int(next(found).address) if step.call is None else 0 for step in self.plan.passes)

    def compile(self) -> None:
        """Compile the kernels now, or load them. Raises EngineUnavailable where Numba cannot."""
        assert len(self.kernels) == len(self.plan.passes)

    @property
    def check(self) -> Sum:
        """The sum of squared gradients that an atomic plan takes first."""
        assert self.plan.check is not None
        return self.plan.check

    def taken(self, place: int) -> int:
        """The pass that takes the sum behind a reduction over the model."""
        total = self.sums[self.host.model[place]]
        return next(index for index, step in enumerate(self.plan.passes) if total in step.sums)

    def places(self, index: int) -> Mapping[Sum, int]:
        """The sums that a pass takes, with their place among its partial sums."""
        return {total: place for place, total in enumerate(self.plan.passes[index].sums)}

    def _stage(self, layout: PassLayout) -> Stage:
        waits = self.host.waits((*layout.rows, *layout.columns))
        if not layout.columns:
            return Stage(*self.host.rows(layout.rows), len(layout.rows), None, waits)
        borrowed, columns = self.host.columns(layout.columns)
        return Stage(*self.host.rows((*layout.rows, *borrowed)), len(layout.rows), columns, waits)


def finish(node: Node, total: float | Vector, count: float | Vector) -> Any:
    """A reduction from the sum behind it."""
    if node.op == "norm":
        return math.sqrt(total) if isinstance(total, float) else np.sqrt(total)
    if node.op != "mean":
        return total
    return bundle.divide(total, count) if isinstance(total, float) else total / count
