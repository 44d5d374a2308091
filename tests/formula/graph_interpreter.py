"""A second, independent reading of a traced graph: a walk over its nodes in NumPy, one list entry a tensor."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.formula import Graph, Level, Node

BINARY: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "remainder": operator.mod,
    "floor": np.floor,
    "negative": operator.neg,
    "abs": abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sign": np.sign,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "where": np.where,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "and": operator.and_,
    "or": operator.or_,
}


def interpret(graph: Graph, names: list[str], leaves: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict]]:
    """The update and each new slot, by tensor name. A leaf is one value for all tensors or a dict by name."""
    values: dict[Node, dict[str, Any]] = {}
    for node in graph.nodes():
        assert all(arg in values for arg in node.args), "arguments come first"
        attributes = dict(node.attributes)
        args = [values[arg] for arg in node.args]
        if node.op == "leaf":
            leaf = leaves[attributes["name"]]
            value = leaf if isinstance(leaf, dict) else dict.fromkeys(names, leaf)
        elif node.op == "constant":
            value = dict.fromkeys(names, attributes["value"])
        elif node.op in {"norm", "mean", "total", "dot"}:
            value = _reduced(node.op, attributes["over"], names, args)
        elif node.op in {"ndim", "size"}:
            value = {name: getattr(np.asarray(args[0][name]), node.op) for name in names}
        else:
            with np.errstate(all="ignore"):
                value = {name: BINARY[node.op](*(arg[name] for arg in args)) for name in names}
        if node.level < Level.ELEMENT:
            assert all(np.ndim(v) == 0 for v in value.values()), f"{node} is not a scalar"
        if node.level < Level.TENSOR:
            assert len({float(v) for v in value.values() if not math.isnan(v)}) <= 1, f"{node} differs between tensors"
        values[node] = value
    return values[graph.update], {path: values[node] for path, node in graph.slots.items()}


def _reduced(op: str, over: str, names: list[str], args: list[dict[str, Any]]) -> dict[str, float]:
    sums, counts = {}, {}
    for name in names:
        x = np.ravel(np.asarray(args[0][name], dtype=np.float64)).tolist()
        y = np.ravel(np.asarray(args[-1][name], dtype=np.float64)).tolist()
        sums[name] = math.fsum(x) if op in {"mean", "total"} else math.fsum(map(operator.mul, x, y))
        counts[name] = len(x)
    if over == "model":
        sums, counts = dict.fromkeys(names, math.fsum(sums.values())), dict.fromkeys(names, sum(counts.values()))
    finish = {"norm": lambda s, n: math.sqrt(s), "mean": operator.truediv}.get(op, lambda s, n: s)
    return {name: finish(sums[name], counts[name]) for name in names}
