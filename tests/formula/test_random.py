"""Counter-based random numbers: a pure function of what they are for, and of the right distribution."""

from __future__ import annotations

import math

import example_rules as examples
import numpy as np
import pytest
from rule_field import in_jax, in_numpy, in_torch

from steepest.core.arrays import to_numpy
from steepest.formula import chain, random, rule
from steepest.formula.counter_random import Kind, draw
from steepest.rules import learning_rate

KINDS: tuple[Kind, ...] = ("normal", "uniform", "rademacher")
N = 1_000_000
BIG = np.zeros(N)


def sample(
    kind: Kind, seed: int = 0, name: str = "w", age: int = 1, stream: int = 0, shape: tuple = (64,)
) -> np.ndarray:
    return draw(kind, np.zeros(shape), seed, name, age, stream)


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_depends_on(kind: Kind) -> None:
    one = sample(kind)
    np.testing.assert_array_equal(one, sample(kind))
    for other in ({"seed": 1}, {"name": "b"}, {"age": 2}, {"stream": 1}):
        drawn = sample(kind, **other)  # type: ignore[arg-type]
        assert np.mean(one == drawn) < (0.8 if kind == "rademacher" else 0.01), other
    np.testing.assert_array_equal(one.reshape(8, 8), sample(kind, shape=(8, 8)))
    np.testing.assert_array_equal(one[:10], sample(kind, shape=(10,)))
    assert sample(kind, shape=()).shape == ()
    assert sample(kind, shape=(0, 3)).shape == (0, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_moments(kind: Kind) -> None:
    """Mean, variance, fourth moment and serial correlation within five standard errors, on 1e6 draws."""
    x = draw(kind, BIG, 1, "weight", 3, 0)
    mean, variance, fourth = {"normal": (0, 1, 3), "uniform": (0.5, 1 / 12, 1 / 80), "rademacher": (0, 1, 1)}[kind]
    eighth = {"normal": 105, "uniform": 1 / 2304, "rademacher": 1}[kind]
    centered = x - mean
    error = 5 / math.sqrt(N)
    assert abs(centered.mean()) < error * math.sqrt(variance)
    assert abs((centered**2).mean() - variance) <= error * math.sqrt(fourth - variance**2) + 1e-12
    assert abs((centered**4).mean() - fourth) <= error * math.sqrt(eighth - fourth**2) + 1e-12
    for lag in (1, 2, 3, 7, 64, 1024):
        assert abs((centered[lag:] * centered[:-lag]).mean()) < error * variance, lag


def test_uniform_fills_its_range_evenly() -> None:
    x = draw("uniform", BIG, 2, "weight", 1, 0)
    assert x.min() >= 0
    assert x.max() < 1
    counts = np.histogram(x, bins=1000, range=(0, 1))[0]
    chi_squared = ((counts - N / 1000) ** 2 / (N / 1000)).sum()
    assert abs(chi_squared - 999) < 5 * math.sqrt(2 * 999)
    pairs = np.histogram2d(x[::2], x[1::2], bins=32, range=[[0, 1], [0, 1]])[0]
    expected = N / 2 / 1024
    assert abs(((pairs - expected) ** 2 / expected).sum() - 1023) < 5 * math.sqrt(2 * 1023)


def test_normal_has_the_normals_tails() -> None:
    x = draw("normal", BIG, 2, "weight", 1, 0)
    assert np.isfinite(x).all()
    for bound in (0.5, 1.0, 2.0, 3.0):
        share = math.erfc(bound / math.sqrt(2))
        assert abs(np.mean(np.abs(x) > bound) - share) < 5 * math.sqrt(share * (1 - share) / N)


def test_both_signs_appear() -> None:
    """A sign that is always −1 is a defect that others have had."""
    assert set(draw("rademacher", BIG, 0, "w", 1, 0)) == {-1.0, 1.0}


@pytest.mark.parametrize("kind", KINDS)
def test_neighbouring_keys_are_independent(kind: Kind) -> None:
    keys = ((0, "w", 1, 0), (1, "w", 1, 0), (0, "v", 1, 0), (0, "w", 2, 0), (0, "w", 1, 1))
    drawn = [draw(kind, np.zeros(100_000), *key) for key in keys]
    centered = np.array([x - x.mean() for x in drawn])
    correlation = np.corrcoef(centered)
    off = correlation[~np.eye(len(drawn), dtype=bool)]
    assert np.abs(off).max() < 5 / math.sqrt(100_000)


@pytest.mark.parametrize("kind", KINDS)
def test_every_library_draws_the_same(kind: Kind) -> None:
    shape = np.zeros((5, 7))
    ours = draw(kind, in_numpy("float32")(shape), 4, "w", 2, 1)
    for library in (in_torch("float32"), in_jax()):
        theirs = draw(kind, library(shape), 4, "w", 2, 1)
        assert type(theirs) is type(library(shape))
        np.testing.assert_array_equal(ours, to_numpy(theirs))


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_that_draws(kind: Kind) -> None:
    """Neither the order of the tensors nor who else is there matters; age and seed do."""
    made = chain(examples.noise(kind=kind), learning_rate(lr=1.0))
    shapes = {"a": (3,), "b": (2, 2), "c": ()}
    params = {name: np.zeros(shape) for name, shape in shapes.items()}
    grads = {name: np.zeros(shape) for name, shape in shapes.items()}
    after, state, _ = made.update(params, grads, made.init(params, seed=5))
    for name, p in after.items():
        np.testing.assert_array_equal(-p, draw(kind, np.zeros(shapes[name]), 5, name, 1, 0))
    turned = dict(reversed(params.items()))
    again, _, _ = made.update(turned, grads, made.init(turned, seed=5))
    assert {n: p.tolist() for n, p in again.items()} == {n: p.tolist() for n, p in after.items()}
    late, state, _ = made.update(params, {**grads, "b": None}, state)
    last, _, _ = made.update(params, grads, state)
    np.testing.assert_array_equal(-last["a"], draw(kind, np.zeros(3), 5, "a", 3, 0))
    np.testing.assert_array_equal(-last["b"], draw(kind, np.zeros((2, 2)), 5, "b", 2, 0))
    np.testing.assert_array_equal(late["b"], params["b"])
    bare, _, _ = made.update(params["a"], grads["a"], made.init(params["a"]))
    np.testing.assert_array_equal(-bare, draw(kind, np.zeros(3), 0, "x", 1, 0))


def test_streams_are_separate_and_calls_alike_are_equal() -> None:
    @rule
    def both(u):
        return random(u) - random(u) + 0.0 * random(u, stream=1)

    p = {"a": np.zeros(8)}
    np.testing.assert_array_equal(chain(both(), learning_rate(lr=1.0)).update(p, p, both().init(p))[0]["a"], 0.0)
    assert sum(node.op == "random" for node in both().graph().nodes()) == 2
