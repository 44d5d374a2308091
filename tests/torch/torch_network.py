"""A small network, its loss, and rules of every kind, for the tests of the optimizer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import example_rules as examples
import numpy as np
import pytest
import torch
from rule_field import assert_alike
from torch import nn

from steepest.formula import Rule, chain
from steepest.rules import (
    adamw,
    average,
    clip_norm,
    heavy_ball,
    learning_rate,
    momentum,
    nesterov,
    scale_by_adam,
)
from steepest.schedules import cosine
from steepest.torch import Optimizer

X = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(8, 3)
Y = (X @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64)).sin()
RATE = learning_rate(lr=0.05)


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()


def loss_of(model: nn.Module) -> torch.Tensor:
    return ((model(X) - Y) ** 2).mean()


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int, **zero: Any) -> None:
    for _ in range(steps):
        optimizer.zero_grad(**zero)
        loss_of(model).backward()
        optimizer.step()


def weights(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: p.detach().numpy().copy() for name, p in model.named_parameters()}


def same(one: nn.Module, other: nn.Module, tolerance: float = 0.0) -> None:
    assert_alike(weights(one), weights(other), rtol=tolerance, atol=tolerance)


RULES: dict[str, Rule] = {
    "adamw": chain(clip_norm(max_norm=0.5), adamw(lr=0.05), average(beta=0.9)),
    "scheduled": chain(heavy_ball(lr=cosine(0.1, steps=50)), average(beta=0.5)),
    "look-ahead": nesterov(lr=0.05, form="lookahead"),
    "scheduled look-ahead": nesterov(lr=0.05, beta=cosine(0.9, steps=50), form="lookahead"),
    "model": chain(examples.d_adaptation(), learning_rate(lr=1.0)),
    "random": chain(examples.noise(scale=0.1), RATE),
    "slow weights": chain(scale_by_adam(), RATE, examples.slow_weights(every=3)),
    "inner": chain(examples.switch(first=scale_by_adam(), second=momentum(), after=5), RATE),
}
each_rule = pytest.mark.parametrize("name", RULES)


def made(name: str, model: nn.Module, **settings: Any) -> Optimizer:
    return Optimizer(model.named_parameters(), RULES[name], **settings)


def unchanged_by(optimizer: Optimizer, error: type[Exception], match: str, act: Callable[[], object]) -> None:
    """An action that raises leaves groups, clock and state as they were."""
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(error, match=match):
        act()
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert after["steepest"]["clock"] == before["steepest"]["clock"]
    for number, entry in before["state"].items():
        for key, value in entry.items():
            assert torch.equal(torch.as_tensor(after["state"][number][key]), torch.as_tensor(value))


def closure_of(model: nn.Module, optimizer: torch.optim.Optimizer, sign: float = 1.0) -> Callable[[], torch.Tensor]:
    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = sign * loss_of(model)
        loss.backward()
        return loss

    return closure
