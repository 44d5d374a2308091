"""Every function problem against its definition, central differences, the complex step and an independent minimizer."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan, sqrt

import numpy as np
import pytest
from scipy.optimize import minimize

from steepest.core.errors import InputError, InputTypeError, ProblemError
from steepest.core.facts import ProblemFacts
from steepest.problems import FunctionProblem
from steepest.problems.functions.beale import beale
from steepest.problems.functions.bowl import bowl
from steepest.problems.functions.minimum import Minimum
from steepest.problems.functions.parabola import parabola
from steepest.problems.functions.quadratic import quadratic
from steepest.problems.functions.rosenbrock import rosenbrock

CASES: dict[str, Callable[[], FunctionProblem]] = {
    "parabola": parabola,
    "bowl": bowl,
    "quadratic": quadratic,
    "quadratic-diagonal": lambda: quadratic(kappa=100.0, dim=4, rotation=None),
    "quadratic-scaled": lambda: quadratic(kappa=1000.0, dim=7, mu=0.25, rotation=3),
    "rosenbrock": rosenbrock,
    "rosenbrock-5": lambda: rosenbrock(dim=5),
    "beale": beale,
}


@pytest.fixture(params=CASES, name="problem")
def _problem(request: pytest.FixtureRequest) -> FunctionProblem:
    return CASES[request.param]()


def points(problem: FunctionProblem, count: int = 20) -> np.ndarray:
    low, high = problem.domain
    return np.random.default_rng(1).uniform(low, high, (count, len(problem.x0)))


def test_gradient_equals_central_differences(problem):
    for x in points(problem):
        h = 1e-5
        differences = [(problem.fun(x + h * e) - problem.fun(x - h * e)) / (2 * h) for e in np.eye(len(x))]
        scale = 1 + np.abs(problem.gradient(x)).max()
        np.testing.assert_allclose(problem.gradient(x), differences, rtol=1e-6, atol=1e-7 * scale)


def test_gradient_equals_the_complex_step(problem):
    h = 1e-30
    for x in points(problem):
        step = [np.imag(problem._fun(x + 1j * h * e)) / h for e in np.eye(len(x))]
        np.testing.assert_allclose(problem.gradient(x), step, rtol=1e-12, atol=1e-12 * np.abs(step).max())


def test_an_independent_minimizer_finds_the_declared_optimum(problem):
    starts = [problem.x0, *(problem.minimizer + 0.3 * shift for shift in np.eye(len(problem.x0)))]
    for start in starts:
        if problem.name == "rosenbrock" and len(start) > 3 and start is starts[0]:
            continue  # a local minimum lies on that side
        found = minimize(problem._fun, start, method="Nelder-Mead" if len(start) < 3 else "BFGS", tol=1e-14)
        polished = minimize(problem._fun, found.x, jac=problem._gradient, method="BFGS", options={"gtol": 1e-12})
        np.testing.assert_allclose(polished.x, problem.minimizer, atol=1e-8)
        assert abs(polished.fun - problem.facts.f_star) < 1e-8


def test_optimum_is_stationary_and_nowhere_undercut(problem):
    assert np.abs(problem.gradient(problem.minimizer)).max() < 1e-12
    assert problem.fun(problem.minimizer) == problem.facts.f_star
    assert all(problem.fun(x) >= problem.facts.f_star for x in points(problem, 500))


def test_L_and_mu_are_the_extreme_curvatures(problem):
    curvatures = []
    for x in points(problem, 5):
        h = 1e-4
        hessian = np.array([
            (problem.gradient(x + h * e) - problem.gradient(x - h * e)) / (2 * h) for e in np.eye(len(x))
        ])
        curvatures.append(np.linalg.eigvalsh((hessian + hessian.T) / 2))
    if problem.facts.problem_class == "quadratic":
        np.testing.assert_allclose(np.max(curvatures), problem.facts.L, rtol=1e-7)
        np.testing.assert_allclose(np.min(curvatures), problem.facts.mu, rtol=1e-5)
    else:
        assert problem.facts.L is None and problem.facts.mu is None
        assert np.max(curvatures) > 100 * abs(np.min(np.abs(curvatures)))


def test_R_is_the_distance_of_the_start(problem):
    assert problem.facts.R == sqrt(sum((problem.x0 - problem.minimizer) ** 2))


def test_starts_and_values_from_the_textbook():
    assert parabola().x0.tolist() == [5.0] and parabola().fun([5.0]) == 10.0
    assert bowl().x0.tolist() == [-2.0, -1.0] and bowl().fun([-2.0, -1.0]) == 27.0
    assert rosenbrock().x0.tolist() == [-1.0, 1.0] and rosenbrock().fun([-1.0, 1.0]) == 4.0
    assert rosenbrock(dim=5).x0.tolist() == [-1.0, 1.0, -1.0, 1.0, -1.0]
    assert rosenbrock(start=(-1.2, 1.0)).fun([-1.2, 1.0]) == pytest.approx(24.2)
    assert beale().x0.tolist() == [1.0, 1.0] and beale().fun([3.0, 3.0]) == 7245.703125
    assert beale(start=(3, 3)).x0.tolist() == [3.0, 3.0]
    for problem in (rosenbrock(dim=3), beale()):
        assert all(len(x) == len(problem.x0) for x in problem.starts.values())


def test_quadratic_has_the_spectrum_it_declares():
    problem = quadratic(kappa=1e4, dim=5, mu=2.0, rotation=7)
    hessian = np.array([problem.gradient(problem.minimizer + e) for e in np.eye(5)])
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-9)
    np.testing.assert_allclose(np.linalg.eigvalsh(hessian), [2, 20, 200, 2000, 20000], rtol=1e-9)
    assert np.abs(hessian - np.diag(np.diag(hessian))).max() > 1, "rotated"
    _, vectors = np.linalg.eigh(hessian)
    np.testing.assert_allclose(np.abs(vectors.T @ (problem.x0 - problem.minimizer)), 1, rtol=1e-8)
    assert problem.facts.kappa == pytest.approx(1e4)


def test_objective_holds_one_vector_and_measures_it():
    objective = bowl().start(seed=0)
    x = objective.tensors["x"]
    assert x.dtype == np.float64 and objective.samples == 1
    value, gradients = objective.value_and_gradient()
    assert value == 27.0 and gradients["x"].tolist() == [-6.0, -12.0]
    assert objective.measure() == {"value": 27.0, "distance": sqrt(18)}
    x[:] = [1.0, 2.0]
    assert objective.value() == 0.0 and objective.measure(final=True) == {"value": 0.0, "distance": 0.0}
    assert bowl().start(seed=0).tensors["x"].tolist() == [-2.0, -1.0]


def test_seed_moves_only_a_perturbed_start():
    assert all((beale().start(seed).tensors["x"] == [1, 1]).all() for seed in (0, 1, 2**63 - 1))
    problem = beale(perturbation=0.1)
    first, again, other = (problem.start(seed).tensors["x"] for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).all() and np.abs(first - 1).max() < 0.5
    assert problem.facts.R is None


def test_gradient_shares_no_memory_with_the_point():
    problem = FunctionProblem("half", lambda x: x @ x / 2, lambda x: x, start=[1.0, 2.0])
    objective = problem.start(seed=0)
    gradient = objective.value_and_gradient().gradients["x"]
    objective.tensors["x"][:] = 0
    assert gradient.tolist() == [1.0, 2.0]


def sphere(**changes):
    arguments = {"name": "sphere", "fun": lambda x: x @ x, "gradient": lambda x: 2 * x, "start": [1.0, 2.0]} | changes
    return FunctionProblem(**arguments)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"name": ""}, InputError, "FunctionProblem: name must be a string that is not empty, got ''"),
        ({"fun": 3}, InputTypeError, "sphere: fun must be a function, got int"),
        ({"gradient": None}, InputTypeError, "sphere: gradient must be a function, got NoneType"),
        ({"start": [[1.0]]}, InputError, r"sphere: start must be a vector, got shape \(1, 1\)"),
        ({"start": []}, InputError, r"sphere: start must be a vector, got shape \(0,\)"),
        ({"start": [1.0, nan]}, InputError, r"sphere: start must be finite, got \[1.0, nan\]"),
        ({"start": "here"}, InputTypeError, "sphere: start must be a vector of numbers, got 'here'"),
        ({"minimizer": [0.0]}, InputError, r"sphere: minimizer must be a vector of length 2, got shape \(1,\)"),
        ({"domain": (1.0, 1.0)}, InputError, r"sphere: domain must be \(low, high\) with low < high"),
        ({"region": 3.0}, InputError, r"sphere: region must be \(low, high\) with low < high, got 3.0"),
        ({"hessian": 2.0}, InputTypeError, "sphere: hessian must be a function, got float"),
        ({"residuals": lambda x: x}, InputError, "sphere: residuals and jacobian must be given together"),
        (
            {"minima": [Minimum(1.0), Minimum(0.0)]},
            InputError,
            r"minima must begin with a global one, got .*\[1.0, 0.0\]",
        ),
        ({"minima": [Minimum(0.0, (0.0,))]}, InputError, r"minima\[0\].x must be a vector of length 2"),
        (
            {"minima": [Minimum(0.0)], "minimizer": [0.0, 0.0]},
            InputError,
            "minimizer must be left out where minima are",
        ),
        ({"perturbation": -1.0}, InputError, r"sphere: perturbation must be in \[0, inf\), got -1.0"),
        ({"starts": {"b": [1.0]}}, InputError, r"sphere: starts\['b'\] must be a vector of length 2"),
    ],
)
def test_bad_arguments_are_refused(changes, error, text):
    with pytest.raises(error, match=text):
        sphere(**changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"fun": lambda x: x}, r"sphere: fun must return one number, got an array of shape \(2,\)"),
        ({"fun": lambda x: "a"}, "sphere: fun must return one number, got str"),
        ({"fun": lambda x: inf}, "sphere: fun must be finite at the start, got inf"),
        ({"fun": lambda x: x[5]}, "sphere: fun raised IndexError: index 5 is out of bounds"),
        ({"gradient": lambda x: 1.0}, r"sphere: gradient must return shape \(2,\), got \(\)"),
        ({"hessian": lambda x: x}, r"sphere: hessian must return shape \(2, 2\), got \(2,\)"),
        (
            {"residuals": lambda x: x[0], "jacobian": lambda x: x},
            r"sphere: residuals must return shape \(m,\), got \(\)",
        ),
        (
            {"residuals": lambda x: x, "jacobian": lambda x: x},
            r"sphere: jacobian must return shape \(m, 2\), got \(2,\)",
        ),
        ({"gradient": lambda x: x * nan}, r"sphere: gradient must be finite at the start, got \[nan nan\]"),
    ],
)
def test_check_tries_the_function(changes, text):
    with pytest.raises(ProblemError, match=text):
        sphere(**changes).check()
    sphere().check()


def test_start_refuses_other_devices_and_seeds():
    with pytest.raises(InputError, match="sphere: device must be 'cpu' for a function of a NumPy vector, got 'cuda'"):
        sphere().start(0, device="cuda")
    for seed in (-1, 0.5, 2**63, True):
        with pytest.raises(InputError, match="sphere: seed must be a whole number in"):
            sphere().start(seed)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"kappa": 0.5}, r"quadratic: kappa must be in \[1, inf\), got 0.5"),
        ({"kappa": inf}, r"quadratic: kappa must be in"),
        ({"dim": 0}, r"quadratic: dim must be a whole number in \[1, inf\), got 0"),
        ({"dim": 1}, r"quadratic: dim must be in \[2, inf\) where kappa > 1, got 1 with kappa 10"),
        ({"mu": 0.0}, r"quadratic: mu must be in \(0, inf\), got 0.0"),
        ({"rotation": -1}, "quadratic: rotation must be a whole number"),
        ({"start": [1.0]}, "quadratic: minimizer must be a vector of length 1"),
    ],
)
def test_quadratic_refuses_what_it_cannot_be(arguments, text):
    with pytest.raises(InputError, match=text):
        quadratic(**arguments)


def test_fingerprint_tells_problems_apart():
    same = [quadratic().fingerprint(), quadratic().fingerprint()]
    others = [
        quadratic(kappa=11.0),
        quadratic(dim=9),
        quadratic(mu=2.0),
        quadratic(rotation=1),
        quadratic(rotation=None),
        quadratic(start=np.zeros(10)),
        quadratic(perturbation=0.1),
        *(make() for name, make in CASES.items() if name != "quadratic"),
    ]
    assert same[0] == same[1]
    assert len({same[0], *(problem.fingerprint() for problem in others)}) == 1 + len(others)


def test_derivatives_that_are_not_given_are_none():
    assert all(getattr(sphere(), name) is None for name in ("hessian", "hessian_vector", "residuals", "jacobian"))
    with_hessian = sphere(hessian=lambda x: 2 * np.eye(2))
    np.testing.assert_array_equal(with_hessian.hessian_vector([1.0, 2.0], [3.0, -1.0]), [6.0, -2.0])
    with_product = sphere(hessian_vector=lambda x, v: 2 * v)
    assert with_product.hessian is None and with_product.hessian_vector([1.0, 2.0], [3.0, 0.0]).tolist() == [6.0, 0.0]
    with pytest.raises(ProblemError, match=r"sphere: hessian_vector must return shape \(2,\), got \(1,\)"):
        sphere(hessian_vector=lambda x, v: v[:1]).hessian_vector([1.0, 2.0], [3.0, 0.0])


def test_the_nearest_of_several_minimizers_counts():
    minima = [Minimum(0.0, (0.0, 0.0)), Minimum(0.0, (5.0, 0.0)), Minimum(0.0, None), Minimum(1.0, (1.0, 2.0), "local")]
    problem = sphere(minima=minima, start=[4.0, 0.0])
    assert problem.facts.R == 1.0 and problem.minimizer.tolist() == [0.0, 0.0] and problem.minima == tuple(minima)
    assert problem.start(0).measure()["distance"] == 1.0


def test_large_problems_are_checked_without_matrices():
    problem = rosenbrock(dim=100_000)
    problem.check()
    v = np.ones(100_000)
    assert problem.hessian_vector(problem.x0, v).shape == (100_000,)


def test_declared_facts_are_kept():
    facts = ProblemFacts("convex", L=2.0, R=9.0, f_star=-1.0, source="a reference")
    assert sphere(facts=facts, minimizer=[0.0, 0.0]).facts == facts
