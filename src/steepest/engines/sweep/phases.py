"""Loops over coordinates and runs that compute a graph, phase by phase."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from steepest.engines.cpu.expressions import is_boolean, label
from steepest.engines.sweep.kinds import BOTH, ELEMENT, REDUCTIONS, name_of
from steepest.engines.sweep.outline import Outline, Traced
from steepest.engines.sweep.scope import Memory, Scope, Tables
from steepest.formula.graph import Graph, Node

Write = tuple[Node, str]
"""An elementwise value and the array [d, W] that takes it."""
Number = tuple[Node, int]
"""A value that is one number a run, and the row that takes it."""
At = Callable[[Node], str]
"""The source of a value where a statement needs it."""


@final
@dataclass
class _Course:
    """A graph on its way through the phases.

    order: its nodes, arguments first. phases, reads: by node, the phase in which it is computed, and the last that
    reads it. homes: arrays of elementwise values, and places of numbers, that are in memory; rows: of other numbers.
    """

    order: list[Node]
    phases: Mapping[Node, int]
    last: int
    reads: Mapping[Node, int]
    homes: dict[Node, str]
    rows: dict[Node, int]


@final
class PhaseWriter:
    """Writes graphs as loops, and knows the arrays and rows that they use.

    In phase r come the elementwise values with r reductions below them, in one loop over coordinates and runs; then
    their sums, and the numbers of each run that these allow. What a later phase reads is kept in rows.
    """

    def __init__(self, outline: Outline, traced: Traced, width: int) -> None:
        self.outline, self.traced, self.width = outline, traced, width
        self.tables, self.state, self.lanes = Tables(), Memory(), Memory()
        self.arrays: dict[str, str] = {}
        self.array("p", "p")
        for name in ("code", "taken", "bad"):
            self.lanes.row(name)
        self._count = 0

    def array(self, name: str, variable: str) -> str:
        """The variable of an array [d, W] of the state."""
        self.state.row(name, self.outline.dimensions)
        self.arrays[name] = variable
        return variable

    def program(
        self, graph: Graph, writes: list[Write], numbers: Sequence[Number] = (), *, guarded: bool = False
    ) -> list[str]:
        """Loops that compute values; arrays take the elementwise ones, lanes the others.

        guarded: p and what is kept change only where the run goes on, and what they were is remembered.
        """
        outputs = {str(n): node for n, node in enumerate(node for node, _ in (*writes, *numbers))}
        order = Graph(graph.update, outputs, graph.inputs).nodes()
        phases = self._phases(order)
        last = max(phases[node] for node in outputs.values())
        homes = {node: home for node in order if (home := self._home(node)) is not None}
        course = _Course(order, phases, last, self._last_reads(order, phases, writes, last), homes, {})
        lines: list[str] = []
        for phase in range(last + 1):
            lines += self._numbers(course, phase)
            lines += self._elements(course, phase, writes, guarded)
        return lines + self._written(course, numbers)

    def _phases(self, order: list[Node]) -> dict[Node, int]:
        """How many reductions lie below each value."""
        phases: dict[Node, int] = {}
        for node in order:
            below = max((phases[arg] for arg in node.args), default=0)
            phases[node] = below + self._reduces(node)
        return phases

    def _numbers(self, course: _Course, phase: int) -> list[str]:
        """One loop over the runs for the numbers of each run that are known before a phase."""
        rows, d = course.rows, self.outline.dimensions
        scope = self.scope(rows, course.homes)
        body: list[str] = []
        for node in course.order:
            if self.traced.kinds[node] != BOTH or course.phases[node] != phase:
                continue
            if node.op == "leaf" or scope.given(node):
                continue
            if self._reduces(node):
                total = f"lanes[{rows[node] * self.width} + lane]"
                if node.op == "norm":
                    text = f"sqrt({total})"
                else:
                    text = f"{total} / {float(d)}" if node.op == "mean" else total
            else:
                text = scope.number(node)
                rows[node] = self.lanes.row(f"number {self._new()}")
            name = f"v{self._new()}"
            body += [f"{name} = {text}  # {label(node, 2)}", f"lanes[{rows[node] * self.width} + lane] = {name}"]
            scope.names[node] = f"({name} != 0.0)" if is_boolean(node) else name
        return [*scope.before.values(), *self.over_runs([*scope.inside.values(), *body])] if body else []

    def _elements(self, course: _Course, phase: int, writes: list[Write], guarded: bool) -> list[str]:
        """The loop over coordinates and runs of one phase."""
        kinds, order, phases, rows, homes = self.traced.kinds, course.order, course.phases, course.rows, course.homes
        scope = self.scope(rows, homes)
        body: list[str] = []
        reductions = [node for node in order if self._reduces(node) and phases[node] == phase + 1]
        names: dict[Node, str] = {}

        def at(node: Node) -> str:
            if node in names:
                return names[node]
            if node in homes:
                names[node] = f"e{self._new()}"
                body.append(f"{names[node]} = {homes[node]}[i, lane]")
                return names[node]
            if kinds[node] != ELEMENT:
                text = scope.scalar(node)
                return text if self.outline.dtype == "float64" else f"float32({text})"
            raise AssertionError(f"{node} is computed before it is used")

        for node in order:
            if phases[node] == phase and kinds[node] == ELEMENT and node.op != "leaf":
                text = scope.element(node, at, "i")
                names[node] = f"e{self._new()}"
                body.append(f"{names[node]} = {text}  # {label(node, 2)}")
        for node in reductions:
            rows[node] = self.lanes.row(f"sum {self._new()}")
            body.append(f"lanes[{rows[node] * self.width} + lane] += {self._term(node, at)}")
        kept_back: dict[Node, str] = {}
        for node in order:
            if node in names and node not in homes and course.reads[node] > phase:
                kept_back[node] = self.array(f"kept {self._new()}", f"t{self._new()}")
                body.append(f"{kept_back[node]}[i, lane] = {names[node]}")
        if phase == course.last:
            body += self._stores(writes, at, guarded)
        homes.update(kept_back)
        zeros = [f"lanes[{rows[node] * self.width} + lane] = 0.0" for node in reductions]
        if guarded and phase == course.last:
            zeros.append(f"lanes[{self.lanes.row('bad') * self.width} + lane] = 0.0")
        if not body:
            return []
        lines = self.over_runs(zeros) if zeros else []
        return [*scope.before.values(), *lines, *self.over_elements([*scope.inside.values(), *body])]

    def _stores(self, writes: list[Write], at: At, guarded: bool) -> list[str]:
        """The new values of arrays; of p and what is kept, only where the run goes on."""
        kept = {self.traced.names[path] for path in self.traced.kept if self.is_array(path)} | {"p"}
        values = [(at(node), array) for node, array in writes]
        if not guarded:
            return [f"{array}[i, lane] = {text}" for text, array in values]
        bad = self.lanes.row("bad") * self.width
        lines = ["live = lanes[lane] == 0.0"]
        for text, array in values:
            if array in kept:
                self.array(f"old {array}", f"old_{array}")
                lines += [
                    f"before = {array}[i, lane]",
                    f"old_{array}[i, lane] = before",
                    f"{array}[i, lane] = {text} if live else before",
                ]
            else:
                lines.append(f"{array}[i, lane] = {text}")
        after = values[0][0]
        return [*lines, f"lanes[{bad} + lane] += {after} - {after}"]

    def _last_reads(
        self, order: list[Node], phases: Mapping[Node, int], writes: list[Write], last: int
    ) -> dict[Node, int]:
        """The last phase in which each value is read."""
        reads: dict[Node, int] = {}
        for node in order:
            for arg in node.args:
                reads[arg] = max(reads.get(arg, 0), phases[node] - self._reduces(node))
        return reads | {node: last for node, _ in writes}

    def _term(self, node: Node, at: At) -> str:
        """What one element adds to a sum."""
        pair = (node.args[0], node.args[-1]) if node.op in {"norm", "dot"} else node.args
        cast = "{}" if self.outline.dtype == "float64" else "float64({})"
        return " * ".join(cast.format(at(arg)) for arg in pair)

    def _written(self, course: _Course, numbers: Sequence[Number]) -> list[str]:
        """Slots of one number a run take their new values, when nothing reads the old ones any more."""
        if not numbers:
            return []
        scope = self.scope(course.rows, course.homes)
        live = f"(lanes[lane] == 0.0) & (lanes[{self.lanes.row('bad') * self.width} + lane] == 0.0)"
        kept = {self.lanes.row(f"slot {path}") for path in self.traced.kept if not self.is_array(path)}
        values = [f"new{place} = {scope.scalar(node)}" for place, (node, _) in enumerate(numbers)]
        stores = []
        for place, (_, row) in enumerate(numbers):
            where = f"lanes[{row * self.width} + lane]"
            stores.append(f"{where} = new{place}" + (f" if {live} else {where}" if row in kept else ""))
        return [*scope.before.values(), *self.over_runs([*scope.inside.values(), *values, *stores])]

    def _home(self, node: Node) -> str | None:
        """The array, or the place, of an input."""
        if node.op != "leaf":
            return None
        name = name_of(node)
        if name in {"u", "g"}:
            return self.array(name, name)
        if name == "p":
            return "p"
        if name.startswith("slot:"):
            path = name[5:]
            if self.is_array(path):
                return self.array(name, self.traced.names[path])
            return f"lanes[{self.lanes.row(f'slot {path}') * self.width} + lane]"
        if name == "input:value":
            return f"lanes[{self.lanes.row('value') * self.width} + lane]"
        if name in {"k", "t"} and self.traced.kinds[node] == BOTH:
            return f"lanes[{self.lanes.row('taken') * self.width} + lane]"
        return None

    def scope(self, rows: Mapping[Node, int], homes: Mapping[Node, str]) -> Scope:
        scope = Scope(self.outline, self.traced, self.tables, self.lanes, self.width)
        for node, row in rows.items():
            text = f"lanes[{row * self.width} + lane]"
            scope.names[node] = f"({text} != 0.0)" if is_boolean(node) else text
        scope.names |= {node: home for node, home in homes.items() if self.traced.kinds[node] == BOTH}
        return scope

    def over_runs(self, body: Iterable[str]) -> list[str]:
        return [f"for lane in range({self.width}):", *indented(body)]

    def over_elements(self, body: Iterable[str]) -> list[str]:
        return [f"for i in range({self.outline.dimensions}):", *indented(self.over_runs(body))]

    def _reduces(self, node: Node) -> bool:
        return node.op in REDUCTIONS and any(self.traced.kinds[arg] == ELEMENT for arg in node.args)

    def is_array(self, path: str) -> bool:
        return not self.traced.slots[path].scalar

    def _new(self) -> int:
        self._count += 1
        return self._count


def indented(lines: Iterable[str]) -> list[str]:
    """One level deeper."""
    return [f"    {line}" for line in lines]
