from __future__ import annotations

import builtins
import importlib
import math

import numpy as np
import pytest

from steepest.core.errors import InputError, MissingExtraError
from steepest.plots import Curve, Trials, curves, sensitivity, styles

X = np.array([0.0, 10.0, 20.0, 30.0])


def line(name: str, scale: float = 1.0) -> Curve:
    median = scale * np.array([2.0, 1.0, 0.5, 0.25])
    return Curve(name, X, median, 0.9 * median, 1.2 * median)


def named(figure, name, mode=None):
    return [t for t in figure.data if t.legendgroup == name and (mode is None or t.mode == mode)]


def test_a_curve_is_drawn_as_given() -> None:
    figure = curves([line("adam"), line("sgd", 2)], x_label="step", y_label="test loss")
    low, high, median = named(figure, "sgd")
    assert list(median.x) == list(X)
    assert list(median.y) == [4, 2, 1, 0.5]
    np.testing.assert_allclose(low.y, 0.9 * np.array(median.y))
    np.testing.assert_allclose(high.y, 1.2 * np.array(median.y))
    assert high.fill == "tonexty" and low.fill is None
    assert figure.layout.xaxis.title.text == "step" and figure.layout.yaxis.title.text == "test loss"


def test_one_entry_a_method_in_the_legend_and_its_style() -> None:
    look = styles(["sgd", "adam"])
    figure = curves([line("adam"), line("sgd")], look=look)
    legend = {t.name: t for t in figure.data if t.showlegend is not False}
    assert set(legend) == {"adam", "sgd"}
    assert legend["adam"].line.color == look["adam"].colour and legend["adam"].line.dash == look["adam"].dash
    assert legend["adam"].line.dash != legend["sgd"].line.dash


def test_divergences_are_marked_and_do_not_stretch_the_view() -> None:
    inf = math.inf
    broken = Curve("lion", X, [2.0, 1e9, inf, inf], [2.0, 1.0, inf, inf], [2.0, inf, inf, inf], [5.0, 12.0])
    figure = curves([line("adam"), broken])
    (marks,) = [t for t in named(figure, "lion") if t.yaxis == "y2"]
    assert list(marks.x) == [5.0, 12.0] and marks.marker.symbol == "x-thin"
    assert figure.layout.yaxis2.range == (0, 1)
    low, high = figure.layout.yaxis.range
    assert low < math.log10(0.9 * 0.25) and math.log10(2) < high < 1
    band = next(t for t in named(figure, "lion") if t.fill == "tonexty")
    assert len(band.x) == 2 and np.isfinite(np.array(band.y, dtype=float)).all() and band.y[1] > 100


def test_both_ranges_are_on_the_figure() -> None:
    figure = curves([line("adam")], log=False)
    ranges = figure.layout.meta["range"]
    assert figure.layout.yaxis.type == "linear" and list(figure.layout.yaxis.range) == list(ranges["linear"])
    assert ranges["log"][0] < math.log10(0.225) and ranges["linear"][1] > 2


def test_scores_that_are_not_positive_get_a_linear_axis() -> None:
    figure = curves([Curve("gd", X, -X, -X, -X)])
    assert figure.layout.yaxis.type == "linear" and figure.layout.meta["range"]["log"] is None


def test_sensitivity_shows_every_trial() -> None:
    tried = Trials("sgd", [1.0, 0.01, 0.1, 10.0], [0.4, 0.5, 0.2, math.inf], chosen=2)
    figure = sensitivity([tried])
    points, crosses, ring = named(figure, "sgd")
    assert list(points.x) == [0.01, 0.1, 1.0] and list(points.y) == [0.5, 0.2, 0.4]
    assert list(crosses.x) == [10.0] and crosses.yaxis == "y2" and crosses.marker.symbol == "x-thin"
    assert (ring.x[0], ring.y[0]) == (0.1, 0.2) and ring.marker.symbol == "circle-open"
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    left, right = figure.layout.xaxis.range
    assert left < -2 and right > 1


@pytest.mark.parametrize(("low", "step"), [(0.5, "D2"), (0.02, 1), (1e-5, 1), (1e-9, 2), (1e-15, 3)])
def test_learning_rates_are_labelled_at_most_once_a_decade(low: float, step: object) -> None:
    figure = sensitivity([Trials("sgd", [low, 1.0], [0.4, 0.5])])
    assert figure.layout.xaxis.dtick == step


def test_highlight_turns_the_others_grey_on_the_same_axes() -> None:
    trials = [Trials("a", [0.1, 1.0], [0.3, 0.2]), Trials("b", [1.0, 100.0], [0.1, math.inf])]
    all_, only = sensitivity(trials), sensitivity(trials, highlight="a")
    assert only.layout.xaxis.range == all_.layout.xaxis.range and only.layout.yaxis.range == all_.layout.yaxis.range
    assert [t.legendgroup for t in only.data] == [None, "a"]
    with pytest.raises(InputError, match="highlight must be one of"):
        sensitivity(trials, highlight="c")


def test_everything_diverged_still_draws() -> None:
    inf = math.inf
    figure = sensitivity([Trials("a", [0.1, 1.0], [inf, inf], chosen=0)])
    assert [t.marker.symbol for t in figure.data] == ["circle", "x-thin"]
    everywhere = curves([Curve("a", X, [inf] * 4, [inf] * 4, [inf] * 4, [1.0])])
    assert everywhere.layout.yaxis.range is None


def test_method_names_cannot_bring_markup() -> None:
    text = "<b>x</b>"
    for figure in (curves([line(text)]), sensitivity([Trials(text, [1.0], [1.0])])):
        for trace in figure.data:
            assert "<b>x" not in trace.name and (trace.hovertemplate is None or "<b>x" not in trace.hovertemplate)


def test_bad_columns_are_refused() -> None:
    with pytest.raises(InputError, match="curve: adam must have 1-D columns of one length"):
        Curve("adam", X, X, X, X[:2])
    with pytest.raises(InputError, match="trials: sgd must have 1-D columns"):
        Trials("sgd", [1.0], [1.0, 2.0])
    with pytest.raises(InputError, match=r"chosen must be an index in \[0, 1\), got 1"):
        Trials("sgd", [1.0], [1.0], chosen=1)


def test_without_plotly_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, package: str | None = None):
        if name.startswith("plotly"):
            raise ImportError(name)
        return builtins.__import__(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(
        MissingExtraError, match=r"Plotly is not installed; install it with: pip install 'steepest\[lab\]'"
    ):
        curves([line("adam")])
