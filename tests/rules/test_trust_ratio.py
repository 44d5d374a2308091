"""What a trust ratio is for: the length of each tensor's step; and what its graph asks of an engine."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_field import Field, assert_alike, field, walk

from steepest.core.errors import HyperparameterError, InputError
from steepest.formula import Graph, Level, Node, Rule, chain
from steepest.rules import (
    adam,
    clip_norm,
    decay_weights,
    heavy_ball,
    lamb,
    lars,
    learning_rate,
    scale_by_adam,
    scale_by_trust_ratio,
)

SEEDS = st.integers(0, 2**31 - 1)
REDUCTIONS = {"norm", "mean", "total", "dot"}


def lengths(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> dict[str, float]:
    """How far each tensor went, as a share of its own length."""
    return {name: float(np.linalg.norm(after[name] - p) / np.linalg.norm(p)) for name, p in before.items()}


@given(lr=st.floats(1e-3, 0.5), weight_decay=st.floats(0, 0.3), c=st.floats(1e-6, 1e6), seed=SEEDS)
def test_lamb_moves_every_tensor_by_the_share_lr(lr: float, weight_decay: float, c: float, seed: int) -> None:
    world = field(seed, 4).scaled(c)
    rule = lamb(lr=lr, weight_decay=weight_decay, eps=1e-20)
    for steps in range(1, 4):
        before, after = (walk(rule, world, steps=count).points for count in (steps - 1, steps))
        assert all(share == pytest.approx(lr, rel=1e-9) for share in lengths(before, after).values())


@given(lr=st.floats(0.1, 100), eta=st.floats(1e-4, 1e-2), c=st.floats(1e-6, 1e6), seed=SEEDS)
def test_lars_moves_every_tensor_by_the_share_lr_eta(lr: float, eta: float, c: float, seed: int) -> None:
    world = field(seed, 1).scaled(c)
    after = walk(lars(lr=lr, trust_coefficient=eta), world).points
    assert all(share == pytest.approx(lr * eta, rel=1e-9) for share in lengths(world.start, after).values())


@given(beta=st.floats(0, 0.95), share=st.floats(0, 0.3), seed=SEEDS)
def test_the_papers_sum_of_norms_is_never_less_than_the_norm_of_the_sum(beta: float, share: float, seed: int) -> None:
    """So the first step of LARS in the paper's dialect is never longer than in optax's."""
    world = field(seed, 1)
    ours, theirs = (walk(lars(beta=beta, weight_decay=share, denominator=d), world).points for d in ("sum", "norm"))
    for name, length in lengths(world.start, ours).items():
        assert length <= lengths(world.start, theirs)[name] * (1 + 1e-12)


@pytest.mark.parametrize(
    ("rule", "plain"),
    [
        (lamb(lr=0.1), adam(lr=0.1, eps=1e-6)),
        (lars(lr=0.1), heavy_ball(lr=0.1)),
        (lars(lr=0.1, denominator="norm"), heavy_ball(lr=0.1)),
        (chain(scale_by_trust_ratio(trust_coefficient=0.5), learning_rate(lr=0.1)), learning_rate(lr=0.1)),
    ],
    ids=["lamb", "lars", "lars, norm", "scale_by_trust_ratio"],
)
def test_a_tensor_of_zeros_takes_the_plain_step(rule: Rule, plain: Rule) -> None:
    p, g = {"a": np.zeros(3)}, {"a": np.array([1.0, -2.0, 0.5])}
    np.testing.assert_array_equal(rule.update(p, g, rule.init(p))[0]["a"], plain.update(p, g, plain.init(p))[0]["a"])


def test_a_gradient_of_zeros_leaves_a_tensor_where_it_is() -> None:
    p = {"a": np.ones(3), "empty": np.ones((0, 2))}
    g = {name: np.zeros_like(x) for name, x in p.items()}
    for rule in (lamb(), lars(), lars(denominator="norm")):
        assert_alike(rule.update(p, g, rule.init(p))[0], p, rtol=0, atol=0)


def test_a_nan_spoils_its_tensor_and_no_other() -> None:
    p = {"a": np.ones(3), "b": np.ones(2)}
    g = {"a": np.array([math.nan, 1.0, 1.0]), "b": np.ones(2)}
    for rule in (lamb(), lars(weight_decay=0.1), lars(denominator="norm")):
        after, _, report = rule.update(p, g, rule.init(p))
        assert np.isnan(after["a"]).all() and np.isfinite(after["b"]).all() and report.finite is None


def test_exempt_spares_biases_and_gains_decay_and_ratio() -> None:
    world = field(3, 12)
    spared, plain = walk(lamb(lr=0.1, weight_decay=0.2, exempt="vectors"), world), walk(adam(lr=0.1, eps=1e-6), world)
    full = walk(lamb(lr=0.1, weight_decay=0.2), world)
    assert_alike({n: spared.points[n] for n in ("bias", "gain")}, {n: plain.points[n] for n in ("bias", "gain")},
                 rtol=0, atol=0)  # fmt: skip
    np.testing.assert_array_equal(spared.points["weight"], full.points["weight"])
    spared = walk(lars(lr=0.1, weight_decay=0.2, form="accumulate", exempt="vectors"), world)
    plain = walk(heavy_ball(lr=0.1), world)
    np.testing.assert_array_equal(spared.points["bias"], plain.points["bias"])


def test_lamb_is_its_pieces_in_a_chain() -> None:
    pieces = (
        scale_by_adam(eps=1e-6),
        decay_weights(weight_decay=0.1),
        scale_by_trust_ratio(),
        learning_rate(lr=0.1),
    )
    world = field(3, 12)
    for before in ((), (clip_norm(max_norm=0.5),)):
        one, other = chain(*before, *pieces), chain(*before, lamb(lr=0.1, weight_decay=0.1))
        assert_alike(walk(one, world).points, walk(other, world).points, rtol=0, atol=0)
        assert one.graph().text == other.graph().text


def test_averages_without_bias_correction_keep_their_names() -> None:
    for corrected in (True, False):
        assert list(lamb(bias_correction=corrected).slots()) == ["scale_by_adam.m", "scale_by_adam.v"]


def depth(graph: Graph) -> int:
    """The longest line of reductions, each of what needs the one before."""
    found: dict[Node, int] = {}
    for node in graph.nodes():
        found[node] = max((found[arg] for arg in node.args), default=0) + (node.op in REDUCTIONS)
    return max(found.values())


@pytest.mark.parametrize(
    ("rule", "reductions"),
    [
        (lamb(weight_decay=0.1), 1),
        (lamb(weight_decay=0.1, exempt="vectors", max_norm=10.0, ratio_eps=1e-6, bias_correction=False), 1),
        (lars(weight_decay=0.1, exempt="vectors"), 1),
        (lars(weight_decay=0.1, denominator="norm", form="accumulate", nesterov=True), 1),
        (chain(clip_norm(max_norm=1.0), lamb(weight_decay=0.1)), 2),
    ],
    ids=repr,
)
def test_all_norms_can_be_had_at_once(rule: Rule, reductions: int) -> None:
    """‖p‖ and ‖u‖ wait for nothing but the gradient (or its clipping), and are numbers of a tensor."""
    graph = rule.graph()
    assert depth(graph) == reductions
    norms = [node for node in graph.nodes() if node.op in REDUCTIONS and node.level is Level.TENSOR]
    assert len(norms) == 2
    assert not any(node.op == "opaque" for node in graph.nodes())


def test_scaling_one_tensor_scales_its_path() -> None:
    """A layer written with weights c times as large, and gradients 1/c times, takes c times the steps."""
    world, c = field(5, 6, {"x": (3, 2)}), 37.0
    other = Field(
        {"x": c * world.start["x"]},
        tuple({"x": noise["x"] / c} for noise in world.noise),
        {"x": world.slope["x"] / c**2},
    )
    for rule in (lars(lr=5.0, beta=0.8), chain(scale_by_trust_ratio(), learning_rate(lr=0.1))):
        ended = walk(rule, other).points["x"]
        np.testing.assert_allclose(ended, c * walk(rule, world).points["x"], rtol=1e-9)


def test_out_of_range() -> None:
    with pytest.raises(HyperparameterError, match=r"lamb: ratio_eps must be in \[0, inf\), got -1"):
        lamb(ratio_eps=-1)
    with pytest.raises(HyperparameterError, match=r"lamb: max_norm must be in \(0, inf\), got 0"):
        lamb(max_norm=0)
    with pytest.raises(HyperparameterError, match=r"lars: beta must be in \[0, 1\), got 1.0"):
        lars(beta=1.0)
    with pytest.raises(InputError, match="lars: denominator must be 'sum' or 'norm', got 'max'"):
        lars(denominator="max")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="lars: form must be 'velocity' or 'accumulate', got 'average'"):
        lars(form="average")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="lamb: bias_correction must be True or False, a fixed choice, got 'no'"):
        lamb(bias_correction="no")  # type: ignore[arg-type]
