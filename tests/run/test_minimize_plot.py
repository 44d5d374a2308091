"""The picture of a run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from steepest import minimize

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


def test_two_variables_are_drawn_over_contours():
    result = minimize(rosen, [-1.2, 1.0], jac=rosen_der)
    before = result.nfev
    ax = result.plot()
    path = ax.lines[0]
    np.testing.assert_array_equal(path.get_xdata(), result.trace.steps["x[0]"])
    assert ax.collections, "there are contours"
    assert "converged" in ax.get_title()
    assert result.nfev == before
    matplotlib.pyplot.close("all")


def test_more_variables_are_drawn_as_convergence():
    result = minimize(rosen, np.zeros(5), jac=rosen_der)
    ax = result.plot()
    assert ax.get_yscale() == "log"
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["f − min f", "‖∇f‖"]
    _, given = matplotlib.pyplot.subplots()
    assert result.plot(ax=given) is given
    matplotlib.pyplot.close("all")


def test_a_run_of_one_point_and_one_with_a_border_are_drawn():
    still = minimize(lambda x: float(x @ x), [0.0, 0.0], jac=lambda x: 2 * x)
    still.plot()
    border = minimize(lambda x: float(x[0] - np.log(x[0]) + x[1] ** 2), [0.1, 1.0], method="BFGS")
    border.plot()
    matplotlib.pyplot.close("all")
