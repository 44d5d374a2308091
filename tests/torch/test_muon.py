"""Muon and MuonAdamW as PyTorch optimizers, and the matrix rules on real layers."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits

import steepest.torch as ours
from steepest import rules
from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.formula import Rule

SHAPES = ((4, 3), (3, 5), (6, 6))


def parameters() -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(3)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def walk(optimizer: torch.optim.Optimizer, params: list[torch.nn.Parameter], steps: int, first: int = 0) -> None:
    for step in range(first, first + steps):
        generator = torch.Generator().manual_seed(step)
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator)
        optimizer.step()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lr": 0.02, "weight_decay": 0.3, "momentum": 0.8, "nesterov": False, "eps": 1.0, "ns_steps": 3},
        {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "ns_coefficients": (3.0, -4.5, 2.0)},
    ],
)
def test_muon_is_pytorchs(settings: dict[str, Any]) -> None:
    one, other = parameters(), parameters()
    mine, theirs = ours.Muon(one, **settings), torch.optim.Muon(other, **settings)
    walk(mine, one, 20)
    walk(theirs, other, 20)
    for p, q in zip(one, other, strict=True):
        torch.testing.assert_close(p, q, rtol=2e-6, atol=5e-6)
    known = {key: value for key, value in theirs.param_groups[0].items() if key != "params"}
    assert {key: mine.param_groups[0][key] for key in known} == known


def test_state_dicts_go_both_ways() -> None:
    one, other = parameters(), parameters()
    mine, theirs = ours.Muon(one, lr=0.02), torch.optim.Muon(other, lr=0.02)
    walk(theirs, other, 5)
    mine.load_state_dict(copy.deepcopy(theirs.state_dict()))
    for p, q in zip(one, other, strict=True):
        p.data.copy_(q.data)
    walk(mine, one, 5, first=5)
    walk(theirs, other, 5, first=5)
    theirs.load_state_dict(mine.state_dict())
    packed = mine.state_dict()["state"]
    for number, (p, q) in enumerate(zip(one, other, strict=True)):
        torch.testing.assert_close(p, q, rtol=2e-6, atol=5e-6)
        torch.testing.assert_close(theirs.state[q]["momentum_buffer"], packed[number]["momentum_buffer"])


def test_what_muon_refuses() -> None:
    vector = torch.nn.Parameter(torch.ones(3))
    with pytest.raises(InputError, match=r"orthogonalize: param_1 must have two dimensions, got shape \(3,\)"):
        ours.Muon([torch.nn.Parameter(torch.ones(2, 2)), vector])
    for settings, error, message in (
        ({"momentum": 1.0}, HyperparameterError, r"Muon: momentum must be in \[0, 1\), got 1.0"),
        ({"ns_steps": 0}, HyperparameterError, "Muon: ns_steps must be a whole number in"),
        ({"ns_coefficients": (1.0, 2.0)}, InputTypeError, "ns_coefficients must be three numbers"),
        ({"adjust_lr_fn": "none"}, InputError, "adjust_lr_fn must be None, 'original' or 'match_rms_adamw'"),
    ):
        with pytest.raises(error, match=message):
            ours.Muon(parameters(), **settings)


# Real layers.


class Network(torch.nn.Module):
    """An embedding of pixels, a convolution, linear layers with a norm between them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = torch.nn.Embedding(17, 3)
        self.conv = torch.nn.Conv2d(3, 6, 3, stride=2)
        self.hidden = torch.nn.Linear(54, 24)
        self.norm = torch.nn.LayerNorm(24)
        self.head = torch.nn.Linear(24, 10)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = self.embed(pixels).permute(0, 3, 1, 2)
        x = torch.relu(self.conv(x)).flatten(1)
        return self.head(torch.relu(self.norm(self.hidden(x))))


DIGITS = load_digits()
PIXELS, LABELS = torch.from_numpy(DIGITS.images).long(), torch.from_numpy(DIGITS.target)


def train(model: Network, optimizer: torch.optim.Optimizer, steps: int, first: int = 0) -> list[float]:
    losses = []
    for step in range(first, first + steps):
        rows = torch.randperm(len(LABELS), generator=torch.Generator().manual_seed(step))[:128]
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(PIXELS[rows]), LABELS[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


METHODS: dict[str, Rule] = {
    "muon_adamw": rules.muon_adamw(lr=0.05, adamw_lr=1e-2),
    "shampoo": rules.shampoo(lr=0.05, eps=1e-2, every=5),
    "soap": rules.soap(lr=1e-2, every=5),
    "adafactor": rules.adafactor(lr=0.05),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_small_network_learns_digits(name: str) -> None:
    model = Network()
    optimizer = ours.Optimizer(model.named_parameters(), METHODS[name])
    losses = train(model, optimizer, 60)
    assert losses[0] > 2.2
    assert sum(losses[-5:]) / 5 < 1.3, losses
    assert "the rest is compiled" in optimizer.why_eager


@pytest.mark.parametrize("name", METHODS)
def test_a_run_that_was_stopped_goes_on_to_the_bit(name: str, tmp_path: Any) -> None:
    whole = Network()
    train(whole, ours.Optimizer(whole.named_parameters(), METHODS[name]), 12)
    first = Network()
    optimizer = ours.Optimizer(first.named_parameters(), METHODS[name])
    train(first, optimizer, 7)
    optimizer.save(str(tmp_path / "state"))
    packed = copy.deepcopy(optimizer.state_dict())
    for how in ("file", "dict"):
        second = Network()
        second.load_state_dict(first.state_dict())
        resumed = ours.Optimizer(second.named_parameters(), METHODS[name])
        resumed.load(str(tmp_path / "state")) if how == "file" else resumed.load_state_dict(packed)
        train(second, resumed, 5, first=7)
        for p, q in zip(whole.parameters(), second.parameters(), strict=True):
            assert torch.equal(p, q), how


def test_muon_adamw_is_one_optimizer_with_groups_of_two_rates() -> None:
    model = Network()
    optimizer = ours.MuonAdamW(model.named_parameters(), lr=0.02, adamw_lr=3e-3, clip=1.0, weight_decay=0.01)
    assert dict(optimizer.parts()) == {
        "embed.weight": "adamw", "conv.weight": "muon", "conv.bias": "adamw", "hidden.weight": "muon",
        "hidden.bias": "adamw", "norm.weight": "adamw", "norm.bias": "adamw", "head.weight": "adamw",
        "head.bias": "adamw",
    }  # fmt: skip
    train(model, optimizer, 3)
    assert optimizer.report.seen.keys() == {"clip_norm.norm"}
    assert {key for entry in optimizer.state_dict()["state"].values() for key in entry} == {
        "step", "momentum_buffer", "exp_avg", "exp_avg_sq"
    }  # fmt: skip
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer.param_groups[0]["adamw_lr"] = 1e-30
    optimizer.param_groups[0]["weight_decay"] = 0.0
    train(model, optimizer, 1, first=3)
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {"conv.weight", "hidden.weight"}


def test_muon_adamw_wants_names() -> None:
    model = Network()
    with pytest.raises(InputTypeError, match="MuonAdamW: params must have names"):
        ours.MuonAdamW(model.parameters())
    with pytest.raises(InputTypeError, match="MuonAdamW: params must have names"):
        ours.MuonAdamW([{"params": list(model.parameters())}])
    shaped = ours.MuonAdamW(model.parameters(), not_hidden=())
    assert [part for _, part in shaped.parts()].count("muon") == 4
    grouped = ours.MuonAdamW([{"params": model.hidden.named_parameters(prefix="hidden"), "lr": 0.1}])
    assert grouped.parts() == [("hidden.weight", "muon"), ("hidden.bias", "adamw")]
    for settings, message in (
        ({"momentum": 1.0}, r"MuonAdamW: momentum must be in \[0, 1\), got 1.0"),
        ({"adamw_lr": -1.0}, r"MuonAdamW: adamw_lr must be in \(0, inf\), got -1.0"),
        ({"betas": (0.9, 2.0)}, r"MuonAdamW: betas\[1\] must be in \[0, 1\), got 2.0"),
    ):
        with pytest.raises(HyperparameterError, match=message):
            ours.MuonAdamW(model.named_parameters(), **settings)


# Every argument.

COMMON: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "lr": ({}, {"lr": 0.05}),
    "weight_decay": ({}, {"weight_decay": 0.5}),
    "decay": ({"weight_decay": 0.1}, {"decay": "independent"}),
    "momentum": ({}, {"momentum": 0.5}),
    "nesterov": ({}, {"nesterov": False}),
    "eps": ({}, {"eps": 1e3}),
    "ns_steps": ({}, {"ns_steps": 2}),
    "precision": ({}, {"precision": "same"}),
    "maximize": ({}, {"maximize": True}),
    "clip": ({"eps": 1e3}, {"clip": 1e-3}),
    "average": ({}, {"average": 0.5}),
    "nonfinite": ({}, {"nonfinite": "skip"}),
}
CHANGES: dict[str, dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "Muon": {
        **COMMON,
        "ns_coefficients": ({}, {"ns_coefficients": (3.0, -4.0, 2.0)}),
        "adjust_lr_fn": ({}, {"adjust_lr_fn": "match_rms_adamw"}),
    },
    "MuonAdamW": {
        **COMMON,
        "adamw_lr": ({}, {"adamw_lr": 0.05}),
        "betas": ({}, {"betas": (0.5, 0.95)}),
        "betas, second": ({}, {"betas": (0.9, 0.5)}),
        "adamw_eps": ({}, {"adamw_eps": 0.1}),
        "adjust": ({}, {"adjust": "match_rms_adamw"}),
        "not_hidden": ({}, {"not_hidden": "hidden*"}),
    },
}
EXECUTION = {"moments", "rounding", "zero_gradients", "engine", "params"}


def ended(name: str, **settings: Any) -> torch.Tensor:
    """Where three steps lead, one of them with a gradient that is not finite."""
    hidden = torch.nn.Parameter(torch.linspace(-1, 1, 24).reshape(4, 6))
    named = [("hidden.weight", hidden)]
    if name == "MuonAdamW":
        named.append(("bias", torch.nn.Parameter(torch.linspace(-1, 1, 5))))
    optimizer = getattr(ours, name)(named, **settings)
    for step in range(4):
        for _, p in named:
            p.grad = torch.cos(torch.arange(float(p.numel())) * (step + 1)).reshape(p.shape)
        if step == 3:
            hidden.grad[0, 0] = torch.nan
        optimizer.step()
        if step == 2 and "nonfinite" not in settings:
            break
    if settings.get("average") is not None:
        optimizer.eval()
    return torch.cat([p.detach().reshape(-1) for _, p in named])


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, changes in CHANGES.items() for key in changes if key != "nonfinite"]
)
def test_every_argument_changes_the_run(name: str, key: str) -> None:
    before, change = CHANGES[name][key]
    one, other = ended(name, **before), ended(name, **{**before, **change})
    assert torch.max(torch.abs(one - other)) > 1e-6


@pytest.mark.parametrize("name", CHANGES)
def test_every_argument_is_tried(name: str) -> None:
    declared = set(inspect.signature(getattr(ours, name)).parameters) - EXECUTION
    assert {key.partition(",")[0] for key in CHANGES[name]} == declared
    assert torch.all(torch.isfinite(ended(name, nonfinite="skip")))
    assert not torch.all(torch.isfinite(ended(name, nonfinite="apply")))


@pytest.mark.parametrize("name", CHANGES)
def test_how_it_is_kept_and_executed(name: str) -> None:
    for settings, dtype in (
        ({}, torch.float32),
        ({"moments": "bfloat16"}, torch.bfloat16),
        ({"moments": "8bit"}, torch.uint8),
    ):
        p = torch.nn.Parameter(torch.linspace(-1, 1, 5_000).reshape(50, 100))
        optimizer = getattr(ours, name)([("hidden", p)], zero_gradients=True, **settings)
        p.grad = torch.cos(torch.arange(5_000.0)).reshape(50, 100)
        optimizer.step()
        assert not p.grad.any()
        assert optimizer.state[p][next(key for key in optimizer.state[p] if key.endswith("average.m"))].dtype is dtype
    eager = getattr(ours, name)([("hidden", p)], engine="eager")
    p.grad = torch.cos(torch.arange(5_000.0)).reshape(50, 100)
    eager.step()
    assert eager.why_eager == ""
