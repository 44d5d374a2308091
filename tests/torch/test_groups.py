"""Parameter groups, PyTorch's schedulers and ours, groups that come late, clipping over all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from rule_field import assert_alike
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, SequentialLR, StepLR
from torch_network import (
    RULES,
    each_rule,
    loss_of,
    network,
    same,
    train,
    unchanged_by,
    weights,
)

import steepest.torch as ours
from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.rules import (
    nesterov,
    sgd,
)
from steepest.schedules import cosine, step_decay
from steepest.torch import Optimizer


def test_groups_with_their_own_settings_equal_torchs() -> None:
    def groups(model: nn.Module) -> list[dict[str, Any]]:
        return [
            {"params": model[0].parameters(), "lr": 0.01},
            {"params": model[2].parameters(), "weight_decay": 0.3, "betas": (0.5, 0.9)},
        ]

    one, other = network(), network()
    mine, theirs = ours.AdamW(groups(one), lr=0.05), torch.optim.AdamW(groups(other), lr=0.05)
    train(one, mine, 20)
    train(other, theirs, 20)
    same(one, other, 1e-13)
    for ours_group, group in zip(mine.param_groups, theirs.param_groups, strict=True):
        for key in ("lr", "betas", "eps", "weight_decay"):
            assert ours_group[key] == group[key]


def test_a_changed_group_counts_from_the_next_step() -> None:
    one, other = network(), network()
    mine, theirs = ours.SGD(one.parameters(), lr=0.05, momentum=0.9), torch.optim.SGD(other.parameters(), 0.05, 0.9)
    for lr, beta in ((0.05, 0.9), (0.01, 0.9), (0.01, 0.5), (0.0, 0.5)):
        for optimizer in (mine, theirs):
            optimizer.param_groups[0]["lr"] = lr
            optimizer.param_groups[0]["momentum"] = beta
        train(one, mine, 3)
        train(other, theirs, 3)
    same(one, other, 1e-13)
    unchanged_by_step(one, mine, "lr", -0.1, r"lr must be in \[0, inf\).*got -0.1")
    unchanged_by_step(one, mine, "momentum", 1.0, r"must be in \[0, 1\).*got 1.0")


def unchanged_by_step(model: nn.Module, optimizer: Optimizer, key: str, value: Any, match: str) -> None:
    before, clock, old = weights(model), optimizer.clock, optimizer.param_groups[0][key]
    optimizer.param_groups[0][key] = value
    with pytest.raises((HyperparameterError, InputError), match=match):
        optimizer.step()
    assert_alike(weights(model), before, rtol=0, atol=0)
    assert optimizer.clock == clock
    optimizer.param_groups[0][key] = old


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: CosineAnnealingLR(o, T_max=20, eta_min=0.001),
        lambda o: StepLR(o, step_size=4, gamma=0.3),
        lambda o: LambdaLR(o, lambda k: 1 / (k + 1)),
        lambda o: SequentialLR(o, [LinearLR(o, 0.1, total_iters=3), CosineAnnealingLR(o, 10)], milestones=[3]),
    ],
    ids=["cosine", "step", "lambda", "sequential"],
)
def test_torchs_schedulers_work_on_top(schedule: Callable[..., Any]) -> None:
    one, other = network(), network()
    mine, theirs = ours.AdamW(one.parameters(), lr=0.05), torch.optim.AdamW(other.parameters(), lr=0.05)
    for model, optimizer in ((one, mine), (other, theirs)):
        scheduler = schedule(optimizer)
        for _ in range(12):
            train(model, optimizer, 1)
            scheduler.step()
    same(one, other, 1e-13)
    assert mine.param_groups[0]["lr"] == theirs.param_groups[0]["lr"]


def test_a_schedule_is_mirrored_and_the_mirror_is_not_written() -> None:
    model = network()
    optimizer = ours.AdamW(model.parameters(), lr=cosine(0.1, steps=10))
    seen = []
    for _ in range(3):
        seen.append(optimizer.param_groups[0]["lr"])
        train(model, optimizer, 1)
    assert seen == [cosine(0.1, steps=10)(k) for k in range(3)]
    match = (
        r"lr follows cosine\(.*\) and mirrors its value .*; it cannot be changed to 0.5: change the schedule instead"
    )
    unchanged_by_step(model, optimizer, "lr", 0.5, match)
    train(model, optimizer, 1)


def test_a_schedule_equals_torchs_scheduler() -> None:
    one, other = network(), network()
    mine = ours.SGD(one.parameters(), lr=step_decay(0.05, every=4, factor=0.5), momentum=0.9)
    theirs = torch.optim.SGD(other.parameters(), lr=0.05, momentum=0.9)
    scheduler = StepLR(theirs, step_size=4, gamma=0.5)
    for _ in range(14):
        train(one, mine, 1)
        train(other, theirs, 1)
        scheduler.step()
    same(one, other, 1e-13)


def test_a_schedule_that_leaves_its_range_stops_before_its_step() -> None:
    """The step that the bad value is for raises; the one before it does not."""
    for rule in (sgd(lr=cosine(0.1, steps=4, final=-0.1)), nesterov(0.05, beta=cosine(0.9, steps=4, final=-0.9),
                                                                    form="lookahead")):  # fmt: skip
        model = network()
        optimizer = Optimizer(model.parameters(), rule)
        train(model, optimizer, 3)
        before = weights(model)
        with pytest.raises(HyperparameterError, match="at every step of its schedule"):
            train(model, optimizer, 1)
        assert_alike(weights(model), before, rtol=0, atol=0)
        assert optimizer.clock == 3


def test_add_param_group() -> None:
    def staged(build: Callable[..., torch.optim.Optimizer]) -> nn.Module:
        model = network()
        optimizer = build(model[2].parameters())
        train(model, optimizer, 4)
        optimizer.add_param_group({"params": model[0].parameters(), "lr": 0.01})
        train(model, optimizer, 6)
        return model

    same(staged(lambda p: ours.Adam(p, lr=0.05)), staged(lambda p: torch.optim.Adam(p, lr=0.05)), 1e-13)


@each_rule
def test_a_group_may_be_added_in_mid_run(name: str) -> None:
    """Whatever the rule: the new tensors begin fresh, the old ones go on as if nothing had happened."""
    whole, half = network(), network()
    train(whole, Optimizer(list(whole.named_parameters())[2:], RULES[name]), 3)
    optimizer = Optimizer(list(half.named_parameters())[2:], RULES[name])
    train(half, optimizer, 3)
    optimizer.add_param_group({"params": list(half.named_parameters())[:2]})
    assert optimizer.clock == 3
    same(half, whole)
    train(half, optimizer, 1)
    assert not np.array_equal(weights(half)["0.weight"], weights(whole)["0.weight"])


def test_a_group_that_is_refused_is_not_added() -> None:
    model = network()
    optimizer = ours.Adam(model[2].parameters(), lr=0.05)
    train(model, optimizer, 2)
    fresh = [nn.Parameter(torch.zeros(2, dtype=torch.float64))]
    for group, error, match in (
        ({"params": fresh, "lr": -1.0}, HyperparameterError, r"lr must be in"),
        ({"params": fresh, "momentum": 0.9}, InputError, r"'momentum' is no hyperparameter of adam"),
        ({"params": [torch.zeros(2, dtype=torch.int64)]}, InputTypeError, "parameters must be floating point"),
        ({"params": list(model[2].parameters())}, ValueError, "more than one parameter group"),
    ):
        unchanged_by(optimizer, error, match, lambda group=group: optimizer.add_param_group(group))
    train(model, optimizer, 1)


def test_tensors_in_two_groups_or_twice_are_refused() -> None:
    p = nn.Parameter(torch.zeros(2))
    with pytest.raises(ValueError, match="more than one parameter group"):
        ours.Adam([{"params": [p]}, {"params": [p]}])


def test_two_tensors_of_one_name_are_both_trained_or_refused() -> None:
    """Chained `named_parameters()` of two modules have equal names; neither tensor may be lost in silence."""
    one, other = nn.Linear(2, 1), nn.Linear(2, 1)
    before = [p.detach().clone() for p in (*one.parameters(), *other.parameters())]
    try:
        optimizer = ours.SGD([*one.named_parameters(), *other.named_parameters()], lr=0.1)
    except ValueError as error:
        assert "weight" in str(error)
        return
    for p in (*one.parameters(), *other.parameters()):
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert all(not torch.equal(p, b) for p, b in zip((*one.parameters(), *other.parameters()), before, strict=True))


def test_clipping_spans_all_groups() -> None:
    one, other = network(), network()
    mine = ours.SGD([{"params": one[0].parameters()}, {"params": one[2].parameters(), "lr": 0.2}], lr=0.1, clip=0.1)
    theirs = torch.optim.SGD([{"params": other[0].parameters()}, {"params": other[2].parameters(), "lr": 0.2}], lr=0.1)
    for _ in range(5):
        train(one, mine, 1)
        theirs.zero_grad()
        loss_of(other).backward()
        norm = nn.utils.clip_grad_norm_(other.parameters(), 0.1)
        theirs.step()
        assert mine.report is not None
        assert mine.report.seen["clip_norm.norm"] == pytest.approx(float(norm), rel=1e-12)
    same(one, other, 1e-13)
    assert mine.param_groups[0]["clip_norm.max_norm"] == 0.1
