"""A formula's values when it is called on real arrays: one part a tensor, or one part for all."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, final

import numpy as np

from steepest.formula.graph import refuse_branch, refuse_iteration

Part = Any
"""An array, a 0-d array, or a Python number."""


@final
class Bundle:
    """The parts of one value over the tensors of a model; `shared` where all tensors have the same one.

    A formula runs once on bundles instead of once a tensor, so reductions over the model are plain functions, and
    what is shared is computed once. Scalars stay Python floats, which take the dtype of the array they meet.
    """

    __array_ufunc__ = None
    __slots__ = ("parts", "reference", "shared")

    def __init__(self, parts: Iterable[Part], shared: bool = False, reference: Bundle | None = None) -> None:
        self.parts, self.shared, self.reference = tuple(parts), shared, reference

    @classmethod
    def one(cls, part: Part) -> Bundle:
        """The same value for every tensor."""
        return cls((part,), shared=True)

    def subset(self, indices: Sequence[int]) -> Bundle:
        """The parts at these places; all of it where it is shared."""
        return self if self.shared else Bundle(self.parts[index] for index in indices)

    def __add__(self, other: object) -> Bundle:
        return map_parts(operator.add, self, other)

    def __radd__(self, other: object) -> Bundle:
        return map_parts(operator.add, other, self)

    def __sub__(self, other: object) -> Bundle:
        return map_parts(operator.sub, self, other)

    def __rsub__(self, other: object) -> Bundle:
        return map_parts(operator.sub, other, self)

    def __mul__(self, other: object) -> Bundle:
        return map_parts(operator.mul, self, other)

    def __rmul__(self, other: object) -> Bundle:
        return map_parts(operator.mul, other, self)

    def __truediv__(self, other: object) -> Bundle:
        return map_parts(divide, self, other)

    def __rtruediv__(self, other: object) -> Bundle:
        return map_parts(divide, other, self)

    def __pow__(self, other: object) -> Bundle:
        return map_parts(power, self, other)

    def __rpow__(self, other: object) -> Bundle:
        return map_parts(power, other, self)

    def __mod__(self, other: object) -> Bundle:
        return map_parts(remainder, self, other)

    def __and__(self, other: object) -> Bundle:
        return _combine(operator.and_, self, other)

    def __or__(self, other: object) -> Bundle:
        return _combine(operator.or_, self, other)

    def __neg__(self) -> Bundle:
        return map_parts(operator.neg, self)

    def __pos__(self) -> Bundle:
        return self

    def __abs__(self) -> Bundle:
        return map_parts(abs, self)

    def __lt__(self, other: object) -> Bundle:
        return _compare(operator.lt, self, other)

    def __le__(self, other: object) -> Bundle:
        return _compare(operator.le, self, other)

    def __gt__(self, other: object) -> Bundle:
        return _compare(operator.gt, self, other)

    def __ge__(self, other: object) -> Bundle:
        return _compare(operator.ge, self, other)

    def __eq__(self, other: object) -> Bundle:  # type: ignore[override]
        return _compare(operator.eq, self, other)

    def __ne__(self, other: object) -> Bundle:  # type: ignore[override]
        return _compare(operator.ne, self, other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        refuse_branch()

    def __float__(self) -> float:
        refuse_branch()

    def __iter__(self) -> Iterator[Bundle]:
        refuse_iteration()

    def __repr__(self) -> str:
        return f"Bundle({len(self.parts)} parts{', shared' if self.shared else ''})"


def map_parts(function: Callable[..., Part], *args: object) -> Bundle:
    """`function` of the arguments, tensor by tensor; once, where every argument is shared or a number."""
    columns: list[Iterable[Part]] = []
    shared = True
    for arg in args:
        if isinstance(arg, Bundle) and not arg.shared:
            columns.append(arg.parts)
            shared = False
        else:
            columns.append(repeat(arg.parts[0] if isinstance(arg, Bundle) else arg))
    results = map(function, *columns)
    return Bundle((next(results),), shared=True) if shared else Bundle(results)


def _compare(function: Callable[..., Part], a: Bundle, b: object) -> Bundle:
    """A comparison, which remembers what it compared: `where` with two numbers takes that dtype."""
    result = map_parts(function, a, b)
    result.reference = _wider(a, b if isinstance(b, Bundle) else None)
    return result


def _combine(function: Callable[..., Part], a: Bundle, b: object) -> Bundle:
    """Two conditions in one, which remembers what they compared."""
    result = map_parts(function, a, b)
    result.reference = _wider(a.reference, b.reference if isinstance(b, Bundle) else None)
    return result


def _wider(a: Bundle | None, b: Bundle | None) -> Bundle | None:
    """The one with the wider arrays; the first of equals, and numbers last."""
    return b if _width(b) > _width(a) else a


def _width(bundle: Bundle | None) -> int:
    if bundle is None or not bundle.parts:
        return -1
    return int(getattr(getattr(bundle.parts[0], "dtype", None), "itemsize", 0))


def divide(a: Part, b: Part) -> Part:
    """A / b, with IEEE results for Python numbers too: 1/0 is inf, as in every array library."""
    try:
        return a / b
    except ZeroDivisionError:
        with np.errstate(all="ignore"):
            return float(np.float64(a) / np.float64(b))


def remainder(a: Part, b: Part) -> Part:
    """A − b⌊a/b⌋, of the sign of b, with NaN for Python numbers too where b is 0."""
    try:
        return a % b
    except ZeroDivisionError:
        return float("nan")


def power(a: Part, b: Part) -> Part:
    """a**b, with IEEE results for Python numbers too."""
    try:
        result = a**b
    except (ZeroDivisionError, OverflowError):
        with np.errstate(all="ignore"):
            return float(np.float64(a) ** np.float64(b))
    return float("nan") if isinstance(result, complex) else result
