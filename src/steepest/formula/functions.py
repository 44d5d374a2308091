"""The functions that formulas are written with; each works on traced nodes and on bundles of real arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import array_api_compat
import numpy as np

from steepest.core.arrays import like, namespace
from steepest.core.errors import FormulaError
from steepest.formula.bundle import Bundle, Part, divide, map_parts
from steepest.formula.context import current_frame
from steepest.formula.counter_random import Kind, draw
from steepest.formula.graph import Level, Node

Over = Literal["tensor", "model"]
V = TypeVar("V")
"""A formula's value: a Node while it is traced, a Bundle while it runs."""


def sqrt(x: V) -> V:
    """√x."""
    return _elementwise("sqrt", x)


def exp(x: V) -> V:
    """eˣ."""
    return _elementwise("exp", x)


def log(x: V) -> V:
    """The natural logarithm."""
    return _elementwise("log", x)


def tanh(x: V) -> V:
    """The hyperbolic tangent."""
    return _elementwise("tanh", x)


def floor(x: V) -> V:
    """The largest whole number that is not above x."""
    return _elementwise("floor", x)


def sign(x: V) -> V:
    """−1, 0 or 1; NaN where x is."""
    return _elementwise("sign", x)


def minimum(x: V, y: V | float) -> V:
    """The smaller of the two, NaN where either is."""
    return _elementwise("minimum", x, y)


def maximum(x: V, y: V | float) -> V:
    """The larger of the two, NaN where either is."""
    return _elementwise("maximum", x, y)


def where(condition: V, x: V | float, y: V | float) -> V:
    """X where the condition holds, else y; what is not chosen may be non-finite without harm."""
    return _elementwise("where", condition, x, y)


def norm(x: V, over: Over = "tensor") -> V:
    """The Euclidean norm over the tensor, or over all tensors of the model; summed in float64."""
    return _reduce("norm", over, x)


def mean(x: V, over: Over = "tensor") -> V:
    """The mean of all elements; summed in float64."""
    return _reduce("mean", over, x)


def total(x: V, over: Over = "tensor") -> V:
    """The sum of all elements; summed in float64."""
    return _reduce("total", over, x)


def dot(x: V, y: V, over: Over = "tensor") -> V:
    """The inner product; summed in float64."""
    return _reduce("dot", over, x, y)


def ndim(x: V) -> V:
    """The number of the tensor's dimensions."""
    return _shape_number("ndim", x)


def size(x: V) -> V:
    """The number of the tensor's elements."""
    return _shape_number("size", x)


def random(x: V, kind: Kind = "normal", stream: int = 0) -> V:
    """Random numbers in the shape of x: "normal", "uniform" in [0, 1), or "rademacher" signs.

    Counter-based: a pure function of (the state's seed, the tensor's name, its age k, the element's index, `stream`),
    so it is the same on every engine, in any order of tensors, and after a resume.
    """
    if isinstance(x, Node):
        attributes = (("kind", kind), ("stream", stream))
        return x.tracer.node("random", (x,), attributes, Level.ELEMENT)  # type: ignore[return-value]
    frame = current_frame()
    if not isinstance(x, Bundle) or frame is None:
        raise FormulaError("random: x must be a tensor-shaped value inside a rule")
    ages = frame.k.parts * len(frame.names) if frame.k.shared else frame.k.parts
    keys = zip(x.parts, frame.names, ages, strict=True)
    return Bundle(draw(kind, part, frame.seed, name, age, stream) for part, name, age in keys)  # type: ignore[return-value]


def _elementwise(op: str, *args: Any) -> Any:
    tracer = next((arg.tracer for arg in args if isinstance(arg, Node)), None)
    if tracer is not None:
        return tracer.apply(op, *args)
    if any(isinstance(arg, Bundle) for arg in args):
        return evaluate(op, *args)
    return _SCALAR[op](*args)


def evaluate(op: str, *args: Any) -> Bundle:
    """An elementwise operation on bundles and numbers."""
    if op == "where" and not any(_is_elementwise(arg) for arg in args[1:]) and isinstance(args[0], Bundle):
        reference = args[0].reference
        if reference is not None and _is_elementwise(reference):
            return map_parts(_where_numbers, *args, reference)
    return map_parts(lambda *parts: apply_parts(op, *parts), *args)


def apply_parts(op: str, *parts: Part) -> Part:
    """An elementwise operation on arrays and Python numbers, in float64 where all are numbers."""
    array = next((part for part in parts if not _is_number(part)), None)
    if array is None:
        return _SCALAR[op](*parts)
    if op == "where":
        return _where(*parts)
    xp = namespace(array)
    if len(parts) > 1:
        parts = tuple(like(part, array) if _is_number(part) else part for part in parts)
    return getattr(xp, op)(*parts)


def _is_number(part: Part) -> bool:
    return type(part) in (float, int, bool)


def _is_elementwise(value: object) -> bool:
    return isinstance(value, Bundle) and not all(_is_number(part) for part in value.parts)


def _where(condition: Part, x: Part, y: Part) -> Part:
    if _is_number(condition):
        return x if condition else y
    if _is_number(x) and _is_number(y):
        return namespace(condition).where(condition, *(_real_like(value, condition) for value in (x, y)))
    array = y if _is_number(x) else x
    x, y = (like(value, array) if _is_number(value) else value for value in (x, y))
    return namespace(array).where(condition, x, y)


def _where_numbers(condition: Part, x: float, y: float, reference: Part) -> Part:
    return _where(condition, like(x, reference) if not _is_number(reference) else x, y)


def _real_like(value: float, condition: Part) -> Part:
    xp = namespace(condition)
    return xp.asarray(value, dtype=xp.float64, device=array_api_compat.device(condition))


def _scalar(function: Callable[..., Any]) -> Callable[..., float]:
    def on_numbers(*args: float) -> float:
        with np.errstate(all="ignore"):
            return float(function(*(np.float64(arg) for arg in args)))

    return on_numbers


_SCALAR: dict[str, Callable[..., Any]] = {
    **{op: _scalar(getattr(np, op)) for op in ("sqrt", "exp", "log", "tanh", "floor", "sign", "minimum", "maximum")},
    "where": lambda condition, x, y: x if condition else y,
}


def _reduce(op: str, over: Over, *args: Any) -> Any:
    if over not in {"tensor", "model"}:
        raise FormulaError(f"{op}: over must be 'tensor' or 'model', got {over!r}")
    tracer = next((arg.tracer for arg in args if isinstance(arg, Node)), None)
    if tracer is not None:
        nodes = tuple(arg if isinstance(arg, Node) else tracer.constant(arg) for arg in args)
        frame = current_frame()
        scope = frame.scope if frame is not None and over == "model" else ""
        attributes = (("over", over), ("scope", scope)) if scope else (("over", over),)
        result = tracer.node(op, nodes, attributes, Level.MODEL if over == "model" else Level.TENSOR)
        if over == "model" and frame is not None:
            frame.saw(op, result)
        return result
    if not all(isinstance(arg, Bundle) for arg in args):
        raise FormulaError(f"{op}: reduces tensors, got {', '.join(type(arg).__name__ for arg in args)}")
    return reduce_bundle(op, over, *args)


def reduce_bundle(op: str, over: Over, *args: Bundle) -> Bundle:
    """A reduction on bundles: sums in float64, tensor by tensor, added in their order for the model."""
    sums = map_parts(_SUMS[op], *args)
    if over == "model":
        frame = current_frame()
        tensors = len(frame.names) if sums.shared and frame is not None else 1
        sizes = map_parts(lambda *parts: max(map(_size, parts)), *args)
        result = Bundle.one(_finish(op, _add(sums.parts * tensors), _add(sizes.parts * tensors)))
        if frame is not None:
            frame.saw(op, result.parts[0])
        return result
    return map_parts(lambda value, part: _finish(op, value, _size(part)), sums, args[0])


def _add(parts: Any) -> Any:
    first, *rest = parts
    for part in rest:
        first = first + part
    return first


def _finish(op: str, value: Part, count: int) -> Part:
    if op == "norm":
        return apply_parts("sqrt", value)
    return divide(value, count) if op == "mean" else value


def _size(part: Part) -> int:
    return 1 if _is_number(part) else math.prod(part.shape)


def _sum(x: Part, y: Part | None = None) -> Part:
    """Σ x, or Σ x·y, in float64 where the library has it; a Python float for NumPy, a 0-d array for others."""
    if y is not None and (_is_number(x) or _is_number(y)):
        return _sum(x * y)
    if _is_number(x):
        return float(x)
    xp = namespace(x)
    wide = x.dtype if array_api_compat.is_jax_array(x) and not _jax_has_float64() else xp.float64
    x64 = xp.astype(x, wide)
    result = xp.sum(x64 if y is None else x64 * xp.astype(y, wide))
    return float(result) if array_api_compat.is_numpy_array(x) else result


def _jax_has_float64() -> bool:
    import jax.numpy

    return bool(jax.numpy.result_type(float) == np.float64)


_SUMS: dict[str, Callable[..., Part]] = {
    "norm": lambda x: _sum(x, x),
    "mean": _sum,
    "total": _sum,
    "dot": _sum,
}


def _shape_number(op: str, x: Any) -> Any:
    if isinstance(x, Node):
        return x.tracer.node(op, (x,), (), Level.TENSOR)
    if isinstance(x, Bundle):
        return map_parts(shape_number[op], x)
    raise FormulaError(f"{op}: needs a tensor, got {type(x).__name__}")


shape_number: dict[str, Callable[[Part], int]] = {
    "ndim": lambda x: 0 if _is_number(x) else len(x.shape),
    "size": _size,
}
