"""How often each value of a rule changes in a sweep: what can be computed outside the loop over runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from steepest.formula.graph import Node

CONSTANT, STEP, RUN, BOTH, ELEMENT = 0, 1, 2, 3, 4
"""A value differs by nothing, by step, by run, by both (one number a run at each step), or by element too."""
REDUCTIONS = frozenset({"norm", "mean", "total", "dot"})


def kinds_of(nodes: Iterable[Node], leaf: Callable[[str], int]) -> dict[Node, int]:
    """The kind of every node; `leaf` gives those of the inputs by name.

    What differs by nothing (size, ndim, arithmetic on constants) counts as STEP, so that it is computed on the host.
    """
    kinds: dict[Node, int] = {}
    for node in nodes:
        if node.op == "leaf":
            kind = leaf(name_of(node))
        elif node.op == "constant":
            kind = CONSTANT
        elif node.op in {"size", "ndim"}:
            kind = STEP
        elif node.op == "random":
            kind = ELEMENT
        else:
            joined = _join(kinds[arg] for arg in node.args)
            above = BOTH if node.op in REDUCTIONS else ELEMENT
            kind = above if joined >= ELEMENT else max(joined, STEP)
        kinds[node] = kind
    return kinds


def name_of(leaf: Node) -> str:
    """A leaf's name."""
    return str(dict(leaf.attributes)["name"])


def _join(kinds: Iterable[int]) -> int:
    joined = 0
    for kind in kinds:
        joined |= kind
    return joined
