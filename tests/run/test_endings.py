"""How runs end: at the limit of precision, at a saddle, by a wrong gradient of any library; and no run goes on idly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from scipy.optimize import rosen, rosen_der

from steepest import problems, rules
from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.core.status import Status
from steepest.methods import (
    BFGS,
    LBFGS,
    SR1,
    Armijo,
    Constant,
    HagerZhang,
    Newton,
    NewtonCG,
    NonlinearCG,
    SteepestDescent,
    TrustRegion,
)
from steepest.run.curvature_at_end import least_curvature
from steepest.run.minimize import minimize

TIGHT = {"gtol": 1e-12, "maxiter": 20_000, "maxfun": 20_000}


def ended(name, start, method, options=TIGHT):
    problem = problems.get(name)
    given = {"jac": problem.gradient, "hess": problem.hessian}
    return minimize(problem.fun, problem.starts[start], method=method, options=options, **given)


@pytest.mark.parametrize("name", ["mgh-linear-rank-1", "mgh-linear-rank-1-zero", "mgh-watson", "mgh-brown-dennis"])
@pytest.mark.parametrize(
    "method",
    [
        BFGS(),
        LBFGS(),
        BFGS(Armijo()),
        Newton(Armijo()),
        BFGS(HagerZhang()),
        NonlinearCG("HZ", step_size=HagerZhang()),
        Newton(TrustRegion("exact")),
        NewtonCG(TrustRegion("steihaug")),
    ],
    ids=lambda method: f"{method.name}-{method.step_size.name}",
)
def test_rounding_ends_a_run_and_is_called_by_its_name(name, method):
    """Their f is far from zero at the minimum, or made of large terms: no gradient of 1e-12 can be reached."""
    for start in ("standard",) if isinstance(method.step_size, Armijo) else ("standard", "×100"):
        result = ended(name, start, method)
        assert result.status in {Status.PRECISION_LIMIT, Status.CONVERGED}, (start, result.message)
        assert result.nfev < 10_000


def test_a_slow_run_is_not_taken_for_one_that_has_stalled():
    """f moves by less than rounding a step, but the gradient falls; and a way off a saddle, where it rises."""
    slow = minimize(
        lambda x: 1.0 + 0.5e-9 * float(x @ x),
        [1.0],
        jac=lambda x: 1e-9 * x,
        method=rules.sgd(lr=1e6),
        options={"gtol": 1e-11, "maxiter": 10_000},
    )
    assert slow.success and slow.nit > 4_000
    off = minimize(
        lambda x: 1.0 + float(x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4),
        [0.0, 1e-12],
        jac=lambda x: np.array([2 * x[0], -2 * x[1] + x[1] ** 3]),
        method=rules.sgd(lr=0.01),
        options={"gtol": 1e-13, "maxiter": 3_000},
    )
    assert abs(off.x[1]) == pytest.approx(np.sqrt(2), abs=1e-6)


def test_a_run_that_goes_round_in_circles_ends():
    """Two points in turn, with f and its gradient the same: neither falls, and the run has no more to find."""
    result = minimize(
        lambda x: float(abs(x[0])),
        [0.5],
        jac=lambda x: np.sign(x),
        method=SteepestDescent(Constant(1.0)),
        options={"maxiter": 10_000},
    )
    assert result.status is Status.PRECISION_LIMIT and result.nit == 20


@pytest.mark.parametrize("start", ["×10", "×100"])
def test_bfgs_goes_on_from_the_identity_where_its_matrix_has_become_too_small(start):
    """Meyer's exponentials: γ = sᵀy/yᵀy is the inverse of the steepest curvature, by which all else stands still."""
    result = ended("mgh-meyer", start, BFGS(), {"gtol": 1e-12, "maxiter": 6_000})
    assert result.fun < {"×10": 706_000.0, "×100": 1e9}[start], result.message


@pytest.mark.parametrize("method", [NonlinearCG("HZ", step_size=HagerZhang()), NonlinearCG(step_size=HagerZhang())])
def test_hager_zhang_asks_no_more_than_the_strong_wolfe_search(method):
    """Gulf's and Box's functions, whose first trials were far too short, and Beale's."""
    for name, most in (("mgh-gulf", 1_500), ("mgh-box", 400), ("mgh-beale", 120)):
        result = ended(name, "standard", method, {"gtol": 1e-6, "maxiter": 20_000})
        assert result.nfev + result.njev <= most, (name, result.nfev, result.njev)
        assert result.njev < result.nfev


def test_a_trial_that_is_too_high_is_not_asked_for_its_gradient():
    asked = []
    result = minimize(
        rosen,
        [-1.2, 1.0],
        jac=lambda x: asked.append(rosen(x)) or rosen_der(x),
        method=NonlinearCG("HZ", step_size=HagerZhang(epsilon=0.0)),
        options={"curvature": False},
    )
    values = result.trace.steps["value"]
    assert result.success and max(asked[1:]) <= values[0]


def test_levenberg_marquardt_at_a_residual_of_zero():
    """Solved to the last bit: rounding of the residuals hides what is left, and the Jacobian is not to blame."""
    problem = problems.get("mgh-powell-badly-scaled")
    result = minimize(problem.residuals, problem.x0, jac=problem.jacobian, method="lm", tol=1e-14)
    assert result.fun < 1e-30
    assert result.status in {Status.PRECISION_LIMIT, Status.CONVERGED}, result.message


def test_levenberg_marquardt_does_not_fall_into_the_saddle_of_brown_s_function():
    problem = problems.get("mgh-brown-almost-linear")
    result = minimize(problem.residuals, problem.x0, jac=problem.jacobian, method="lm", tol=1e-10)
    assert result.fun < 1e-20


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("mgh-brown-almost-linear", "standard"),
        ("mgh-brown-badly-scaled", "standard"),
        ("mgh-powell-badly-scaled", "×10"),
        ("mgh-kowalik-osborne", "standard"),
    ],
)
def test_levenberg_marquardt_does_not_depend_on_units_and_where_zero_is(name, start):
    """The first radius is measured from the start: powers of two as units and another origin change nothing."""
    problem = problems.get(name)
    x0 = problem.starts[start]
    index = np.arange(len(x0))
    shift, unit = 64.0 * (-1.0) ** index * (1 + index % 3), 2.0 ** (index % 5 - 2)
    plain = minimize(problem.residuals, x0, jac=problem.jacobian, method="lm", options={"maxiter": 5})
    moved = minimize(
        lambda y: problem.residuals((y - shift) / unit),
        x0 * unit + shift,
        jac=lambda y: problem.jacobian((y - shift) / unit) / unit,
        method="lm",
        options={"maxiter": 5, "gtol": 0.0},
    )
    n = min(plain.nit, moved.nit, 4) + 1
    expected = plain.trace.steps["value"][:n]
    np.testing.assert_allclose(moved.trace.steps["value"][:n], expected, rtol=1e-5, atol=1e-11)


def test_a_trust_region_has_no_bound_in_the_units_of_x():
    """The minimum is 1e6 away: tens of steps, not thousands; and a bound on Δ is a bound."""
    assert TrustRegion().largest is None
    for method in (Newton(TrustRegion("exact")), NewtonCG(TrustRegion("steihaug"))):
        result = ended("mgh-brown-badly-scaled", "standard", method)
        assert result.success and result.nfev < 100
    bounded = ended("mgh-brown-badly-scaled", "standard", Newton(TrustRegion("exact", largest=1000.0)))
    assert bounded.nfev > 900


# Wrong gradients


class Wrong(torch.autograd.Function):
    """The square, with the derivative's sign turned round."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return -2 * x * g


@jax.custom_vjp
def wrong(x):
    return x**2


wrong.defvjp(lambda x: (x**2, x), lambda x, g: (-2 * x * g,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", [None, BFGS(), SteepestDescent(), Newton()], ids=str)
def test_a_wrong_gradient_of_torch_is_said_with_its_coordinate(method, dtype):
    start = torch.tensor([1.0, 2.0], dtype=dtype)
    result = minimize(lambda x: x[0] ** 2 + Wrong.apply(x[1]), start, method=method)
    assert result.status is Status.WRONG_GRADIENT and not result.success, result.message
    assert "along x[1], the automatic (torch) derivative says -4" in result.message
    cut = minimize(lambda x: x[0] ** 2 + (x[1].detach() - 3) ** 2 + 0.1 * x[1], start, method=method)
    assert cut.status is Status.WRONG_GRADIENT and "along x[1]" in cut.message


def test_a_wrong_gradient_of_a_module_and_of_jax():
    module = torch.nn.Linear(2, 1)
    result = minimize(lambda m: (m.weight**2).sum() + Wrong.apply(m.bias).sum(), module)
    assert result.status is Status.WRONG_GRADIENT and "along bias[0]" in result.message
    result = minimize(lambda x: x[0] ** 2 + wrong(x[1]), jnp.array([1.0, 2.0]))
    assert result.status is Status.WRONG_GRADIENT
    assert "along x[1], the automatic (jax) derivative says -4" in result.message


def test_rounding_is_not_called_a_wrong_gradient():
    """x has 11 digits before the point, and f = 6 is what is left of terms that cancel."""
    problem = problems.get("mgh-linear-rank-1-zero")
    given = {"jac": problem.gradient, "hessp": problem.hessian_vector}
    result = minimize(problem.fun, problem.x0, method=NewtonCG(), options={"gtol": 1e-12}, **given)
    assert np.abs(result.x).max() > 1e9
    assert result.status is not Status.WRONG_GRADIENT, result.message


def test_a_kink_of_torch_is_not_called_a_wrong_gradient():
    result = minimize(lambda x: x[0].abs() + (x[1] - 1) ** 2, torch.tensor([1.0, 0.5], dtype=torch.float64))
    assert result.status is not Status.WRONG_GRADIENT, result.message


# Saddles


def saddle(x):
    return x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4


def saddle_der(x):
    return np.array([2 * x[0], -2 * x[1] + x[1] ** 3])


@pytest.mark.parametrize(
    "method",
    [BFGS(), LBFGS(), NonlinearCG(), Newton(Constant(1.0)), SR1(), SteepestDescent(), rules.sgd(lr=0.1)],
    ids=str,
)
def test_a_saddle_as_the_end_is_no_success(method):
    """The start is on the axis along which f falls to the saddle: no gradient on the way leaves it."""
    result = minimize(saddle, [1.0, 0.0], jac=saddle_der, method=method)
    assert result.status is Status.SADDLE and not result.success, result.message
    assert result.nit > 0 and "curvature along" in result.message
    unlooked = minimize(saddle, [1.0, 0.0], jac=saddle_der, method=method, options={"curvature": False})
    assert unlooked.success and unlooked.nit == result.nit
    np.testing.assert_array_equal(unlooked.x, result.x)


@pytest.mark.parametrize("start", [[1.0, 0.0], [0.0, 0.0]])
def test_a_saddle_for_every_library(start):
    for x0 in (np.array(start), torch.tensor(start), torch.tensor(start, dtype=torch.float64), jnp.array(start)):
        result = minimize(saddle, x0)
        assert result.status is Status.SADDLE and not result.success, result.message
        assert type(result.x) is type(x0) and result.x.dtype == x0.dtype


def test_minima_are_not_called_saddles():
    for f, g, x0 in (
        (rosen, rosen_der, np.full(30, -1.0)),
        (lambda x: float(np.sum(x**4)), lambda x: 4 * x**3, np.ones(5)),
        (lambda x: 1e6 + float(np.sum(x**2)), lambda x: 2 * x, np.ones(3)),
        (lambda x: float(x[0] ** 2), lambda x: np.array([2 * x[0], 0.0]), np.ones(2)),
        (lambda x: 1e-12 * float(x @ x), lambda x: 2e-12 * x, np.ones(2)),
    ):
        for given in ({"jac": g}, {}):
            assert minimize(f, x0, options={"maxiter": 20_000}, **given).status is Status.CONVERGED
    assert minimize(lambda x: ((x - 1) ** 2).sum(), torch.zeros(40)).success
    assert minimize(lambda x: ((x - 1) ** 4).sum(), jnp.zeros(40)).success


@pytest.mark.parametrize("products", [3, 8, 12])
def test_the_least_curvature_is_the_hessian_s_least_eigenvalue(products):
    """Of an indefinite matrix with a repeated eigenvalue; all of the space gives it exactly, part of it from above."""
    random = np.random.default_rng(1)
    Q = np.linalg.qr(random.standard_normal((12, 12)))[0]
    H = Q @ np.diag([-0.5, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9.0]) @ Q.T
    x = random.standard_normal(12)
    settings = {"step": 1e-6, "eps": 2e-16}
    found = least_curvature(lambda v: v @ H @ v / 2, lambda v: H @ v, x, x @ H @ x / 2, products, **settings)
    assert found.complete == (products == 12)
    assert -0.5 - 1e-6 <= found.least <= 5.0
    assert found.direction @ H @ found.direction == pytest.approx(found.least, abs=1e-6)
    if found.complete:
        assert found.least == pytest.approx(-0.5, abs=1e-6)
        assert abs(found.direction @ Q[:, 0]) == pytest.approx(1.0, abs=1e-6)


# What a person meets


def test_numbers_in_a_structure_stay_numbers():
    start = {"a": np.zeros((2, 2)), "b": 1.0}
    result = minimize(lambda p: float(((p["a"] - 1) ** 2).sum() + p["b"] ** 2), start)
    assert result.success and result.x["b"].shape == () and result.jac["a"].shape == (2, 2)


@pytest.mark.parametrize("make", [torch.tensor, jnp.array], ids=["torch", "jax"])
def test_a_start_that_is_not_finite_is_an_error_in_every_library(make):
    with pytest.raises(InputError, match=r"x0 must be finite, got nan at x\[1\]"):
        minimize(lambda x: (x**2).sum(), make([1.0, float("nan")]))


def test_a_gradient_that_is_not_of_real_numbers_is_an_error():
    for bad, says in ((np.array([1j, 2.0]), "complex numbers"), (None, "NoneType"), (["a", "b"], "list")):
        with pytest.raises(InputTypeError, match=f"jac must (return|hold) real numbers, got {says}"):
            minimize(rosen, [0.0, 0.0], jac=lambda x, bad=bad: bad)
    nested = {"a": [1.0, 2.0]}
    with pytest.raises(InputTypeError, match=r"jac\['a'\] must hold real numbers, got complex numbers"):
        minimize(lambda p: rosen(p["a"]), nested, jac=lambda p: {"a": np.array([1j, 2.0])})


def test_a_function_with_two_values_at_one_point_is_said():
    random = np.random.default_rng(0)
    result = minimize(lambda x: float(x @ x) + 1e-3 * random.standard_normal(), [1.0, 1.0])
    assert not result.success and "fun has two values at the same x" in result.message


def test_a_kink_is_said_where_derivatives_are_differences_too():
    result = minimize(lambda x: float(np.abs(x).sum()), [1.0, 0.7])
    assert not result.success and "f has a kink or a jump at x[0]" in result.message


def test_a_wrong_gradient_within_bounds_is_said_and_fun_is_never_asked_outside():
    def inside(x):
        assert np.all(x >= 0.0) and np.all(x <= 3.0)
        return float(x @ x)

    result = minimize(inside, [1.0, 2.0], jac=lambda x: np.array([2 * x[0], -2 * x[1]]), bounds=[(0, 3)] * 2)
    assert result.status is Status.WRONG_GRADIENT and "along x[1]" in result.message
    edge = minimize(inside, [0.0, 3.0], jac=lambda x: -2 * x, bounds=[(0, 3)] * 2)
    assert not edge.success or edge.nit == 0


@pytest.mark.parametrize("method", [BFGS(), LBFGS(), NonlinearCG(), SteepestDescent()], ids=str)
def test_a_gradient_whose_square_overflows(method):
    """At the start f is e⁶²⁵, and ‖∇f‖² beyond the largest number; one step lowers f by 10²⁰⁰."""
    result = minimize(lambda x: float(np.exp(x[0] ** 4)), [5.0], method=method)
    assert result.fun < 1.01, result.message


def test_a_flat_start_is_called_flat():
    result = minimize(lambda x: float(np.floor(x[0]) ** 2), [3.7])
    assert "f is flat around it" in result.message


def test_the_switch_for_curvature_is_checked():
    with pytest.raises(HyperparameterError, match="curvature must be True or False, got 'no'"):
        minimize(rosen, [0.0, 0.0], options={"curvature": "no"})
