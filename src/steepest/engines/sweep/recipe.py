"""Values of a graph as NumPy vectors in float64: over steps, or over runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, final

import numpy as np
import numpy.typing as npt

from steepest.engines.sweep.kinds import ELEMENT, name_of
from steepest.formula.bundle import power
from steepest.formula.graph import Node

Vector = npt.NDArray[np.float64]


@final
class Recipe:
    """The operations that some values need, in order; made once for a graph and followed for every table.

    What the rule on NumPy computes with Python's numbers is the same to the bit here.
    """

    def __init__(self, wanted: Iterable[Node], kinds: Mapping[Node, int], dimensions: int) -> None:
        places: dict[Node, int] = {}
        self.leaves: list[tuple[int, str]] = []
        self.numbers: list[Any] = []
        self.operations: list[tuple[int, Callable[..., Any], tuple[int, ...]]] = []
        self.wanted = tuple(self._place(node, places, kinds, dimensions) for node in wanted)

    def follow(self, leaf: Callable[[str], Any]) -> list[Any]:
        """The wanted values, numbers or vectors, from the inputs by name."""
        values = self.numbers.copy()
        for place, name in self.leaves:
            values[place] = leaf(name)
        with np.errstate(all="ignore"):
            for place, function, args in self.operations:
                values[place] = function(*[values[arg] for arg in args])
        return [values[place] for place in self.wanted]

    def _place(self, node: Node, places: dict[Node, int], kinds: Mapping[Node, int], dimensions: int) -> int:
        """Where the value will be, after those that it needs."""
        if node in places:
            return places[node]
        number: float | str | None = None
        args: tuple[int, ...] = ()
        if node.op == "constant":
            number = dict(node.attributes)["value"]
        elif node.op in {"size", "ndim"}:
            elementwise = kinds[node.args[0]] == ELEMENT
            number = float(dimensions if elementwise and node.op == "size" else elementwise or node.op == "size")
        else:
            args = tuple(self._place(arg, places, kinds, dimensions) for arg in node.args)
        place = places[node] = len(self.numbers)
        self.numbers.append(number)
        if node.op == "leaf":
            self.leaves.append((place, name_of(node)))
        elif number is None:
            self.operations.append((place, _OPERATIONS[node.op], args))
        return place


@lru_cache(maxsize=16)
def ages(first: int, count: int) -> Vector:
    """K of updates first, first + 1, …, which are counted from 0; not to be changed."""
    vector = np.arange(first + 1, first + count + 1, dtype=np.float64)
    vector.flags.writeable = False
    return vector


def _power(base: Any, exponent: Any) -> Any:
    """Number by number, so that it equals Python's to the bit; remembered for a shared base and whole exponents."""
    if np.ndim(base) == 0 and np.ndim(exponent) == 0:
        return power(float(base), float(exponent))
    if np.ndim(base) == 0 and len(exponent) and exponent is ages(int(exponent[0]) - 1, len(exponent)):
        return _powers(float(base), int(exponent[0]), len(exponent))
    bases, exponents = np.broadcast_arrays(base, exponent)
    return np.array([power(float(b), float(e)) for b, e in zip(bases, exponents, strict=True)], dtype=np.float64)


@lru_cache(maxsize=64)
def _powers(base: float, first: int, count: int) -> Vector:
    return np.array([power(base, float(first + index)) for index in range(count)])


def _itself(x: Any) -> Any:
    return x


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "power": _power,
    "where": lambda condition, x, y: np.where(np.asarray(condition, dtype=bool), x, y),
    "and": np.logical_and,
    "or": np.logical_or,
    "norm": lambda x: np.sqrt(np.square(x)),
    "mean": _itself,
    "total": _itself,
    "dot": np.multiply,
    **{
        op: getattr(np, op)
        for op in (
            "add subtract multiply divide remainder negative abs less less_equal greater greater_equal equal not_equal "
            "sqrt exp log tanh floor sign minimum maximum"
        ).split()
    },
}
