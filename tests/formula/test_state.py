"""A state as one file: the same bits after a resume, keyed by name, checked before anything is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import example_rules as examples
import numpy as np
import pytest
import torch
from rule_field import SHAPES, assert_alike, field, in_jax, in_numpy, in_torch
from safetensors.numpy import save_file

from steepest.core.arrays import to_numpy
from steepest.core.errors import InputError
from steepest.formula import Rule, State, chain, load_state, save_state
from steepest.rules import adam, adamw, average, clip_norm, heavy_ball, learning_rate, rmsprop, sgd
from steepest.schedules import cosine

RATE = learning_rate(lr=0.1)
RULES: dict[str, Rule] = {
    "adamw": chain(clip_norm(max_norm=1.0), adamw(lr=cosine(0.1, steps=20), amsgrad=True), average(beta=0.9)),
    "rmsprop": rmsprop(centered=True, momentum=0.5),
    "lookahead": chain(heavy_ball(lr=0.1), examples.slow_weights(every=3)),
    "model": chain(examples.d_adaptation(), learning_rate(lr=1.0)),
    "tensor": chain(examples.normalize_tensor(), RATE),
    "random": chain(examples.noise(), RATE),
    "sgd": sgd(lr=0.1),
}


def run(rule: Rule, params: dict[str, Any], state: State, steps: range, convert: Any) -> tuple[dict[str, Any], State]:
    world = field(9, 12)
    for k in steps:
        at = {name: to_numpy(p) for name, p in params.items()}
        params, state, _ = rule.update(params, {n: convert(g) for n, g in world.at(k, at).items()}, state)
    return params, state


@pytest.mark.parametrize("library", [in_numpy(), in_torch("float32"), in_jax()], ids=["numpy", "torch", "jax"])
@pytest.mark.parametrize("name", RULES)
def test_a_resumed_run_has_the_same_bits(name: str, library: Any, tmp_path: Path) -> None:
    rule = RULES[name]
    start = {name: library(p) for name, p in field(9, 12).start.items()}
    whole, end = run(rule, start, rule.init(start, seed=3), range(12), library)
    half, state = run(rule, start, rule.init(start, seed=3), range(5), library)
    save_state(state, tmp_path / "state", rule.text)
    template = rule.init({name: library(np.zeros(shape)) for name, shape in reversed(SHAPES.items())})
    loaded = load_state(tmp_path / "state", template)
    assert (loaded.step, loaded.ages, loaded.seed) == (5, state.ages, 3)
    resumed, last = run(rule, half, loaded, range(5, 12), library)
    assert_alike(resumed, whole, rtol=0, atol=0)
    for path, tensors in end.slots.items():
        assert_alike(last.slots[path], tensors, rtol=0, atol=0)
        assert all(type(a) is type(tensors[n]) and a.dtype == tensors[n].dtype for n, a in last.slots[path].items())


def stepped(rule: Rule, params: dict[str, np.ndarray], steps: int = 2) -> State:
    state = rule.init(params)
    for _ in range(steps):
        params, state, _ = rule.update(params, params, state)
    return state


def test_partial_loads_take_what_there_is(tmp_path: Path) -> None:
    rule = adam(lr=0.1)
    old, kept = {"a": np.ones(2), "gone": np.ones(3)}, {"a": np.ones(2), "new": np.ones(4)}
    saved = stepped(rule, old)
    save_state(saved, tmp_path / "state")
    with pytest.raises(
        InputError, match=r"names differ; missing in the file: \['scale_by_adam.m/new'.*only in the file"
    ):
        load_state(tmp_path / "state", rule.init(kept))
    loaded = load_state(tmp_path / "state", rule.init(kept), strict=False)
    assert loaded.ages == {"a": 2, "new": 0}
    assert loaded.step == 2
    np.testing.assert_array_equal(loaded.slots["scale_by_adam.m"]["a"], saved.slots["scale_by_adam.m"]["a"])
    np.testing.assert_array_equal(loaded.slots["scale_by_adam.m"]["new"], 0.0)
    assert "gone" not in loaded.slots["scale_by_adam.m"]


def test_names_that_differ_are_named_also_without_slots(tmp_path: Path) -> None:
    rule = sgd(lr=0.1)
    save_state(stepped(rule, {"encoder": np.ones(2)}), tmp_path / "state")
    with pytest.raises(InputError, match=r"decoder.*encoder"):
        load_state(tmp_path / "state", rule.init({"decoder": np.ones(2)}))


@pytest.mark.parametrize("strict", [True, False])
def test_shapes_and_dtypes_must_agree(strict: bool, tmp_path: Path) -> None:
    rule = adam(lr=0.1)
    save_state(stepped(rule, {"a": np.ones((2, 3))}), tmp_path / "state")
    for other, got in ((np.ones((3, 2)), r"shape \(3, 2\)"), (np.ones((2, 3), np.float32), "dtype float32")):
        with pytest.raises(InputError, match=rf"scale_by_adam.m/a must have .*{got}.*, got \(2, 3\) and float64"):
            load_state(tmp_path / "state", rule.init({"a": other}), strict=strict)


def test_another_rules_state_is_refused(tmp_path: Path) -> None:
    params = {"a": np.ones(2)}
    save_state(stepped(heavy_ball(lr=0.1), params), tmp_path / "state")
    with pytest.raises(InputError, match=r"missing in the file: .*scale_by_adam.m/a.*only in the file: .*momentum.v/a"):
        load_state(tmp_path / "state", adam(lr=0.1).init(params))


def test_files_that_are_no_states_are_refused(tmp_path: Path) -> None:
    template = adam(lr=0.1).init({"a": np.ones(2)})
    with pytest.raises(InputError, match="path must be a saved state, got"):
        load_state(tmp_path / "missing", template)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InputError, match="path must be a saved state, got"):
        load_state(tmp_path / "text", template)
    save_file({"x": np.ones(2)}, tmp_path / "foreign")
    with pytest.raises(InputError, match="a safetensors file that steepest did not write"):
        load_state(tmp_path / "foreign", template)
    save_file({"x": np.ones(2)}, tmp_path / "broken", {"steepest": "{"})
    with pytest.raises(InputError):
        load_state(tmp_path / "broken", template)
    save_file({"x": np.ones(2)}, tmp_path / "newer", {"steepest": json.dumps({"version": 99})})
    with pytest.raises(InputError, match="version must be at most 1, got 99; update steepest"):
        load_state(tmp_path / "newer", template)
    save_file({"x": np.ones(2)}, tmp_path / "empty", {"steepest": json.dumps({})})
    with pytest.raises(InputError):
        load_state(tmp_path / "empty", template)
    whole = tmp_path / "whole"
    save_state(template, whole)
    (tmp_path / "cut").write_bytes(whole.read_bytes()[:-8])
    with pytest.raises(InputError, match="path must be a saved state"):
        load_state(tmp_path / "cut", template)


def test_nothing_is_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule, params = adam(lr=0.1), {"a": np.ones(2)}
    target = tmp_path / "state"
    save_state(stepped(rule, params), target)
    before = target.read_bytes()

    def fails(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(InputError, match=r"save_state: path must be writable, got .*No space left"):
        save_state(stepped(rule, params, 5), target)
    monkeypatch.undo()
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]

    def stays(self: Path, other: Path) -> Path:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "replace", stays)  # all is written beside the old file, which one move replaces
    with pytest.raises(InputError, match="Input/output error"):
        save_state(stepped(rule, params, 5), target)
    monkeypatch.undo()
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(InputError, match="path must be writable"):
        save_state(rule.init(params), tmp_path / "no such folder" / "state")


def test_the_file_says_whose_it_is(tmp_path: Path) -> None:
    from safetensors import safe_open

    rule = adam(lr=0.1)
    save_state(stepped(rule, {"a": np.ones(2)}), tmp_path / "state", rule.text)
    with safe_open(tmp_path / "state", framework="numpy") as file:
        header = json.loads(file.metadata()["steepest"])
        assert sorted(file.keys()) == ["scale_by_adam.m/a", "scale_by_adam.v/a"]
    assert header == {"version": 1, "step": 2, "ages": {"a": 2}, "seed": 0, "rule": rule.text}


def test_half_precision_of_pytorch_is_saved_too(tmp_path: Path) -> None:
    rule = adam(lr=0.1)
    params = {"a": torch.ones(3, dtype=torch.bfloat16)}
    _, state, _ = rule.update(params, {"a": params["a"] * 0.3}, rule.init(params))
    save_state(state, tmp_path / "state")
    loaded = load_state(tmp_path / "state", rule.init(params))
    for path, tensors in state.slots.items():
        assert loaded.slots[path]["a"].dtype == torch.bfloat16
        assert torch.equal(loaded.slots[path]["a"], tensors["a"])


def test_bytes_are_counted() -> None:
    state = adam(lr=0.1).init({"a": np.ones((2, 3)), "b": np.ones(4, np.float32)})
    assert state.nbytes() == 2 * (6 * 8 + 4 * 4)
