"""The names that a formula's author gave to its values: read while the formula is traced, never while it runs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

from steepest.formula.graph import Node, Tracer


@contextmanager
def local_names(tracer: Tracer, function: Callable[..., object]) -> Iterator[dict[str, Node]]:
    """Within it `function` is called once; after it the dict holds the function's local values by their names.

    The call's frame is found when the function makes its first node, and its locals are read when it has returned:
    no profiler or tracer is installed, so those of a debugger or of coverage measurement stay as they are. A call
    within the call has its own names. The dict stays empty where the function has no Python code or makes no node.

    >>> from steepest.formula.graph import Level, Tracer
    >>> tracer = Tracer()
    >>> def double(x):
    ...     twice = 2 * x
    ...     return twice
    >>> with local_names(tracer, double) as names:
    ...     node = double(tracer.leaf("x", Level.ELEMENT))
    >>> names["twice"] is node
    True
    """
    names: dict[str, Node] = {}
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or not hasattr(sys, "_getframe"):
        yield names
        return
    found: list[FrameType] = []

    def look() -> None:
        frame = _innermost(code, sys._getframe(1))
        if frame is not None:
            found.append(frame)
            tracer.on_node = None

    outer, tracer.on_node = tracer.on_node, look
    try:
        yield names
    finally:
        tracer.on_node = outer
    for frame in found:
        values = dict(frame.f_locals)
        names.update({name: v for name, v in values.items() if isinstance(v, Node) and v.tracer is tracer})


def _innermost(code: CodeType, frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame
