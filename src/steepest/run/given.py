"""What the user gave, what becomes of it, and what the user's function is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from steepest.methods.oracle import Functions
from steepest.methods.vectors import Vector
from steepest.run.flatten import Layout

AUTOMATIC: Final = ("torch", "jax")


class Derived(NamedTuple):
    """Flat functions, how each derivative is obtained in words, and whether products are free of differences."""

    functions: Functions
    how: dict[str, str]
    exact_products: bool


class Given(NamedTuple):
    """What the user gave."""

    fun: Callable[..., Any]
    args: tuple[Any, ...]
    jac: Any
    hess: Any
    hessp: Any


def input_of(layout: Layout, v: Vector) -> Any:
    """What the user's function is given: never the methods' own memory."""
    if layout.library == "numpy":
        return layout.shaped(v.copy())
    native = layout.native(v)
    shaped = layout.shaped(native.clone() if native is v else native)
    if layout.module is None:
        return shaped
    import torch

    with torch.no_grad():
        for name, parameter in layout.module.named_parameters():
            if name in shaped:
                parameter.copy_(shaped[name])
    return layout.module
