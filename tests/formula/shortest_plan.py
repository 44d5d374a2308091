"""A second, independent planner for tiny graphs: exhaustive search, forwards, over what arrays hold after each pass.

A pass loads some arrays, and then knows all that can be computed from them and from sums of earlier passes. It may
write final values, and any values into spare arrays. Nothing is assumed about which choices are worth while.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from steepest.formula import Graph, Level, Node
from steepest.formula.graph import Tracer
from steepest.formula.plan import Plan

Sum = tuple[int, ...]
"""A sum by the ids of the values that are multiplied and added up; nodes themselves cannot be compared."""
Holds = Mapping[str, Node | None]


def reduced(node: Node) -> Sum | None:
    """The elements that a reduction adds up, None for another node."""
    if node.op not in {"norm", "mean", "total", "dot"}:
        return None
    x = node.args[0]
    return tuple(map(id, {"norm": (x, x), "dot": node.args}.get(node.op, (x,))))


def needs(node: Node) -> tuple[Node, ...]:
    """What a value is computed from: random numbers, sizes and dimensions are there from the start."""
    return () if node.op in {"random", "size", "ndim", "leaf", "constant"} else node.args


def outputs_of(graph: Graph, zero: bool = False) -> dict[str, Node]:
    """The arrays that a step changes, and what they must hold after it."""
    found = {"p": graph.after}
    for path, node in graph.slots.items():
        leaf = graph.inputs[f"slot:{path}"]
        if leaf.level is Level.ELEMENT and node is not leaf:
            found[f"slot:{path}"] = node
    if zero:
        found["u"] = graph.update.tracer.constant(0.0)
    return found


def leaves_of(graph: Graph) -> dict[str, Node]:
    """What each array holds before the step."""
    return {name: leaf for name, leaf in graph.inputs.items() if leaf.level is Level.ELEMENT}


def all_nodes(graph: Graph) -> list[Node]:
    """Every node behind the outputs, arguments first."""
    order: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in order:
            for arg in needs(node):
                visit(arg)
            order[node] = None

    for node in (graph.inputs["u"], *outputs_of(graph, zero=True).values(), *graph.slots.values()):
        visit(node)
    return list(order)


def sums_behind(graph: Graph, atomic: bool = False) -> list[Sum]:
    """The sums that are to be taken; with that of the squared gradients where a step is all or nothing."""
    gradient = graph.inputs["u"]
    found = [total for node in all_nodes(graph) if (total := reduced(node)) is not None]
    return list(dict.fromkeys([*found, *([(id(gradient), id(gradient))] if atomic else [])]))


def known_from(nodes: Sequence[Node], held: set[Node], sums: frozenset[Sum]) -> set[Node]:
    """All that can be computed from values that are held, and sums that are known."""
    known = set(held)
    for node in nodes:
        total = reduced(node)
        if total is not None:
            computable = total in sums
        else:
            computable = (node.op != "leaf" or node.level < Level.ELEMENT) and all(arg in known for arg in needs(node))
        if computable:
            known.add(node)
    return known


def cheaper(
    graph: Graph,
    passes: int,
    below: float,
    size: Callable[[str], float],
    *,
    lossy: frozenset[str] = frozenset(),
    atomic: bool = False,
    zero: bool = False,
    spare: int = 2,
) -> float | None:
    """The fewest bytes of a plan with so many passes that moves fewer than `below`; None where there is none."""
    outputs, leaves = outputs_of(graph, zero), leaves_of(graph)
    sums = sums_behind(graph, atomic)
    check = (id(graph.inputs["u"]),) * 2
    nodes = all_nodes(graph)
    elements = [node for node in nodes if node.level is Level.ELEMENT and node.op != "leaf"]
    best = below

    def search(index: int, holds: Holds, written: frozenset[str], taken: frozenset[Sum], spent: float) -> None:
        nonlocal best
        rest = sum(size(name) for name in outputs if name not in written)
        if not rest and set(sums) <= taken:
            best = min(best, spent)
            return
        if index == passes:
            return
        readable = [name for name, node in holds.items() if node is not None]
        for count in range(len(readable) + 1):
            for loads in itertools.combinations(readable, count):
                read = spent + sum(map(size, loads))
                if read + rest >= best:
                    continue
                known = known_from(nodes, {node for name in loads if (node := holds[name]) is not None}, taken)
                seen = {id(node) for node in known}
                now = taken | {total for total in sums if seen.issuperset(total)}
                if atomic and index == 0:
                    if check in now:
                        search(1, holds, written, now, read)
                    continue
                final = [name for name, node in outputs.items() if name not in written and node in known]
                for store in _subsets(final):
                    after = {**holds, **{name: None if name in lossy else outputs[name] for name in store}}
                    paid = read + sum(map(size, store))
                    search(index + 1, after, written | set(store), now, paid)
                    free = [f"spare:{number}" for number in range(spare) if f"spare:{number}" not in holds]
                    for extra in range(1, len(free) + 1 if index + 1 < passes else 1):
                        if paid + 2 * extra * size("temporary") + sum(map(size, set(final) - set(store))) >= best:
                            break
                        for values in itertools.combinations([node for node in elements if node in known], extra):
                            kept = {**after, **dict(zip(free, values, strict=False))}
                            search(index + 1, kept, written | set(store), now, paid + extra * size("temporary"))

    search(0, leaves, frozenset(), frozenset(), 0.0)
    return best if best < below else None


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for count in range(len(names), -1, -1):
        yield from itertools.combinations(names, count)


def followed(plan: Plan, *, lossy: frozenset[str] = frozenset(), zero: bool = False) -> float:
    """Follow a plan pass by pass with what each array really holds; gives the bytes that it moves.

    Fails where something is read that is not there, or computed before what it needs is known, where a sum is missing
    or taken twice, or an array does not end as it should.
    """
    graph = plan.graph
    holds: dict[str, Node | None] = dict(leaves_of(graph))
    sums: set[Sum] = set()
    moved = 0.0
    for step in plan.passes:
        known: set[Node] = set()
        for name, node in step.loads.items():
            assert holds[name] is node, f"{name} does not hold that any more"
            known.add(node)
        everything = [*step.nodes, *step.stores.values(), *(arg for total in step.sums for arg in total.args)]
        scalars: dict[Node, None] = {}
        for node in everything:
            for arg in (node, *needs(node)):
                _scalars(arg, scalars)
        for node in scalars:
            total = reduced(node)
            assert total is None or total in sums, f"{node} needs a sum that is not known yet"
        for node in step.nodes:
            assert node.level is Level.ELEMENT and node.op != "leaf" and node not in known
            assert all(arg in known or arg.level < Level.ELEMENT for arg in needs(node)), "arguments come first"
            known.add(node)
        for total in step.sums:
            assert all(arg in known or arg.level < Level.ELEMENT for arg in total.args)
            assert tuple(map(id, total.args)) not in sums
        for name, node in step.stores.items():
            assert node in known or node.level < Level.ELEMENT
            holds[name] = None if name in lossy else node
        sums |= {tuple(map(id, total.args)) for total in step.sums}
        moved += sum(plan.sizes[name] for name in (*step.loads, *step.stores))
    stores = [name for step in plan.passes for name in step.stores]
    assert len(stores) == len(set(stores)), "every array is written once"
    outputs = outputs_of(graph, zero)
    assert {name for name in stores if not name.startswith("temporary:")} == outputs.keys()
    assert all(holds[name] is node or name in lossy for name, node in outputs.items())
    return moved


def _scalars(node: Node, found: dict[Node, None]) -> None:
    """The values below the elements that one is computed from."""
    if node.level < Level.ELEMENT and node not in found:
        found[node] = None
        if reduced(node) is None:
            for arg in needs(node):
                _scalars(arg, found)


def random_graph(seed: int, slots: int = 1, steps: int = 5) -> Graph:
    """A small graph of elementwise operations and reductions over a tensor or the model.

    Some slots only lend their values and stay as they are, so that a value that takes many of them is dear to make.
    """
    rng = random.Random(seed)
    tracer = Tracer()
    leaves = {name: tracer.leaf(name, Level.ELEMENT) for name in ("u", "p", *(f"slot:{n}" for n in range(slots)))}
    k = tracer.leaf("k", Level.TENSOR)
    values, scalars = list(leaves.values()), [k, tracer.constant(0.5)]
    if rng.random() < 0.5:
        for leaf in values[2:]:
            values.append(tracer.apply("multiply", values[-1] if values[-1] is not leaf else values[0], leaf))
    for _ in range(steps):
        chance = rng.random()
        if chance < 0.3:
            op, over = rng.choice(["norm", "total", "dot"]), rng.choice(["tensor", "model"])
            args = tuple(rng.choice(values[-3:]) for _ in range(2 if op == "dot" else 1))
            level = Level.MODEL if over == "model" else Level.TENSOR
            scalars.append(tracer.node(op, args, (("over", over),), level))
            values.append(tracer.apply("multiply", scalars[-1], rng.choice(values[-3:])))
        elif chance < 0.5:
            values.append(tracer.apply(rng.choice(["add", "multiply"]), rng.choice(values), rng.choice(scalars)))
        else:
            values.append(tracer.apply(rng.choice(["add", "multiply", "divide"]), *rng.choices(values, k=2)))
    recent = values[-4:]
    new = {str(n): leaves[f"slot:{n}"] if rng.random() < 0.4 else rng.choice(recent) for n in range(slots)}
    if rng.random() < 0.1:
        new["0"] = scalars[-1]
    return Graph(rng.choice(recent), new, {**leaves, "k": k})
