"""The optimizer as PyTorch's users drive it: groups, schedulers, closures, checkpoints, averages, query points."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import example_rules as examples
import numpy as np
import pytest
import torch
from rule_field import assert_alike
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, SequentialLR, StepLR

import steepest.torch as ours
from steepest.core.errors import FormulaError, HyperparameterError, InputError, InputTypeError, NonfiniteError
from steepest.formula import Rule, chain
from steepest.rules import (
    adam,
    adamw,
    average,
    clip_norm,
    heavy_ball,
    learning_rate,
    momentum,
    nesterov,
    scale_by_adam,
    sgd,
)
from steepest.schedules import constant, cosine, step_decay
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


# Resuming.


@each_rule
def test_a_state_dict_resumes_to_the_bit(name: str) -> None:
    whole, half = network(), network()
    train(whole, made(name, whole, seed=4), 14)
    first = made(name, half, seed=4)
    train(half, first, 6)
    resumed = network(1)
    resumed.load_state_dict(half.state_dict())
    second = made(name, resumed)
    second.load_state_dict(first.state_dict())
    assert second.clock == 6
    train(resumed, second, 8)
    same(resumed, whole)


@each_rule
def test_a_saved_file_resumes_to_the_bit(name: str, tmp_path: Path) -> None:
    whole, half = network(), network()
    train(whole, made(name, whole, seed=4), 14)
    first = made(name, half, seed=4)
    train(half, first, 6)
    first.save(str(tmp_path / "state"))
    resumed = network(1)
    resumed.load_state_dict(half.state_dict())
    parameters = list(resumed.named_parameters())[::-1]
    second = Optimizer(parameters, RULES[name])
    second.load(str(tmp_path / "state"))
    train(resumed, second, 8)
    same(resumed, whole)


@each_rule
def test_copies_and_pickles_go_on_to_the_same_bits(name: str) -> None:
    whole = network()
    train(whole, made(name, whole), 14)
    half = network()
    first = made(name, half)
    train(half, first, 6)
    for other, optimizer in (copy.deepcopy((half, first)), pickle.loads(pickle.dumps((half, first)))):
        assert optimizer.param_groups[0]["params"][0] is next(other.parameters())
        train(other, optimizer, 8)
        same(other, whole)
    train(half, first, 8)
    same(half, whole)


def test_a_state_dict_is_a_copy() -> None:
    model = network()
    optimizer = ours.Adam(model.parameters(), lr=0.05)
    train(model, optimizer, 3)
    packed = optimizer.state_dict()
    before = copy.deepcopy(packed)
    train(model, optimizer, 3)
    for number, entry in packed["state"].items():
        for key, value in entry.items():
            assert torch.equal(value, before["state"][number][key])
    for entry in packed["state"].values():
        for value in entry.values():
            value.fill_(7.0)
    again = optimizer.state_dict()["state"]
    assert not any(torch.equal(again[0][key], packed["state"][0][key]) for key in ("exp_avg", "exp_avg_sq"))


def test_a_state_dict_survives_torch_save(tmp_path: Path) -> None:
    model = network()
    optimizer = made("adamw", model)
    train(model, optimizer, 3)
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    other = made("adamw", network())
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other.clock == 3


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


def test_state_dicts_are_checked_before_anything_changes() -> None:
    model = network()
    optimizer = ours.Adam(model.named_parameters(), lr=0.05)
    train(model, optimizer, 2)

    def loads(change: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        packed = copy.deepcopy(optimizer.state_dict())
        packed["param_groups"][0]["lr"] = 0.7
        change(packed)
        return lambda: optimizer.load_state_dict(packed)

    def reshape(packed: dict[str, Any]) -> None:
        packed["state"][0]["exp_avg"] = torch.zeros(2)

    def drop(packed: dict[str, Any]) -> None:
        del packed["state"][0]["exp_avg"]

    def fewer(packed: dict[str, Any]) -> None:
        packed["param_groups"][0]["params"] = [0]

    def newer(packed: dict[str, Any]) -> None:
        packed["steepest"]["version"] = 99

    unchanged_by(
        optimizer, InputError, r"scale_by_adam.m of 0.weight must have shape \(4, 3\), got \(2,\)", loads(reshape)
    )
    unchanged_by(optimizer, InputError, "0.weight must have slots", loads(drop))
    unchanged_by(optimizer, InputError, "the optimizer has 4 parameters, the state dict 1", loads(fewer))
    unchanged_by(optimizer, InputError, "version must be at most 1, got 99", loads(newer))
    other = torch.optim.SGD(network().parameters(), lr=0.1, momentum=0.9)
    train(other_model := network(), torch.optim.SGD(other_model.parameters(), lr=0.1), 1)
    del other
    momentum_model = network()
    foreign = torch.optim.SGD(momentum_model.parameters(), lr=0.1, momentum=0.9)
    train(momentum_model, foreign, 1)
    unchanged_by(optimizer, InputError, "must have slots", lambda: optimizer.load_state_dict(foreign.state_dict()))


def test_loading_by_name_checks_names(tmp_path: Path) -> None:
    model = network()
    optimizer = ours.Adam(model.named_parameters(), lr=0.05)
    train(model, optimizer, 2)
    optimizer.save(str(tmp_path / "state"))
    renamed = ours.Adam([(f"x.{n}", p) for n, p in network().named_parameters()], lr=0.05)
    unchanged_by(renamed, InputError, "names differ", lambda: renamed.load(str(tmp_path / "state")))
    fewer = ours.Adam(list(network().named_parameters())[:2], lr=0.05)
    fewer.load(str(tmp_path / "state"), strict=False)
    assert fewer.clock == 2


def test_loading_a_fresh_state_is_beginning_again(tmp_path: Path) -> None:
    """Nothing of the run before is left, not even in `optimizer.state`."""
    model = network()
    optimizer = ours.Adam(model.named_parameters(), lr=0.05)
    optimizer.save(str(tmp_path / "fresh"))
    packed = optimizer.state_dict()
    for load in (lambda: optimizer.load(str(tmp_path / "fresh")), lambda: optimizer.load_state_dict(packed)):
        train(model, optimizer, 2)
        load()
        assert optimizer.clock == 0
        assert not any(optimizer.state.values())


# Groups.


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


# Steps.


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


def closure_of(model: nn.Module, optimizer: torch.optim.Optimizer, sign: float = 1.0) -> Callable[[], torch.Tensor]:
    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = sign * loss_of(model)
        loss.backward()
        return loss

    return closure


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


# Construction.


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
        assert optimizer.state[p]["scale_by_adam.m"].dtype == p.dtype
    packed = optimizer.state_dict()
    again = ours.AdamW([nn.Parameter(p.detach().clone()) for p in params], lr=0.1, clip=1.0, average=0.9)
    again.load_state_dict(packed)


def test_two_optimizers_do_not_know_of_each_other() -> None:
    one, other, third = network(), network(), network()
    first, second = (Optimizer(m.parameters(), RULES["adamw"]) for m in (one, other))
    for _ in range(5):
        train(one, first, 1)
        train(other, second, 1)
    train(third, Optimizer(third.parameters(), RULES["adamw"]), 5)
    same(one, third)
    same(other, third)
