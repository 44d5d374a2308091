"""Kernels compute what the rule says: generated source against the rule on NumPy, for random rules and every method."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from agreement import Run, assert_runs_agree, gradients, sum_by_chunks
from hypothesis import given, settings
from hypothesis import strategies as st
from printed_rules import OPAQUE
from random_rules import Drawn, chains, random_chain
from uncompiled import run_uncompiled

from steepest.core.arrays import to_numpy
from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper
from steepest.engines.cpu import table
from steepest.formula import Rule, Slot, chain, dot, exp, log, mean, norm, rule, tanh, total, where
from steepest.formula import random as drawn
from steepest.rules import METHODS, average, clip_norm, learning_rate, sgd

SMALL = {"a": (3, 7), "b": (4,), "c": (), "d": (1,), "e": (0, 3), "f": (17,)}
LARGE = {"a": (129, 130), "b": (16_384,), "c": (), "d": (16_383,), "e": (0, 3), "f": (50_001,), "g": (16_385,)}
NAMES = st.frozensets(st.sampled_from(sorted(SMALL)))


def agree_uncompiled(run: Run) -> None:
    """To the bit, as Python, in chunks of 8 elements."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "CHUNK", 8)
        sum_by_chunks(patch, 8)
        expected = run.by_rule()
        with run_uncompiled(patch) as raise_errors:
            found = run.by_engine()
            raise_errors()
    assert_runs_agree(found, expected)


@settings(max_examples=200, report_multiple_bugs=False)
@given(
    made=chains(),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 99),
    maximize=st.booleans(),
    frozen=st.dictionaries(st.integers(0, 2), NAMES, max_size=2),
    scale=st.sampled_from([None, 8.0, 0.3]),
)
def test_random_rules(made: Drawn, dtype: str, seed: int, maximize: bool, frozen: Any, scale: float | None) -> None:
    """Every operation, kind of slot and shape; tensors that take part late; to the bit, in both widths."""
    agree_uncompiled(Run(made.rule, SMALL, dtype, seed, 3, frozen, maximize, scale))


@pytest.mark.parametrize("seed", range(20))
def test_random_rules_compiled(seed: int) -> None:
    """float32 to the bit: sums in another order differ in float64's last places only. float64 to rounding."""
    made = random_chain(random.Random(seed).randrange, transcendental=False).rule
    for dtype, tolerance in (("float32", 0.0), ("float64", 1e-11)):
        run = Run(made, LARGE, dtype, seed, steps=2)
        assert_runs_agree(run.by_engine(), run.by_rule(), rtol=tolerance, atol=tolerance)


@rule(slots=("s",))
def transcendental(u, p, s, k, *, rate: float = 0.3):
    s = rate * s + exp(-abs(u)) * tanh(p)
    return s * log(1 + abs(p)) + abs(u) ** 1.7 + abs(s) ** rate + drawn(p, "normal") * rate**k, s


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-13)])
def test_functions_that_are_rounded_differently_are_off_by_little(dtype: str, tolerance: float) -> None:
    run = Run(chain(transcendental(), learning_rate(lr=0.1)), LARGE, dtype, 5, steps=3)
    assert_runs_agree(run.by_engine(), run.by_rule(), rtol=tolerance, atol=tolerance)


# Every method


def around(made: Rule) -> Rule:
    """Within a training chain; what has an answer point of its own takes no average."""
    after = () if made.link_with("answer") else (average(beta=0.9),)
    return chain(clip_norm(max_norm=1.0), made, *after)


def method(name: str, **settings: Any) -> Rule:
    return METHODS[name](**{"lr": 0.1, "weight_decay": 0.1, **settings})


SHAPES = {"weight": (40, 50), "bias": (5,), "gain": (), "none": (0, 2)}
VARIANTS: dict[str, dict[str, Any]] = {
    "rmsprop": {"centered": True, "momentum": 0.5},
    "adam": {"amsgrad": True},
    "lamb": {"max_norm": 2.0},
    "amsgrad": {"maximum_of": "corrected"},
    "nadam": {"momentum": "constant"},
    "adabound": {"amsbound": True, "final_ratio": 2.0, "gamma": 0.5},
    "yogi": {"initial": 1e-6, "bias_correction": True},
    "adan": {"decay": "lr"},
    "ademamix": {"warmup": 2, "beta3": 0.99},
    "rprop": {"min_ratio": 0.9, "max_ratio": 1.1},
    "novograd": {"gradient_averaging": True},
    "asgd": {"t0": 0, "lambd": 0.1},
}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_uncompiled(name: str) -> None:
    for dtype in ("float32", "float64"):
        small = {"weight": (3, 5), "bias": (5,), "gain": (), "none": (0, 2)}
        agree_uncompiled(Run(method(name, **VARIANTS.get(name, {})), small, dtype, 1, 3, {1: frozenset({"bias"})}))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_compiled_within_a_training_chain(name: str, dtype: str) -> None:
    """On NumPy arrays and PyTorch tensors the same bits; float32 those of the rule on NumPy; near to PyTorch's own."""
    made = method(name)
    if (name, dtype) != ("soap", "float64"):  # its first bases are those of a singular matrix: the last place decides
        made = around(made)
    run = Run(made, SHAPES, dtype, 2, steps=4, frozen={1: frozenset({"bias"})})
    tolerance = 0.0 if dtype == "float32" else 1e-12
    ours = run.by_engine()
    assert_runs_agree(ours, run.by_rule(), rtol=tolerance, atol=tolerance, sums=1e-14)
    if name in OPAQUE:  # each library has its own products and decompositions of matrices
        return
    params, state = run.by_engine(torch.from_numpy)
    as_numpy = {path: {n: to_numpy(t) for n, t in tensors.items()} for path, tensors in state.slots.items()}
    assert all(isinstance(p, torch.Tensor) for p in params.values())
    assert_runs_agree(
        ({n: to_numpy(p) for n, p in params.items()}, type(state)(state.step, state.ages, as_numpy, 2)), ours
    )
    eager, _ = run.by_engine(torch.from_numpy, "eager")
    for n, p in eager.items():
        near = 2e-5 if dtype == "float32" else 1e-11
        np.testing.assert_allclose(ours[0][n], to_numpy(p), rtol=near, atol=near)


# What random rules found, each by itself


@rule(slots=(Slot("wide", dtype="float64"), Slot("narrow", dtype="float32", init=1.5)))
def mixed(u, p, wide, narrow):
    """Elements of both widths: what meets float64 is float64, as in NumPy."""
    wide = 0.9 * wide + u
    return (wide * narrow + p) / 3, wide, narrow * 0.7 + wide


@rule(slots=(Slot("wide", dtype="float64"), Slot("narrow", dtype="float32")))
def rounded_between_passes(u, wide, narrow):
    """x is float64 and kept as float32: the second pass must not take the rounded one."""
    x = u / 3 + wide
    return norm(x) * x, wide + 0.1, x


@rule(slots=(Slot("wide", dtype="float64"), "a", "b", "c"))
def waiting_between_passes(u, wide, a, b, c):
    """x is float64 and would wait for the norm in a temporary."""
    x = u / 3 + wide * a + b * c
    return norm(x) * x, wide + 0.1, a + 0.1, b, c


@rule(slots=(Slot("wide", dtype="float64"),))
def random_like_a_slot(u, wide):
    """The numbers have the dtype of what lends its shape, read otherwise or not."""
    return drawn(wide, "uniform") / 3 + u, wide


@rule(slots=("m",))
def random_like_a_moment(u, m):
    return drawn(m, "uniform") + u, m


@rule
def numbers_by_two_conditions(u, p):
    """Numbers chosen between take the dtype of what is compared."""
    return where((u > 0.5) | (p > 0.1), 0.1, 0.3) / 3 + where((u > 0) & (p > 0), 0.7, 0.9) / 3


@rule(slots=(Slot("wide", dtype="float64", init="p"),))
def numbers_by_a_wide_condition(u, wide):
    return where(wide > 0.1, 10, 20) / 3, wide


@rule(slots=(Slot("wide", dtype="float64"),))
def wide_slot_of_a_number(u, wide):
    """For a 0-d tensor too."""
    return u / 3 + wide / 7, wide + u / 3


FOUND = (
    mixed, rounded_between_passes, waiting_between_passes, random_like_a_slot, random_like_a_moment,
    numbers_by_two_conditions, numbers_by_a_wide_condition, wide_slot_of_a_number,
)  # fmt: skip


@pytest.mark.parametrize("made", FOUND, ids=lambda made: made.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_widths(made: Any, dtype: str) -> None:
    agree_uncompiled(Run(chain(made(), learning_rate(lr=0.1)), SMALL, dtype, 3, steps=3))


@pytest.mark.parametrize("over", ["tensor", "model"])
def test_reductions_of_nothing(over: Any) -> None:
    """Only tensors without elements take part: a mean of nothing is NaN, a sum of nothing 0."""

    @rule(slots=(Slot("mean", like=over), Slot("norm", like=over), Slot("sum", like=over)))
    def reduced(u, mean, norm, sum):
        return u, _mean(u, over=over), _norm(u, over=over), total(u, over=over) + dot(u, u, over=over)

    frozen = {step: frozenset(SMALL) - {"e"} for step in range(3)}
    agree_uncompiled(Run(chain(reduced(), sgd(lr=0.1)), SMALL, "float32", 1, 3, frozen))


_mean, _norm = mean, norm


@pytest.mark.parametrize("second", ["float32", "float64"])
def test_reductions_of_infinities_are_those_of_numpy(second: str) -> None:
    """∞ − ∞ and overflow, over tensors and over kinds of tensors: NaN and ∞ without a warning or an error."""

    @rule(slots=(Slot("sum", like="model"), Slot("length", like="model")))
    def reduced(u, sum, length):
        return u, total(u, over="model"), norm(u, over="model")

    made = chain(reduced(), learning_rate(lr=0.1))
    for x, y in ((np.inf, -np.inf), (1e200, 1e200), (np.inf, 1.0), (1.3e154, 1.3e154)):
        params = {"a": np.ones(3, "float64"), "b": np.ones(3, second)}
        with np.errstate(over="ignore"):
            grads = {name: np.full(3, g).astype(params[name].dtype) for name, g in (("a", x), ("b", y))}
        after, state, report = made.update(params, grads, made.init(params))
        live = {name: p.copy() for name, p in params.items()}
        stepper = RuleStepper(made, live, engine="cpu")
        found = stepper.apply(Evaluation(0.0, grads))
        assert_runs_agree((live, stepper.state), (after, state), rtol=1e-15)
        assert found.finite == report.finite


def test_gradients_differ_by_step_and_by_size() -> None:
    """The data itself."""
    one, other = (gradients(0, step, LARGE, "float64")["f"] for step in (0, 1))
    assert not np.array_equal(one, other)
    assert np.quantile(abs(one), 0.95) > 30 * np.quantile(abs(one), 0.2) > 0
