"""Each direction against its definition."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess

from steepest import minimize
from steepest.methods import (
    BFGS,
    LBFGS,
    SR1,
    Armijo,
    Constant,
    Exact,
    GaussNewton,
    HagerZhang,
    Newton,
    NewtonCG,
    NonlinearCG,
    Preconditioner,
    SteepestDescent,
    StrongWolfe,
    TrustRegion,
)
from steepest.methods.directions.curvature import enough_curvature
from steepest.methods.directions.lbfgs import direct_product, empty, remember
from steepest.methods.linear_algebra import cholesky, modified_cholesky
from steepest.methods.method import Point, Walk

RANDOM = np.random.default_rng(3)


def quadratic(n, kappa=50.0, seed=0):
    """½ xᵀAx − bᵀx with its gradient and minimizer."""
    random = np.random.default_rng(seed)
    Q = np.linalg.qr(random.standard_normal((n, n)))[0]
    A = Q @ np.diag(np.geomspace(1.0, kappa, n)) @ Q.T
    A = 0.5 * (A + A.T)
    b = random.standard_normal(n)
    return A, b, (lambda x: 0.5 * x @ A @ x - b @ x), (lambda x: A @ x - b), np.linalg.solve(A, b)


def pairs(n, count, seed=0):
    """Pairs (s, y) of a positive definite matrix."""
    random = np.random.default_rng(seed)
    A = quadratic(n, seed=seed)[0]
    steps = random.standard_normal((count, n))
    return [(s, A @ s) for s in steps]


def inverse_update(H, s, y):
    """The BFGS update as the definition has it, with whole matrices."""
    rho = 1.0 / (s @ y)
    V = np.eye(len(s)) - rho * np.outer(s, y)
    return V @ H @ V.T + rho * np.outer(s, s)


def symmetric(lower):
    return np.tril(lower) + np.tril(lower, -1).T


def taught(direction, taught_pairs, x):
    own = direction.begin(Point(x, 0.0, x))
    for s, y in taught_pairs:
        direction.learn(own, Point(x, 0.0, x), Point(x + s, 0.0, x + y), s, y)
    return own


def test_bfgs_update_is_the_formula_with_inverse_matrices():
    n = 6
    data = pairs(n, 9)
    own = taught(BFGS(), data, np.zeros(n))
    s, y = data[0]
    H = np.eye(n) * (s @ y) / (y @ y)
    for s, y in data:
        H = inverse_update(H, s, y)
    np.testing.assert_allclose(symmetric(own.H), H, rtol=1e-10, atol=1e-12)


def test_bfgs_in_a_trust_region_keeps_the_inverse_of_the_same_matrix():
    n = 6
    data = pairs(n, 9)
    inverse = symmetric(taught(BFGS(), data, np.zeros(n)).H)
    direct = symmetric(taught(BFGS(TrustRegion("exact")), data, np.zeros(n)).B)
    np.testing.assert_allclose(direct @ inverse, np.eye(n), atol=1e-8)


def two_loop(data, g, gamma):
    """Nocedal and Wright's Algorithm 7.4, loop by loop."""
    q = g.copy()
    alphas = []
    for s, y in reversed(data):
        alpha = (s @ q) / (s @ y)
        alphas.append(alpha)
        q = q - alpha * y
    r = gamma * q
    for (s, y), alpha in zip(data, reversed(alphas), strict=True):
        r = r + s * (alpha - (y @ r) / (s @ y))
    return r


@pytest.mark.parametrize("memory", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 18, 61])
def test_lbfgs_is_the_two_loop_recursion(memory, count):
    n = 8
    data = pairs(n, count, seed=count)
    direction = LBFGS(memory=memory)
    own = taught(direction, data, np.zeros(n))
    g = RANDOM.standard_normal(n)
    kept = data[-memory:]
    s, y = kept[-1]
    wanted = two_loop(kept, g, (s @ y) / (y @ y))
    found = direction.along(None, Walk(Point(np.zeros(n), 0.0, g), own, None))
    np.testing.assert_allclose(found, -wanted, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_the_compact_forms_are_the_direct_matrix(count):
    from steepest.methods.bounded.compact import Compact

    n, m = 7, 4
    data = pairs(n, count, seed=count)
    memory = empty(m, np.zeros(n), with_SS=True)
    for s, y in data:
        remember(memory, s, y, (s @ y) / (y @ y), with_SS=True)
    kept = data[-m:]
    s, y = kept[-1]
    B = np.eye(n) * (y @ y) / (s @ y)
    for s, y in kept:
        Bs = B @ s
        B = B - np.outer(Bs, Bs) / (s @ Bs) + np.outer(y, y) / (s @ y)
    compact = Compact.of(memory)
    v = RANDOM.standard_normal(n)
    np.testing.assert_allclose(direct_product(memory)(v), B @ v, rtol=1e-8)
    np.testing.assert_allclose(compact.theta * v - compact.tall(compact.M @ compact.wide(v)), B @ v, rtol=1e-8)


@pytest.mark.parametrize("n", [2, 5, 9])
@pytest.mark.parametrize(
    "direction",
    [BFGS(Exact()), *[NonlinearCG(form, Exact()) for form in ("FR", "PR+", "HS", "DY", "HZ")]],
    ids=lambda d: f"{d.name}-{getattr(d, 'form', '')}",
)
def test_exact_steps_on_a_quadratic_end_in_n_steps(direction, n):
    _, _, f, g, solution = quadratic(n)
    result = minimize(f, np.zeros(n), jac=g, method=direction, tol=1e-9)
    assert result.success, result.message
    assert result.nit <= n
    np.testing.assert_allclose(result.x, solution, atol=1e-8)


def test_lbfgs_with_room_for_all_pairs_takes_the_steps_of_conjugate_gradients():
    n = 7
    _, _, f, g, _ = quadratic(n)
    paths = []
    for direction in (LBFGS(memory=n, step_size=Exact()), NonlinearCG("FR", Exact()), BFGS(Exact())):
        points = []
        result = minimize(f, np.ones(n), jac=g, method=direction, tol=1e-7, callback=lambda r, p=points: p.append(r.x))
        assert result.nit <= n
        paths.append(points)
    for one, two, three in zip(*paths, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-7)
        np.testing.assert_allclose(one, three, atol=1e-7)


def test_sr1_finds_the_hessian_of_a_quadratic():
    n = 5
    A = np.diag([3.0, -1.0, 0.5, 7.0, -4.0])
    direction = SR1()
    own = taught(direction, [(s, A @ s) for s in np.random.default_rng(1).standard_normal((n, n))], np.zeros(n))
    np.testing.assert_allclose(own.B, A, atol=1e-8)
    assert own.skipped == 0


def test_sr1_leaves_out_a_pair_that_would_divide_by_nothing():
    direction = SR1()
    own = taught(direction, [(np.array([1.0, 0.0]), np.array([1.0, 0.0]))], np.zeros(2))
    before = own.B.copy()
    s = np.array([1.0, 1.0])
    direction.learn(own, Point(s, 0.0, s), Point(s, 0.0, s), s, own.B @ s + np.array([1.0, -1.0]))
    np.testing.assert_array_equal(own.B, before)
    assert own.skipped == 1 or own.skipped == 2


@pytest.mark.parametrize("map_", [np.diag([1.0, 100.0]), np.array([[2.0, 1.0], [-1.0, 3.0]])])
def test_newton_is_invariant_under_linear_maps(map_):
    """Newton on f(Ay) from A⁻¹x0 visits A⁻¹ of the points that it visits on f from x0."""
    start = np.array([-1.2, 1.0])
    runs = []
    for A in (np.eye(2), map_):
        points = []
        minimize(
            lambda y, A=A: rosen(A @ y),
            np.linalg.solve(A, start),
            jac=lambda y, A=A: A.T @ rosen_der(A @ y),
            hess=lambda y, A=A: A.T @ rosen_hess(A @ y) @ A,
            method=Newton(Armijo()),
            callback=lambda r, A=A, p=points: p.append(A @ r.x),
            options={"gtol": 1e-8, "maxiter": 12},
        )
        runs.append(points)
    for plain, mapped in zip(*runs, strict=False):
        np.testing.assert_allclose(plain, mapped, atol=1e-6)


def test_newton_doubles_the_digits():
    gaps = []
    minimize(
        rosen,
        [1.05, 1.1],
        jac=rosen_der,
        hess=rosen_hess,
        method=Newton(Constant(1.0)),
        callback=lambda r: gaps.append(np.linalg.norm(r.x - 1.0)),
        options={"gtol": 1e-14, "maxiter": 8},
    )
    gaps = [gap for gap in gaps if gap > 1e-13]
    assert all(after < 10 * before**2 or after < 1e-12 for before, after in pairwise(gaps[1:]))


def test_pure_newton_goes_to_a_maximum_and_the_modified_one_does_not():
    f, g, h = (lambda x: np.cos(x[0])), (lambda x: [-np.sin(x[0])]), (lambda x: [[-np.cos(x[0])]])
    found = minimize(f, [0.3], jac=g, hess=h, method=Newton())
    assert found.fun == pytest.approx(-1.0)
    region = minimize(f, [0.3], jac=g, hess=h, method=Newton(TrustRegion("exact")))
    assert region.fun == pytest.approx(-1.0)


def test_modified_cholesky_is_cholesky_where_that_exists():
    A = quadratic(6)[0]
    np.testing.assert_allclose(modified_cholesky(A), np.linalg.cholesky(A), rtol=1e-12, atol=1e-14)
    assert cholesky(-A) is None


@pytest.mark.parametrize("seed", range(5))
def test_modified_cholesky_gives_a_bounded_positive_definite_matrix(seed):
    random = np.random.default_rng(seed)
    A = random.standard_normal((5, 5))
    A = A + A.T
    L = modified_cholesky(A)
    assert np.allclose(L, np.tril(L))
    values = np.linalg.eigvalsh(L @ L.T)
    np.testing.assert_allclose(values, np.sort(np.abs(np.linalg.eigvalsh(A))), rtol=1e-8)
    g = random.standard_normal(5)
    assert g @ -np.linalg.solve(L @ L.T, g) < 0


def test_modified_cholesky_of_zeros_and_of_one_flat_direction():
    np.testing.assert_allclose(modified_cholesky(np.zeros((3, 3))), np.eye(3))
    flat = modified_cholesky(np.diag([1.0, 0.0]))
    assert np.linalg.cond(flat @ flat.T) < 1e9


def test_newton_cg_solves_newton_s_equation_with_products_alone():
    A, _, f, g, solution = quadratic(6)
    counted = []
    result = minimize(f, np.zeros(6), jac=g, hessp=lambda x, p: counted.append(0) or A @ p, method=NewtonCG(), tol=1e-8)
    np.testing.assert_allclose(result.x, solution, atol=1e-6)
    assert result.nhev == len(counted) > 0


def test_newton_cg_leaves_a_region_of_negative_curvature():
    result = minimize(
        lambda x: x[0] ** 4 / 4 - x[0] ** 2 / 2 + x[1] ** 2,
        [0.1, 0.5],
        jac=lambda x: [x[0] ** 3 - x[0], 2 * x[1]],
        hessp=lambda x, p: [(3 * x[0] ** 2 - 1) * p[0], 2 * p[1]],
        method=NewtonCG(),
    )
    assert result.success
    np.testing.assert_allclose(np.abs(result.x), [1.0, 0.0], atol=1e-4)


@pytest.mark.parametrize("form", ["FR", "PR+", "HS", "DY", "HZ"])
def test_cg_beta_is_the_formula(form):
    n = 4
    random = np.random.default_rng(5)
    before, after, d = (random.standard_normal(n) for _ in range(3))
    y = after - before
    square = before @ before
    beta = {
        "FR": after @ after / square,
        "PR+": max(0.0, after @ y / square),
        "HS": after @ y / (d @ y),
        "DY": after @ after / (d @ y),
        "HZ": max(
            (y - 2 * d * (y @ y) / (d @ y)) @ after / (d @ y),
            -1 / (np.linalg.norm(d) * min(0.01, np.linalg.norm(before))),
        ),
    }[form]
    direction = NonlinearCG(form)
    own = direction.begin(Point(before, 0.0, before))
    own.d, own.g, own.z = d, before, before
    found = direction.along(None, Walk(Point(after, 0.0, after), own, None))
    assert own.beta == pytest.approx(beta)
    wanted = beta * d - after
    np.testing.assert_allclose(found, wanted if wanted @ after < 0 else -after)


@pytest.mark.parametrize("method", ["SteepestDescent", "LBFGS", "NonlinearCG", "NewtonCG"])
@pytest.mark.parametrize("kind", ["diagonal", "matrix", "function"])
def test_a_perfect_preconditioner_is_newton_s_method(method, kind):
    from steepest import methods

    n = 5
    A = np.diag(np.geomspace(1.0, 1e4, n))
    made = {
        "diagonal": Preconditioner.diagonal(np.diag(A)),
        "matrix": Preconditioner.matrix(A),
        "function": Preconditioner.function(lambda g, x: g / np.diag(A)),
    }[kind]
    direction = getattr(methods, method)(step_size=StrongWolfe(c2=0.1), preconditioner=made)
    products = {"hessp": lambda x, p: A @ p} if method == "NewtonCG" else {}
    solved = minimize(
        lambda x: 0.5 * x @ A @ x - x.sum(),
        np.zeros(n),
        jac=lambda x: A @ x - 1,
        method=direction,
        tol=1e-9,
        **products,
    )
    assert solved.success
    assert solved.nit <= 3
    np.testing.assert_allclose(solved.x, 1 / np.diag(A), atol=1e-9)


def test_gauss_newton_solves_a_linear_problem_in_one_step():
    random = np.random.default_rng(2)
    A, b = random.standard_normal((8, 3)), random.standard_normal(8)
    result = minimize(lambda x: A @ x - b, np.zeros(3), jac=lambda x: A, method=GaussNewton(), tol=1e-10)
    assert result.nit == 1
    np.testing.assert_allclose(result.x, np.linalg.lstsq(A, b)[0])
    np.testing.assert_allclose(result.residuals, A @ result.x - b)
    assert result.fun == pytest.approx(0.5 * np.sum((A @ result.x - b) ** 2))


def test_gauss_newton_takes_the_shortest_step_of_a_jacobian_without_full_rank():
    A, b = np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([1.0, 2.0])
    result = minimize(lambda x: A @ x - b, np.zeros(2), jac=lambda x: A, method=GaussNewton(), tol=1e-10)
    assert result.success
    np.testing.assert_allclose(result.x, [0.5, 0.5])


def test_curvature_has_a_threshold_that_does_not_depend_on_units():
    s = np.array([1e-100, 0.0])
    y = np.array([1e-100, 0.0])
    assert enough_curvature(float(s @ y), s, float(y @ y))
    assert not enough_curvature(-1.0, np.ones(1), 1.0)
    assert not enough_curvature(1e-13, np.array([1.0]), 1.0)


@pytest.mark.parametrize(
    "method",
    [
        BFGS(),
        LBFGS(),
        BFGS(HagerZhang()),
        NonlinearCG("HZ", HagerZhang()),
        SR1(),
        Newton(),
        NewtonCG(),
        Newton(TrustRegion("exact")),
        Newton(TrustRegion("steihaug")),
        NewtonCG(TrustRegion("steihaug")),
        BFGS(TrustRegion("dogleg")),
        LBFGS(step_size=TrustRegion("steihaug")),
        LBFGS(step_size=Armijo()),
        SteepestDescent(HagerZhang()),
    ],
    ids=lambda m: f"{m.name}-{m.step_size.name}",
)
def test_every_method_solves_an_ill_conditioned_quadratic_and_wood_s_function(method):
    A, _, f, g, solution = quadratic(5, kappa=100.0)
    kwargs = {"hess": lambda x: A} if "Newton" in method.name else {}
    result = minimize(f, np.ones(5), jac=g, method=method, tol=1e-6, options={"maxiter": 3000}, **kwargs)
    assert result.success, result.message
    np.testing.assert_allclose(result.x, solution, atol=1e-5)
