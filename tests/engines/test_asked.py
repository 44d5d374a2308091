"""What a step asks the oracle for, and how often; what is counted is what was asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from steepest.core.errors import InputTypeError
from steepest.core.oracle import Calls, Evaluation, Objective, Oracle
from steepest.engines import RuleStepper
from steepest.formula import Rule, accumulate, chain
from steepest.rules import (
    adahessian,
    adam,
    asam,
    average,
    dog,
    lookahead,
    polyak_step,
    prodigy,
    sam,
    schedule_free_sgd,
    sgd,
    sharpness_aware,
    sophia,
)
from steepest.schedules import step_decay

CURVATURE = np.array([1.0, 3.0, 0.5])


class Bowl(Objective):
    """½ Σ h (x − b)², with a new b at every batch, and 4 samples a batch."""

    def __init__(self) -> None:
        self.x = np.array([2.0, -1.0, 3.0])
        self.batch = 0
        self.asked_at: list[np.ndarray] = []

    @property
    def tensors(self) -> dict[str, Any]:
        return {"x": self.x}

    @property
    def samples(self) -> int:
        return 4

    def away(self) -> np.ndarray:
        return self.x - 0.1 * self.batch

    def value_and_gradient(self) -> Evaluation:
        self.asked_at.append(self.x.copy())
        return Evaluation(float(0.5 * CURVATURE @ self.away() ** 2), {"x": CURVATURE * self.away()})

    def hessian_vector(self, vectors: Any) -> dict[str, Any]:
        return {"x": CURVATURE * vectors["x"]}

    def advance(self) -> None:
        self.batch += 1


def after(rule: Rule, steps: int, engine: Any = "auto") -> tuple[Bowl, Calls]:
    bowl = Bowl()
    oracle = Oracle(bowl)
    stepper = RuleStepper(rule, bowl.tensors, engine=engine)
    for _ in range(steps):
        bowl.advance()
        stepper.step(oracle)
    bowl.x = np.array(stepper.points["x"])
    return bowl, oracle.calls


@pytest.mark.parametrize("engine", ["eager", "cpu"])
@pytest.mark.parametrize(
    ("rule", "gradients", "products"),
    [
        (sgd(lr=0.1), 6, 0),
        (chain(sgd(lr=0.1), average()), 6, 0),
        (chain(sgd(lr=0.1), lookahead()), 6, 0),
        (schedule_free_sgd(lr=0.1), 6, 0),
        (polyak_step(), 6, 0),
        (prodigy(), 6, 0),
        (dog(), 6, 0),
        (sam(lr=0.1), 12, 0),
        (asam(lr=0.1), 12, 0),
        (adahessian(lr=0.1), 6, 6),
        (adahessian(lr=0.1, every=4), 6, 2),
        (sophia(lr=0.1, every=3), 6, 2),
        (sophia(lr=0.1), 6, 1),
        (accumulate(adam(lr=0.1), every=3), 18, 0),
        (accumulate(adam(lr=0.1), every=1), 6, 0),
        (chain(sharpness_aware(), adahessian(lr=0.1, every=2)), 12, 3),
    ],
    ids=lambda value: value.name if isinstance(value, Rule) else str(value),
)
def test_six_steps_cost(rule: Rule, gradients: int, products: int, engine: Any) -> None:
    """A Hessian-vector product reads the batch's samples once more; the value comes with the gradient."""
    _, calls = after(rule, 6, engine)
    assert (calls.value, calls.gradient, calls.hessian_vector) == (0, gradients, products)
    assert calls.samples == 4 * (gradients + products)


@pytest.mark.parametrize("engine", ["eager", "cpu"])
def test_the_diagonal_is_read_when_it_is_asked_for(engine: Any) -> None:
    """On a diagonal Hessian the estimate is exact, so the runs are those of the pure interface with h itself."""
    rule = adahessian(lr=0.1, every=2, beta2=0.5)
    bowl, _ = after(rule, 5, engine)
    p, state = {"x": Bowl().x}, rule.init({"x": Bowl().x})
    for batch in range(1, 6):
        h = CURVATURE if batch % 2 else np.full(3, np.nan)
        p, state, _ = rule.update(p, {"x": CURVATURE * (p["x"] - 0.1 * batch)}, state, hessian_diagonal={"x": h})
    np.testing.assert_allclose(bowl.x, p["x"], rtol=1e-12)


def test_sam_asks_at_the_worst_point_and_moves_from_p() -> None:
    rho, lr = 0.5, 0.1
    bowl, _ = after(sam(lr=lr, rho=rho, beta=0.0), 1)
    start = Bowl().x
    g = CURVATURE * (start - 0.1)
    worst = start + rho * g / np.sqrt(np.sum(g * g))
    np.testing.assert_allclose(bowl.asked_at, [start, worst], rtol=1e-12)
    np.testing.assert_allclose(bowl.x, start - lr * CURVATURE * (worst - 0.1), rtol=1e-12)


@pytest.mark.parametrize("engine", ["eager", "cpu"])
def test_a_step_that_accumulates_is_one_step_on_the_mean(engine: Any) -> None:
    """Three batches a step: the clock, a schedule and the ages count steps; the next batch is drawn between them."""
    inner = adam(lr=step_decay(0.4, every=1, factor=0.5))
    bowl, _ = after(accumulate(inner, every=3), 4, engine)
    assert bowl.batch == 12
    p = Bowl().x
    state = inner.init(p)
    for step in range(4):
        batches = range(3 * step + 1, 3 * step + 4)
        p, state, _ = inner.update(p, np.mean([CURVATURE * (p - 0.1 * b) for b in batches], axis=0), state)
    np.testing.assert_allclose(bowl.x, p, rtol=1e-12)


def test_an_objective_without_products_says_so() -> None:
    class Plain(Bowl):
        hessian_vector = Objective.hessian_vector

    bowl = Plain()
    stepper = RuleStepper(adahessian(lr=0.1), bowl.tensors)
    with pytest.raises(InputTypeError, match="Plain: has no Hessian-vector product"):
        stepper.step(Oracle(bowl))
    np.testing.assert_array_equal(bowl.x, Bowl().x)
    assert stepper.state.step == 0
