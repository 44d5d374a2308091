"""The query point that parameters hold, the answer point in `eval`, and what a bad gradient leaves untouched."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path

import example_rules as examples
import numpy as np
import pytest
import torch
from rule_field import assert_alike
from torch_network import (
    RULES,
    closure_of,
    made,
    network,
    same,
    train,
    weights,
)

import steepest.torch as ours
from steepest.core.errors import InputError, NonfiniteError
from steepest.formula import chain
from steepest.rules import (
    nesterov,
    sgd,
)
from steepest.torch import Optimizer


def test_a_look_ahead_holds_the_query_point() -> None:
    """What the parameters hold is Nesterov's p in Sutskever's form; `eval` shows the other one's p."""
    held, other = network(), network()
    optimizer = Optimizer(held.parameters(), nesterov(lr=0.05, form="lookahead"))
    train(held, optimizer, 8)
    train(other, torch.optim.SGD(other.parameters(), 0.05, 0.9, nesterov=True), 8)
    same(held, other, 1e-12)
    before = weights(held)
    optimizer.eval()
    assert not np.array_equal(weights(held)["0.weight"], before["0.weight"])
    optimizer.train()
    assert_alike(weights(held), before, rtol=0, atol=0)


def test_eval_and_train_swap_the_average() -> None:
    model, plain = network(), network()
    optimizer = ours.Adam(model.parameters(), lr=0.05, average=0.9)
    averaged = torch.optim.swa_utils.AveragedModel(plain, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    averaged.update_parameters(plain)
    theirs = torch.optim.Adam(plain.parameters(), lr=0.05)
    for _ in range(10):
        train(model, optimizer, 1)
        train(plain, theirs, 1)
        averaged.update_parameters(plain)
    same(model, plain, 1e-12)
    point = weights(model)
    for _ in range(2):
        optimizer.eval()
        same(model, averaged.module, 1e-12)
        with pytest.raises(InputError, match=r"hold the answer point; call optimizer.train\(\) first"):
            optimizer.step()
    for _ in range(2):
        optimizer.train()
        assert_alike(weights(model), point, rtol=0, atol=0)
    no_answer = ours.Adam(model.parameters(), lr=0.05)
    no_answer.eval()
    no_answer.train()


@pytest.mark.parametrize("name", ["adamw", "look-ahead"])
def test_saving_while_the_answer_is_held(name: str, tmp_path: Path) -> None:
    """A checkpoint taken in `eval` is the one taken in `train`."""
    model = network()
    optimizer = made(name, model)
    train(model, optimizer, 5)
    in_train = optimizer.state_dict()
    optimizer.eval()
    in_eval = optimizer.state_dict()
    for number, entry in in_train["state"].items():
        for key, value in entry.items():
            assert torch.equal(value, in_eval["state"][number][key])
    again = pickle.loads(pickle.dumps((model, optimizer)))
    again[1].train()
    optimizer.train()
    same(again[0], model)


def test_loading_while_the_answer_is_held_is_refused_or_right(tmp_path: Path) -> None:
    model = network()
    optimizer = made("look-ahead", model)
    train(model, optimizer, 3)
    optimizer.save(str(tmp_path / "state"))
    expected = weights(model)
    train(model, optimizer, 4)
    optimizer.eval()
    try:
        optimizer.load(str(tmp_path / "state"))
    except InputError as error:
        assert "train()" in str(error)
        return
    optimizer.train()
    assert_alike(weights(model), expected, rtol=0, atol=0)


@pytest.mark.parametrize("policy", ["skip", "raise"])
@pytest.mark.parametrize("name", [*RULES, "sam"])
def test_a_nonfinite_gradient_leaves_everything_untouched(name: str, policy: str) -> None:
    model = network()
    rule = RULES.get(name, chain(examples.ascend(), sgd(lr=0.1)))
    optimizer = Optimizer(model.named_parameters(), rule, nonfinite=policy)  # type: ignore[arg-type]
    for _ in range(3):
        optimizer.step(closure_of(model, optimizer))
    before, state = weights(model), copy.deepcopy(optimizer.state_dict())

    def poisoned() -> torch.Tensor:
        loss = closure_of(model, optimizer)()
        model[0].weight.grad[0, 0] = math.nan
        return loss

    if policy == "raise":
        with pytest.raises(NonfiniteError, match=r"0.weight is not finite at step 4"):
            optimizer.step(poisoned)
    else:
        optimizer.step(poisoned)
        assert optimizer.report is not None
        assert (optimizer.report.applied, optimizer.report.finite) == (False, False)
    assert_alike(weights(model), before, rtol=0, atol=0)
    after = optimizer.state_dict()
    assert after["param_groups"] == state["param_groups"]
    assert optimizer.clock == 3
    for number, entry in state["state"].items():
        for key, value in entry.items():
            assert torch.equal(after["state"][number][key], value)
    other = network()
    clean = Optimizer(other.named_parameters(), rule)
    for _ in range(6):
        clean.step(closure_of(other, clean))
    for _ in range(3):
        optimizer.step(closure_of(model, optimizer))
    same(model, other)


def test_a_closure_that_raises_leaves_the_parameters_where_they_were() -> None:
    model = network()
    optimizer = Optimizer(model.parameters(), chain(examples.ascend(rho=0.3), sgd(lr=0.1)))
    before, calls = weights(model), []

    def closure() -> torch.Tensor:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return closure_of(model, optimizer)()

    with pytest.raises(RuntimeError, match="out of memory"):
        optimizer.step(closure)
    assert_alike(weights(model), before, rtol=0, atol=0)


def test_a_look_ahead_looks_as_far_as_its_group_says() -> None:
    """The query point takes each group's own beta, also one that was changed on the way."""
    held, other = network(), network()
    mine = Optimizer(
        [
            {"params": list(held[0].parameters())},
            {"params": list(held[2].parameters()), "lookahead_momentum.beta": 0.5},
        ],
        nesterov(lr=0.05, form="lookahead"),
    )
    theirs = torch.optim.SGD(
        [{"params": list(other[0].parameters())}, {"params": list(other[2].parameters()), "momentum": 0.5}],
        lr=0.05,
        momentum=0.9,
        nesterov=True,
    )
    train(held, mine, 8)
    train(other, theirs, 8)
    same(held, other, 1e-12)
    for again in (copy.deepcopy((held, mine)), pickle.loads(pickle.dumps((held, mine)))):
        train(*again, 3)
        one = network()
        one.load_state_dict(other.state_dict())
        fresh = torch.optim.SGD(
            [{"params": list(one[0].parameters())}, {"params": list(one[2].parameters()), "momentum": 0.5}],
            lr=0.05,
            momentum=0.9,
            nesterov=True,
        )
        fresh.load_state_dict(copy.deepcopy(theirs.state_dict()))  # PyTorch would share the buffers
        train(one, fresh, 3)
        same(again[0], one, 1e-12)
