"""The operations of a formula as Python source: one table for kernels and for what is computed once a step."""

from __future__ import annotations

from steepest.formula.graph import BOOLEAN, Node

INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
    "and": "&",
    "or": "|",
}
FUNCTIONS = frozenset({"sqrt", "exp", "log", "tanh", "floor", "sign", "minimum", "maximum", "remainder", "power"})


def expression(node: Node, args: list[str]) -> str:
    """Source of one operation on the names of its arguments.

    A power whose exponent is written in the formula is what NumPy makes of it: a product or a root.
    """
    if node.op in INFIX:
        return f"{args[0]} {INFIX[node.op]} {args[1]}"
    if node.op == "power":
        special = _POWERS.get(constant_of(node.args[1]))
        if special is not None:
            return special.format(args[0])
    if node.op in FUNCTIONS:
        return f"{node.op}({', '.join(args)})"
    if node.op == "where":
        return f"{args[1]} if {args[0]} else {args[2]}"
    return {"negative": "-{}", "abs": "abs({})"}[node.op].format(args[0])


def constant_of(node: Node) -> float | None:
    """The number that a node is, if it is one."""
    return float(dict(node.attributes)["value"]) if node.op == "constant" else None


def is_boolean(node: Node) -> bool:
    """Whether its value is true or false."""
    return node.op in BOOLEAN or (node.op == "constant" and dict(node.attributes)["type"] == "bool")


def label(node: Node, depth: int = 3) -> str:
    """A short infix reading of a node, for comments in generated source."""
    attributes = dict(node.attributes)
    if node.op == "leaf":
        return str(attributes["name"]).rpartition(":")[2]
    if node.op == "constant":
        return repr(attributes["value"])
    if depth == 0:
        return "…"
    args = [label(arg, depth - 1) for arg in node.args]
    if node.op in INFIX:
        return f"({args[0]} {INFIX[node.op]} {args[1]})"
    return f"{node.op}({', '.join(args)})"


_POWERS: dict[float | None, str] = {2.0: "{0} * {0}", 0.5: "sqrt({0})", 1.0: "{0}"}
