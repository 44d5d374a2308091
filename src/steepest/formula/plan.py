"""Plans: a traced rule as the fewest passes over memory, each moving the fewest bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

from steepest.core.errors import FormulaError
from steepest.formula.graph import Call, Graph, Level, Node

GRADIENT = "u"
PARAMETER = "p"
REDUCTIONS = frozenset({"norm", "mean", "total", "dot"})


@final
@dataclass(frozen=True, eq=False)
class Sum:
    """A sum over a tensor's elements, in float64: of x, or of the products x·y."""

    args: tuple[Node, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sum) and [*map(id, self.args)] == [*map(id, other.args)]

    def __hash__(self) -> int:
        return hash(self.args)


@final
@dataclass(frozen=True, eq=False)
class Pass:
    """One walk over all elements: load, compute, store, add up.

    loads: what is read, by array name: the leaf itself, or what an earlier pass stored there. nodes: what is computed,
    arguments first. stores: the new values by array name. sums: what is added up. call: where it is no pass but a
    formula on whole arrays between two of them.
    """

    loads: Mapping[str, Node]
    nodes: tuple[Node, ...]
    stores: Mapping[str, Node]
    sums: tuple[Sum, ...]
    call: Call | None = None


@final
@dataclass(frozen=True, eq=False)
class Plan:
    """A rule's arithmetic as passes.

    Arrays are named as the graph's leaves: "u" (the gradient), "p", "slot:PATH", "input:NAME"; a temporary is
    "temporary:N". sizes: bytes an element of each array. bytes: what a step moves an element, the minimum over all
    choices of where each array is written and what is stored in between; exact: whether all were tried. check: the sum
    of squared gradients, where the plan is atomic. What a formula on whole arrays moves within itself is not counted.
    """

    graph: Graph
    passes: tuple[Pass, ...]
    sizes: Mapping[str, float]
    bytes: float
    check: Sum | None = None
    exact: bool = True

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """Every array that some pass touches, in the order of their first use."""
        return tuple(dict.fromkeys(name for step in self.passes for name in (*step.loads, *step.stores)))

    @cached_property
    def temporaries(self) -> tuple[str, ...]:
        """Arrays that live between passes only."""
        return tuple(name for name in self.arrays if name.startswith("temporary:"))

    @property
    def state_bytes(self) -> float:
        """Bytes an element of the slots."""
        return sum(size for name, size in self.sizes.items() if name.startswith("slot:"))


class Unplannable(FormulaError):
    """A rule that cannot be run in passes: it has a formula on whole arrays, say."""


def plan(
    graph: Graph,
    *,
    sizes: Mapping[str, float] | None = None,
    lossy: Iterable[str] = (),
    wide: Iterable[str] = (),
    atomic: bool = False,
    zero: bool = False,
) -> Plan:
    """The fewest passes, and among those the fewest bytes moved.

    sizes: bytes an element by array name, 4 where nothing is said. lossy: arrays whose stored value is not what was
    computed (rounded), so that no later pass may read it in place of the value. wide: arrays of float64. atomic:
    nothing is written before every gradient has been seen, so a step can be refused whole. zero: the gradient is set to
    zero on the way.

    The minimum is exact: every pass in which an array may be written and a sum be taken is tried, with every set of
    temporaries that could pay; only where that would be more than 20,000 choices is the best of these taken, and the
    plan says so. A graph that was cut at formulas on whole arrays (`segments.cut`) is planned segment by segment; one
    that was not cut, Unplannable is raised for.
    """
    from steepest.formula.search import Search

    if graph.calls:
        from steepest.formula.segments import plan_segments

        return plan_segments(graph, sizes or {}, frozenset(lossy), frozenset(wide), atomic, zero)
    return Search(graph, dict(sizes or {}), frozenset(lossy), frozenset(wide), atomic, zero).best()


def sums_of(graph: Graph) -> dict[Node, Sum]:
    """The sum behind each reduction of elements; reductions with equal sums share it."""
    table: dict[tuple[Node, ...], Sum] = {}
    found: dict[Node, Sum] = {}
    for node in graph.nodes():
        if node.op in REDUCTIONS and any(arg.level is Level.ELEMENT for arg in node.args):
            args = _summands(node)
            found[node] = table.setdefault(args, Sum(args))
    return found


def _summands(node: Node) -> tuple[Node, ...]:
    if node.op == "norm":
        return (node.args[0], node.args[0])
    if node.op == "dot":
        x, y = node.args
        if x.level is Level.ELEMENT and y.level is Level.ELEMENT:
            return (x, y)
        return (node.tracer.apply("multiply", x, y),)
    return (node.args[0],)
