from __future__ import annotations

import builtins
import importlib
import math

import numpy as np
import pytest

from steepest.core.errors import InputError, MissingExtraError
from steepest.plots import (
    BudgetCurve,
    Curve,
    Ladder,
    Profile,
    RateSensitivity,
    budget,
    curves,
    profile,
    sensitivity,
    styles,
)
from steepest.plots.figure import band, log_step
from steepest.plots.palette import Style

X = np.array([0.0, 10.0, 20.0, 30.0])
INF = math.inf
STYLE = Style("#0054c0", "solid", "circle")


def line(name: str, scale: float = 1.0, **more: object) -> Curve:
    median = scale * np.array([2.0, 1.0, 0.5, 0.25])
    return Curve(name, X, median, 0.9 * median, 1.2 * median, **more)


def named(figure, name, mode=None):
    return [t for t in figure.data if t.legendgroup == name and (mode is None or t.mode == mode)]


def test_a_curve_is_drawn_as_given() -> None:
    figure = curves([line("adam"), line("sgd", 2)], y_label="test loss")
    area, median = named(figure, "sgd")
    assert list(median.x) == list(X) and list(median.y) == [4, 2, 1, 0.5]
    assert list(area.x) == [*X, *X[::-1], None] and area.fill == "toself"
    np.testing.assert_allclose(np.array(area.y[:4], dtype=float), 0.9 * np.array(median.y))
    np.testing.assert_allclose(np.array(area.y[7:3:-1], dtype=float), 1.2 * np.array(median.y))
    assert figure.layout.xaxis.title.text == "step" and figure.layout.yaxis.title.text == "test loss"


def test_one_entry_a_method_in_the_legend_and_its_style() -> None:
    look = styles(["sgd", "adam"])
    figure = curves([line("adam"), line("sgd")], look=look)
    legend = {t.name: t for t in figure.data if t.showlegend is not False}
    assert set(legend) == {"adam", "sgd"}
    assert legend["adam"].line.color == look["adam"].colour and legend["adam"].line.dash == look["adam"].dash
    assert legend["adam"].line.dash != legend["sgd"].line.dash


def test_divergences_are_marked_and_do_not_stretch_the_view() -> None:
    broken = Curve("lion", X, [2.0, 1e9, INF, INF], [2.0, 1.0, INF, INF], [2.0, INF, INF, INF], diverged=[5.0, 12.0])
    figure = curves([line("adam"), broken])
    (marks,) = [t for t in named(figure, "lion") if t.yaxis == "y2"]
    assert list(marks.x) == [5.0, 12.0] and marks.marker.symbol == "x-thin"
    assert figure.layout.yaxis2.range == (0, 1)
    low, high = figure.layout.yaxis.range
    assert low < math.log10(0.9 * 0.25) and math.log10(2) < high < 1


def test_a_band_is_faint_where_only_one_side_of_it_is_known() -> None:
    low, high = np.array([1.0, 1.0, 1.0, INF]), np.array([2.0, 2.0, INF, INF])
    closed, half = band("adam", X, low, high, STYLE, edge=100.0)
    assert closed["x"] == [0, 10, 10, 0, None] and closed["y"] == [1, 1, 2, 2, None]
    assert half["x"] == [10, 20, 20, 10, None] and half["y"] == [1, 1, 100, 2, None]
    assert closed["fillcolor"] == "rgba(0,84,192,0.15)" and half["fillcolor"] == "rgba(0,84,192,0.05)"
    gone = np.full(4, INF)
    assert band("adam", X, gone, gone, STYLE, edge=1.0) == []


def test_units_of_the_x_axis_are_those_that_all_curves_have() -> None:
    both = {"samples_per_step": 64.0, "gradient_calls_per_step": 2.0}
    figure = curves([line("adam", **both, seconds_per_step=0.5), line("sgd", samples_per_step=32.0)])
    units = figure.layout.meta["units"]
    assert list(units) == ["steps", "samples"] and units["samples"]["scale"] == {"adam": 64.0, "sgd": 32.0}
    units = curves([line("adam", **both)]).layout.meta["units"]
    assert units["gradients"] == {"label": "gradient calls", "scale": {"adam": 2.0}}


def test_single_runs_are_hidden_with_gaps_between_them() -> None:
    seeds = np.array([[2.0, 1.0, 0.5, 0.25], [3.0, INF, INF, INF]])
    (runs,) = [t for t in curves([line("adam", seeds=seeds, seed_names=(7, 8))]).data if t.meta == "seeds"]
    assert runs.visible is False and runs.showlegend is False
    assert list(runs.x) == [*X, None, *X, None]
    assert list(runs.y) == [2, 1, 0.5, 0.25, None, 3, None, None, None, None]
    assert list(runs.customdata) == ["7"] * 5 + ["8"] * 5


def test_thinning_keeps_the_ends_and_all_divergences() -> None:
    x = np.arange(1000.0)
    long = Curve("adam", x, x + 1, x + 1, x + 1, seeds=np.array([x + 1]), seed_names=(1,), diverged=x[::10])
    figure = curves([long], points=50, seed_points=10)
    area, runs, median, marks = figure.data
    assert (median.x[0], median.x[-1], len(median.x)) == (0, 999, 50) and len(median.customdata) == 50
    assert len(runs.x) == 11 and runs.x[9] == 999 and len(marks.x) == 100 and len(area.x) == 101
    with pytest.raises(InputError, match="curves: seed_points must be ≥ 2, got 1"):
        curves([long], seed_points=1)


def test_the_target_is_a_line_inside_the_view() -> None:
    figure = curves([line("adam")], target=0.01)
    (shape,) = figure.layout.shapes
    assert shape.y0 == shape.y1 == 0.01 and shape.label.text == "target 0.01"
    assert figure.layout.yaxis.range[0] < -2


def test_accuracies_fall_out_of_the_view_at_the_bottom() -> None:
    good, bad = np.array([0.1, 0.8, 0.9, 0.95]), np.array([0.1, -INF, -INF, -INF])
    figure = curves([Curve("a", X, good, bad, good + 0.01)], log=False)
    assert figure.layout.yaxis.type == "linear" and figure.layout.meta["range"]["log"] is None
    low, high = figure.layout.yaxis.range
    assert -0.2 < low < 0.1 and 0.95 < high < 1.2


def test_both_ranges_are_on_the_figure() -> None:
    ranges = curves([line("adam")]).layout.meta["range"]
    assert ranges["log"][0] < math.log10(0.225) and ranges["linear"][1] > 2


def test_scores_that_are_not_positive_get_a_linear_axis() -> None:
    figure = curves([Curve("gd", X, -X, -X, -X)])
    assert figure.layout.yaxis.type == "linear" and figure.layout.meta["range"]["log"] is None


def test_sensitivity_shows_every_trial() -> None:
    tried = RateSensitivity("sgd", [1.0, 0.01, 0.1, 10.0], [0.4, 0.5, 0.2, INF], chosen=0.1)
    figure = sensitivity([tried])
    points, crosses, ring = named(figure, "sgd")
    assert list(points.x) == [0.01, 0.1, 1.0] and list(points.y) == [0.5, 0.2, 0.4]
    assert list(crosses.x) == [10.0] and crosses.yaxis == "y2" and crosses.marker.symbol == "x-thin"
    assert (ring.x[0], ring.y[0]) == (0.1, 0.2) and ring.marker.symbol == "circle-open"
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    left, right = figure.layout.xaxis.range
    assert left < -2 and right > 1


def test_the_ladder_has_its_band_and_carries_the_ring() -> None:
    ladder = Ladder([0.01, 0.1, 1.0], [0.5, 0.2, INF], [0.4, 0.1, 0.3], [0.6, 0.3, INF])
    tried = RateSensitivity("sgd", [0.1], [0.9], ladder, chosen=0.1)
    (middle,) = named(sensitivity([tried]), "sgd", "lines")[1:]
    assert list(middle.x) == [0.01, 0.1] and list(middle.y) == [0.5, 0.2]
    by_symbol = {t.marker.symbol: t for t in sensitivity([tried]).data if t.mode == "markers"}
    assert by_symbol["circle-open"].y[0] == 0.2 and list(by_symbol["x-thin"].x) == [1.0]


def test_zones_of_the_highlighted_method_only() -> None:
    zones = {"usable": (0.02, 0.2), "first_diverged": 2.0, "searched": (0.01, 1.0), "default": 0.05}
    first = RateSensitivity("a", [0.01, 10.0], [0.5, INF], **zones)
    second = RateSensitivity("b", [0.01, 10.0], [0.5, 0.4])
    usable, lost, bar = sensitivity([first, second], highlight="a").layout.shapes
    assert (usable.x0, usable.x1, lost.x0) == (0.02, 0.2, 2.0) and lost.x1 > 10
    assert (bar.x0, bar.x1, bar.y0, bar.y1) == (0.01, 1.0, 0, 0)
    symbols = [t.marker.symbol for t in sensitivity([first, second], highlight="a").data]
    assert "triangle-up" in symbols
    for quiet in (sensitivity([first, second], highlight="b"), sensitivity([first, second])):
        assert not quiet.layout.shapes and "triangle-up" not in [t.marker.symbol for t in quiet.data]


@pytest.mark.parametrize(("low", "step"), [(0.5, "D2"), (0.02, 1), (1e-5, 1), (1e-9, 2), (1e-15, 3)])
def test_learning_rates_are_labelled_at_most_once_a_decade(low: float, step: object) -> None:
    figure = sensitivity([RateSensitivity("sgd", [low, 1.0], [0.4, 0.5])])
    assert figure.layout.xaxis.dtick == step


@pytest.mark.parametrize(("decades", "step"), [(0.1, None), (0.5, "D1"), (2, "D2"), (5, 1), (20, 3)])
def test_log_axes_have_few_labels(decades: float, step: object) -> None:
    assert log_step([-1.0, decades - 1]) == step


def test_highlight_turns_the_others_grey_on_the_same_axes() -> None:
    trials = [RateSensitivity("a", [0.1, 1.0], [0.3, 0.2]), RateSensitivity("b", [1.0, 100.0], [0.1, INF])]
    all_, only = sensitivity(trials), sensitivity(trials, highlight="a")
    assert only.layout.xaxis.range == all_.layout.xaxis.range and only.layout.yaxis.range == all_.layout.yaxis.range
    assert [t.legendgroup for t in only.data] == [None, "a"]
    assert list(only.data[0].x) == [1.0]
    with pytest.raises(InputError, match="highlight must be one of"):
        sensitivity(trials, highlight="c")


def test_a_budget_is_a_curve_or_a_point() -> None:
    tuned = BudgetCurve("adam", [1, 2, 3], [INF, 0.3, 0.2], [0.4, 0.2, 0.1], [INF, 0.5, 0.3])
    fixed = BudgetCurve("free", [1], [0.25], [0.2], [0.3])
    figure = budget([tuned, fixed], y_label="best loss")
    medians = {t.name: t for t in figure.data if t.mode == "lines+markers"}
    assert list(medians["adam"].y) == [None, 0.3, 0.2] and list(medians["free"].x) == [1]
    assert medians["free"].marker.size > medians["adam"].marker.size
    assert figure.layout.yaxis.type == "log" and figure.layout.xaxis.dtick == 1
    assert figure.layout.yaxis.title.text == "best loss"
    low, high = figure.layout.yaxis.range
    assert low < -1 and high < 0


@pytest.mark.parametrize(("trials", "step"), [(3, 1), (12, 2), (24, 5), (100, 20)])
def test_trials_are_labelled_in_whole_numbers(trials: int, step: int) -> None:
    k = np.arange(1.0, trials + 1)
    assert budget([BudgetCurve("a", k, k, k, k)]).layout.xaxis.dtick == step


def test_a_profile_starts_at_one_and_reaches_the_end() -> None:
    figure = profile([
        Profile("a", [1.0, 2.0, 9.0], [0.5, 0.75, 1.0]),
        Profile("b", [1.5], [0.5]),
        Profile("c", [], []),
    ])
    drawn = {t.name: t for t in figure.data}
    assert list(drawn["a"].x) == [1, 2, 4] and list(drawn["a"].y) == [0.5, 0.75, 0.75]
    assert list(drawn["b"].x) == [1, 1.5, 4] and list(drawn["b"].y) == [0, 0.5, 0.5]
    assert list(drawn["c"].x) == [1, 4] and list(drawn["c"].y) == [0, 0]
    assert all(t.line.shape == "hv" for t in figure.data)


def test_everything_diverged_still_draws_and_says_so() -> None:
    gone = [INF] * 4
    tried = sensitivity([RateSensitivity("a", [0.1, 1.0], [INF, INF], chosen=0.1)])
    assert [t.marker.symbol for t in tried.data] == ["circle", "x-thin"]
    everywhere = curves([Curve("a", X, gone, gone, gone, diverged=[1.0])], target=0.1)
    spent = budget([BudgetCurve("a", X, gone, gone, gone)])
    for figure in (tried, everywhere, spent):
        assert figure.layout.annotations[0].text == "every run diverged"
        assert figure.layout.yaxis.showticklabels is False


def test_method_names_cannot_bring_markup() -> None:
    text = "<b>x</b>"
    seeds = {"seeds": np.ones((1, 4)), "seed_names": ("<i>",)}
    figures = (
        curves([line(text, **seeds)]),
        sensitivity([RateSensitivity(text, [1.0], [1.0], default=1.0)]),
        budget([BudgetCurve(text, [1], [1], [1], [1])]),
        profile([Profile(text, [1.0], [1.0])]),
    )
    for figure in figures:
        for trace in figure.data:
            assert "<b>x" not in trace.name and (trace.hovertemplate is None or "<b>x" not in trace.hovertemplate)
            assert trace.customdata is None or "<i>" not in list(trace.customdata)


def test_bad_columns_are_refused() -> None:
    with pytest.raises(InputError, match="curve: adam must have 1-D columns of one length"):
        Curve("adam", X, X, X, X[:2])
    with pytest.raises(
        InputError, match=r"seeds of adam must have shape \(seed names, steps\) = \(1, 4\), got \(2, 4\)"
    ):
        line("adam", seeds=np.ones((2, 4)), seed_names=(1,))
    with pytest.raises(InputError, match=r"seconds_per_step of adam must be in \(0, inf\), got 0"):
        line("adam", seconds_per_step=0)
    with pytest.raises(InputError, match="rate sensitivity: sgd must have 1-D columns"):
        RateSensitivity("sgd", [1.0], [1.0, 2.0])
    with pytest.raises(InputError, match=r"usable of sgd must be in \(0, inf\), got \[0.0, 1.0\]"):
        RateSensitivity("sgd", usable=(0.0, 1.0))
    with pytest.raises(InputError, match="ladder: rates must be > 0 and ascending"):
        Ladder([1.0, 0.1], X[:2], X[:2], X[:2])
    with pytest.raises(InputError, match="budget curve: a must have 1-D columns"):
        BudgetCurve("a", X, X, X, X[:1])
    with pytest.raises(InputError, match="tau of a must be ≥ 1 and ascending"):
        Profile("a", [0.5], [1.0])
    with pytest.raises(InputError, match=r"rho of a must be in \[0, 1\] and not fall"):
        Profile("a", [1.0, 2.0], [1.0, 0.5])
    with pytest.raises(InputError, match="end must be > 1"):
        profile([], end=1.0)


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
