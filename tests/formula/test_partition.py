"""One optimizer for several kinds of tensors, and the operators that wrappers of rules are written with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from steepest import rules
from steepest.core.errors import FormulaError, InputTypeError, UnknownNameError
from steepest.formula import (
    Count,
    Rule,
    Slot,
    chain,
    floor,
    load_state,
    partition,
    rule,
    save_state,
    where,
)
from steepest.formula.plan import Unplannable
from steepest.formula.variants import variants
from steepest.rules import adam, average, clip_norm, heavy_ball, learning_rate, scale_by_adam, sgd
from steepest.torch import Optimizer


def by_shape(name: str, shape: tuple[int, ...]) -> str:
    return "matrices" if len(shape) > 1 else "vectors"


MIXED = partition(by_shape, matrices=adam(lr=0.1), vectors=heavy_ball(lr=0.2))
RANDOM = np.random.default_rng(5)
START = {"W": RANDOM.normal(size=(3, 2)), "b": RANDOM.normal(size=3), "V": RANDOM.normal(size=(2, 4))}


def walk(rule: Rule, params: dict[str, Any], steps: int, state: Any = None) -> tuple[dict[str, Any], Any]:
    state = rule.init(params) if state is None else state
    for _ in range(steps):
        grads = {name: p**3 - 0.3 * p + state.step for name, p in params.items()}
        params, state, _ = rule.update(params, grads, state)
    return params, state


def test_each_part_goes_as_if_alone() -> None:
    together, state = walk(MIXED, START, 7)
    matrices, _ = walk(adam(lr=0.1), {"W": START["W"], "V": START["V"]}, 7)
    vectors, _ = walk(heavy_ball(lr=0.2), {"b": START["b"]}, 7)
    for name, expected in {**matrices, **vectors}.items():
        np.testing.assert_array_equal(together[name], expected)
    assert {path: set(tensors) for path, tensors in state.slots.items()} == {
        "partition.matrices.scale_by_adam.m": {"W", "V"},
        "partition.matrices.scale_by_adam.v": {"W", "V"},
        "partition.vectors.momentum.v": {"b"},
    }


def test_what_stands_around_it_sees_all_tensors() -> None:
    """Clipping before it spans the parts, and an average after it reads the final update of each."""
    whole = chain(clip_norm(max_norm=0.5), MIXED, average(beta=0.5))
    grads = {name: np.full(p.shape, 2.0) for name, p in START.items()}
    norm = 2.0 * np.sqrt(sum(p.size for p in START.values()))
    after, state, report = whole.update(START, grads, whole.init(START))
    assert report.seen["clip_norm.norm"] == pytest.approx(norm, rel=1e-14)
    np.testing.assert_allclose(after["b"], START["b"] - 0.2 * 2.0 * 0.5 / (norm + 1e-6), rtol=1e-14)
    for name, p in START.items():
        np.testing.assert_allclose(whole.answer(after, state)[name], (p + after[name]) / 2, rtol=1e-14)


def test_a_tensor_without_gradient_stays_and_does_not_age() -> None:
    state = MIXED.init(START)
    after, state, _ = MIXED.update(START, {"W": np.ones((3, 2))}, state)
    assert dict(state.ages) == {"W": 1, "b": 0, "V": 0}
    np.testing.assert_array_equal(after["b"], START["b"])
    assert not np.array_equal(after["W"], START["W"])


def test_its_state_is_saved_and_loaded(tmp_path: Any) -> None:
    whole, _ = walk(MIXED, START, 6)
    half, state = walk(MIXED, START, 3)
    save_state(state, tmp_path / "state")
    resumed, _ = walk(MIXED, half, 3, load_state(tmp_path / "state", MIXED.init(START)))
    for name, p in whole.items():
        np.testing.assert_array_equal(resumed[name], p)


def test_in_pytorch() -> None:
    def trained(build: Any) -> list[torch.Tensor]:
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2).double()
        optimizers = build(model)
        for _ in range(5):
            for optimizer in optimizers:
                optimizer.zero_grad()
            (model(torch.ones(4, 3, dtype=torch.float64)) ** 2).sum().backward()
            for optimizer in optimizers:
                optimizer.step()
        return [p.detach() for p in model.parameters()]

    ours = trained(lambda model: [Optimizer(model.named_parameters(), MIXED)])
    theirs = trained(
        lambda model: [torch.optim.Adam([model.weight], lr=0.1), torch.optim.SGD([model.bias], lr=0.2, momentum=0.9)]
    )
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-13)


def test_fingerprints_tell_selections_apart() -> None:
    def swapped(name: str, shape: tuple[int, ...]) -> str:
        return "vectors" if len(shape) > 1 else "matrices"

    def deeper(name: str, shape: tuple[int, ...]) -> str:
        return "matrices" if len(shape) > 2 else "vectors"

    parts: dict[str, Rule] = {"matrices": adam(lr=0.1), "vectors": heavy_ball(lr=0.2)}
    prints = {partition(select, **parts).fingerprint() for select in (by_shape, swapped, deeper)}
    assert len(prints) == 3
    assert partition(by_shape, **parts).fingerprint() == MIXED.fingerprint()


def test_what_a_partition_refuses() -> None:
    with pytest.raises(InputTypeError, match=r"vectors must be a rule, got 0\.1"):
        partition(by_shape, vectors=0.1)  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match="needs at least one part"):
        partition(by_shape)
    with pytest.raises(UnknownNameError, match="unknown part of W 'matrices'; did you mean rest"):
        partition(by_shape, rest=sgd(lr=0.1)).init(START)
    with pytest.raises(FormulaError, match="average has a query or answer point, so it must be in the outer chain"):
        partition(by_shape, matrices=chain(sgd(lr=0.1), average()), vectors=sgd(lr=0.1))
    with pytest.raises(FormulaError, match="give `graph` the name and shape of a tensor"):
        MIXED.graph()


@rule(slots=(Slot("slow", init="p"),))
def lookahead(u, p, slow, k, *, inner: Rule, every: Count = 5):
    """Every `every` updates, go half the way back to where the last such point was."""
    fast = p - inner(u)
    due = (k % every <= 0) & (k >= every)
    halfway = slow + 0.5 * (fast - slow)
    return p - where(due, halfway, fast), where(due, halfway, slow)


def test_remainder_and_logic_carry_a_lookahead() -> None:
    made = lookahead(inner=sgd(lr=0.1), every=3)
    p, state = np.array([4.0]), made.init(np.array([4.0]))
    x = slow = 4.0
    for k in range(1, 11):
        p, state, _ = made.update(p, np.array([2.0]), state)
        x -= 0.2
        if k % 3 == 0:
            x = slow = (slow + x) / 2
        assert p[0] == pytest.approx(x, rel=1e-14)
    ops = {node.op for node in made.graph().nodes()}
    assert {"remainder", "and", "less_equal", "where"} <= ops


def test_floor_and_or() -> None:
    @rule
    def stairs(u, k):
        return where((u > 1.0) | (k > 1), floor(u), u)

    made = chain(stairs(), learning_rate(lr=1.0))
    p, state = np.zeros(2), made.init(np.zeros(2))
    p, state, _ = made.update(p, np.array([-1.5, 2.5]), state)
    np.testing.assert_array_equal(p, [1.5, -2.0])
    p, state, _ = made.update(p, np.array([-1.5, 2.5]), state)
    np.testing.assert_array_equal(p, [3.5, -4.0])


def test_an_opaque_rule_cannot_call_an_inner_one() -> None:
    with pytest.raises(FormulaError, match="opaque rule works on arrays, so it cannot call an inner rule"):

        @rule(opaque=True)
        def outer(u, *, inner: Rule):
            return inner(u)

    assert scale_by_adam().sets_step is False


def test_each_part_is_printed_under_its_name() -> None:
    made = chain(rules.clip_norm(max_norm=1.0), partition(by_shape, vectors=sgd(lr=1.0), matrices=heavy_ball(lr=0.5)))
    text = made.equations()
    assert [line for line in text.splitlines() if line.endswith(":")] == ["partition.vectors:", "partition.matrices:"]
    assert "β" not in text.partition("partition.matrices:")[0] and "β" in text.partition("partition.matrices:")[2]
    assert made.latex().count(r"&\text{partition.") == 2
    for printed in rules.soap(), rules.adafactor(), rules.muon_adamw():
        assert len(printed.equations().split("\n\n")) == 2


def test_the_graph_of_a_part_without_a_tensor() -> None:
    made = chain(partition(by_shape, vectors=sgd(lr=1.0), matrices=heavy_ball(lr=0.5)))
    found = {}
    for name, within in variants(made):
        with within:
            found[name] = made.graph().fingerprint()
            assert [inner for inner, _ in variants(made)] == [name], "what is chosen is the only choice"
    tensors = {"partition.vectors": ("b", (2,)), "partition.matrices": ("w", (2, 2))}
    assert found == {name: made.graph(tensor).fingerprint() for name, tensor in tensors.items()}
    with pytest.raises(Unplannable, match="has a graph for each part"):
        made.graph()
