"""Optimizers of torch.optim through the Stepper do what they do in a plain PyTorch loop, and are counted."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from steepest import schedules
from steepest.core.errors import InputError, InputTypeError
from steepest.core.oracle import Evaluation, Objective, Oracle
from steepest.core.stepper import Stepper
from steepest.problems import get
from steepest.run import Method, run
from steepest.torch.foreign import TorchMethod

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
Y = X @ torch.tensor([[1.0], [-2.0], [0.5]])


class Line(Objective):
    """A linear regression on all data, and one tensor that takes no part."""

    def __init__(self, network: nn.Module) -> None:
        self.network, self.unused = network, torch.ones(2)

    @property
    def tensors(self):
        return {**dict(self.network.named_parameters()), "unused": self.unused}

    @property
    def samples(self) -> int:
        return 40

    def value_and_gradient(self) -> Evaluation:
        names, parameters = zip(*self.network.named_parameters(), strict=True)
        value = ((self.network(X) - Y) ** 2).mean()
        return Evaluation(value.item(), dict(zip(names, torch.autograd.grad(value, parameters), strict=True)))


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Linear(3, 1)


def plain(kind: type, settings: dict, steps: int, schedule=None) -> nn.Module:
    model = network()
    optimizer = kind(model.parameters(), **settings)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = ((model(X) - Y) ** 2).mean()
        value.backward()
        return value

    for step in range(steps):
        if schedule is not None:
            optimizer.param_groups[0]["lr"] = schedule(step)
        optimizer.step(closure)
    return model


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (torch.optim.AdamW, {"lr": 0.05, "weight_decay": 0.1}),
        (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
        (torch.optim.Rprop, {"lr": 0.05}),
        (torch.optim.LBFGS, {"lr": 0.5, "max_iter": 4}),
    ],
)
@pytest.mark.parametrize("schedule", [None, schedules.cosine(0.05, 7)])
def test_equal_to_a_plain_loop_bit_for_bit(kind, settings, schedule):
    line = Line(network())
    stepper = TorchMethod(kind, settings, schedule).start(line.tensors, seed=0)
    oracle = Oracle(line)
    reports = [stepper.step(oracle) for _ in range(7)]
    expected = plain(kind, settings, 7, schedule)
    for mine, theirs in zip(line.network.parameters(), expected.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(line.unused, torch.ones(2))
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6, 7]
    rates = [settings["lr"] if schedule is None else schedule(k) for k in range(7)]
    assert [report.hyperparameters["learning_rate.lr"] for report in reports] == rates


def test_the_value_reported_is_that_before_the_update_and_every_call_is_counted():
    line = Line(network())
    start = line.value_and_gradient().value
    oracle = Oracle(line)
    report = TorchMethod(torch.optim.SGD, {"lr": 0.1}).start(line.tensors, seed=0).step(oracle)
    assert report.value == start
    assert oracle.calls.to_dict() == {"value": 0, "gradient": 1, "samples": 40, "hessian_vector": 0}

    line = Line(network())
    oracle = Oracle(line)
    report = TorchMethod(torch.optim.LBFGS, {"max_iter": 5}).start(line.tensors, seed=0).step(oracle)
    assert report.value == start and oracle.calls.gradient == 5 and oracle.calls.samples == 200


def test_numpy_problems_are_moved_in_place():
    objective = get("bowl").start(seed=0)
    x = objective.tensors["x"]
    expected = x - 0.1 * objective.value_and_gradient().gradients["x"]
    TorchMethod(torch.optim.SGD, {"lr": 0.1}).start(objective.tensors, seed=0).step(Oracle(objective))
    assert objective.tensors["x"] is x
    np.testing.assert_allclose(x, expected, rtol=1e-15)


class Averaging(torch.optim.Optimizer):
    """Holds the average of its iterates in evaluation mode, as schedule-free optimizers do."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})
        self.mode, self.sums, self.kept = "", None, None

    @property
    def parameters(self):
        return [p for group in self.param_groups for p in group["params"]]

    def train(self):
        if self.mode == "eval":
            with torch.no_grad():
                [p.copy_(k) for p, k in zip(self.parameters, self.kept, strict=True)]
        self.mode = "train"

    def eval(self):
        self.mode, self.kept = "eval", [p.detach().clone() for p in self.parameters]
        with torch.no_grad():
            if self.sums is not None:
                [p.copy_(s / self.count) for p, s in zip(self.parameters, self.sums, strict=True)]

    @torch.no_grad()
    def step(self, closure=None):
        assert self.mode == "train"
        for p in self.parameters:
            p -= self.param_groups[0]["lr"] * p.grad
        seen = [p.detach().clone() for p in self.parameters]
        self.sums = seen if self.sums is None else [s + p for s, p in zip(self.sums, seen, strict=True)]
        self.count = getattr(self, "count", 0) + 1


def test_an_optimizer_with_train_and_eval_is_evaluated_at_its_answer_and_goes_on_from_its_iterate():
    objective = get("bowl").start(seed=0)
    stepper = TorchMethod(Averaging, {"lr": 0.1}).start(objective.tensors, seed=0)
    points = []
    for _ in range(3):
        stepper.step(Oracle(objective))
        points.append(objective.tensors["x"].copy())
    with stepper.evaluating():
        np.testing.assert_allclose(objective.tensors["x"], np.mean(points, axis=0), rtol=1e-12)
    assert np.array_equal(objective.tensors["x"], points[-1])


def test_it_is_a_method_and_a_stepper():
    method = TorchMethod(torch.optim.AdamW, {"lr": 0.1})
    assert isinstance(method, Method) and isinstance(method.start(Line(network()).tensors, seed=0), Stepper)
    assert method.name == "torch.AdamW" and method.facts.step == 0.1 and method.facts.family == "AdamW"
    trace = run(get("digits-mlp"), method, steps=3)
    assert trace.meta["method"] == "torch.optim.AdamW(lr=0.1)" and trace.steps["learning_rate"][1] == 0.1
    scheduled = TorchMethod(torch.optim.SGD, {"lr": 0.1}, schedules.cosine(0.1, 5))
    assert scheduled.text == "torch.optim.SGD(lr=cosine(peak=0.1, steps=5, final=0.0))" and scheduled.length == 5
    assert scheduled.facts.step is None and copy.copy(scheduled) == scheduled


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: TorchMethod(dict), InputTypeError, "kind must be a subclass"),
        (lambda: TorchMethod(torch.optim.Adam(Line(network()).network.parameters())), InputTypeError, "subclass"),
        (lambda: TorchMethod(torch.optim.Adam, {"rate": 1}), InputTypeError, "torch.Adam: got an unexpected keyword"),
        (
            lambda: TorchMethod(torch.optim.Adam, {"lr": -1.0}).start(Line(network()).tensors, seed=0),
            InputError,
            "torch.Adam: Invalid learning rate: -1.0",
        ),
    ],
)
def test_bad_settings_are_one_line(make, error, words):
    with pytest.raises(error, match=words):
        make()
