"""Random expressions of the rule language, as functions of whatever it computes with."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from steepest.formula import dot, exp, floor, log, maximum, mean, minimum, norm, sign, sqrt, tanh, total, where

Choose = Callable[[int], int]
"""A whole number from 0, below the argument."""
Expression = Callable[[Mapping[str, Any]], Any]

CONSTANTS = (0, 1, 2, 3, -1, 0.5, -0.5, 2.0, 1e-6, -2.5e-7, 10.0, 12.0)
ARITHMETIC = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}
ONE = {
    "negative": operator.neg,
    "abs": abs,
    "sqrt": sqrt,
    "sign": sign,
    "floor": floor,
    "exp": exp,
    "log": log,
    "tanh": tanh,
}
TWO = {"minimum": minimum, "maximum": maximum, "remainder": operator.mod}
COMPARE = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
REDUCE = (norm, mean, total)
EXPONENTS = (2, 3, -1, 0.5, 1, -2)


def expression(choose: Choose, leaves: tuple[str, ...], depth: int) -> Expression:
    """A random one. Arithmetic is the most frequent; squares, nested choices and signs are not rare."""

    def below(shrink: int = 1) -> Expression:
        return expression(choose, leaves, depth - shrink)

    kind = choose(17) if depth > 0 else choose(2)
    if kind == 0:
        name = leaves[choose(len(leaves))]
        return lambda given: given[name]
    if kind == 1:
        constant, name = CONSTANTS[choose(len(CONSTANTS))], leaves[0]
        return lambda given: given["number"](constant, given[name])
    if kind <= 8:
        apply, x, y = list(ARITHMETIC.values())[choose(4)], below(), below()
        return lambda given: apply(x(given), y(given))
    if kind == 9:
        x = below()
        return lambda given: (lambda value: value * value)(x(given))
    if kind == 10:
        exponent, x = EXPONENTS[choose(len(EXPONENTS))], below()
        return lambda given: x(given) ** exponent
    if kind == 11:
        x, y = below(), below(2)
        return lambda given: x(given) ** y(given)
    if kind == 12:
        one, x = list(ONE.values())[choose(len(ONE))], below()
        return lambda given: one(x(given))
    if kind == 13:
        two, x, y = list(TWO.values())[choose(len(TWO))], below(), below()
        return lambda given: two(x(given), y(given))
    if kind <= 15:
        condition, x, y = _condition(choose, leaves, depth - 1), below(), below()
        return lambda given: where(condition(given), x(given), y(given))
    return _reduction(choose, below)


def _condition(choose: Choose, leaves: tuple[str, ...], depth: int) -> Expression:
    if depth > 0 and choose(3) == 0:
        first, second = (_condition(choose, leaves, depth - 1) for _ in range(2))
        join = (operator.and_, operator.or_)[choose(2)]
        return lambda given: join(first(given), second(given))
    compare = COMPARE[choose(len(COMPARE))]
    x, y = (expression(choose, leaves, depth - 1) for _ in range(2))
    return lambda given: compare(x(given), y(given))


def _reduction(choose: Choose, below: Callable[[], Expression]) -> Expression:
    over = ("tensor", "model")[choose(2)]
    if choose(3) == 0:
        x, y = below(), below()
        if choose(2):
            return lambda given: (lambda value: dot(value, value, over=over))(x(given))
        return lambda given: dot(x(given), y(given), over=over)
    reduce, x = REDUCE[choose(3)], below()
    return lambda given: reduce(x(given), over=over)
