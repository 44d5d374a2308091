"""Subproblems of the trust region against brute force, and the region itself."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess

from steepest import minimize
from steepest.core.errors import InputError
from steepest.core.status import Status
from steepest.methods import BFGS, SR1, Newton, NewtonCG, Preconditioner, TrustRegion
from steepest.methods.matrix_model import MatrixModel, ProductModel
from steepest.methods.trust_region.cauchy import cauchy
from steepest.methods.trust_region.dogleg import dogleg, to_border
from steepest.methods.trust_region.exact import exact
from steepest.methods.trust_region.steihaug import steihaug


def random_model(seed, n=4, definite=False):
    random = np.random.default_rng(seed)
    B = random.standard_normal((n, n))
    B = B @ B.T + 0.1 * np.eye(n) if definite else B + B.T
    return random.standard_normal(n), B, float(np.exp(random.uniform(-2, 2)))


def lower(g, B, p):
    return -(g @ p) - 0.5 * p @ B @ p


def is_global(g, B, p, radius):
    """The optimality conditions of Nocedal and Wright's Theorem 4.1, with λ from the step itself."""
    residual = B @ p + g
    lam = max(0.0, -float(p @ residual) / float(p @ p))
    scale = 1 + np.linalg.norm(g)
    return (
        np.linalg.norm(residual + lam * p) <= 1e-7 * scale
        and np.linalg.eigvalsh(B)[0] + lam >= -1e-7 * scale
        and (lam <= 1e-7 * scale or abs(np.linalg.norm(p) - radius) <= 1e-8 * radius)
        and np.linalg.norm(p) <= radius * (1 + 1e-9)
    )


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("definite", [False, True])
def test_exact_meets_the_conditions_of_a_global_minimum(seed, definite):
    g, B, radius = random_model(seed, definite=definite)
    p, predicted = exact(MatrixModel(g, B), radius)
    assert is_global(g, B, p, radius)
    assert predicted == pytest.approx(lower(g, B, p))


def test_exact_where_squares_underflow():
    """A model of curvature 1e107, as SR1 makes beside a kink: the radius is then 1e-108."""
    p, predicted = exact(MatrixModel(np.array([0.0, 1.0]), np.diag([-1e107, 5e107])), 8.5e-109)
    assert np.linalg.norm(p) == pytest.approx(8.5e-109, rel=1e-6) and predicted > 0.0


@pytest.mark.parametrize("seed", range(20))
def test_steihaug_s_sum_is_the_fall_of_the_model(seed):
    for definite in (False, True):
        g, B, radius = random_model(seed, definite=definite)
        p, predicted = steihaug(ProductModel(g, lambda v, B=B: B @ v), radius)
        assert predicted == pytest.approx(lower(g, B, p), rel=1e-9)
        assert np.linalg.norm(p) <= radius * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_exact_is_the_best_of_many_points_of_the_disc(seed):
    g, B, radius = random_model(seed, n=2)
    _, predicted = exact(MatrixModel(g, B), radius)
    angles, radii = np.linspace(0, 2 * math.pi, 721), np.linspace(0, radius, 101)
    points = [r * np.array([math.cos(a), math.sin(a)]) for a in angles for r in radii]
    assert predicted >= max(lower(g, B, q) for q in points) - 1e-9


@pytest.mark.parametrize("tiny", [0.0, 1e-300, 1e-20, 1e-12])
def test_exact_solves_the_hard_case_and_what_is_close_to_it(tiny):
    B = np.diag([-2.0, 1.0, 3.0])
    g = np.array([tiny, 1.0, -1.0])
    p, predicted = exact(MatrixModel(g, B), 2.0)
    assert np.linalg.norm(p) == pytest.approx(2.0)
    best = exact(MatrixModel(np.array([1e-9, 1.0, -1.0]), B), 2.0)[1]
    assert predicted == pytest.approx(best, rel=1e-7)


def test_exact_goes_along_negative_curvature_where_the_gradient_is_zero():
    p, predicted = exact(MatrixModel(np.zeros(2), np.diag([-1.0, 2.0])), 0.5)
    np.testing.assert_allclose(np.abs(p), [0.5, 0.0])
    assert predicted == pytest.approx(0.125)


@pytest.mark.parametrize("seed", range(20))
def test_dogleg_and_steihaug_lie_between_the_cauchy_point_and_the_best(seed):
    g, B, radius = random_model(seed, definite=True)
    best = exact(MatrixModel(g, B), radius)[1]
    least = cauchy(MatrixModel(g, B), radius)[1]
    for solver in (dogleg, steihaug):
        p, predicted = solver(MatrixModel(g, B), radius)
        assert np.linalg.norm(p) <= radius * (1 + 1e-12)
        assert predicted == pytest.approx(lower(g, B, p))
        assert least * (1 - 1e-12) <= predicted <= best * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_dogleg_is_the_lowest_point_of_its_path(seed):
    g, B, radius = random_model(seed, definite=True)
    p, predicted = dogleg(MatrixModel(g, B), radius)
    newton, along = -np.linalg.solve(B, g), -(g @ g) / (g @ B @ g) * g
    path = [t * along for t in np.linspace(0, 1, 200)]
    path += [along + t * (newton - along) for t in np.linspace(0, 1, 200)]
    inside = [lower(g, B, q) for q in path if np.linalg.norm(q) <= radius]
    assert predicted >= max(inside) - 1e-12
    assert np.linalg.norm(p) == pytest.approx(min(radius, np.linalg.norm(newton)))


@pytest.mark.parametrize("seed", range(20))
def test_steihaug_falls_at_least_as_far_as_the_cauchy_point_when_the_model_is_indefinite(seed):
    g, B, radius = random_model(seed)
    model = ProductModel(g, lambda v: B @ v)
    p, predicted = steihaug(model, radius)
    assert predicted == pytest.approx(lower(g, B, p))
    assert predicted >= cauchy(model, radius)[1] * (1 - 1e-12)


def test_steihaug_solves_the_newton_equation_inside():
    g, B, _ = random_model(3, definite=True)
    p, _ = steihaug(MatrixModel(1e-3 * g, B), 1e6)
    assert np.linalg.norm(B @ p + 1e-3 * g) <= 0.5 * np.linalg.norm(1e-3 * g)


@pytest.mark.parametrize("seed", range(10))
def test_cauchy_minimizes_along_the_gradient(seed):
    g, B, radius = random_model(seed)
    _, predicted = cauchy(MatrixModel(g, B), radius)
    taus = np.linspace(0, radius / np.linalg.norm(g), 2001)
    assert predicted >= max(lower(g, B, -t * g) for t in taus) - 1e-9
    zero, none = cauchy(MatrixModel(0 * g, B), radius)
    assert not zero.any() and none == 0.0


def test_to_border_reaches_the_radius_and_does_not_cancel():
    p, d = np.array([0.3, 0.4]), np.array([1.0, -2.0])
    assert np.linalg.norm(p + to_border(p, d, 2.0) * d) == pytest.approx(2.0)
    assert to_border(np.array([1.0, 0.0]), np.array([1.0, 0.0]), 1.0 + 1e-12) == pytest.approx(1e-12, rel=1e-3)


@pytest.mark.parametrize("subproblem", ["exact", "steihaug", "dogleg"])
def test_newton_in_a_trust_region_solves_rosenbrock(subproblem):
    result = minimize(rosen, [-1.2, 1.0], jac=rosen_der, hess=rosen_hess, method=Newton(TrustRegion(subproblem)))
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)
    values = result.trace.steps["value"]
    assert np.all(np.diff(values) < 0)


def test_an_exact_trust_region_leaves_a_ridge():
    """Along a ridge the gradient shows no way down to the sides; the exact subproblem takes it all the same."""
    result = minimize(
        lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4,
        [1.0, 0.0],
        jac=lambda x: [2 * x[0], -2 * x[1] + 4 * x[1] ** 3],
        hess=lambda x: np.diag([2.0, -2 + 12 * x[1] ** 2]),
        method=Newton(TrustRegion("exact")),
    )
    assert result.success
    np.testing.assert_allclose(np.abs(result.x), [0.0, math.sqrt(0.5)], atol=1e-5)


def test_the_radius_bounds_each_step_and_refused_steps_shrink_it():
    points = [np.array([-1.2, 1.0])]
    minimize(
        rosen,
        points[0],
        jac=rosen_der,
        hess=rosen_hess,
        method=Newton(TrustRegion("exact", radius=0.05, largest=0.2)),
        callback=lambda r: points.append(r.x),
        options={"maxiter": 40},
    )
    lengths = [np.linalg.norm(b - a) for a, b in pairwise(points)]
    assert lengths[0] <= 0.05 * (1 + 1e-9)
    assert max(lengths) <= 0.2 * (1 + 1e-9)
    assert max(lengths) > 0.1


def test_sr1_learns_from_refused_trials_and_uses_indefinite_models():
    result = minimize(
        lambda x: np.cos(x[0]) + x[1] ** 2,
        [0.5, 1.0],
        jac=lambda x: [-np.sin(x[0]), 2 * x[1]],
        method=SR1(),
    )
    assert result.success
    assert result.fun == pytest.approx(-1.0)


def test_a_model_that_never_agrees_ends_the_run():
    """The Hessian and the gradient have the wrong sign: every trial goes up."""
    result = minimize(
        lambda x: float(x @ x), [1.0, 2.0], jac=lambda x: -2 * x, hess=lambda x: np.eye(2), method=Newton(TrustRegion())
    )
    assert result.status is Status.WRONG_GRADIENT
    assert "x[" in result.message
    assert not result.success


def test_pairs_with_a_trust_region():
    with pytest.raises(InputError, match="indefinite; use 'exact'"):
        SR1(TrustRegion("dogleg"))
    with pytest.raises(InputError, match="use 'steihaug'"):
        NewtonCG(TrustRegion("dogleg"))
    with pytest.raises(InputError, match="preconditioner"):
        NewtonCG(TrustRegion("steihaug"), preconditioner=Preconditioner.diagonal([1.0]))
    assert BFGS(TrustRegion("dogleg")).step_size.subproblem == "dogleg"
