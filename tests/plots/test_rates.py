"""The figure of measured, proven and worst-case curves."""

from __future__ import annotations

import numpy as np
import pytest

from steepest.core.errors import InputError
from steepest.plots.rates import RateCurve, rates


def made(**changes):
    columns = {"steps": [1, 2, 3], "measured": [0.5, 0.2, 0.1], "proven": [0.6, 0.3, 0.2]}
    worst = {"worst_steps": [1, 2], "worst": [0.6, 0.25]}
    return RateCurve("gd-convex", "Huber's function", "f(x_N) − f* ≤ …", **{**columns, **worst, **changes})


def test_three_curves():
    figure = rates(made())
    assert [trace.name for trace in figure.data] == ["measured", "worst case", "proven"]
    assert figure.data[0].y == (0.5, 0.2, 0.1) and figure.data[2].y == (0.6, 0.3, 0.2)
    assert figure.data[1].mode == "markers" and figure.data[1].x == (1.0, 2.0)
    assert figure.layout.yaxis.type == "log" and "gd-convex" in figure.layout.title.text
    low, high = figure.layout.yaxis.range
    assert 10**low < 0.1 and 10**high > 0.6
    assert "Huber&#x27;s function" in figure.layout.title.text, "what stands in a page is escaped"


def test_no_worst_cases_and_negative_values():
    figure = rates(made(worst_steps=[], worst=[], measured=[-1.0, -2.0, -3.0]))
    assert [trace.name for trace in figure.data] == ["measured", "proven"] and figure.layout.yaxis.type == "linear"


def test_long_curves_are_thinned():
    k = np.arange(1, 1001.0)
    figure = rates(made(steps=k, measured=1 / k, proven=2 / k), points=50)
    assert len(figure.data[0].x) == len(figure.data[2].x) == 50 and figure.data[0].x[-1] == 1000.0


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="rates: gd-convex must have 1-D columns of one length"):
        made(measured=[1.0])
