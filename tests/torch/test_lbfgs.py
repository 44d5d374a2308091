"""`steepest.torch.LBFGS` beside PyTorch's."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from steepest.core.errors import HyperparameterError, InputError
from steepest.core.status import Status
from steepest.torch import LBFGS


def network(seed=0, dtype=torch.float32):
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(6, 12), torch.nn.Tanh(), torch.nn.Linear(12, 1)).to(dtype)
    X = torch.randn(80, 6, dtype=dtype)
    return net, X, torch.sin(X.sum(1, keepdim=True))


def closure_of(net, X, Y, optimizer, calls=None):
    def closure():
        if calls is not None:
            calls.append(0)
        optimizer.zero_grad()
        loss = ((net(X) - Y) ** 2).mean()
        loss.backward()
        return loss

    return closure


def test_it_has_torch_s_signature():
    import inspect

    ours = list(inspect.signature(LBFGS).parameters)
    assert ours == list(inspect.signature(torch.optim.LBFGS).parameters)


def test_after_as_many_calls_the_loss_is_no_higher_than_torch_s():
    losses = []
    for kind in (LBFGS, torch.optim.LBFGS):
        net, X, Y = network(dtype=torch.float64)
        optimizer = kind(net.parameters(), max_iter=200, max_eval=120, history_size=10, line_search_fn="strong_wolfe")
        calls = []
        closure = closure_of(net, X, Y, optimizer, calls)
        optimizer.step(closure)
        assert len(calls) <= 145
        losses.append(float(closure().detach()))
    assert losses[0] <= 1.5 * losses[1]


def test_parameters_end_at_the_best_point_and_the_loss_at_the_start_is_returned():
    net, X, Y = network()
    optimizer = LBFGS(net.parameters(), max_iter=5)
    seen = []
    closure = closure_of(net, X, Y, optimizer)

    def watched():
        loss = closure()
        seen.append(float(loss.detach()))
        return loss

    returned = optimizer.step(watched)
    assert float(returned.detach()) == seen[0]
    assert float(closure().detach()) == pytest.approx(min(seen), rel=1e-6)
    assert all(p.dtype == torch.float32 for p in net.parameters())


def test_the_fixed_step_is_lr_times_the_direction():
    x = torch.tensor([3.0, -2.0], dtype=torch.float64, requires_grad=True)
    A = torch.diag(torch.tensor([1.0, 4.0], dtype=torch.float64))
    optimizer = LBFGS([x], lr=0.1, max_iter=1, line_search_fn=None)

    def closure():
        optimizer.zero_grad()
        loss = 0.5 * x @ A @ x
        loss.backward()
        return loss

    before = x.detach().clone()
    optimizer.step(closure)
    np.testing.assert_allclose(x.detach().numpy(), (before - 0.1 * A @ before).numpy())


def test_a_checkpoint_goes_on_bit_for_bit():
    net, X, Y = network()
    optimizer = LBFGS(net.parameters(), max_iter=4, history_size=5)
    closure = closure_of(net, X, Y, optimizer)
    for _ in range(3):
        optimizer.step(closure)
    model, state = copy.deepcopy(net.state_dict()), copy.deepcopy(optimizer.state_dict())
    for _ in range(3):
        optimizer.step(closure)
    again, _, _ = network(seed=1)
    again.load_state_dict(model)
    restored = LBFGS(again.parameters(), max_iter=4, history_size=5)
    restored.load_state_dict(state)
    other = closure_of(again, X, Y, restored)
    for _ in range(3):
        restored.step(other)
    for one, two in zip(net.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)


def test_two_calls_take_the_steps_of_one_that_is_as_long():
    """On one function all that was learned is kept between calls: pairs, their scale, the last step."""
    ends = []
    for calls, steps in ((2, 6), (1, 12)):
        net, X, Y = network()
        optimizer = LBFGS(net.parameters(), max_iter=steps, max_eval=1000, history_size=4)
        for _ in range(calls):
            optimizer.step(closure_of(net, X, Y, optimizer))
        ends.append([p.detach().clone() for p in net.parameters()])
    for one, two in zip(*ends, strict=True):
        assert torch.equal(one, two)


def test_calls_end_by_status():
    net, X, Y = network()
    optimizer = LBFGS(net.parameters(), max_iter=3, max_eval=100)
    optimizer.step(closure_of(net, X, Y, optimizer))
    assert optimizer.last_status is Status.MAX_STEPS
    few = LBFGS(net.parameters(), max_iter=50, max_eval=4)
    calls = []
    few.step(closure_of(net, X, Y, few, calls))
    assert few.last_status is Status.MAX_CALLS and len(calls) <= 6
    x = torch.zeros(2, requires_grad=True)
    flat = LBFGS([x])

    def at_the_minimum():
        flat.zero_grad()
        loss = (x**2).sum()
        loss.backward()
        return loss

    flat.step(at_the_minimum)
    assert flat.last_status is Status.CONVERGED


def test_a_loss_that_is_not_finite_leaves_the_parameters():
    x = torch.ones(2, requires_grad=True)
    optimizer = LBFGS([x])

    def closure():
        optimizer.zero_grad()
        loss = (x * float("nan")).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert optimizer.last_status is Status.NONFINITE_START
    assert torch.equal(x, torch.ones(2))


def test_arguments_are_checked():
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(HyperparameterError, match="line_search_fn must be 'strong_wolfe' or None"):
        LBFGS([x], line_search_fn="armijo")
    with pytest.raises(HyperparameterError, match="lr must be in"):
        LBFGS([x], lr=0)
    with pytest.raises(HyperparameterError, match="history_size must be a whole number"):
        LBFGS([x], history_size=0)
    with pytest.raises(InputError, match="one group"):
        LBFGS([{"params": [x]}, {"params": [torch.ones(1, requires_grad=True)]}])
    with pytest.raises(InputError, match="one dtype"):
        LBFGS([x, torch.ones(2, dtype=torch.float64, requires_grad=True)])
    with pytest.raises(InputError, match="needs a closure"):
        LBFGS([x]).step()
