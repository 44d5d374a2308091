"""Recipes: every one runs, has a source for every number, and says what its papers say."""

from __future__ import annotations

import dataclasses
import inspect
import math

import pytest
import torch

from steepest import rules
from steepest.core.errors import HyperparameterError
from steepest.core.status import Status
from steepest.problems import get
from steepest.recipes import RECIPES, TUNING_ORDER, Recipe, large_batch, reinforcement_learning, small_data, transformer
from steepest.recipes import vision as vision_recipe
from steepest.run import run
from steepest.torch import Optimizer

each_recipe = pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))


def test_every_task_has_one() -> None:
    assert list(RECIPES) == ["vision", "transformer", "reinforcement-learning", "small-data", "large-batch"]
    assert TUNING_ORDER == ("lr", "batch_size", "method", "weight_decay", "betas")


@each_recipe
def test_every_number_has_a_source(recipe: Recipe) -> None:
    sources = [start.source for start in recipe.starts]
    for source in (*sources, recipe.batch_source, recipe.scaling_source, recipe.schedule_source):
        assert any(str(year) in source for year in range(2014, 2024)), source
        marks = ("§", "Table", "Appendix", "Algorithm", "A.", "detail", "arXiv", ".py", ".sh")
        assert any(mark in source for mark in marks), source
    names = [start.name for start in recipe.starts]
    assert len(set(names)) == len(names)
    assert "lr" in names
    taken = {"clip", *inspect.signature(rules.METHODS[recipe.method]).parameters}
    assert set(names) <= taken
    text = str(recipe)
    assert all(start.source in text for start in recipe.starts)
    assert "tune, in this order: lr, batch_size, method, weight_decay, betas" in text
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.name = "mine"  # type: ignore[misc]


@each_recipe
def test_it_trains_a_network(recipe: Recipe) -> None:
    """A few steps on digits, at its own rate: the loss is finite, and the rule is what the recipe says."""
    rule = recipe.rule(steps=25, batch_size=64)
    trace = run(get("digits-mlp"), rule, steps=25)
    assert trace.status == Status.MAX_STEPS
    assert all(math.isfinite(value) for value in trace.steps["value"][:-1])
    rates = trace.steps["learning_rate"][1:]
    assert list(rates) == pytest.approx([recipe.learning_rate(steps=25, batch_size=64)(k) for k in range(25)])
    numbers = rule.values(0)
    for start in recipe.starts:
        if start.name not in {"lr", "exempt"}:
            own = "max_norm" if start.name == "clip" else start.name
            assert start.value in [v for path, v in numbers.items() if path.endswith(f".{own}")]


@each_recipe
def test_it_is_a_torch_optimizer(recipe: Recipe) -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = Optimizer(model.named_parameters(), recipe.rule(steps=10))
    before = model.weight.detach().clone()
    for _ in range(3):
        model(torch.ones(4, 3)).square().sum().backward()
        optimizer.step()
    assert torch.isfinite(model.weight).all()
    assert not torch.equal(before, model.weight)


@each_recipe
@pytest.mark.parametrize("steps", [1, 2, 3, 17, 18, 100, 10**6])
def test_its_schedule_fits_every_run(recipe: Recipe, steps: int) -> None:
    for batch_size in (1, recipe.batch_size, 100_000):
        schedule = recipe.learning_rate(steps=steps, batch_size=batch_size)
        assert schedule.length is None or schedule.length >= steps
        values = [schedule(k) for k in (*range(min(steps, 200)), steps - 1)]
        assert all(v >= 0 for v in values)
        assert max(values) > 0
    tuned = recipe.learning_rate(steps=steps, lr=0.25)
    assert max(tuned(steps * part // 1000) for part in range(1000)) == pytest.approx(0.25, rel=0.1)


def test_vision_as_in_the_paper() -> None:
    """90 epochs of 100 steps at 8,192 images: from 0.1 in 5 epochs to 3.2, then 0.32, 0.032, 0.0032."""
    s = vision_recipe.learning_rate(steps=9000, batch_size=8192)
    assert s(0) == 0.1
    assert [s(100 * epoch) for epoch in (5, 29, 30, 60, 80)] == pytest.approx([3.2, 3.2, 0.32, 0.032, 0.0032])
    assert s(250) == pytest.approx((0.1 + 3.2) / 2)
    own = vision_recipe.learning_rate(steps=9000)
    assert [own(k) for k in (0, 500, 2999, 3000)] == pytest.approx([0.1, 0.1, 0.1, 0.01])


def test_transformer_as_in_the_paper() -> None:
    """300 steps of a thousand million tokens each: the cosine is at a tenth from step 260 on."""
    s = transformer.learning_rate(steps=300)
    assert s(0) == 6e-4
    assert [s(k) for k in (260, 299)] == pytest.approx([6e-5, 6e-5])
    assert s(259) > 6e-5
    fine = transformer.learning_rate(steps=300_000)
    assert fine(0) == pytest.approx(6e-4 / 375)
    assert fine(374) == 6e-4


def test_large_batch_as_published() -> None:
    """65,536 samples a batch: up to 6e-3 over 2,001 of 7,038 steps, then 6e-3 √(1 − k / 7,038)."""
    steps, warmup = 7038, round(0.2843 * 7038)
    s = large_batch.learning_rate(steps=steps)
    assert [s(k) for k in (0, warmup // 2, warmup - 1)] == pytest.approx([
        6e-3 / warmup,
        6e-3 * (warmup // 2 + 1) / warmup,
        6e-3,
    ])
    for k in (warmup, 4000, 7000, steps):
        assert s(k) == pytest.approx(6e-3 * math.sqrt(1 - k / steps), abs=1e-15)


def test_large_batch_at_other_sizes() -> None:
    """The rate goes with the root of the batch, and the warmup takes the same number of samples."""
    for halvings in range(8):
        size, steps = 65_536 // 2**halvings, 7038 * 2**halvings
        s = large_batch.learning_rate(steps=steps, batch_size=size)
        warmup = round(0.2843 * 7038)
        assert s(warmup - 1) == pytest.approx(6e-3 / 2 ** (halvings / 2), rel=1e-12)
        assert s(warmup - 2) < s(warmup - 1) > s(warmup)
        assert s(steps) == 0


def test_the_others_as_in_their_papers() -> None:
    s = reinforcement_learning.learning_rate(steps=100)
    assert [s(k) for k in (0, 50, 100)] == pytest.approx([2.5e-4, 1.25e-4, 0.0])
    s = small_data.learning_rate(steps=100)
    assert [s(k) for k in (0, 9, 10, 55, 100)] == pytest.approx([2e-6, 2e-5, 2e-5, 1e-5, 0.0])
    assert small_data.learning_rate(steps=100, batch_size=64)(9) == pytest.approx(4e-5)


def test_what_is_refused() -> None:
    for arguments, message in (
        ({"steps": 0}, r"vision: steps must be a whole number in \[1, inf\), got 0"),
        ({"steps": 10, "batch_size": 0}, r"linear_scaling: batch_size must be a whole number in \[1, inf\), got 0"),
        ({"steps": 10, "lr": 0.0}, r"vision: lr must be in \(0, inf\), got 0.0"),
    ):
        with pytest.raises(HyperparameterError, match=message):
            vision_recipe.rule(**arguments)  # type: ignore[arg-type]
