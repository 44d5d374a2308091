"""Which node reads which."""

from __future__ import annotations

from steepest.formula.graph import Node


def readers(roots: list[Node]) -> dict[Node, set[Node]]:
    """Every node that the roots need, with those that read it."""
    found: dict[Node, set[Node]] = {}
    stack = []
    for root in roots:
        if root not in found:
            found[root] = set()
            stack.append(root)
    while stack:
        node = stack.pop()
        for arg in node.args:
            if arg not in found:
                found[arg] = set()
                stack.append(arg)
            found[arg].add(node)
    return found
