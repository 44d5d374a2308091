"""Where arrays lie: memory order, dtypes, tensors that move, overlaps, versions."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from live import assert_same_bits, bits, everything, go, grads_like, numpy_params, torch_params

from steepest.core.errors import InputError, InputTypeError
from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper
from steepest.formula import chain
from steepest.rules import adamw, average, clip_norm, lamb, sgd

FULL = chain(clip_norm(max_norm=1.0), adamw(lr=0.1), average(beta=0.9))
LAMB = lamb(lr=0.1, weight_decay=0.1)
IMAGES = {"kernel": (6, 4, 3, 3), "row": (1, 5), "bias": (6,), "one": (2, 1, 1, 1)}


# Memory order


def channels_last(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.clone(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor.clone()


@pytest.mark.parametrize("turned", ["params", "gradients", "both"])
@pytest.mark.parametrize("made", [FULL, LAMB], ids=["full", "lamb"])
def test_channels_last_weights(made: Any, turned: str) -> None:
    """The same bits as in row-major order; the state in the order of the weights, and its numbers in theirs."""
    plain = RuleStepper(made, torch_params(shapes=IMAGES), engine="cpu")
    params = {n: channels_last(p) if turned != "gradients" else p for n, p in torch_params(shapes=IMAGES).items()}
    stepper = RuleStepper(made, params, engine="cpu")
    go(plain, 3)
    go(stepper, 3, change=lambda step, g: {n: channels_last(x) if turned != "params" else x for n, x in g.items()})
    assert_same_bits(stepper, plain)
    for tensors in stepper.state.slots.values():
        assert tensors["kernel"].stride() == params["kernel"].stride()
    if turned != "gradients":
        assert not params["kernel"].is_contiguous()


def test_fortran_order_and_permuted_arrays() -> None:
    """NumPy's, in the order that they have; a gradient in any order, with gaps, or backwards."""
    shapes = {"matrix": (4, 5), "cube": (2, 3, 4)}
    plain = RuleStepper(FULL, numpy_params(shapes=shapes), engine="cpu")
    go(plain, 3)
    params = {"matrix": np.asfortranarray(numpy_params(shapes=shapes)["matrix"])}
    params["cube"] = numpy_params(shapes=shapes)["cube"].transpose(1, 2, 0).copy().transpose(2, 0, 1)
    assert not any(p.flags.c_contiguous for p in params.values())
    stepper = RuleStepper(FULL, params, engine="cpu")

    def scattered(step: int, grads: dict[str, Any]) -> dict[str, Any]:
        wide = np.zeros((4, 10), "float32")
        wide[:, ::2] = grads["matrix"]
        return {"matrix": wide[:, ::2], "cube": grads["cube"][::-1].copy()[::-1]}

    go(stepper, 3, change=scattered)
    assert_same_bits(stepper, plain)


def test_a_state_in_another_memory_order_is_taken_over() -> None:
    whole = RuleStepper(FULL, torch_params(shapes=IMAGES), engine="cpu")
    go(whole, 5)
    first = RuleStepper(FULL, torch_params(shapes=IMAGES), engine="cpu")
    go(first, 3)
    second = RuleStepper(FULL, {n: channels_last(p) for n, p in first.tensors.items()}, engine="cpu")
    second.restart(first.state, {})
    go(second, 2, first=3)
    assert_same_bits(second, whole)


@pytest.mark.parametrize("library", [numpy_params, torch_params])
def test_gradients_of_another_dtype_are_converted(library: Any) -> None:
    plain, stepper = (RuleStepper(FULL, library(), engine="cpu") for _ in range(2))

    def wide(step: int, grads: dict[str, Any]) -> dict[str, Any]:
        return {n: g.astype("float64") if isinstance(g, np.ndarray) else g.double() for n, g in grads.items()}

    go(plain, 3)
    go(stepper, 3, change=wide)
    assert_same_bits(stepper, plain)


def test_gradients_that_repeat_one_number() -> None:
    """Expanded tensors have fewer numbers in memory than elements."""
    stepper, plain = (RuleStepper(FULL, torch_params(), engine="cpu") for _ in range(2))

    def expanded(step: int, grads: dict[str, Any]) -> dict[str, Any]:
        return {**grads, "weight": torch.tensor(0.5 + step).expand(3, 5)}

    def whole(step: int, grads: dict[str, Any]) -> dict[str, Any]:
        return {**grads, "weight": torch.full((3, 5), 0.5 + step)}

    go(stepper, 3, change=expanded)
    go(plain, 3, change=whole)
    assert_same_bits(stepper, plain)


def test_parameters_that_cannot_be_walked_run_eagerly() -> None:
    rng = np.random.default_rng(0)
    frozen = rng.normal(size=4).astype("float32")
    frozen.flags.writeable = False
    odd: dict[str, Any] = {
        "gaps": rng.normal(size=(4, 6)).astype("float32")[:, ::2],
        "half": torch.ones(3, dtype=torch.float16),
        "integers of the other order": rng.normal(size=3).astype(">f4"),
    }
    for name, p in odd.items():
        stepper = RuleStepper(adamw(), {name: p})
        assert stepper.engine.name == "eager" and f"plan: {name} is not a dense array" in stepper.why_eager
        go(stepper, 1)
        with pytest.raises(InputError, match="engine 'cpu' cannot run here"):
            RuleStepper(adamw(), {name: p}, engine="cpu")
    with pytest.raises(InputError, match="engine 'cpu' cannot run here"):
        RuleStepper(adamw(), {"frozen": frozen}, engine="cpu")


# Tensors that move


@pytest.mark.parametrize("library", ["parameter", "tensor"])
def test_storage_that_moves_between_steps(library: str) -> None:
    plain = RuleStepper(FULL, torch_params(), engine="cpu")
    params = torch_params()
    if library == "parameter":
        params = {n: torch.nn.Parameter(p) for n, p in params.items()}
    stepper = RuleStepper(FULL, params, engine="cpu")
    kept = []
    for step in range(4):
        go(plain, 1, first=step)
        go(stepper, 1, first=step)
        kept += [p.data for p in params.values()]
        before = [bits(p) for p in kept]
        for p in params.values():
            p.data = p.data.clone()
        assert_same_bits(stepper, plain)
        assert before == [bits(p) for p in kept]
    old = [bits(p) for p in kept]
    go(stepper, 1, first=4)
    assert old == [bits(p) for p in kept], "memory that was left is not written to"


CHANGES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "wider": lambda p: p.double(),
    "narrower": lambda p: p.to(torch.bfloat16),
    "gaps": lambda p: torch.zeros(6, 10)[:, ::2],
    "other shape": lambda p: torch.zeros(7, 5),
    "part": lambda p: p[:3],
    "turned": lambda p: p.t(),
}


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("name", CHANGES)
def test_a_parameter_that_becomes_another_is_refused_before_anything_changes(name: str, trusted: bool) -> None:
    """Also at the second try, and though it lies where it lay."""
    params = {n: torch.nn.Parameter(p) for n, p in torch_params(shapes={"first": (3,), "w": (6, 5), "x": (4,)}).items()}
    stepper = RuleStepper(adamw(lr=0.1), params, engine="cpu", trusted=trusted)
    go(stepper, 2)
    held = params["w"].data
    params["w"].data = CHANGES[name](held)
    before = everything(stepper)
    for _ in range(2):
        with pytest.raises(InputTypeError, match=r"update: w must .* a dense float32 array of shape \(6, 5\)"):
            go(stepper, 1, first=2)
        assert everything(stepper) == before
    params["w"].data = held
    go(stepper, 1, first=2)
    plain = RuleStepper(adamw(lr=0.1), torch_params(shapes={"first": (3,), "w": (6, 5), "x": (4,)}), engine="cpu")
    go(plain, 3)
    assert_same_bits(stepper, plain)


# Shared memory


def test_shared_memory_is_refused_with_both_names() -> None:
    base, tensor = np.ones(10, "float32"), torch.ones(4, 5)
    tied = torch.nn.Parameter(torch.ones(3))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"z": base, "b": base}, "z and b"),
        ({"a": base[:6], "other": np.ones(4, "float32"), "b": base[5:]}, "a and b"),
        ({"inside": base[2:4], "all": base}, "inside and all"),
        ({"m": tensor, "t": tensor.t()}, "m and t"),
        ({"head": tied, "body": torch.nn.Parameter(torch.ones(2)), "embedding": tied}, "head and embedding"),
    ]
    for params, names in cases:
        with pytest.raises(InputError, match=f"adamw: {names} share memory; give tied parameters once"):
            RuleStepper(adamw(), params, engine="cpu")
        with pytest.raises(InputError, match="share memory"):
            RuleStepper(adamw(), params)
    go(RuleStepper(adamw(), {"a": base[:5], "b": base[5:], "none": base[3:3]}, engine="cpu"), 1)


# What PyTorch is told


def test_autograd_refuses_a_graph_of_before_the_step() -> None:
    p = torch.nn.Parameter(torch.ones(3))
    alone = torch.nn.Parameter(torch.ones(3))
    stepper = RuleStepper(adamw(), {"p": p, "alone": alone}, engine="cpu")
    loss, other = (p * p).sum(), (alone * alone).sum()
    versions = p._version, alone._version
    stepper.apply(Evaluation(0.0, {"p": torch.ones(3), "alone": None}))
    assert p._version > versions[0] and alone._version == versions[1]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    other.backward()
    assert p.grad is None and p.is_leaf and p.requires_grad


def test_a_skipped_step_changes_no_version() -> None:
    p = torch.nn.Parameter(torch.ones(3))
    stepper = RuleStepper(adamw(), {"p": p}, engine="cpu", nonfinite="skip")
    loss = (p * p).sum()
    stepper.apply(Evaluation(0.0, {"p": torch.full((3,), torch.nan)}))
    loss.backward()
    assert p.grad is not None


# Gradients that are refused


def test_gradients_of_another_kind_change_nothing() -> None:
    stepper = RuleStepper(sgd(lr=0.1), torch_params(), engine="cpu")
    good = grads_like(stepper.tensors, 0)
    before = everything(stepper)
    sparse = torch.sparse_coo_tensor(torch.tensor([[0], [0]]), torch.tensor([1.0]), (3, 5), check_invariants=True)
    for bad, message in (
        (sparse, "the gradient of weight is sparse"),
        (np.ones((3, 5)), "the gradient of weight must be a PyTorch tensor, got ndarray"),
    ):
        with pytest.raises(InputTypeError, match=message):
            stepper.apply(Evaluation(0.0, {**good, "weight": bad}))
    assert everything(stepper) == before


# What JAX and Python 3.12 say of every fork of a process with threads, whoever forks.
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_gradient_on_another_device_is_refused() -> None:
    """In a child: to read where nothing lies would end the process."""
    child = os.fork()
    if not child:
        code = 1
        try:
            stepper = RuleStepper(sgd(lr=0.1), torch_params(), engine="cpu")
            try:
                stepper.apply(Evaluation(0.0, {"weight": torch.ones(3, 5, device="meta")}))
            except InputTypeError as error:
                code = 0 if "the gradient of weight must be on cpu, got meta" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
