"""What a plan computes once a step: generated Python for rows of hyperparameters, NumPy for values by tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, final

import numpy as np
import numpy.typing as npt

from steepest.engines.cpu.expressions import expression
from steepest.formula import bundle
from steepest.formula.functions import apply_parts
from steepest.formula.graph import Graph, Level, Node
from steepest.formula.plan import REDUCTIONS, Unplannable, sums_of

Vector = npt.NDArray[np.float64]
Rows = Callable[..., tuple[float, ...]]
UNUSUAL = (ArithmeticError, ValueError, TypeError)
"""What Python's arithmetic raises where IEEE's gives an infinity or a NaN."""


@final
class Host:
    """The part of a graph below its elements.

    A value is `per_row` where it depends only on hyperparameters, the clock, the age, the number of dimensions and
    the model: it is computed once for all tensors that share these. What depends on a tensor's own sums, slots or
    size is a column over tensors.

    leaves: names of the graph's inputs that rows are computed from. model: reductions over the model; seen: their
    places by the path in the step report, and paths: the first path of each. by_tensor: reductions over a tensor.
    tensor_slots: slots with one number a tensor. calls: formulas on whole arrays. sized: whether something depends on
    the number of dimensions.
    """

    def __init__(self, graph: Graph) -> None:
        nodes = graph.nodes()
        reduced = sums_of(graph)
        for node in nodes:
            if node.op in REDUCTIONS and node not in reduced:
                raise Unplannable(f"plan: {node.op} of a value that is one number a tensor")
        self.per_row = frozenset(node for node in nodes if node.level < Level.ELEMENT and _is_row(node))
        self.leaves = tuple(name for name, leaf in graph.inputs.items() if leaf in self.per_row)
        self.model = tuple(node for node in reduced if node.level is Level.MODEL)
        self.seen = {path: self._place(node) for path, node in graph.seen.items() if node in reduced}
        self.paths = tuple(self._path(place) for place, _ in enumerate(self.model))
        self.model_set = frozenset(self.model)
        self.by_tensor = tuple(node for node in reduced if node.level is Level.TENSOR)
        slots = [name for name in graph.inputs if name.startswith("slot:")]
        self.tensor_slots = tuple(name for name in slots if graph.inputs[name].level is Level.TENSOR)
        self.calls = graph.calls
        self.sized = any(node.op == "ndim" for node in nodes)
        self._given = {
            **{graph.inputs[name]: f"leaf{number}" for number, name in enumerate(self.leaves)},
            **{node: f"model{number}" for number, node in enumerate(self.model)},
            **{graph.inputs[name]: f"slot{number}" for number, name in enumerate(self.tensor_slots)},
            **{node: f"sum{number}" for number, node in enumerate(self.by_tensor)},
            **{node: node.op for node in nodes if node.op in {"ndim", "size"}},
        }

    def waits(self, nodes: Sequence[Node]) -> tuple[int, ...]:
        """The places of the reductions over the model that these are computed from."""
        return tuple(self._place(node) for node in _below(nodes, self._given) if node in self.model_set)

    def _path(self, place: int) -> str:
        return next(path for path, other in self.seen.items() if other == place)

    def _place(self, node: Node) -> int:
        return next(place for place, other in enumerate(self.model) if other is node)

    def rows(self, nodes: Sequence[Node]) -> tuple[Rows, Rows]:
        """Two functions that compute these values for one row: a quick one, which may raise what is UNUSUAL, and a
        careful one with IEEE results.

        Their arguments are the values of `leaves`, the number of dimensions, and each of `model` (NaN where it is not
        known yet).
        """
        arguments = [self._given[node] for node in self._given if self._given[node].startswith(("leaf", "model"))]
        lines, names = self._lines(nodes, frozenset())
        body = [f"{name} = {_scalar(node, args)}" for name, node, args in lines]
        safe = [f"{name} = {_careful(node, args)}" for name, node, args in lines]
        place = len(self.leaves)
        arguments.insert(place, "ndim")
        quick, careful = (_function(arguments, text, names, _SCALARS) for text in (body, safe))
        return quick, np.errstate(all="ignore")(careful)

    def columns(self, nodes: Sequence[Node]) -> tuple[tuple[Node, ...], Callable[..., tuple[Vector, ...]]]:
        """The values by row that these need, and a function that computes them as vectors over tensors.

        Its arguments are a vector for each of those values, the tensors' sizes, and vectors for each of
        `tensor_slots` and of `by_tensor`.
        """
        borrowed = tuple(node for node in _below(nodes, self._given) if node in self.per_row and node.op != "constant")
        lines, names = self._lines(nodes, frozenset(borrowed))
        arguments = [f"row{number}" for number, _ in enumerate(borrowed)]
        arguments += ["size", *(f"slot{n}" for n, _ in enumerate(self.tensor_slots))]
        arguments += [f"sum{n}" for n, _ in enumerate(self.by_tensor)]
        body = [f"{name} = _apply({node.op!r}, {', '.join(args)})" for name, node, args in lines]
        return borrowed, _function(arguments, body, names, {"_apply": _apply_vectors, **_NUMBERS})

    def _lines(
        self, nodes: Sequence[Node], borrowed: frozenset[Node]
    ) -> tuple[list[tuple[str, Node, list[str]]], list[str]]:
        """Each operation with the name of its result and of its arguments; and the names of the results wanted."""
        names: dict[Node, str] = {}
        lines: list[tuple[str, Node, list[str]]] = []
        rows = 0
        for node in _below(nodes, self._given):
            if node.op == "constant":
                names[node] = f"({dict(node.attributes)['value']!r})"
            elif node in borrowed:
                names[node], rows = f"row{rows}", rows + 1
            elif node in self._given:
                names[node] = self._given[node]
            else:
                names[node] = f"x{len(lines)}"
                lines.append((names[node], node, [names[arg] for arg in node.args]))
        return lines, [names[node] for node in nodes]


def _is_row(node: Node) -> bool:
    if node.op == "leaf":
        return node.level < Level.TENSOR or dict(node.attributes)["name"] == "k"
    if node.level < Level.TENSOR or node.op == "ndim":
        return True
    return node.op != "size" and node.op not in REDUCTIONS and all(map(_is_row, node.args))


def _below(nodes: Iterable[Node], given: dict[Node, str]) -> list[Node]:
    """What these are computed from, arguments first, down to what is given."""
    order: dict[Node, None] = {}
    stack = [(node, False) for node in reversed(list(nodes))]
    while stack:
        node, ready = stack.pop()
        if ready or node in given:
            order[node] = None
        elif node not in order:
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args))
    return list(order)


def _function(arguments: list[str], body: list[str], results: list[str], names: dict[str, Any]) -> Callable[..., Any]:
    """The function of a generated text."""
    inside = "".join(f"    {line}\n" for line in (*body, f"return ({', '.join(results)}{',' * bool(results)})"))
    space = dict(names)
    exec(f"def compute({', '.join(arguments)}):\n{inside}", space)
    function: Callable[..., Any] = space["compute"]
    return function


def _scalar(node: Node, args: list[str]) -> str:
    return f"power({args[0]}, {args[1]})" if node.op == "power" else expression(node, args)


def _careful(node: Node, args: list[str]) -> str:
    return f"_apply({node.op!r}, {', '.join(args)})"


def _minimum(a: float, b: float) -> float:
    return a if a < b or a != a else b


def _maximum(a: float, b: float) -> float:
    return a if a > b or a != a else b


def _sign(x: float) -> float:
    return math.copysign(1.0, x) if abs(x) > 0 else x


_PYTHON: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": bundle.divide,
    "power": bundle.power,
    "remainder": bundle.remainder,
    "negative": lambda a: -a,
    "abs": abs,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "equal": lambda a, b: a == b,
    "not_equal": lambda a, b: a != b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
}


def _apply(op: str, *args: float) -> float:
    """One operation on numbers with IEEE results, as the eager engine has them."""
    function = _PYTHON.get(op)
    result: float = apply_parts(op, *args) if function is None else function(*args)
    return result


def _apply_vectors(op: str, *args: Any) -> Any:
    """One operation on vectors; powers and the like number by number, to be equal to the bit to Python's."""
    if op in {"power", "exp", "log", "tanh", "remainder"}:
        vectors = np.broadcast_arrays(*args)
        return np.array([_apply(op, *map(float, numbers)) for numbers in zip(*vectors, strict=True)])
    if op == "where":
        return np.where(np.asarray(args[0], dtype=bool), args[1], args[2])
    return _NUMPY[op](*args)


_NUMBERS = {"inf": math.inf, "nan": math.nan}
_SCALARS: dict[str, Any] = {
    "_apply": _apply,
    "sqrt": math.sqrt,
    **{op: partial(apply_parts, op) for op in ("exp", "log", "tanh", "floor")},
    "power": bundle.power,
    "sign": _sign,
    "minimum": _minimum,
    "maximum": _maximum,
    "remainder": lambda a, b: a % b,
    **_NUMBERS,
}
_NUMPY: dict[str, Callable[..., Any]] = {
    "and": np.logical_and,
    "or": np.logical_or,
    **{
        op: getattr(np, op)
        for op in (
            "add subtract multiply divide negative abs less less_equal greater greater_equal equal not_equal "
            "sqrt floor sign minimum maximum"
        ).split()
    },
}
