"""Reductions of values that all tensors share, and of what opaque rules return."""

from __future__ import annotations

import numpy as np
import pytest

from steepest.core.errors import FormulaError
from steepest.formula import Real, Slot, chain, dot, mean, rule, total
from steepest.rules import learning_rate

PARAMS = {"a": np.zeros(3), "b": np.zeros((2, 2))}
GRADS = {"a": np.array([1.0, 2.0, 3.0]), "b": np.full((2, 2), 0.5)}


def moved(formula: object) -> np.ndarray:
    made = chain(formula(), learning_rate(lr=1.0))  # type: ignore[operator]
    after, _, _ = made.update(PARAMS, GRADS, made.init(PARAMS))
    return after["a"]


def test_the_mean_of_what_all_tensors_share_is_itself() -> None:
    @rule
    def shifted(u, *, c: Real = 3.0):
        return u * 0.0 + mean(c, over="model")

    np.testing.assert_array_equal(moved(shifted), [-3.0] * 3)


def test_an_inner_product_with_a_number_is_a_sum() -> None:
    @rule
    def both(u, *, c: Real = 2.0):
        return u * 0.0 + dot(c, u) + 10.0 * dot(u, c, over="model") + 100.0 * total(u, over="model")

    np.testing.assert_allclose(moved(both), [-(2.0 * 6 + 10 * 2.0 * 8 + 100 * 8)] * 3, rtol=1e-15)


def test_an_opaque_rule_returns_a_tuple() -> None:
    """An array with as many rows as results are wanted is not taken for them."""

    @rule(slots=(Slot("m"),), opaque=True)
    def rows(u, m):
        return u

    made = chain(rows(), learning_rate(lr=1.0))
    params = {"a": np.ones((2, 2))}
    with pytest.raises(FormulaError, match=r"rows: a rule with slots returns \(u, m\), got one value"):
        made.update(params, params, made.init(params))
