"""The search for the cheapest plan: which pass writes what, takes which sum, and what waits in between."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

from steepest.formula.graph import Graph, Level, Node
from steepest.formula.plan import GRADIENT, PARAMETER, Pass, Plan, Sum, Unplannable, sums_of
from steepest.formula.widths import Widths

CHOICES = 20_000
"""How many choices are tried before the best so far is taken."""


@final
@dataclass(frozen=True, eq=False)
class Part:
    """The part of a graph that is to be planned: these outputs and sums, where other sums are known already."""

    outputs: Mapping[str, Node]
    sums: tuple[Sum, ...]
    known: frozenset[Sum]


@final
class Search:
    """The search for the cheapest plan of one graph."""

    def __init__(
        self,
        graph: Graph,
        sizes: dict[str, float],
        lossy: frozenset[str],
        wide: frozenset[str],
        atomic: bool,
        zero: bool,
        part: Part | None = None,
    ) -> None:
        if opaque := [node for node in graph.nodes() if node.op in {"opaque", "item"}]:
            what = next(dict(node.attributes)["formula"] for node in opaque if node.op == "opaque")
            raise Unplannable(f"plan: {what} computes with whole arrays")
        self.graph, self.sizes, self.lossy, self.wide = graph, sizes, lossy, wide
        self.widths = Widths(wide)
        self.left = CHOICES
        self._walked: dict[object, Pass | None] = {}
        self.reduced = sums_of(graph)
        self.sums = tuple(dict.fromkeys(self.reduced.values())) if part is None else part.sums
        self.known: frozenset[Sum] = frozenset() if part is None else part.known
        self.check: Sum | None = None
        leaf = graph.inputs[GRADIENT]
        if atomic:
            self.check = next((s for s in self.sums if _is_square_of(leaf, s)), None) or Sum((leaf, leaf))
            if self.check not in self.sums:
                self.sums = (*self.sums, self.check)
        self.outputs = outputs_of(graph) if part is None else dict(part.outputs)
        if zero:
            self.outputs[GRADIENT] = graph.update.tracer.constant(0.0)
        self.depth: dict[Node, int] = {}
        self._sums_behind: dict[Node, frozenset[Sum]] = {}
        self.first = 1 if atomic else 0
        self.length = 1 + max(
            *(max(self._depth(node), self.first) for node in self.outputs.values()),
            *(self._depth_of_sum(total) for total in self.sums),
            0,
        )

    def best(self) -> Plan:
        found: tuple[float, tuple[Pass, ...]] | None = None
        floor = self._floor()
        for count in itertools.count():
            if found is not None and floor + count * self._temporary_cost() >= found[0]:
                break
            for stores in self._temporaries(count):
                self._walked.clear()
                for candidate in self._plans(stores):
                    if found is None or candidate[0] < found[0]:
                        found = candidate
            assert found is not None, "a plan that recomputes everything in its last pass is always there"
        assert found is not None
        moved, passes = found
        stored = {name: node for step in passes for name, node in step.stores.items() if name.startswith("temporary:")}
        self.sizes |= {name: 8.0 if self.widths.of(node) == "float64" else 4.0 for name, node in stored.items()}
        names = {name for step in passes for name in (*step.loads, *step.stores)}
        sizes = {name: self._size(name) for name in sorted(names)}
        return Plan(self.graph, passes, sizes, moved, self.check, self.left > 0)

    def _plans(self, temporaries: Mapping[str, tuple[Node, int]]) -> Iterator[tuple[float, tuple[Pass, ...]]]:
        """Every valid plan with these temporaries, over the passes of outputs and sums."""
        names = tuple(self.outputs)
        ranges = [range(max(self._depth(node), self.first), self.length) for node in self.outputs.values()]
        spans = [range(self._depth_of_sum(total), self._latest(total) + 1) for total in self.sums]
        for choice in itertools.product(*ranges, *spans):
            self.left -= 1
            if self.left < 0 and temporaries:
                return
            written = dict(zip(names, choice[: len(names)], strict=True))
            when = dict(zip(self.sums, choice[len(names) :], strict=True))
            if self.check is not None and when[self.check] > 0:
                continue
            values = {name: (self.outputs[name], index) for name, index in written.items()} | dict(temporaries)
            passes = self._passes(values, when)
            if passes is not None:
                yield self._moved(passes), passes

    def _passes(self, values: Mapping[str, tuple[Node, int]], when: Mapping[Sum, int]) -> tuple[Pass, ...] | None:
        """The passes of one choice; None where one needs what is overwritten or not yet known."""
        passes = []
        for index in range(self.length):
            stores = {name: node for name, (node, at) in values.items() if at == index}
            sums = tuple(total for total, at in when.items() if at == index)
            roots = [*stores.values(), *(arg for total in sums for arg in total.args)]
            kept = {node: name for name, (node, at) in values.items() if at < index and self._keeps(name, node)}
            before = frozenset(name for name, (_, at) in values.items() if at < index)
            known = self.known.union(total for total, at in when.items() if at < index)
            key = (index, frozenset(stores), frozenset(sums), before, known)
            if key not in self._walked:
                self._walked[key] = self._cheapest(roots, kept, before, known, stores, sums)
            step = self._walked[key]
            if step is None:
                return None
            passes.append(step)
        return tuple(passes)

    def _cheapest(
        self,
        roots: list[Node],
        kept: Mapping[Node, str],
        before: frozenset[str],
        known: frozenset[Sum],
        stores: Mapping[str, Node],
        sums: tuple[Sum, ...],
    ) -> Pass | None:
        """The pass that moves least, over which of the kept values it reads instead of computing them."""
        options = [
            self._walk(roots, {n: kept[n] for n in chosen}, before, known, stores, sums)
            for size in range(len(kept) + 1)
            for chosen in itertools.combinations(kept, size)
        ]
        valid = [option for option in options if option is not None]
        return min(valid, key=lambda step: self._moved((step,)), default=None)

    def _keeps(self, name: str, node: Node) -> bool:
        """Whether what is read back from an array is what was computed."""
        if node.level < Level.ELEMENT or node.op == "leaf" or name in self.lossy:
            return False
        return name.startswith("temporary:") or self.widths.of(node) == ("float64" if name in self.wide else "float32")

    def _walk(
        self,
        roots: list[Node],
        kept: Mapping[Node, str],
        before: frozenset[str],
        known: frozenset[Sum],
        stores: Mapping[str, Node],
        sums: tuple[Sum, ...],
    ) -> Pass | None:
        """What one pass loads and computes, back from its roots, reading what is `kept` instead of computing it."""
        loads: dict[str, Node] = {}
        order: dict[Node, None] = {}
        stack = [(node, False) for node in reversed(roots)]
        seen: set[Node] = set()
        while stack:
            node, ready = stack.pop()
            if ready:
                order[node] = None
                continue
            if node in seen:
                continue
            seen.add(node)
            if node.level < Level.ELEMENT:
                if not self._behind(node) <= known:
                    return None
                continue
            if node in kept:
                loads[kept[node]] = node
            elif node.op == "leaf":
                name = str(dict(node.attributes)["name"])
                if name in before:
                    return None
                loads[name] = node
            else:
                stack.append((node, True))
                stack.extend((arg, False) for arg in reversed(_needed(node)))
        return Pass(loads, tuple(order), stores, sums)

    def _moved(self, passes: Iterable[Pass]) -> float:
        return sum(self._size(name) for step in passes for name in (*step.loads, *step.stores))

    def _size(self, name: str) -> float:
        return self.sizes.get(name, 4.0)

    def _floor(self) -> float:
        """What any plan moves: each array that is read once, each that is written once."""
        seen = self._reachable((*self.outputs.values(), *(arg for total in self.sums for arg in total.args)))
        read = [name for name, leaf in self.graph.inputs.items() if leaf in seen and leaf.level is Level.ELEMENT]
        return sum(map(self._size, (*read, *self.outputs)))

    def _temporary_cost(self) -> float:
        return 8.0

    def _temporaries(self, count: int) -> Iterator[Mapping[str, tuple[Node, int]]]:
        """Every set of so many values, each with the pass that stores it for a later one."""
        for chosen in itertools.combinations(self._candidates, count):
            if len({node for node, _ in chosen}) == count:
                found = {f"temporary:{number}": item for number, item in enumerate(chosen)}
                for name, (node, _) in found.items():
                    self.sizes[name] = 8.0 if self.widths.of(node) == "float64" else 4.0
                yield found

    @cached_property
    def _candidates(self) -> list[tuple[Node, int]]:
        """Values that could pay as temporaries, with the passes in which they can be stored.

        A value with one consumer, known in the same pass, is left out: whoever needs it needs the consumer, and
        storing that spares more.
        """
        roots = (*self.outputs.values(), *(arg for total in self.sums for arg in total.args))
        users: dict[Node, list[Node | None]] = {}
        behind = self._reachable(roots)
        for node in (node for node in self.graph.nodes() if node in behind):
            for arg in set(_needed(node)):
                users.setdefault(arg, []).append(node if node.level is Level.ELEMENT else None)
        for root in roots:
            users.setdefault(root, []).append(None)
        found = []
        for node, by in users.items():
            if node.level < Level.ELEMENT or node.op in {"leaf", "random"} or self.widths.of(node) == "bool":
                continue
            (consumer, *others) = by
            if not others and consumer is not None and self._depth(consumer) == self._depth(node):
                continue
            found += [(node, index) for index in range(self._depth(node), self.length - 1)]
        return found

    def _reachable(self, roots: Iterable[Node]) -> set[Node]:
        """What the roots are computed from here, and the sums of other parts."""
        stack, seen = list(roots), set[Node]()
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                if self.reduced.get(node) not in self.known:
                    stack.extend(_needed(node))
        return seen

    def _depth(self, node: Node) -> int:
        """The first pass in which the value can be known."""
        if node not in self.depth:
            total = self.reduced.get(node)
            if total is None:
                self.depth[node] = max((self._depth(arg) for arg in _needed(node)), default=0)
            else:
                self.depth[node] = 0 if total in self.known else self._depth_of_sum(total) + 1
        return self.depth[node]

    def _depth_of_sum(self, total: Sum) -> int:
        return max(self._depth(arg) for arg in total.args)

    def _latest(self, total: Sum) -> int:
        """The last pass that may take a sum: before every pass that cannot do without it."""
        late = self.length - 1
        if any(total in self._behind(node) for node in self.outputs.values()):
            late = min(late, self.length - 2)
        for other in self.sums:
            if other is not total and any(total in self._behind(arg) for arg in other.args):
                late = min(late, self._latest(other) - 1)
        return late

    def _behind(self, node: Node) -> frozenset[Sum]:
        """The sums that a value depends on, directly or through others."""
        if node not in self._sums_behind:
            own = {self.reduced[node]} if node in self.reduced else set()
            self._sums_behind[node] = frozenset(own.union(*map(self._behind, _needed(node))))
        return self._sums_behind[node]


def _needed(node: Node) -> tuple[Node, ...]:
    """What a value is computed from; of what only lends its shape, nothing."""
    return () if node.op in {"random", "ndim", "size"} else node.args


def _is_square_of(leaf: Node, total: Sum) -> bool:
    return len(total.args) == 2 and all(arg is leaf for arg in total.args)


def outputs_of(graph: Graph) -> dict[str, Node]:
    """The new value of every array that a step changes, and what is computed for calls."""
    outputs = {PARAMETER: graph.after}
    for path, node in graph.slots.items():
        name = f"slot:{path}"
        if graph.inputs[name].level is Level.ELEMENT and not (
            node.op == "leaf" and dict(node.attributes)["name"] == name
        ):
            outputs[name] = node
    return outputs | {name: node for name, node in graph.extra.items() if node.level is Level.ELEMENT}
