"""Resuming: state dicts, files keyed by name, copies and pickles go on to the same bits."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch_network import (
    RULES,
    each_rule,
    made,
    network,
    same,
    train,
    unchanged_by,
)

import steepest.torch as ours
from steepest.core.errors import InputError
from steepest.torch import Optimizer


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
    packed = optimizer.state_dict()
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
