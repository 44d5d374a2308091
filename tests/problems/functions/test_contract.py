"""What every function problem must keep: derivatives, minima and constants, each found again by another way."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy.optimize import least_squares, minimize

from steepest import problems
from steepest.problems import MGH, FunctionProblem
from steepest.problems.counterexamples import COUNTEREXAMPLES

# What is listed, and other dimensions, numbers of squares, starts.
MORE: dict[str, tuple[str, dict[str, object]]] = {
    "quadratic-scaled": ("quadratic", {"kappa": 1000.0, "dim": 7, "mu": 0.25, "rotation": 3}),
    "quadratic-diagonal": ("quadratic", {"kappa": 100.0, "dim": 4, "rotation": None}),
    "rosenbrock-5": ("rosenbrock", {"dim": 5}),
    "styblinski-tang-3": ("styblinski-tang", {"dim": 3}),
    "rastrigin-1": ("rastrigin", {"dim": 1}),
    "ackley-5": ("ackley", {"dim": 5}),
    "griewank-1": ("griewank", {"dim": 1}),
    "griewank-4": ("griewank", {"dim": 4}),
    "levy-1": ("levy", {"dim": 1}),
    "levy-4": ("levy", {"dim": 4}),
    "mgh-jennrich-sampson-5": ("mgh-jennrich-sampson", {"m": 5}),
    "mgh-gulf-100": ("mgh-gulf", {"m": 100}),
    "mgh-box-3": ("mgh-box", {"m": 3}),
    "mgh-brown-dennis-4": ("mgh-brown-dennis", {"m": 4}),
    "mgh-biggs-exp6-6": ("mgh-biggs-exp6", {"m": 6}),
    "mgh-watson-2": ("mgh-watson", {"dim": 2}),
    "mgh-watson-9": ("mgh-watson", {"dim": 9}),
    "mgh-watson-12": ("mgh-watson", {"dim": 12}),
    "mgh-extended-rosenbrock-2": ("mgh-extended-rosenbrock", {"dim": 2}),
    "mgh-extended-powell-singular-4": ("mgh-extended-powell-singular", {"dim": 4}),
    "mgh-penalty-1-10": ("mgh-penalty-1", {"dim": 10}),
    "mgh-penalty-2-1": ("mgh-penalty-2", {"dim": 1}),
    "mgh-penalty-2-10": ("mgh-penalty-2", {"dim": 10}),
    "mgh-trigonometric-4": ("mgh-trigonometric", {"dim": 4}),
    "mgh-brown-almost-linear-2": ("mgh-brown-almost-linear", {"dim": 2}),
    "mgh-brown-almost-linear-5": ("mgh-brown-almost-linear", {"dim": 5}),
    "mgh-discrete-boundary-value-1": ("mgh-discrete-boundary-value", {"dim": 1}),
    "mgh-discrete-integral-equation-7": ("mgh-discrete-integral-equation", {"dim": 7}),
    "mgh-broyden-tridiagonal-2": ("mgh-broyden-tridiagonal", {"dim": 2}),
    "mgh-broyden-banded-20": ("mgh-broyden-banded", {"dim": 20}),
    "mgh-linear-full-rank-square": ("mgh-linear-full-rank", {"dim": 5, "m": 5}),
    "mgh-linear-rank-1-zero-3": ("mgh-linear-rank-1-zero", {"dim": 3, "m": 4}),
    "mgh-chebyquad-1": ("mgh-chebyquad", {"dim": 1}),
    "mgh-chebyquad-9": ("mgh-chebyquad", {"dim": 9}),
    "mgh-chebyquad-10": ("mgh-chebyquad", {"dim": 10}),
}
LISTED = [name for name in problems.names() if name != "digits-mlp" and name not in COUNTEREXAMPLES]
# Counterexamples that are functions of a vector: their derivatives are held here, their claims in their own tests.
EXAMPLES = [name for name in COUNTEREXAMPLES if isinstance(problems.get(name), FunctionProblem)]
NOT_ANALYTIC = {"absolute-value", "kink"}


@cache
def made(case: str) -> FunctionProblem:
    name, settings = MORE.get(case, (case, {}))
    problem = problems.get(name, **settings)
    assert isinstance(problem, FunctionProblem)
    return problem


@pytest.fixture(params=[*LISTED, *MORE], name="problem")
def _problem(request: pytest.FixtureRequest) -> FunctionProblem:
    return made(request.param)


@pytest.fixture(params=[*LISTED, *MORE, *EXAMPLES], name="function")
def _function(request: pytest.FixtureRequest) -> FunctionProblem:
    return made(request.param)


def points(problem: FunctionProblem, count: int = 4) -> list[np.ndarray]:
    """The starts that are not far out, and random points in the domain, or about the start and the minima."""
    rng = np.random.default_rng(1)
    n = len(problem.x0)
    near = [x for name, x in problem.starts.items() if not name.startswith("×")]
    if problem.domain is not None:
        return [problem.x0, *near, *rng.uniform(*problem.domain, (count, n))]
    centres = [problem.x0, *(np.atleast_1d(m.x) for m in problem.minima if m.x is not None)]
    return [*near, *(c + rng.normal(size=n) * (0.2 * np.abs(c) + 0.1) for c in centres for _ in range(count))]


def extrapolated(function: Callable[[np.ndarray], object], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives along every coordinate, a last axis, from central differences with two step sizes, and how far the
    two are apart: what their error is at most."""
    coarse, fine = (
        np.stack([(function(x + s) - function(x - s)) / (2 * h[i]) for i, s in enumerate(np.diag(h))], axis=-1)
        for h in (3e-4 * (np.abs(x) + 0.1), 1.5e-4 * (np.abs(x) + 0.1))
    )
    return (4 * fine - coarse) / 3, np.abs(fine - coarse)


def agrees(exact: np.ndarray, approximate: np.ndarray, apart: np.ndarray, noise: float) -> None:
    """Extrapolation takes off most of what the two differences are apart; `noise` is what rounding may do."""
    scale = np.abs(exact).max()
    assert np.all(np.abs(exact - approximate) <= 0.01 * apart + 1e-8 * scale + noise)


def test_gradient_by_the_complex_step(function):
    if function.name in NOT_ANALYTIC:
        return
    h = 1e-30
    for x in points(function):
        step = np.array([np.imag(function._fun(x + 1j * h * e)) / h for e in np.eye(len(x))])
        size = np.abs(step).max()
        if function.residuals is not None:  # the terms whose sum the gradient is
            size = max(size, 2 * (np.abs(function.residuals(x)) @ np.abs(function.jacobian(x))).max())
        np.testing.assert_allclose(function.gradient(x), step, rtol=1e-11, atol=1e-13 * size)


def test_gradient_by_differences(function):
    for x in points(function):
        found, apart = extrapolated(function.fun, x)
        noise = 1e-15 * (1 + abs(function.fun(x))) / (1e-4 * (np.abs(x).min() + 0.1))
        agrees(function.gradient(x), found, apart, 10 * noise)


def test_jacobian_by_the_complex_step_and_differences(function):
    if function.residuals is None:
        assert function.jacobian is None
        return
    h = 1e-30
    for x in points(function):
        jacobian = function.jacobian(x)
        step = np.stack([np.imag(function._residuals(x + 1j * h * e)) / h for e in np.eye(len(x))], axis=1)
        np.testing.assert_allclose(jacobian, step, rtol=1e-11, atol=1e-13 * np.abs(step).max())
        found, apart = extrapolated(function.residuals, x)
        noise = 1e-15 * np.abs(function.residuals(x)).max() / (1e-4 * (np.abs(x).min() + 0.1))
        agrees(jacobian, found, apart, 10 * noise)


def test_value_and_gradient_are_those_of_the_residuals(function):
    if function.residuals is None:
        return
    for x in points(function):
        r, jacobian = function.residuals(x), function.jacobian(x)
        assert jacobian.shape == (len(r), len(x)) and np.all(np.isfinite(r))
        assert function.fun(x) == pytest.approx(sum(value**2 for value in r), rel=1e-14)
        size = (np.abs(r) @ np.abs(jacobian)).max()
        np.testing.assert_allclose(function.gradient(x), 2 * jacobian.T @ r, rtol=1e-12, atol=1e-14 * size)


def test_hessian_by_differences_and_its_products(function):
    if function.hessian is None:
        assert function.name in NOT_ANALYTIC
        return
    rng = np.random.default_rng(2)
    for x in points(function):
        hessian = function.hessian(x)
        found, apart = extrapolated(function.gradient, x)
        noise = 1e-15 * np.abs(function.gradient(x)).max() / (1e-4 * (np.abs(x).min() + 0.1))
        agrees(hessian, found, apart, 100 * noise)
        np.testing.assert_array_equal(hessian, hessian.T)
        v = rng.normal(size=len(x)) * 10.0 ** rng.integers(-20, 20)
        size = np.abs(hessian).max() * np.abs(v).max()
        np.testing.assert_allclose(function.hessian_vector(x, v), hessian @ v, rtol=1e-11, atol=1e-12 * size)
        np.testing.assert_array_equal(function.hessian_vector(x, 0 * v), 0 * v)


def test_minima_are_stationary_and_found_again(problem):
    """From a point beside it, SciPy ends at the declared minimum; where the Hessian is singular, at its value."""
    rng = np.random.default_rng(3)
    for minimum in problem.minima:
        if minimum.x is None:
            continue
        x = np.atleast_1d(np.asarray(minimum.x, dtype=float))
        size = max(abs(minimum.value), 1e-12)
        assert abs(problem.fun(x) - minimum.value) <= 1e-12 * size
        if problem.hessian is None:
            continue
        if problem.name == "ackley":  # a cone: descent from every side ends below any tolerance
            assert all(problem.fun(1e-9 * v) > 0 for v in rng.normal(size=(20, len(x))))
            continue
        hessian, gradient = problem.hessian(x), problem.gradient(x)
        if minimum.note.startswith("stationary"):
            assert not gradient.any() and np.linalg.eigvalsh(hessian)[0] > -1e-12
            continue
        scale = 1 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
        eigenvalues = np.linalg.eigvalsh(scale[:, None] * hessian * scale)
        if np.all(np.diag(hessian) > 0):
            assert eigenvalues[0] > -1e-10, "not a minimum"
            assert np.abs(gradient * scale).max() ** 2 <= 1e-12 * size
        beside = x * (1 + 0.01 * rng.uniform(-1, 1, len(x))) + np.where(x == 0, 0.01 * rng.uniform(-1, 1, len(x)), 0)
        found = solved(problem, beside)
        assert abs(problem.fun(found) - minimum.value) <= 1e-8 * max(size, 1e-8)
        if len(eigenvalues) and eigenvalues[0] > 1e-9 and np.all(np.diag(hessian) > 0):
            away = np.linalg.norm((found - x) / scale) if problem.name == "mgh-meyer" else np.abs(found - x).max()
            assert away <= 1e-8 * max(1, np.abs(x).max())


def solved(problem: FunctionProblem, x: np.ndarray) -> np.ndarray:
    """SciPy's minimizer from x, polished."""
    if problem.residuals is not None:
        many = len(problem.residuals(x)) >= len(x)
        tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 5000}
        x = least_squares(problem.residuals, x, problem.jacobian, method="lm" if many else "trf", **tight).x
    else:
        x = minimize(problem._fun, x, jac=problem.gradient, hess=problem.hessian, method="trust-exact").x
    for _ in range(5):
        step = np.linalg.lstsq(problem.hessian(x), problem.gradient(x), rcond=1e-14)[0]
        if problem.fun(x - step) <= problem.fun(x):
            x = x - step
    return x


def test_no_point_is_below_the_minimum(problem):
    if problem.facts.f_star is None:
        assert not problem.minima
        return
    assert problem.facts.f_star == problem.minima[0].value
    lowest = min(problem.fun(x) for x in points(problem, 300))
    assert lowest >= problem.facts.f_star - 1e-12 * abs(problem.facts.f_star)


@pytest.mark.parametrize(("name", "far"), [("monkey-saddle", (-1e3, 0.0)), ("negative-log", (1e300,))])
def test_unbounded_below(name, far):
    problem = made(name)
    assert problem.facts.f_star is None and problem.fun(far) < -600


def test_L_and_mu_bound_the_curvature_and_are_taken(problem):
    """On the region where they are said to hold: random points, its corners, and the minimizer."""
    facts = problem.facts
    if facts.L is None:
        assert facts.mu is None
        return
    low, high = problem.region or problem.domain
    n = len(problem.x0)
    corners = [np.array(c) for c in product((low, high), repeat=n)] if n <= 4 else []
    known = [np.atleast_1d(m.x) for m in problem.minima if m.x is not None]
    sampled = [*np.random.default_rng(4).uniform(low, high, (300, n)), *corners, *known]
    eigenvalues = np.array([np.linalg.eigvalsh(problem.hessian(x)) for x in sampled])
    assert np.abs(eigenvalues).max() <= facts.L * (1 + 1e-9)
    assert np.abs(eigenvalues).max() >= 0.97 * facts.L
    if facts.mu is not None:
        assert eigenvalues.min() >= facts.mu * (1 - 1e-9)
        assert eigenvalues.min() <= 1.03 * facts.mu
    elif facts.problem_class == "smooth":
        assert eigenvalues.min() < 0, "convex: μ is known, or 0"
    if facts.problem_class == "quadratic":
        assert np.ptp(eigenvalues, axis=0).max() <= 1e-9 * facts.L and problem.region is None
    assert (problem.region is None) == (" on " not in facts.source)


def test_R_is_the_distance_of_the_nearest_minimizer(problem):
    known = [np.atleast_1d(m.x) for m in problem.minima if m.x is not None and m.value == problem.facts.f_star]
    if not known:
        assert problem.facts.R is None and problem.minimizer is None and "distance" not in problem.start(0).measure()
        return
    nearest = min(float(np.linalg.norm(problem.x0 - x)) for x in known)
    assert problem.facts.R == pytest.approx(nearest, rel=1e-14)
    assert problem.start(0).measure()["distance"] == problem.facts.R
    assert problem.distance(problem.minimizer) == 0


def test_what_is_said_of_it(problem):
    assert problem.summary and "\n" not in problem.summary and problem.source
    assert json.loads(json.dumps(problem.facts.to_dict(), allow_nan=False))["source"] != "not stated"
    assert np.all(np.isfinite(problem.x0))
    assert all(np.all(np.isfinite(x)) and x.shape == problem.x0.shape for x in problem.starts.values())
    if problem.domain is not None:
        assert all(np.isfinite(problem.fun(np.full(len(problem.x0), end))) for end in problem.domain)
    problem.check()


def test_far_out_it_is_a_number_without_a_warning(function):
    for x in (1e200 * np.ones(len(function.x0)), -1e200 * function.x0):
        assert isinstance(function.fun(x), float)
        assert function.gradient(x).shape == function.x0.shape


def test_every_problem_of_the_table_is_here():
    assert set(MGH) < set(LISTED) and len(LISTED) >= 61
