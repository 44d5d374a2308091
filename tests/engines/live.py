"""Steppers on small live models, and snapshots of everything that a step may change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from steepest.core.arrays import to_numpy
from steepest.core.oracle import Evaluation
from steepest.core.stepper import StepReport
from steepest.engines import RuleStepper
from steepest.formula import Rule

SHAPES: Mapping[str, tuple[int, ...]] = {"weight": (3, 5), "bias": (5,), "gain": (), "none": (0, 2)}


def numpy_params(
    dtype: str = "float32", shapes: Mapping[str, tuple[int, ...]] = SHAPES, seed: int = 0
) -> dict[str, Any]:
    rng = np.random.default_rng([seed, 1])
    return {name: np.asarray(rng.normal(size=shape), dtype) for name, shape in shapes.items()}


def torch_params(
    dtype: str = "float32", shapes: Mapping[str, tuple[int, ...]] = SHAPES, seed: int = 0
) -> dict[str, Any]:
    numbers = numpy_params("float64", shapes, seed)
    return {name: torch.from_numpy(p).to(getattr(torch, dtype)) for name, p in numbers.items()}


def grads_like(params: Mapping[str, Any], step: int, seed: int = 0) -> dict[str, Any]:
    """Gradients of a step, in the library and dtype of the parameters."""
    rng = np.random.default_rng([seed, 2, step])
    found: dict[str, Any] = {}
    for name, p in params.items():
        g = np.asarray(rng.normal(size=tuple(p.shape)))
        found[name] = torch.from_numpy(g).to(p.dtype) if isinstance(p, torch.Tensor) else g.astype(p.dtype)
    return found


def go(
    stepper: RuleStepper,
    steps: int,
    *,
    first: int = 0,
    change: Callable[[int, dict[str, Any]], dict[str, Any]] = lambda step, grads: grads,
    inputs: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[StepReport]:
    """Some steps by `grads_like`, changed as asked."""
    found = []
    for step in range(first, first + steps):
        grads = change(step, grads_like(stepper.tensors, step, seed))
        found.append(stepper.apply(Evaluation(0.0, grads), inputs))
    return found


def both(rule: Rule, dtype: str = "float32", steps: int = 4, **settings: Any) -> tuple[RuleStepper, RuleStepper]:
    """The compiled and the eager engine after the same steps on NumPy arrays."""
    walked = {name: settings.pop(name) for name in ("change", "inputs") if name in settings}
    shapes = settings.pop("shapes", SHAPES)
    steppers = tuple(
        RuleStepper(rule, numpy_params(dtype, shapes), engine=engine, **settings) for engine in ("cpu", "eager")
    )
    for stepper in steppers:
        go(stepper, steps, **walked)
    return steppers  # type: ignore[return-value]


def bits(array: Any) -> bytes:
    """All of an array's memory, in its memory order for dense arrays."""
    if isinstance(array, torch.Tensor):
        flat = array.detach().as_strided((array.numel(),), (1,)) if array.numel() else array.detach().reshape(-1)
        return flat.contiguous().view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return np.asarray(array).tobytes(order="K")


def everything(stepper: RuleStepper) -> dict[str, object]:
    """The bits of parameters and state, the clock and the ages."""
    state = stepper.state
    found: dict[str, object] = {f"p/{name}": bits(p) for name, p in stepper.tensors.items()}
    found |= {f"{path}/{name}": bits(a) for path, tensors in state.slots.items() for name, a in tensors.items()}
    return {**found, "clock": state.step, "ages": dict(state.ages), "seed": state.seed}


def assert_same_bits(one: RuleStepper, other: RuleStepper) -> None:
    """Parameters and state of two runs; slots that are one number, made of sums, to the last places of float64."""
    assert one.tensors.keys() == other.tensors.keys()
    for name, p in one.tensors.items():
        np.testing.assert_array_equal(to_numpy(p), to_numpy(other.tensors[name]), err_msg=name)
    ours, theirs = one.state, other.state
    assert (ours.step, ours.ages) == (theirs.step, theirs.ages)
    assert ours.slots.keys() == theirs.slots.keys()
    for path, tensors in ours.slots.items():
        assert tensors.keys() == theirs.slots[path].keys()
        for name, array in tensors.items():
            ours_now, theirs_now = to_numpy(array), to_numpy(theirs.slots[path][name])
            rtol = 1e-13 if one.rule.slots()[path].scalar else 0
            np.testing.assert_allclose(ours_now, theirs_now, rtol=rtol, atol=0, err_msg=f"{path} {name}")
