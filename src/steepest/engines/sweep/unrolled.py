"""The loop over a block's runs with every coordinate in a variable: for a few dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from steepest.engines.cpu.expressions import label
from steepest.engines.sweep.calls import call, run
from steepest.engines.sweep.kinds import BOTH, ELEMENT, REDUCTIONS, name_of
from steepest.engines.sweep.outline import Outline, Traced
from steepest.engines.sweep.scope import Memory, Scope, Tables
from steepest.formula.graph import Graph, Node


@final
class UnrolledWriter:
    """Writes the two loops of a kernel: one update, and the recording of a point."""

    def __init__(self, outline: Outline, traced: Traced, width: int) -> None:
        self.outline, self.traced, self.width = outline, traced, width
        self.tables, self.state, self.lanes = Tables(), Memory(), Memory()
        self.state.row("p", outline.dimensions)
        for name in ("code", "taken"):
            self.lanes.row(name)
        self.count = 0

    def views(self) -> list[str]:
        """What is made once a block."""
        return []

    def update(self) -> list[str]:
        """One update of every run."""
        traced, outline = self.traced, self.outline
        scope = self._scope()
        lines: list[str] = []
        leaves = self._leaves(scope, (traced.update, traced.query), self._slot_reads())
        if traced.query is not None:
            if traced.asks_twice:
                lines += self._gradient(scope, "p", "g")
            lines += self._graph(scope, traced.query, (traced.query.update,))
            lines += [f"x_{i} = {self._at(scope, traced.query.update, i)}" for i in self._indices()]
        at = "p" if traced.query is None else "x"
        lines += self._gradient(scope, at, "u")
        if outline.needs_value:
            lines.append(f"f = {self._call('value', at)}")
        lines += self._tests()
        outputs = (traced.update.after, *traced.update.slots.values())
        lines += self._graph(scope, traced.update, outputs)
        lines += self._finish(scope)
        return self._loop(scope, (*leaves, *lines))

    def record(self) -> list[str]:
        """Write the answer point, and the objective there."""
        traced, outline = self.traced, self.outline
        scope = self._scope()
        lines, at = [], "p"
        graphs = () if traced.answer is None else (traced.answer,)
        leaves = self._leaves(scope, graphs, {f"slot:{path}" for path in traced.kept} | {"p"})
        if traced.answer is not None:
            lines += self._graph(scope, traced.answer, (traced.answer.update,))
            lines += [f"x_{i} = {self._at(scope, traced.answer.update, i)}" for i in self._indices()]
            at = "x"
        lines += [f"saved[{i * self.width} + lane] = {at}_{i}" for i in self._indices()]
        if outline.value is not None:
            lines.append(f"saved_values[lane] = {self._call('value', at)}")
        return self._loop(scope, (*leaves, *lines))

    def _scope(self) -> Scope:
        return Scope(self.outline, self.traced, self.tables, self.lanes, self.width)

    def _loop(self, scope: Scope, lines: Iterable[str]) -> list[str]:
        inside = (*scope.inside.values(), *lines)
        return [
            *scope.before.values(),
            f"for lane in range({self.width}):",
            *(f"    {line}" for line in inside),
        ]

    def _indices(self) -> range:
        return range(self.outline.dimensions)

    def _coordinates(self, name: str) -> str:
        return ", ".join(f"{name}_{i}" for i in self._indices())

    def _call(self, name: str, at: str) -> str:
        text = call(name, self.outline, self._coordinates(at), run(self.width))
        return text if self.outline.dtype == "float64" or name == "gradient" else f"float64({text})"

    def _slot_reads(self) -> set[str]:
        """Inputs that an update reads, also where no formula does: what is kept is written again."""
        graphs = [graph for graph in (self.traced.update, self.traced.query) if graph is not None]
        read = {name_of(node) for graph in graphs for node in graph.nodes() if node.op == "leaf"}
        return read | {f"slot:{path}" for path in self.traced.kept} | {"p"}

    def _leaves(self, scope: Scope, graphs: Iterable[Graph | None], read: set[str]) -> list[str]:
        """Name the inputs, and load p and slots."""
        lines = []
        variables = {"p": "p", **{f"slot:{path}": name for path, name in self.traced.names.items()}}
        for name, variable in variables.items():
            if name not in read:
                continue
            path = name[5:]
            if path and self.traced.slots[path].scalar:
                lines.append(f"{variable}_s = lanes[{self.lanes.row(f'slot {path}') * self.width} + lane]")
            else:
                first = self._state_row(name)
                lines += [f"{variable}_{i} = state[{(first + i) * self.width} + lane]" for i in self._indices()]
        for graph in graphs:
            for node in graph.nodes() if graph is not None else ():
                if node.op == "leaf":
                    self._name_leaf(scope, node)
        scope.names[self.traced.update.inputs["p"]] = "p"
        return lines

    def _name_leaf(self, scope: Scope, node: Node) -> None:
        name = name_of(node)
        if name in {"u", "g", "p"}:
            scope.names[node] = name
        elif name.startswith("slot:"):
            scalar = self.traced.slots[name[5:]].scalar
            scope.names[node] = self.traced.names[name[5:]] + ("_s" if scalar else "")
        elif name == "input:value":
            scope.names[node] = "f"
        elif name in {"k", "t"} and self.traced.kinds[node] == BOTH:
            scope.names[node] = f"lanes[{self.lanes.row('taken') * self.width} + lane]"

    def _state_row(self, name: str) -> int:
        return self.state.row(name, self.outline.dimensions)

    def _at(self, scope: Scope, node: Node, i: int) -> str:
        if self.traced.kinds[node] == ELEMENT:
            return f"{scope.names[node]}_{i}"
        text = scope.scalar(node)
        return text if self.outline.dtype == "float64" else f"float32({text})"

    def _graph(self, scope: Scope, graph: Graph, outputs: Iterable[Node]) -> list[str]:
        """Statements for what these values need, arguments first."""
        lines: list[str] = []
        order = Graph(graph.update, {str(n): node for n, node in enumerate(outputs)}, graph.inputs).nodes()
        for node in order:
            kind = self.traced.kinds[node]
            if node in scope.names or node.op in {"leaf", "constant"} or kind not in {BOTH, ELEMENT}:
                continue
            if kind == BOTH and scope.given(node):
                continue
            name = f"v{self.count}"
            self.count += 1
            comment = f"  # {label(node, 2)}"
            if kind == BOTH:
                text = self._reduction(scope, node) if self._reduces(node) else scope.number(node)
                lines.append(f"{name} = {text}{comment}")
            else:
                for i in self._indices():
                    text = scope.element(node, lambda arg, i=i: self._at(scope, arg, i), str(i))  # type: ignore[misc]
                    lines.append(f"{name}_{i} = {text}{comment if i == 0 else ''}")
            scope.names[node] = name
        return lines

    def _reduces(self, node: Node) -> bool:
        return node.op in REDUCTIONS and any(self.traced.kinds[arg] == ELEMENT for arg in node.args)

    def _reduction(self, scope: Scope, node: Node) -> str:
        d = self.outline.dimensions
        pairs = (node.args[0], node.args[-1]) if node.op in {"norm", "dot"} else node.args
        total = " + ".join(" * ".join(self._wide(scope, arg, i) for arg in pairs) for i in self._indices())
        if node.op == "norm":
            return f"sqrt({total})"
        return f"({total}) / {float(d)}" if node.op == "mean" else total

    def _wide(self, scope: Scope, node: Node, i: int) -> str:
        text = self._at(scope, node, i)
        return text if self.outline.dtype == "float64" else f"float64({text})"

    def _gradient(self, scope: Scope, at: str, to: str) -> list[str]:
        targets = self._coordinates(to)
        lines = [f"{targets} = {self._call('gradient', at)}"]
        if self.outline.dtype == "float32":
            lines += [f"{to}_{i} = float32({to}_{i})" for i in self._indices()]
        return lines

    def _tests(self) -> list[str]:
        """Whether a run has met a test where its gradient is taken."""
        lines = ["code = lanes[lane]"]
        if self.outline.tolerance:
            cast = "{}" if self.outline.dtype == "float64" else "float64({})"
            squares = " + ".join(" * ".join([cast.format(f"u_{i}")] * 2) for i in self._indices())
            lines.append(f"code = 1.0 if (code == 0.0) & (sqrt({squares}) <= limits[0]) else code")
        if self.outline.target:
            lines.append("code = 1.0 if (code == 0.0) & (f <= limits[1]) else code")
        return lines

    def _finish(self, scope: Scope) -> list[str]:
        """Go on to the new point where it is finite, and write what changes."""
        traced, width = self.traced, self.width
        after = [self._at(scope, traced.update.after, i) for i in self._indices()]
        lines = [
            f"finite = {' + '.join(f'({n} - {n})' for n in after)} == 0.0",
            "code = 2.0 if (code == 0.0) & (not finite) else code",
            "live = code == 0.0",
            "lanes[lane] = code",
            f"lanes[{self.lanes.row('taken') * width} + lane] += 1.0 if live else 0.0",
            *(f"state[{i * width} + lane] = {n} if live else p_{i}" for i, n in enumerate(after)),
        ]
        for path, node in traced.update.slots.items():
            variable = traced.names[path]
            if traced.slots[path].scalar:
                kept = f" if live else {variable}_s" if path in traced.kept else ""
                lines.append(f"lanes[{self.lanes.row(f'slot {path}') * width} + lane] = {scope.scalar(node)}{kept}")
                continue
            first = self._state_row(f"slot:{path}")
            for i in self._indices():
                kept = f" if live else {variable}_{i}" if path in traced.kept else ""
                lines.append(f"state[{(first + i) * width} + lane] = {self._at(scope, node, i)}{kept}")
        return [*lines, *scope.next_products()]
