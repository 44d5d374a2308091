"""The operations of a formula as Triton source, in the types and roundings of NumPy."""

from __future__ import annotations

import math

from steepest.engines.cpu.expressions import INFIX, constant_of, is_boolean
from steepest.formula.graph import Node

FUNCTIONS = frozenset("sqrt exp log tanh sign minimum maximum remainder power divide both either".split())
"""Operations that are functions of the runtime."""


def expression(node: Node, args: list[str]) -> str:
    """Source of one operation on the names of its arguments.

    A power whose exponent is written in the formula is what NumPy makes of it: a product or a root.
    """
    if node.op == "power":
        special = _POWERS.get(constant_of(node.args[1]))
        if special is not None:
            return special.format(args[0])
    name = {"and": "both", "or": "either"}.get(node.op, node.op)
    if name in FUNCTIONS:
        return f"{name}({', '.join(args)})"
    if node.op in INFIX:
        return f"{args[0]} {INFIX[node.op]} {args[1]}"
    if node.op == "where":
        condition = args[0] if is_boolean(node.args[0]) else f"{args[0]} != 0.0"
        return f"tl.where({condition}, {args[1]}, {args[2]})"
    # Not -x: some versions of Triton compute 0 − x, which loses the sign of 0.
    return {"negative": "{} * -1.0", "abs": "tl.abs({})", "floor": "tl.floor({})"}[node.op].format(args[0])


def wants_number(node: Node, place: int) -> bool:
    """Whether an operation computes with its argument at a place as a number, also where that is true or false."""
    return not (node.op in {"and", "or"} or (node.op == "where" and place == 0))


def literal(node: Node, dtype: str) -> str:
    """A constant as a scalar of a type."""
    value = constant_of(node)
    assert value is not None
    if dtype == "bool":
        return f"tl.full((), {int(bool(value))}, tl.int1)"
    return (
        f"tl.full((), {value!r}, tl.{dtype})" if math.isfinite(value) else f'tl.full((), float("{value}"), tl.{dtype})'
    )


_POWERS: dict[float | None, str] = {2.0: "{0} * {0}", 0.5: "sqrt({0})", 1.0: "{0}"}
