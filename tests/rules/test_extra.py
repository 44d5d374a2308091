"""What the contract cannot see of rules that ask for more: kernels of convolutions, bounds that are proven, answers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import rule_references_extra as extra
import schedulefree
import torch
from rule_checks import check_reference
from rule_field import assert_alike, field, walk

from steepest import rules
from steepest.formula import Rule, chain
from steepest.rules import learning_rate
from steepest.schedules import constant, join

KERNELS = {"conv": (2, 3, 2, 2), "conv1d": (2, 3, 4), "matrix": (3, 2), "bias": (4,)}


@pytest.mark.parametrize("every", [1, 3])
def test_spatial_averages_over_kernels(every: int) -> None:
    world = field(5, 8, KERNELS)
    settings: dict[str, Any] = {"lr": 0.1, "eps": 0.5, "beta2": 0.9, "every": every}
    spatial = walk(rules.adahessian(**settings, spatial=True), world)
    expected = extra.adahessian(world, **settings, spatial=True)
    assert_alike(spatial.points, expected.points, rtol=1e-11, atol=1e-13)
    plain = walk(rules.adahessian(**settings), world)
    assert np.max(np.abs(plain.points["conv"] - spatial.points["conv"])) > 1e-3
    assert_alike({"m": plain.points["matrix"]}, {"m": spatial.points["matrix"]}, rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", ["agc", "centralize"])
def test_units_are_what_the_first_dimension_counts(name: str) -> None:
    world = field(5, 6, KERNELS)
    settings: dict[str, Any] = {"lr": 0.1} | ({"clipping": 0.3} if name == "agc" else {})
    made = chain(getattr(rules, name)(**{k: v for k, v in settings.items() if k != "lr"}), learning_rate(lr=0.1))
    expected = getattr(extra, name)(world, **settings)
    assert_alike(walk(made, world).points, expected.points, rtol=1e-11, atol=1e-13)


def test_agc_on_filters_equals_pytorch_optimizer() -> None:
    """Four dimensions and two; of three its units are others."""
    from pytorch_optimizer.optimizer.agc import agc

    made = chain(rules.agc(clipping=0.2), learning_rate(lr=1.0))
    rng = np.random.default_rng(0)
    for shape in ((2, 3, 2, 2), (4, 3), (5,)):
        p, g = torch.tensor(rng.normal(size=shape)), torch.tensor(rng.normal(size=shape))
        after, _, _ = made.update(p, g, made.init(p))
        torch.testing.assert_close(after, p - agc(p, g, agc_clip_val=0.2), rtol=1e-12, atol=1e-14)


def test_agc_bounds_every_unit_and_leaves_short_ones() -> None:
    made = chain(rules.agc(clipping=0.1), learning_rate(lr=1.0))
    rng = np.random.default_rng(1)
    p, g = rng.normal(size=(6, 5)), rng.normal(size=(6, 5)) * 10.0 ** np.arange(-5, 1)[:, None]
    after, _, _ = made.update(p, g, made.init(p))
    lengths, allowed = np.linalg.norm(p - after, axis=1), 0.1 * np.linalg.norm(p, axis=1)
    assert np.all(lengths <= allowed * (1 + 1e-12))
    short = np.linalg.norm(g, axis=1) < allowed
    assert short.any() and not short.all()
    np.testing.assert_allclose((p - after)[short], g[short], rtol=1e-9)


def test_centralized_gradients_have_no_mean() -> None:
    made = chain(rules.centralize(), learning_rate(lr=1.0))
    p, g = np.zeros((3, 4, 2)), np.random.default_rng(2).normal(size=(3, 4, 2))
    after, _, _ = made.update(p, g, made.init(p))
    np.testing.assert_allclose(after.mean(axis=(1, 2)), 0.0, atol=1e-15)


def quadratic(made: Rule, h: np.ndarray, start: np.ndarray, steps: int) -> list[np.ndarray]:
    p, state, path = start, made.init(start), [start]
    for _ in range(steps):
        p, state, _ = made.update(p, h * made.query(p, state), state)
        path.append(p)
    return path


def test_accelerated_gradient_keeps_its_theorems() -> None:
    """2 L ‖x₀‖² / (k + 1)² without strong convexity, and (1 − 1/√κ)ᵏ · (f₀ + μ/2 ‖x₀‖²) with it, at every k."""
    h = np.geomspace(1e-3, 1.0, 30)
    start = np.random.default_rng(0).normal(size=30)
    far = float(start @ start)

    def value(x: np.ndarray) -> float:
        return float(0.5 * h @ x**2)

    for sequence in ("fista", "linear"):
        path = quadratic(rules.accelerated_gradient(lr=1.0, sequence=sequence), h, start, 300)
        assert all(value(x) <= 2 * far / (k + 1) ** 2 for k, x in enumerate(path) if k)
    path = quadratic(rules.accelerated_gradient(lr=1.0, kappa=1e3), h, start, 300)
    begin = value(start) + 0.5e-3 * far
    assert all(value(x) <= (1 - 1 / math.sqrt(1e3)) ** k * begin for k, x in enumerate(path))
    plain = quadratic(rules.sgd(lr=1.0), h, start, 300)
    assert value(path[-1]) < 0.01 * value(plain[-1])


def test_polyaks_step_never_goes_away_from_the_minimizer() -> None:
    """For convex f with f* known, the distance to x* falls at every step, without a learning rate to find."""
    h = np.array([1.0, 30.0, 0.1])
    p = np.array([3.0, -2.0, 5.0])
    made = rules.polyak_step()
    state = made.init(p)
    for _ in range(200):
        after, state, _ = made.update(p, h * p, state, value=float(0.5 * h @ p**2))
        assert np.linalg.norm(after) <= np.linalg.norm(p)
        p = after
    assert np.linalg.norm(p) < 0.1
    still, _, _ = made.update(np.zeros(3), np.zeros(3), made.init(np.zeros(3)), value=0.0)
    np.testing.assert_array_equal(still, np.zeros(3))


@pytest.mark.parametrize("make", [rules.dadapt_sgd, rules.dadapt_adagrad, rules.prodigy])
def test_the_estimate_of_the_distance_stays_below_it(make: Any) -> None:
    """D-Adaptation's d is a lower bound of ‖x₀ − x*‖ (of its largest element for AdaGrad and Prodigy), and grows."""
    h, start = np.array([1.0, 0.3, 2.0]), np.array([3.0, -1.0, 2.0])
    made = make(d0=1e-4)
    p, state = start, made.init(start)
    before = 1e-4
    distance = np.linalg.norm(start) if make is rules.dadapt_sgd else np.max(np.abs(start))
    for _ in range(300):
        p, state, _ = made.update(p, h * p, state)
        (d,) = (float(tensors[""]) for path, tensors in state.slots.items() if path.endswith(".d"))
        assert before <= d <= distance
        before = d
    assert before > 1e-3


def test_swa_is_pytorchs_average_of_the_same_points() -> None:
    from torch.optim.swa_utils import AveragedModel

    world = field(3, 11, {"weight": (2, 3)})
    model = torch.nn.Linear(3, 2, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor(world.start["weight"]))
    averaged = AveragedModel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for k in range(11):
        grads = world.at(k, {"weight": model.weight.detach().numpy()})
        model.weight.grad = torch.tensor(grads["weight"])
        optimizer.step()
        if k + 1 >= 4 and (k + 1 - 4) % 3 == 0:
            averaged.update_parameters(model)
    ended = walk(chain(learning_rate(lr=0.1), rules.swa(start=4, every=3)), world)
    np.testing.assert_allclose(ended.answers["weight"], averaged.module.weight.detach().numpy(), rtol=1e-12)


def test_a_wrong_average_would_be_seen() -> None:
    """Planted: the answer of Schedule-Free taken at y, and SWA that leaves out its first point."""
    with pytest.raises(AssertionError):
        check_reference(
            lambda lr: chain(learning_rate(lr=lr), rules.swa(start=2)),
            lambda world, lr: extra.swa(world, lr=lr, start=3),
            {"lr": 0.1},
            seed=1,
        )
    world = field(1, 10)
    ended = walk(rules.schedule_free_sgd(lr=0.1), world)
    assert np.max(np.abs(ended.points["weight"] - ended.answers["weight"])) > 1e-3


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_the_weights_of_schedule_free_are_of_the_largest_rate_so_far(name: str) -> None:
    """Against the authors' package, while the rate falls and rises."""
    rates = [0.1, 0.3, 0.05, 0.02, 0.2, 0.4, 0.1, 0.1]
    world = field(9, len(rates))
    made = {"sgd": rules.schedule_free_sgd, "adamw": rules.schedule_free_adamw}[name]
    steps = join([constant(rate) for rate in rates], at=range(1, len(rates)))
    ours = walk(made(lr=steps), world)
    package = {"sgd": schedulefree.SGDScheduleFree, "adamw": schedulefree.AdamWScheduleFree}[name]
    params = {key: torch.nn.Parameter(torch.tensor(p)) for key, p in world.start.items()}
    theirs = package(params.values(), lr=rates[0], foreach=False)
    theirs.train()
    for k, rate in enumerate(rates):
        theirs.param_groups[0]["lr"] = rate
        at = {key: p.detach().numpy().copy() for key, p in params.items()}
        for key, g in world.at(k, at).items():
            params[key].grad = torch.tensor(g)
        theirs.step()
    trained = {key: p.detach().numpy().copy() for key, p in params.items()}
    assert_alike(ours.points, trained, rtol=1e-12, atol=1e-13)
    theirs.eval()
    assert_alike(ours.answers, {key: p.detach().numpy() for key, p in params.items()}, rtol=1e-12, atol=1e-13)
