"""The 35 problems: their order, sizes, starts, values and the paper's minima."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from steepest import problems
from steepest.core.errors import HyperparameterError
from steepest.problems import MGH
from steepest.problems.functions.more_garbow_hillstrom import bard, kowalik_osborne

# n, m; f at the standard start x₀, and at 0.9 x₀ + 0.1 (1, …, n)/n, by an independent Fortran program for the paper's
# problems; the minima to the digits that the paper prints.
# fmt: off
PAPER = {
    "mgh-rosenbrock": (2, 2, 24.199999999999996, 4.4917810000000005, ["0"]),
    "mgh-freudenstein-roth": (2, 2, 400.5, 150.52789800000002, ["0", "48.9842"]),
    "mgh-powell-badly-scaled": (2, 2, 1.1352617173483783, 249001.1017666564, ["0"]),
    "mgh-brown-badly-scaled": (2, 3, 999998000003.0, 999998100003.0051, ["0"]),
    "mgh-beale": (2, 3, 14.203125, 14.203125, ["0"]),
    "mgh-jennrich-sampson": (2, 10, 4171.306161960498, 15705.66480184701, ["124.362"]),
    "mgh-helical-valley": (3, 3, 2500.0, 2284.4705716296, ["0"]),
    "mgh-bard": (3, 15, 41.68169586167801, 40.56667329186994, ["8.21487e-3", "17.4286"]),
    "mgh-gaussian": (3, 15, 3.888106991166885e-06, 0.0028529591206475613, ["1.12793e-8"]),
    "mgh-meyer": (3, 16, 1693607809.4361458, 448065913.9307851, ["87.9458"]),
    "mgh-gulf": (3, 99, 12.11070582556949, 8.292979235421324, ["0"]),
    "mgh-box": (3, 10, 1031.1538106093983, 833.56107885598, ["0"]),
    "mgh-powell-singular": (4, 4, 215.00000000000003, 127.17219140625005, ["0"]),
    "mgh-wood": (4, 6, 19192.0, 11891.988824218752, ["0"]),
    "mgh-kowalik-osborne": (4, 11, 0.00531317227210854, 0.005875117270800089, ["3.07505e-4", "1.02734e-3"]),
    "mgh-brown-dennis": (4, 20, 7926693.336997432, 4781331.312945535, ["85822.2"]),
    "mgh-osborne-1": (5, 33, 0.8790262935446405, 1.4921497246728495, ["5.46489e-5"]),
    "mgh-biggs-exp6": (6, 13, 0.7790700756559702, 0.852747937187211, ["0", "5.65565e-3"]),
    "mgh-osborne-2": (11, 65, 2.093419514212065, 3.536579114808467, ["4.01377e-2"]),
    "mgh-watson": (6, 31, 30.0, 16.42791907073757, ["2.28767e-3"]),
    "mgh-extended-rosenbrock": (10, 10, 121.0, 29.525608999999992, ["0"]),
    "mgh-extended-powell-singular": (12, 12, 645.0, 412.5452965952933, ["0"]),
    "mgh-penalty-1": (4, 5, 885.06264, 646.1129632500001, ["2.24997e-5"]),
    "mgh-penalty-2": (4, 8, 2.3400088054630244, 2.3444227625056855, ["9.37629e-6"]),
    "mgh-variably-dimensioned": (10, 12, 2198551.1625, 1737628.0700999994, ["0"]),
    "mgh-trigonometric": (10, 10, 0.007075759466222607, 0.021967868826313346, ["0", "2.79506e-5"]),
    "mgh-brown-almost-linear": (10, 10, 273.2480478286743, 268.32637837653584, ["0", "1"]),
    "mgh-discrete-boundary-value": (10, 10, 0.000788519101264823, 0.01611567298257035, ["0"]),
    "mgh-discrete-integral-equation": (10, 10, 0.06341684157945265, 0.03015155661593014, ["0"]),
    "mgh-broyden-tridiagonal": (10, 10, 21.0, 7.319993319999998, ["0"]),
    "mgh-broyden-banded": (10, 10, 360.0, 104.333547595125, ["0"]),
    "mgh-linear-full-rank": (10, 20, 50.0, 48.22850000000002, ["10"]),
    "mgh-linear-rank-1": (10, 20, 8658670.0, 8146271.574999999, ["4.63414"]),
    "mgh-linear-rank-1-zero": (10, 20, 4067996.0, 3784138.462399999, ["6.13513"]),
    "mgh-chebyquad": (8, 8, 0.03861769828593027, 0.03215194186356597, ["3.51687e-3"]),
}
MORE_MINIMA = [
    ("mgh-watson", 9, "1.39976e-6"), ("mgh-watson", 12, "4.72238e-10"), ("mgh-penalty-1", 10, "7.08765e-5"),
    ("mgh-penalty-2", 10, "2.93660e-4"), ("mgh-chebyquad", 7, "0"), ("mgh-chebyquad", 9, "0"),
    ("mgh-chebyquad", 10, "6.50395e-3"), ("mgh-linear-full-rank", 20, "0"), ("mgh-brown-almost-linear", 30, "0"),
]
# fmt: on


def cut(value: float, printed: str) -> str:
    """`value` with as many digits as are printed, cut off and not rounded, as in the paper."""
    if value == 0 or float(printed) == 0:
        return f"{value:g}"
    digits = len(printed.partition("e")[0].replace(".", "").lstrip("0"))
    exponent = np.floor(np.log10(abs(value))) - digits + 1
    return f"{float(np.floor(value / 10**exponent) * 10**exponent):.{digits}g}"


def test_all_35_are_there_in_order():
    assert list(MGH) == list(PAPER) and len(MGH) == 35
    for number, name in enumerate(MGH, 1):
        problem = problems.get(name)
        assert f"problem {number}" in problem.source and f"Hillstrom {number}:" in problem.summary
        assert MGH[name].summary.startswith(problem.summary)


@pytest.mark.parametrize("name", PAPER)
def test_sizes_values_and_starts(name):
    n, m, at_start, beside, minima = PAPER[name]
    problem = problems.get(name)
    x0 = problem.x0
    assert (len(x0), len(problem.residuals(x0))) == (n, m)
    assert problem.fun(x0) == pytest.approx(at_start, rel=2e-13)
    assert problem.fun(0.9 * x0 + 0.1 * np.arange(1, n + 1) / n) == pytest.approx(beside, rel=2e-13)
    assert {cut(minimum.value, minima[0]) for minimum in problem.minima} >= {f"{float(minima[0]):g}"}
    found = {f"{minimum.value:.4g}" for minimum in problem.minima}
    assert found == {f"{cut_value:.4g}" for cut_value in map(float, found)}
    for printed in minima:
        assert any(abs(minimum.value - float(printed)) <= 1.1e-5 * abs(float(printed)) for minimum in problem.minima)
    assert len({minimum.value for minimum in problem.minima}) == len(minima)
    starts = problem.starts
    assert list(starts) == ["standard", "×10", "×100"]
    for factor in (10, 100):
        expected = factor * x0 if x0.any() else np.full(n, factor)
        np.testing.assert_array_equal(starts[f"×{factor}"], expected)


@pytest.mark.parametrize(("name", "dim", "printed"), MORE_MINIMA)
def test_minima_in_other_dimensions(name, dim, printed):
    assert problems.get(name, dim=dim).facts.f_star == pytest.approx(float(printed), rel=1.1e-5)


def test_minima_at_infinity():
    """Bard's: all fractions vanish, and x₁ is the mean of y. Kowalik and Osborne's: x₁/x₄ and x₃/x₄ have limits."""
    y = bard._Y
    problem = problems.get("mgh-bard")
    assert ((y - y.mean()) ** 2).sum() == pytest.approx(problem.minima[1].value, rel=1e-14)
    assert problem.fun([y.mean(), -1e15, -1e15]) == pytest.approx(problem.minima[1].value, rel=1e-9)
    y, u = kowalik_osborne._Y, kowalik_osborne._U
    fit = least_squares(
        lambda q: y - q[0] * (u**2 + u * q[1]) / (u * q[2] + 1), [-0.1, -14.0, 5.0], method="lm", xtol=1e-15, ftol=1e-15
    )
    problem = problems.get("mgh-kowalik-osborne")
    assert 2 * fit.cost == pytest.approx(problem.minima[1].value, rel=1e-12)
    a, b, c = fit.x
    assert problem.fun([-a * 1e12, b, -c * 1e12, -1e12]) == pytest.approx(problem.minima[1].value, rel=1e-9)
    assert b == pytest.approx(-14.07, abs=0.01)


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("mgh-watson", {"dim": 32}, r"mgh-watson: dim must be a whole number in \[2, 31\], got 32"),
        ("mgh-gulf", {"m": 2}, r"mgh-gulf: m must be a whole number in \[3, 100\], got 2"),
        ("mgh-extended-rosenbrock", {"dim": 3}, "mgh-extended-rosenbrock: dim must be a multiple of 2, got 3"),
        ("mgh-extended-powell-singular", {"dim": 6}, "dim must be a multiple of 4, got 6"),
        ("mgh-linear-full-rank", {"dim": 9, "m": 8}, r"mgh-linear-full-rank: m must be a whole number in \[9, inf\)"),
        ("mgh-chebyquad", {"dim": 2.5}, "mgh-chebyquad: dim must be a whole number"),
    ],
)
def test_sizes_out_of_range(name, settings, text):
    with pytest.raises(HyperparameterError, match=text):
        problems.get(name, **settings)
