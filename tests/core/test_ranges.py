"""Ranges: what is in them, and the one line that a value outside gets."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steepest.core import ranges
from steepest.core.errors import HyperparameterError, InputError
from steepest.core.ranges import Range


@pytest.mark.parametrize(
    ("name", "text", "inside", "outside"),
    [
        ("Real", "(-inf, inf)", [-1e300, 0, 1e300], []),
        ("Unit", "[0, 1)", [0, 0.5, math.nextafter(1, 0)], [-1e-300, 1, 1.5]),
        ("Share", "[0, 1]", [0, 1], [math.nextafter(1, 2), -1e-9]),
        ("Positive", "(0, inf)", [5e-324, 1e300], [0, -1]),
        ("NonNegative", "[0, inf)", [0, 1], [-5e-324]),
        ("LearningRate", "(0, inf)", [1e-9], [0, -0.1]),
        ("Count", "[1, inf)", [1, 2, 3.0], [0, 1.5, -1]),
        ("Natural", "[0, inf)", [0, 1], [-1, 0.5]),
    ],
)
def test_named_ranges(name: str, text: str, inside: list[float], outside: list[float]) -> None:
    found = next(note for note in get_args(getattr(ranges, name)) if isinstance(note, Range))
    assert str(found) == text
    for value in inside:
        assert found.check("rule", "x", value) == value
    kind = "a whole number " if found.integer else ""
    for value in [*outside, math.nan, math.inf, -math.inf, True, "1", None, 1j, [1], np.ones(2)]:
        with pytest.raises(HyperparameterError) as caught:
            found.check("rule", "x", value)
        assert str(caught.value) == f"rule: x must be {kind}in {text}, got {value!r}"


def test_a_schedule_may_reach_what_a_number_may_not() -> None:
    rate = next(note for note in get_args(ranges.LearningRate) if isinstance(note, Range))
    assert rate.check("sgd", "lr", 0.0, scheduled=True) == 0.0
    with pytest.raises(HyperparameterError) as caught:
        rate.check("sgd", "lr", -0.1, scheduled=True)
    assert str(caught.value) == "sgd: lr must be in [0, inf) at every step of its schedule, got -0.1"
    with pytest.raises(HyperparameterError):
        rate.check("sgd", "lr", 0.0)


def test_scalars_of_other_libraries_become_python_numbers() -> None:
    for value in (np.float64(0.5), np.float32(0.5), np.array(0.5), torch.tensor(0.5)):
        checked = Range(0, 1).check("a", "b", value)
        assert type(checked) is float
        assert checked == 0.5
    assert type(Range(integer=True).check("a", "b", 3.0)) is int
    with pytest.raises(HyperparameterError):
        Range(0, 1).check("a", "b", np.bool_(True))


@given(low=st.floats(-10, 10), width=st.floats(0.1, 10), x=st.floats(-30, 30), left=st.booleans(), right=st.booleans())
def test_ends(low: float, width: float, x: float, left: bool, right: bool) -> None:
    high = low + width
    interval = Range(low, high, open_low=left, open_high=right)
    assert (x in interval) == (low < x < high or (x == low and not left) or (x == high and not right))
    assert (low in interval) is not left
    assert (high in interval) is not right


def test_it_is_a_value_error() -> None:
    assert issubclass(HyperparameterError, InputError)
    assert issubclass(HyperparameterError, ValueError)
