"""Single steps: closures, values, two gradients, frozen layers, gradients of every kind."""

from __future__ import annotations

import copy

import example_rules as examples
import pytest
import torch
from rule_field import assert_alike
from torch import nn
from torch_network import (
    RATE,
    closure_of,
    loss_of,
    network,
    same,
    train,
    weights,
)

import steepest.torch as ours
from steepest.core.errors import InputTypeError
from steepest.formula import chain
from steepest.rules import (
    adam,
    heavy_ball,
    nesterov,
    sgd,
)
from steepest.torch import Optimizer


def test_gradients_may_be_zeroed_in_place() -> None:
    """`zero_grad(set_to_none=False)` writes into the gradients; nothing of the state lives there."""
    for rule in (heavy_ball(lr=0.05), nesterov(lr=0.05, form="lookahead"), chain(examples.difference(), RATE)):
        one, other = network(), network()
        train(one, Optimizer(one.parameters(), rule), 6, set_to_none=False)
        train(other, Optimizer(other.parameters(), rule), 6)
        same(one, other)
    one, other = network(), network()
    train(one, Optimizer(one.parameters(), heavy_ball(lr=0.05)), 6, set_to_none=False)
    train(other, torch.optim.SGD(other.parameters(), 0.05, 0.9), 6, set_to_none=False)
    same(one, other, 1e-13)


def test_closures() -> None:
    model = network()
    optimizer = ours.Adam(model.parameters(), lr=0.05)
    calls = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        calls.append(float(loss.detach()))
        return loss

    first = optimizer.step(closure)
    assert float(torch.as_tensor(first).detach()) == calls[0]
    assert optimizer.report is not None
    assert optimizer.report.value == calls[0]
    other = network()
    train(other, ours.Adam(other.parameters(), lr=0.05), 1)
    same(model, other)


def test_a_rule_that_needs_the_value() -> None:
    model = network()
    optimizer = Optimizer(model.parameters(), chain(examples.polyak_step()))
    loss = loss_of(model)
    loss.backward()
    before, clock = weights(model), optimizer.clock
    with pytest.raises(InputTypeError, match=r"chain needs the value; call step\(loss=…\) or step\(closure\)"):
        optimizer.step()
    assert_alike(weights(model), before, rtol=0, atol=0)
    assert optimizer.clock == clock
    grads = {n: p.grad.numpy().copy() for n, p in model.named_parameters()}  # type: ignore[union-attr]
    optimizer.step(loss=loss)
    scale = float(loss.detach()) / sum(float((g**2).sum()) for g in grads.values())
    assert_alike(weights(model), {n: before[n] - scale * g for n, g in grads.items()}, rtol=1e-12, atol=1e-14)


def test_a_rule_that_takes_two_gradients() -> None:
    """SAM by hand: the gradient at p + ρ g / ‖g‖, applied at p."""
    rule = chain(examples.ascend(rho=0.3), sgd(lr=0.1))
    one, other = network(), network()
    optimizer = Optimizer(one.parameters(), rule)
    with pytest.raises(InputTypeError, match="takes a second gradient and needs a closure, got none"):
        optimizer.step()
    for _ in range(5):
        optimizer.step(closure_of(one, optimizer))
        grads = torch.autograd.grad(loss_of(other), list(other.parameters()))
        norm = torch.sqrt(sum((g**2).sum() for g in grads))
        moved = copy.deepcopy(other)
        with torch.no_grad():
            for p, g in zip(moved.parameters(), grads, strict=True):
                p += 0.3 * g / norm
        at = torch.autograd.grad(loss_of(moved), list(moved.parameters()))
        with torch.no_grad():
            for p, g in zip(other.parameters(), at, strict=True):
                p -= 0.1 * g
    same(one, other, 1e-12)


def test_maximizing_is_minimizing_the_negative() -> None:
    """For a rule with a query point, too."""
    for rule in (chain(examples.ascend(rho=0.3), sgd(lr=0.01)), nesterov(0.01, form="lookahead"), adam(lr=0.01)):
        up, down = network(), network()
        for model, sign, maximize in ((up, 1.0, True), (down, -1.0, False)):
            optimizer = Optimizer(model.parameters(), rule, maximize=maximize)
            for _ in range(4):
                optimizer.step(closure_of(model, optimizer, sign))
        same(up, down, 1e-13)


def test_a_frozen_layer_does_not_age() -> None:
    one, other = network(), network()
    mine, theirs = ours.Adam(one.parameters(), lr=0.05), torch.optim.Adam(other.parameters(), lr=0.05)
    for model, optimizer in ((one, mine), (other, theirs)):
        model[0].requires_grad_(False)
        train(model, optimizer, 4)
        model[0].requires_grad_(True)
        train(model, optimizer, 4)
    same(one, other, 1e-13)
    assert mine.clock == 8
    assert mine.state[one[0].weight]["step"] == 4


def test_sparse_gradients_are_refused() -> None:
    layer = nn.Embedding(4, 2, sparse=True)
    optimizer = ours.SGD(layer.parameters(), lr=0.1)
    layer(torch.tensor([1, 2])).sum().backward()
    before = layer.weight.detach().clone()
    with pytest.raises(InputTypeError, match=r"the gradient of .* is sparse"):
        optimizer.step()
    assert torch.equal(layer.weight, before)
