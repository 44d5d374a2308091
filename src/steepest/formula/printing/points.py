"""A rule's query and answer points as nodes of its graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from steepest.formula.context import Frame
from steepest.formula.graph import Graph, Level, Node

if TYPE_CHECKING:
    from steepest.formula.rule import Rule


def point_node(rule: Rule, graph: Graph, kind: Literal["query", "answer"]) -> Node | None:
    """The point where the gradient is taken, or the one that is evaluated; None where it is p itself.

    It reads the graph's leaves, and "g", the gradient at p, where the query takes it.
    """
    found = rule.link_with(kind)
    if found is None:
        return None
    path, link = found
    leaves = graph.inputs
    by_kind: dict[str, dict[str, Node]] = {"slot": {}, "value": {}, "input": {}}
    for name, leaf in leaves.items():
        group, _, rest = name.partition(":")
        if rest:
            by_kind[group][rest] = leaf
    frame = Frame(
        names=("",),
        p=leaves["p"],
        k=leaves["k"],
        t=leaves["t"],
        slots=by_kind["slot"],
        values=by_kind["value"],
        inputs=by_kind["input"],
    )
    tracer = leaves["p"].tracer
    point = link.point(kind, frame, path, tracer.leaf("g", Level.ELEMENT))
    return point if isinstance(point, Node) else tracer.constant(point)
