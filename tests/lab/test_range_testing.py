"""The learning-rate range test: what its curve, its interval and its divergence are."""

from __future__ import annotations

import math

import numpy as np
import optax
import pytest
import torch

from steepest import rules
from steepest.core.errors import HyperparameterError, InputError, InputTypeError, UnknownNameError
from steepest.formula import Positive, rule, sign
from steepest.lab import range_test
from steepest.problems import get
from steepest.schedules.range_test import RangeTest, Watched, rising_rates

BOWL_STABLE = 0.5  # (x − 1)² + 2 (y − 2)²: L = 4, so 2/L


@rule
def signed(u, *, scale: Positive = 1.0):  # type: ignore[no-untyped-def]
    return scale * sign(u)


def test_the_rates_are_evenly_spaced_on_a_log_axis() -> None:
    schedule, rates = rising_rates("range_test", 1e-4, 10.0, 11)
    assert rates[0] == 1e-4
    assert rates[-1] == 10.0
    np.testing.assert_allclose(np.diff(np.log10(rates)), 0.5, rtol=1e-12)
    assert schedule(11) == 10.0
    assert schedule.length is None


def test_losses_are_those_after_each_update() -> None:
    """By hand on the bowl: the loss at the point to which the update with that rate has gone."""
    test = range_test("bowl", "sgd", low=1e-3, high=1.0, steps=12, seeds=[4])
    objective = get("bowl").start(4)
    x = np.array(objective.tensors["x"], dtype=float)
    for rate, loss in zip(test.rates, test.losses[0], strict=True):
        x = x - rate * np.array([2 * (x[0] - 1), 4 * (x[1] - 2)])
        if math.isfinite(loss):
            assert loss == pytest.approx((x[0] - 1) ** 2 + 2 * (x[1] - 2) ** 2, rel=1e-9)


def test_the_interval_is_below_what_diverges() -> None:
    test = range_test("bowl", "sgd", low=1e-3, high=100.0, steps=80, seeds=1)
    found = test.suggestion
    assert found is not None
    assert found.diverges is not None
    assert 1e-3 < found.low < found.high < BOWL_STABLE < found.diverges < 100.0
    # Steepest descent and minimum by their definition.
    smoothed = test.smoothed[0]
    least = int(np.argmin(smoothed))
    assert found.high == test.rates[least]
    assert found.low == test.rates[int(np.argmin(np.gradient(smoothed[: least + 1])))]
    assert found.remarks == ()
    assert str(test).startswith("sgd on bowl: learning rates in [0.0")


def test_several_seeds_have_a_band() -> None:
    test = range_test("digits-mlp", "adam", low=1e-5, high=10.0, steps=40, seeds=3)
    again = range_test("digits-mlp", "adam", low=1e-5, high=10.0, steps=40, seeds=[0, 1, 2])
    np.testing.assert_array_equal(test.losses, again.losses)
    assert test.losses.shape == (3, 40)
    assert len({row.tobytes() for row in test.losses}) == 3
    assert test.band.n == 3
    np.testing.assert_array_equal(test.band.median, np.median(test.smoothed, axis=0))
    found = test.suggestion
    assert found is not None
    assert 1e-3 < found.low < found.high < 1.0
    assert test.diverged is not None
    assert found.high < test.diverged.estimate


def test_smoothing_has_no_lag_and_is_a_mean_with_weights() -> None:
    rng = np.random.default_rng(0)
    losses = np.concatenate([3 - np.linspace(0, 2, 30), [1.2, 1.1, 1.3]]) + 0.1 * rng.random(33)
    test = RangeTest("made up", np.geomspace(1e-3, 1, 33), losses[None], smoothing=0.7)
    for j in range(33):
        weights = [0.7 ** abs(i - j) for i in range(33)]
        expected = sum(w * x for w, x in zip(weights, losses, strict=True)) / sum(weights)
        assert test.smoothed[0, j] == pytest.approx(expected, rel=1e-12)
    plain = RangeTest("made up", np.geomspace(1e-3, 1, 33), losses[None], smoothing=0.0)
    np.testing.assert_allclose(plain.smoothed[0], losses, rtol=1e-12)


def test_an_explosion_is_not_smeared_over_what_was_before() -> None:
    losses = np.array([2.0] * 10 + [1.5, 1.2, 1.0, 0.9, 0.8, 1e12, math.inf, math.inf])
    test = RangeTest("made up", np.geomspace(1e-3, 1, losses.size), losses[None], smoothing=0.5)
    assert test.suggestion is not None
    assert test.suggestion.high in test.rates[12:15]
    assert np.isinf(test.smoothed[0, 16:]).all()
    assert test.suggestion.diverges in test.rates[15:17]


@pytest.mark.parametrize(
    ("losses", "remark"),
    [
        (np.linspace(3, 1, 20), "the loss still falls at 1, the highest rate: test higher ones"),
        (3 / (1 + np.arange(20)), "the loss falls fastest at 0.001, the lowest rate: test lower ones"),
    ],
)
def test_a_range_that_is_too_short_says_so(losses: np.ndarray, remark: str) -> None:
    test = RangeTest("made up", np.geomspace(1e-3, 1, 20), losses[None], smoothing=0.0)
    assert test.suggestion is not None
    assert remark in test.suggestion.remarks


def test_a_loss_that_never_falls_has_no_interval() -> None:
    rows = np.stack([np.linspace(1, 2, 20), np.linspace(1, 3, 20), np.linspace(3, 1, 20)])
    test = RangeTest("made up", np.geomspace(1e-3, 1, 20), rows)
    assert test.suggestion is None
    assert str(test) == "made up: the loss never fell from 0.001 to 1 (3 seeds)"
    one = RangeTest("made up", np.geomspace(1e-3, 1, 20), rows[1:][::-1][:2])
    assert one.suggestion is None  # one of two is no majority


def test_when_a_run_is_stopped() -> None:
    """At four times the least average for a positive loss; never while it falls."""
    watched = Watched(20, smoothing=0.0)
    assert [watched.saw(loss) for loss in (1.0, 0.9, 0.8, 3.1, 3.3)] == [False, False, False, False, True]
    watched = Watched(20, smoothing=0.0)
    assert [watched.saw(loss) for loss in (1.0, math.nan)] == [False, True]
    watched = Watched(3, smoothing=0.9)
    assert [watched.saw(loss) for loss in (1.0, 1.0, 1.0)] == [False, False, True]
    watched = Watched(9, smoothing=0.0)  # negative losses have an edge too: −2 + 3 · max(2, 1) = 4
    assert [watched.saw(loss) for loss in (-1.0, -2.0, 3.9, 4.1)] == [False, False, False, True]


def test_every_kind_of_method() -> None:
    small = {"low": 1e-3, "high": 1.0, "steps": 12, "seeds": 1}
    plain = range_test("bowl", "sgd", **small)  # type: ignore[arg-type]
    for method in (torch.optim.SGD, rules.sgd, lambda lr: rules.sgd(lr=lr), optax.sgd):
        found = range_test("bowl", method, **small)  # type: ignore[arg-type]
        np.testing.assert_allclose(found.losses, plain.losses, rtol=1e-5)
    assert np.isfinite(range_test("bowl", signed, **small).losses).any()  # type: ignore[arg-type]
    heavy = range_test("bowl", "heavy-ball", setting={"beta": 0.0}, **small)  # type: ignore[arg-type]
    np.testing.assert_allclose(heavy.losses, plain.losses, rtol=1e-12)


def test_its_figure() -> None:
    test = range_test("digits-mlp", "sgd", low=1e-3, high=100.0, steps=20, seeds=2)
    figure = test.figure()
    assert figure.layout.xaxis.type == "log"
    assert len(figure.data) == 2
    found = test.suggestion
    if found is not None:
        assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (found.low, found.high)


def test_it_leaves_the_random_states_alone() -> None:
    state = torch.get_rng_state()
    range_test("digits-mlp", "sgd", steps=10, seeds=1)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"low": 0.0}, HyperparameterError, r"range_test: low must be in \(0, inf\), got 0.0"),
        ({"low": 1.0, "high": 1.0}, HyperparameterError, r"range_test: high must be in \(1, inf\), got 1.0"),
        ({"steps": 5}, HyperparameterError, r"range_test: steps must be a whole number in \[10, inf\), got 5"),
        ({"seeds": 0}, HyperparameterError, r"range_test: seeds must be a whole number in \[1, inf\), got 0"),
        ({"seeds": []}, InputError, "range_test: seeds must be at least one, got none"),
        ({"smoothing": 1.0}, HyperparameterError, r"range_test: smoothing must be in \[0, 1\), got 1.0"),
        ({"method": rules.sgd(lr=0.1)}, InputError, "must have a learning rate that can be set"),
        ({"method": "sgdd"}, UnknownNameError, "unknown method 'sgdd'"),
        ({"problem": "bowll"}, UnknownNameError, "unknown problem 'bowll'"),
        ({"method": 3}, InputTypeError, "a method must be"),
    ],
)
def test_what_is_refused(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        range_test(**{"problem": "bowl", "method": "sgd", **arguments})  # type: ignore[arg-type]
