"""What adaptive and sign rules are for, the limits in which they are other rules, and their plans."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rule_field import Field, assert_alike, field, walk
from shortest_plan import followed

from steepest import rules
from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.formula import Rule, chain
from steepest.formula.plan import plan
from steepest.schedules import cosine

SEEDS = st.integers(0, 2**31 - 1)
CLIP = rules.clip_norm(max_norm=1.0)


@pytest.mark.parametrize(
    ("made", "passes", "moved"),
    [
        (rules.amsgrad(), 1, 36),  # g m v v_max p → m v v_max p
        (rules.amsgrad(maximum_of="corrected"), 1, 36),
        (rules.nadam(), 1, 28),  # g m v p → m v p; π is one number a tensor
        (rules.nadam(momentum="constant"), 1, 28),
        (rules.adamax(), 1, 28),
        (rules.adadelta(), 1, 28),
        (rules.yogi(initial=1e-6, bias_correction=True), 1, 28),
        (rules.adabound(), 1, 28),
        (rules.adabound(amsbound=True), 1, 36),
        (rules.adan(weight_decay=0.02), 1, 44),  # g m d n before p → m d n before p
        (rules.ademamix(warmup=100), 1, 36),
        (rules.sign_sgd(weight_decay=0.1), 1, 12),  # g p → p
        (rules.signum(), 1, 20),
        (rules.rprop(), 1, 28),
        (rules.sparse_adam(), 1, 28),
        (rules.asgd(), 1, 20),  # g mean p → mean p
        (rules.novograd(weight_decay=0.1), 2, 24),  # g | g m p → m p
        (chain(CLIP, rules.novograd()), 3, 28),  # g | g | g m p → m p
        (chain(CLIP, rules.adan()), 2, 48),
        (chain(rules.nadam(), rules.average()), 1, 36),
    ],
)
def test_passes_and_bytes(made: Rule, passes: int, moved: float) -> None:
    found = plan(made.graph())
    assert (len(found.passes), found.bytes) == (passes, moved)
    assert followed(found) == moved
    assert found.temporaries == ()


@pytest.mark.parametrize(
    ("made", "other"),
    [
        (rules.amsgrad(lr=0.1, beta2=0.5), rules.adam(lr=0.1, beta2=0.5, amsgrad=True)),
        (rules.signum(lr=0.1, beta=0.0), rules.sign_sgd(lr=0.1)),
        (rules.ademamix(lr=0.1, alpha=0.0), rules.adam(lr=0.1)),
        (rules.ademamix(lr=0.1, warmup=1, beta3=0.99), rules.ademamix(lr=0.1, beta3=0.99)),
        (rules.adan(lr=0.1, weight_decay=0.0), rules.adan(lr=0.1, weight_decay=0.0, decay="lr")),
        (rules.adan(lr=0.1, beta2=0.0), rules.adam(lr=0.1, beta1=0.98, beta2=0.99)),
        (rules.asgd(lr=0.1, lambd=0.2, alpha=0.0), rules.sgd(lr=0.1, weight_decay=0.2)),
        (rules.novograd(lr=0.1, beta1=0.0, gradient_averaging=True), rules.novograd(lr=0.1, beta1=0.0)),
        (rules.sparse_adam(lr=0.1, zeros="present"), rules.sparse_adam(lr=0.1)),  # where there are no zeros
        (rules.nadam(lr=0.1, beta1=0.0, beta2=0.0), rules.rmsprop(lr=0.1, beta=0.0)),
    ],
    ids=lambda rule: str(rule.name),
)
def test_where_one_rule_is_another(made: Rule, other: Rule) -> None:
    world = field(5, 12)
    assert_alike(walk(made, world).points, walk(other, world).points, rtol=1e-12, atol=1e-13)


@given(seed=SEEDS, beta=st.floats(0, 0.95))
def test_adabound_begins_as_adam_and_ends_as_momentum(seed: int, beta: float) -> None:
    """Its bounds are as wide as can be at γ k = 0 and one number at γ k = ∞."""
    world = field(seed, 6)
    begun = walk(rules.adabound(lr=0.1, beta1=beta, gamma=1e-12, eps=1e-16), world)
    assert_alike(begun.points, walk(rules.adam(lr=0.1, beta1=beta, eps=1e-16), world).points, rtol=1e-9, atol=1e-9)
    ended = walk(rules.adabound(lr=0.1, beta1=beta, gamma=1e12, final_ratio=0.5), world)
    momentum = walk(rules.heavy_ball(lr=0.05, beta=beta, form="average"), world)
    assert_alike(ended.points, momentum.points, rtol=1e-9, atol=1e-9)


def test_adabounds_last_rate_follows_a_schedule_of_the_learning_rate() -> None:
    world, schedule = field(4, 10), cosine(0.1, steps=10)
    bound = walk(rules.adabound(lr=schedule, gamma=1e12, final_ratio=0.5), world)
    rate = chain(rules.average_momentum(), rules.learning_rate(lr=schedule))
    half = chain(rate, rules.learning_rate(lr=0.5).named("half"))
    assert_alike(bound.points, walk(half, world).points, rtol=1e-9, atol=1e-9)


@given(seed=SEEDS, beta2=st.floats(0, 0.99))
def test_yogis_v_moves_by_no_more_than_its_share_of_the_square(seed: int, beta2: float) -> None:
    made, world = rules.scale_by_yogi(beta2=beta2), field(seed, 12)
    params, state = world.start, rules.scale_by_yogi(beta2=beta2).init(world.start)
    for k in range(world.steps):
        grads, before = world.at(k, params), state.slots
        _, state, _ = made.update(params, grads, state)
        for name, g in grads.items():
            moved = np.abs(state.slots["scale_by_yogi.v"][name] - before["scale_by_yogi.v"][name])
            np.testing.assert_allclose(moved, (1 - beta2) * g * g, rtol=1e-6, atol=1e-12)


@given(seed=SEEDS, c=st.floats(1e-6, 1e6))
def test_novograd_forgets_the_scale_of_each_tensors_gradients(seed: int, c: float) -> None:
    """Of each alone: one tensor's gradients times c leave the whole run as it is."""
    world = field(seed, 8)
    other = Field(
        world.start,
        tuple({name: g * (c if name == "bias" else 1.0) for name, g in noise.items()} for noise in world.noise),
        {name: h * (c if name == "bias" else 1.0) for name, h in world.slope.items()},
    )
    made = rules.novograd(lr=0.1, eps=1e-30)
    assert_alike(walk(made, world).points, walk(made, other).points, rtol=1e-9, atol=1e-10)


def test_novograds_first_step_has_the_length_of_the_learning_rate() -> None:
    world = field(3, 1)
    after = walk(rules.novograd(lr=0.25), world).points
    for name, p in world.start.items():
        assert np.linalg.norm(after[name] - p) == pytest.approx(0.25, rel=1e-6)


def test_asgds_mean_is_pytorchs_ax() -> None:
    world = field(11, 30)
    made = walk(rules.asgd(lr=0.1, lambd=0.2, t0=7), world)
    params = {name: torch.nn.Parameter(torch.tensor(p)) for name, p in world.start.items()}
    optimizer = torch.optim.ASGD(params.values(), lr=0.1, lambd=0.2, t0=7)
    torch.set_default_dtype(torch.float64)  # in which it keeps its rates
    try:
        for k in range(world.steps):
            grads = world.at(k, {name: p.detach().numpy() for name, p in params.items()})
            for name, p in params.items():
                p.grad = torch.tensor(grads[name])
            optimizer.step()
    finally:
        torch.set_default_dtype(torch.float32)
    assert_alike(made.answers, {n: optimizer.state[p]["ax"] for n, p in params.items()}, rtol=1e-12, atol=1e-13)
    apart = np.abs(made.answers["weight"] - made.points["weight"])
    assert apart.max() > 1e-3


def test_nadams_product_is_pytorchs() -> None:
    made = rules.nadam(momentum_decay=0.5)
    params, state = {"x": np.ones(2)}, made.init({"x": np.ones(2)})
    p = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    optimizer = torch.optim.NAdam([p], momentum_decay=0.5)
    for _ in range(5):
        params, state, _ = made.update(params, {"x": np.ones(2)}, state)
        p.grad = torch.ones(2, dtype=torch.float64)
        optimizer.step()
    product = state.slots["scale_by_nadam.product"]["x"]
    assert float(product) == pytest.approx(float(optimizer.state[p]["mu_product"]), rel=1e-6)


def by_torch_and_us(made: Rule, kind: Any, gradients: list[list[float]], **settings: Any) -> tuple[Any, Any]:
    """Where both end on given gradients of two elements."""
    params, state = np.zeros(2), made.init(np.zeros(2))
    p = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = kind([p], **settings)
    for g in gradients:
        params, state, _ = made.update(params, np.array(g), state)
        p.grad = torch.tensor(g, dtype=torch.float64)
        if isinstance(optimizer, torch.optim.SparseAdam):
            p.grad = p.grad.to_sparse()
        optimizer.step()
    return params, p.detach().numpy()


def test_rprop_where_gradients_are_zero_as_pytorch() -> None:
    """A zero neither turns nor agrees, before or after another."""
    gradients = [[1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [1.0, 1.0], [-1.0, 1.0], [0.0, 0.0], [-1.0, -2.0], [-1.0, -1.0]]
    ours, theirs = by_torch_and_us(rules.rprop(lr=0.1), torch.optim.Rprop, gradients, lr=0.1)
    np.testing.assert_allclose(ours, theirs, rtol=1e-14)
    assert np.all(ours != 0)


def test_rprop_sees_the_sign_of_gradients_whose_product_is_rounded_to_zero() -> None:
    made = rules.rprop(lr=1.0)
    params, state = np.zeros(1, np.float32), made.init(np.zeros(1, np.float32))
    for _ in range(3):
        params, state, _ = made.update(params, np.full(1, -1e-30, np.float32), state)
    np.testing.assert_allclose(params, [1 + 1.2 + 1.44], rtol=1e-6)


def test_rprop_scales_with_its_learning_rate() -> None:
    """On the same gradients; and a schedule scales every step."""
    world = field(8, 15)
    still = type(world)(world.start, world.noise, {name: 0 * h for name, h in world.slope.items()})
    moves = [
        {name: p - world.start[name] for name, p in walk(rules.rprop(lr=lr), still).points.items()} for lr in (0.1, 0.3)
    ]
    assert_alike({name: 3 * move for name, move in moves[0].items()}, moves[1], rtol=1e-12, atol=1e-14)
    assert_alike(
        walk(rules.rprop(lr=cosine(0.1, steps=15)), still).points,
        walk(chain(rules.scale_by_rprop(), rules.learning_rate(lr=cosine(0.1, steps=15))), still).points,
        rtol=0, atol=0,
    )  # fmt: skip


def test_sparse_adam_leaves_alone_what_has_no_gradient_as_pytorch() -> None:
    gradients = [[1.0, 0.0], [0.0, 0.0], [0.0, -1.0], [3.0, 0.0], [0.0, 0.5], [0.1, 0.1]]
    ours, theirs = by_torch_and_us(rules.sparse_adam(lr=0.1), torch.optim.SparseAdam, gradients, lr=0.1)
    np.testing.assert_allclose(ours, theirs, rtol=1e-14)


def test_yogi_where_v_is_the_square_stays() -> None:
    made = rules.scale_by_yogi(initial=4.0)
    _, state, _ = made.update(np.ones(1), np.array([2.0]), made.init(np.ones(1)))
    assert float(state.slots["scale_by_yogi.v"]["x"][0]) == 4.0


def test_proximal_decay_never_passes_zero() -> None:
    world = field(2, 1)
    still = Field(
        world.start, ({n: 0 * g for n, g in world.noise[0].items()},), {n: 0 * h for n, h in world.slope.items()}
    )
    for share in (0.1, 10.0, 1e6):
        after = walk(rules.adan(lr=1.0, weight_decay=share), still).points
        assert_alike(after, {n: p / (1 + share) for n, p in world.start.items()}, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rules.asgd(t0=-1), r"asgd: t0 must be a whole number in \[0, inf\), got -1"),
        (lambda: rules.asgd(t0=0.5), r"asgd: t0 must be a whole number in \[0, inf\), got 0.5"),
        (lambda: rules.adan(decay="prox"), "decay must be 'proximal', 'l2', 'lr' or 'independent', got 'prox'"),
        (lambda: rules.rprop(eta_plus=1.0), r"rprop: eta_plus must be in \(1, inf\), got 1.0"),
        (lambda: rules.rprop(eta_minus=1.0), r"rprop: eta_minus must be in \(0, 1\), got 1.0"),
        (lambda: rules.novograd(beta1=1.0), r"novograd: beta1 must be in \[0, 1\), got 1.0"),
        (lambda: rules.novograd(gradient_averaging="yes"), "gradient_averaging must be True or False"),
        (lambda: rules.adabound(final_ratio=0.0), r"adabound: final_ratio must be in \(0, inf\), got 0.0"),
        (lambda: rules.ademamix(warmup=0), r"ademamix: warmup must be a whole number in \[1, inf\), got 0"),
        (lambda: rules.nadam(momentum="none"), "nadam: momentum must be 'warmed' or 'constant'"),
        (lambda: rules.amsgrad(maximum_of="raw"), "amsgrad: maximum_of must be 'uncorrected' or 'corrected'"),
        (lambda: rules.signum(beta=-0.1), r"signum: beta must be in \[0, 1\), got -0.1"),
    ],
)
def test_errors_speak_of_the_argument_its_range_and_its_value(make: Any, message: str) -> None:
    with pytest.raises((HyperparameterError, InputError, InputTypeError), match=message):
        make()
