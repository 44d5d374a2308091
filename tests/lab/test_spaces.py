"""Ranges, quasi-random points, and what is flagged at their borders."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steepest import rules
from steepest.core.errors import InputError
from steepest.lab import SPACES, Dimension, Space
from steepest.lab.contestant import contestant
from steepest.lab.design import points, settings


def test_every_method_has_a_space_whose_first_dimension_is_a_learning_rate_of_three_decades_or_more():
    assert SPACES.keys() == rules.METHODS.keys()
    for name, space in SPACES.items():
        lr = space.dimensions[0]
        assert lr.name == "lr" and lr.scale == "log" and lr.high / lr.low >= 999, name
        rule = rules.METHODS[name](**space.setting([0.5] * len(space.dimensions)))
        assert rule.sets_step, name


@given(st.floats(0, 1), st.booleans())
def test_position_undoes_value_to_the_four_digits_that_are_kept(unit: float, complement: bool):
    dimension = Dimension("x", 1e-3, 1e-1, complement=complement)
    value = dimension.value(unit)
    assert dimension.position(value) == pytest.approx(unit, abs=2e-4)
    assert dimension.low * (1 - 1e-9) <= (1 - value if complement else value) <= dimension.high * (1 + 1e-9)


def test_log_scale_is_even_in_decades_and_linear_scale_in_values():
    log, linear = Dimension("a", 1e-4, 1.0), Dimension("b", 2.0, 4.0, "linear")
    assert [log.value(u) for u in (0, 0.25, 0.5, 1)] == [1e-4, 1e-3, 1e-2, 1.0]
    assert [linear.value(u) for u in (0, 0.25, 1)] == [2.0, 2.5, 4.0]


def test_border_is_the_outermost_twentieth_of_the_log_range():
    dimension = Dimension("lr", 1e-4, 1.0)  # 5 % of four decades: a factor of 10 ** 0.2
    inside, outside = 10**-0.21, 10**-0.19
    assert not dimension.at_border(inside) and dimension.at_border(outside)
    assert not dimension.at_border(1e-4 / inside) and dimension.at_border(1e-4 / outside)


@pytest.mark.parametrize(
    ("low", "high", "scale"), [(1, 1, "log"), (0, 1, "log"), (-1, 1, "log"), (1, math.inf, "linear")]
)
def test_impossible_ranges_are_refused(low: float, high: float, scale: str):
    with pytest.raises(InputError, match="space: lr must have"):
        Dimension("lr", low, high, scale)


def test_two_dimensions_of_one_name_are_refused():
    with pytest.raises(InputError, match="names of their own"):
        Space.of(Dimension("lr", 1, 2), Dimension("lr", 1, 2))


def test_more_trials_or_dimensions_leave_the_first_points_as_they_are():
    assert np.array_equal(points(40, 4)[:6, :2], points(6, 2))


def test_points_fill_the_learning_rate_range_evenly():
    for count in (6, 20):
        ordered = np.sort(points(count, 4)[:, 0])
        assert 0 <= ordered[0] and ordered[-1] <= 1
        assert np.diff([0, *ordered, 1]).max() <= 2 / count


def test_all_methods_share_the_points_of_their_learning_rates():
    units = [
        [space.dimensions[0].position(setting["lr"]) for setting in settings(space, 12)] for space in SPACES.values()
    ]
    for other in units[1:]:
        assert other == pytest.approx(units[0], abs=2e-4)


def test_trials_are_the_head_of_the_sequence_mapped_through_the_ranges():
    space = SPACES["adam"]
    assert settings(space, 3) == [space.setting(list(point)) for point in points(3, 3)]


def test_a_method_that_is_not_tuned_has_one_trial():
    assert settings(contestant(rules.adam(lr=0.1)).space, 20) == [{}]
