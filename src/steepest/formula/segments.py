"""Graphs with formulas on whole arrays: cut at these, and planned as passes before, between and after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import final

from steepest.formula.graph import Argument, Call, Graph, Level, Node, OpaqueTrace
from steepest.formula.plan import Pass, Plan, Sum, Unplannable, sums_of
from steepest.formula.search import Part, Search, outputs_of


def cut(graph: Graph) -> Graph:
    """The same rule with each opaque formula as a call; the graph itself where it has none.

    What a call returns is a leaf, "opaque:PATH"; what is computed for it is an output, "given:PATH.N". A number may
    depend on hyperparameters, the clock, the age and the model. Raises Unplannable for a formula that needs a number of
    the tensor, or slots of its own that are numbers, and for one whose slots' new values are used elsewhere.
    """
    if not graph.opaque:
        return graph
    extra: dict[str, Node] = {}
    calls: list[Call] = []
    leaves: dict[str, Node] = dict(graph.inputs)
    new: dict[Node, Node] = {}
    known: dict[Node, OpaqueTrace] = {}
    for found in graph.opaque:
        known.setdefault(found.whole, found)
    for whole, found in known.items():
        name = f"opaque:{found.path}"
        leaves[name] = new[found.results[0]] = whole.tracer.leaf(name, Level.ELEMENT)
    owned = {path for found in known.values() for path in found.slots if path is not None}
    kept = {path: node for path, node in graph.slots.items() if path not in owned}
    for path in owned:
        if graph.inputs[f"slot:{path}"].level is not Level.ELEMENT:
            raise Unplannable(f"plan: {path} is one number, of a formula that computes with whole arrays")
    for found in known.values():
        calls.append(_call(found, new, extra))
    update = _rebuilt(graph.update, new)
    slots = {path: _rebuilt(node, new) for path, node in kept.items()}
    seen = {path: _rebuilt(node, new) for path, node in graph.seen.items()}
    whole_graph = replace(graph, update=update, slots=slots, inputs=leaves, seen=seen, calls=tuple(calls), extra=extra)
    for node in whole_graph.nodes():
        if node.op in {"opaque", "item"}:
            raise Unplannable("plan: a slot of a formula that computes with whole arrays is used elsewhere")
    return whole_graph


def plan_segments(
    graph: Graph,
    sizes: Mapping[str, float],
    lossy: frozenset[str],
    wide: frozenset[str],
    atomic: bool,
    zero: bool,
) -> Plan:
    """The plan of a graph that was cut: passes of each segment at their cheapest, and the calls between them.

    An array is written in the last segment in which its old value is read, so no segment waits for another.
    """
    stages = _Stages(graph)
    passes: list[Pass] = []
    total: float = 0.0
    found_sizes: dict[str, float] = {}
    exact, check = True, None
    taken: frozenset[Sum] = frozenset()
    for segment in range(stages.count):
        sums = tuple(item for item, stage in stages.sums.items() if stage == segment)
        outputs = {name: node for name, node in stages.outputs.items() if stages.written[name] == segment}
        zeroed = zero and segment == stages.count - 1
        atomic_here = atomic and segment == 0
        if outputs or sums or zeroed or atomic_here:
            part = Part(outputs, sums, taken)
            step = Search(graph, dict(sizes), lossy, wide, atomic_here, zeroed, part).best()
            offset = sum(name.startswith("temporary:") for name in found_sizes)
            renamed = {name: f"temporary:{offset + number}" for number, name in enumerate(step.temporaries)}
            passes += [_renamed(item, renamed) for item in step.passes]
            found_sizes |= {renamed.get(name, name): size for name, size in step.sizes.items()}
            total += step.bytes
            exact, check = exact and step.exact, step.check or check
        taken |= frozenset(sums)
        passes += [Pass({}, (), {}, (), call) for call in graph.calls if stages.of_call[call] == segment]
    return Plan(graph, tuple(passes), dict(sorted(found_sizes.items())), total, check, exact)


@final
class _Stages:
    """In which segment what is computed and written: after how many calls, one after another."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._of: dict[Node, int] = {}
        results = {call.result: call for call in graph.calls}
        self.of_call: dict[Call, int] = {}
        self._results = {graph.inputs[name]: call for name, call in results.items()}
        for call in graph.calls:
            self._call(call)
        self.outputs = outputs_of(graph)
        reduced = sums_of(graph)
        self.sums: dict[Sum, int] = {}
        for item in dict.fromkeys(reduced.values()):
            self.sums[item] = max(map(self.of, item.args))
        self.count = 1 + max((
            *map(self.of, self.outputs.values()),
            *self.sums.values(),
            *(stage + 1 for stage in self.of_call.values()),
        ))
        self.written = {name: self.of(node) for name, node in self.outputs.items()}
        self._settle()

    def of(self, node: Node) -> int:
        """The first segment in which a value is known."""
        if node not in self._of:
            call = self._results.get(node)
            needed = () if node.op in {"random", "ndim", "size"} else node.args
            self._of[node] = max(map(self.of, needed), default=0) if call is None else 1 + self._call(call)
        return self._of[node]

    def _call(self, call: Call) -> int:
        """The segment after whose passes a call runs."""
        if call not in self.of_call:
            graph = self.graph
            given = [graph.extra[name] if name in graph.extra else graph.inputs[name] for name in call.reads]
            self.of_call[call] = max(map(self.of, (*given, *call.numbers)), default=0)
        return self.of_call[call]

    def _settle(self) -> None:
        """Put off each array's writing until its old value has been read, in the segments that read it."""
        own = {f"slot:{path}": call for call in self.graph.calls for path in call.slots if path is not None}
        changed = True
        while changed:
            changed = False
            reads: dict[str, int] = {}
            for name, node in self.outputs.items():
                for array in _arrays(node):
                    reads[array] = max(reads.get(array, 0), self.written[name])
            for item, stage in self.sums.items():
                for array in (array for arg in item.args for array in _arrays(arg)):
                    reads[array] = max(reads.get(array, 0), stage)
            for call, stage in self.of_call.items():
                for array in call.reads:
                    if array not in own and array not in self.graph.extra:
                        reads[array] = max(reads.get(array, 0), stage + 1)
            if odd := [array for array in reads if array in own]:
                raise Unplannable(f"plan: {odd[0]} belongs to a formula that computes with whole arrays")
            for name in self.outputs:
                if reads.get(name, 0) > self.written[name]:
                    self.written[name], changed = reads[name], True


def _call(found: OpaqueTrace, new: dict[Node, Node], extra: dict[str, Node]) -> Call:
    """A call, and what is to be computed for it."""

    def argument(place: str, given: object) -> Argument:
        if not isinstance(given, Node):
            return Argument(value=given)
        node = _rebuilt(given, new)
        if node.level is Level.ELEMENT:
            if node.op == "leaf":
                return Argument(array=str(dict(node.attributes)["name"]))
            name = f"given:{found.path}.{place}"
            extra[name] = node
            return Argument(array=name)
        if not _is_shared(node):
            raise Unplannable(f"plan: {found.name} computes with whole arrays and a number of the tensor")
        extra[f"number:{found.path}.{place}"] = node
        return Argument(number=node)

    arguments = tuple(argument(str(place), given) for place, given in enumerate(found.arguments))
    keywords = {name: argument(name, given) for name, given in found.keywords.items()}
    result = f"opaque:{found.path}"
    return Call(found.path, found.name, found.function, arguments, keywords, result, found.slots, found.batched)


def _is_shared(node: Node) -> bool:
    """Whether it depends on hyperparameters, the clock, the age and the model alone."""
    if node.op == "leaf" and dict(node.attributes)["name"] == "k":
        return True
    if node.level < Level.TENSOR:
        return True
    return node.op not in {"size", "ndim"} and bool(node.args) and all(map(_is_shared, node.args))


def _rebuilt(node: Node, new: dict[Node, Node]) -> Node:
    """The value with what opaque formulas return as leaves; `new` remembers."""
    stack = [(node, False)]
    while stack:
        item, ready = stack.pop()
        if item in new:
            continue
        if ready:
            args = tuple(new[arg] for arg in item.args)
            same = all(a is b for a, b in zip(args, item.args, strict=True))
            new[item] = item if same else item.tracer.node(item.op, args, item.attributes, item.level)
        else:
            stack.append((item, True))
            stack.extend((arg, False) for arg in item.args)
    return new[node]


def _arrays(node: Node) -> Iterable[str]:
    """The arrays behind a value, below its sums too: these may be taken in the same segment."""
    seen: set[Node] = set()
    stack = [node]
    while stack:
        item = stack.pop()
        if item in seen:
            continue
        seen.add(item)
        if item.op == "leaf" and item.level is Level.ELEMENT:
            yield str(dict(item.attributes)["name"])
        elif item.op not in {"random", "ndim", "size"} and item.level is Level.ELEMENT:
            stack.extend(item.args)


def _renamed(step: Pass, names: Mapping[str, str]) -> Pass:
    """A pass whose temporaries have other names."""
    loads = {names.get(name, name): node for name, node in step.loads.items()}
    stores = {names.get(name, name): node for name, node in step.stores.items()}
    return Pass(loads, step.nodes, stores, step.sums)
