"""Schedules drawn by Matplotlib, and what is said without it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from steepest import schedules
from steepest.core.errors import HyperparameterError, InputError, InputTypeError, MissingExtraError

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture
def axes():
    from matplotlib.figure import Figure

    return Figure().subplots()


def test_the_lines_are_the_schedules(axes) -> None:
    one, other = schedules.cosine(0.1, 50), schedules.linear(0.2, 30)
    assert schedules.plot(one, other, axes=axes) is axes
    assert [line.get_label() for line in axes.lines] == [repr(one), repr(other)]
    for line, schedule in zip(axes.lines, (one, other), strict=True):
        x, y = line.get_data()
        np.testing.assert_array_equal(x, range(51))
        np.testing.assert_array_equal(y, [schedule(k) for k in range(51)])
    assert axes.get_xlabel() == "step"


def test_steps_and_a_log_axis(axes) -> None:
    schedules.plot(schedules.exponential(1.0, 0.01), steps=10**9, log=True, axes=axes)
    x, _ = axes.lines[0].get_data()
    assert (x[0], x[-1], len(x)) == (0, 10**9, 2001)
    assert axes.get_yscale() == "log"


def test_without_axes_it_draws_on_the_current_ones() -> None:
    from matplotlib import pyplot

    made = schedules.plot(schedules.linear(1.0, 4))
    assert made is pyplot.gca()
    pyplot.close("all")


def test_what_cannot_be_drawn(axes) -> None:
    with pytest.raises(InputError, match="plot: schedules must be at least one, got none"):
        schedules.plot(axes=axes)
    with pytest.raises(InputError, match="plot: steps must be given for schedules without an end"):
        schedules.plot(schedules.constant(1.0), axes=axes)
    with pytest.raises(HyperparameterError, match="plot: steps must be a whole number"):
        schedules.plot(schedules.constant(1.0), steps=0, axes=axes)
    with pytest.raises(InputTypeError, match=r"plot: schedules must be schedules, got 0\.1"):
        schedules.plot(0.1, steps=5, axes=axes)  # type: ignore[arg-type]
    assert not axes.lines


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"Matplotlib is not installed; .* 'steepest\[plot\]'"):
        schedules.plot(schedules.linear(1.0, 4))
