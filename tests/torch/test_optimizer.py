"""What the optimizer is made of, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch_network import (
    RATE,
    RULES,
    loss_of,
    made,
    network,
    same,
    train,
    weights,
)

import steepest.torch as ours
from steepest.core.errors import FormulaError, InputError, InputTypeError
from steepest.formula import chain
from steepest.rules import (
    adam,
    scale_by_adam,
)
from steepest.schedules import constant
from steepest.torch import Optimizer


def test_what_is_refused() -> None:
    p = nn.Parameter(torch.zeros(2))
    with pytest.raises(InputError, match=r"no rule in the chain sets the step; add learning_rate\(lr=…\)"):
        Optimizer([p], scale_by_adam())
    with pytest.raises(InputTypeError, match="rule must be a rule, got 'adam'"):
        Optimizer([p], "adam")  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match=r"parameters must be floating point, got one of torch.complex64"):
        Optimizer([torch.zeros(2, dtype=torch.complex64, requires_grad=True)], adam())
    with pytest.raises(ValueError, match="empty parameter list"):
        Optimizer([], adam())
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        Optimizer([p * 2], adam())
    with pytest.raises(InputError, match=r"'beta1' is no hyperparameter of adam; known: .*'betas'"):
        ours.Adam([{"params": [p], "beta1": 0.5}])
    with pytest.raises(InputError, match="nonfinite must be"):
        Optimizer([p], adam(), nonfinite="ignore")  # type: ignore[arg-type]
    with pytest.raises(FormulaError):
        Optimizer([p], chain(RATE, RATE))


def test_it_is_a_torch_optimizer() -> None:
    model = network()
    optimizer = ours.AdamW(model.parameters(), lr=constant(0.1), clip=1.0)
    assert isinstance(optimizer, torch.optim.Optimizer)
    assert "AdamW" in repr(optimizer)
    seen = []
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(o.clock))
    train(model, optimizer, 2)
    assert seen == [1, 2]
    assert set(optimizer.state[model[0].weight]) >= {"step"}
    optimizer.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_mixed_dtypes_are_kept() -> None:
    params = [nn.Parameter(torch.ones(3, dtype=d)) for d in (torch.float64, torch.float32, torch.bfloat16)]
    optimizer = ours.AdamW(params, lr=0.1, clip=1.0, average=0.9)
    for _ in range(3):
        for p in params:
            p.grad = torch.full_like(p, 0.5)
        optimizer.step()
    for p in params:
        kept = torch.float32 if p.dtype == torch.bfloat16 else p.dtype
        assert optimizer.state[p]["scale_by_adam.m"].dtype == kept
    packed = optimizer.state_dict()
    again = ours.AdamW([nn.Parameter(p.detach().clone()) for p in params], lr=0.1, clip=1.0, average=0.9)
    again.load_state_dict(packed)


def test_random_numbers_are_of_the_seed() -> None:
    one, other, third = network(), network(), network()
    for model, seed in ((one, 4), (other, 4), (third, 5)):
        train(model, made("random", model, seed=seed), 3)
    same(one, other)
    assert not np.array_equal(weights(one)["0.weight"], weights(third)["0.weight"])


def test_two_optimizers_do_not_know_of_each_other() -> None:
    one, other, third = network(), network(), network()
    first, second = (Optimizer(m.parameters(), RULES["adamw"]) for m in (one, other))
    for _ in range(5):
        train(one, first, 1)
        train(other, second, 1)
    train(third, Optimizer(third.parameters(), RULES["adamw"]), 5)
    same(one, third)
    same(other, third)


def test_an_unknown_engine_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="engine must be 'auto', 'eager', 'cpu' or 'cuda', got 'gpu'"):
        ours.AdamW([nn.Parameter(torch.ones(3))], engine="gpu")  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ["eager", "cpu"])
def test_a_gradient_scaler_leaves_the_unscaling_to_the_step(engine: Any) -> None:
    """As torch.optim's optimizers under torch.amp.GradScaler, with a step that overflowed skipped."""

    def trained(make: Any) -> tuple[torch.Tensor, float]:
        model = network()
        optimizer = make(model.parameters())
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=2)
        for step in range(6):
            optimizer.zero_grad()
            scaler.scale(loss_of(model)).backward()
            if step == 3:
                next(model.parameters()).grad[0, 0] = torch.inf  # type: ignore[index]
            scaler.step(optimizer)
            scaler.update()
        return next(model.parameters()).detach(), scaler.get_scale()

    mine = trained(lambda p: ours.AdamW(p, lr=0.1, engine=engine))
    theirs = trained(lambda p: torch.optim.AdamW(p, lr=0.1))
    torch.testing.assert_close(mine[0], theirs[0], rtol=1e-12, atol=1e-12)
    assert mine[1] == theirs[1]
