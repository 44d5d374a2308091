from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.core.errors import InputError
from steepest.statistics import holm

probabilities = st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.012, 0.02, 0.024, 0.049, 0.2, 0.5, 1.0]), max_size=8)


def rejected(p: list[float], alpha: float) -> set[int]:
    """Holm's procedure as he states it: from the smallest p on, stop at the first above α / (m − i)."""
    found: set[int] = set()
    for step, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if p[index] > alpha / (len(p) - step):
            break
        found.add(index)
    return found


@settings(max_examples=200, deadline=None, derandomize=True)
@given(probabilities, st.sampled_from([0.003, 0.0333, 0.0511, 0.111]))
def test_adjusted_below_alpha_are_the_rejected(p: list[float], alpha: float) -> None:
    assert {i for i, q in enumerate(holm(p)) if q <= alpha} == rejected(p, alpha)


def test_against_the_maximum_in_its_definition() -> None:
    p = np.random.default_rng(5).uniform(size=7).tolist()
    ascending = sorted(p)
    for value, adjusted in zip(p, holm(p), strict=True):
        below = [min(1.0, (7 - j) * q) for j, q in enumerate(ascending) if q <= value]
        assert adjusted == pytest.approx(max(below))


def test_equal_p_values_stay_equal() -> None:
    assert holm([0.01, 0.02, 0.01]) == (0.03, 0.03, 0.03)
    assert holm([]) == ()


@pytest.mark.parametrize("bad", [[1.5], [-0.1], [math.nan]])
def test_bad_input_is_refused(bad: list[float]) -> None:
    with pytest.raises(InputError, match=r"p_values must be numbers in \[0, 1\]"):
        holm(bad)
