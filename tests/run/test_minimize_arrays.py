"""Tensors, JAX arrays, nested parameters and modules."""

from __future__ import annotations

import numpy as np
import pytest

from steepest import minimize, rules
from steepest.core.errors import InputError, InputTypeError
from steepest.core.status import Status
from steepest.methods import (
    BFGS,
    LBFGS,
    SR1,
    Armijo,
    HagerZhang,
    LevenbergMarquardt,
    Newton,
    NewtonCG,
    NonlinearCG,
    SteepestDescent,
    TrustRegion,
)
from steepest.run.flatten import Layout

torch = pytest.importorskip("torch")


def rosenbrock(x):
    return ((1 - x[:-1]) ** 2).sum() + 100 * ((x[1:] - x[:-1] ** 2) ** 2).sum()


START = [-1.2, 1.0, -1.2, 1.0]
METHODS = [
    LBFGS(),
    NonlinearCG("HZ"),
    NewtonCG(),
    BFGS(),
    SR1(),
    Newton(TrustRegion("exact")),
    NewtonCG(TrustRegion("steihaug")),
    LBFGS(step_size=HagerZhang()),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: f"{m.name}-{m.step_size.name}")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_tensors_keep_their_dtype(method, dtype):
    seen = set()

    def f(x):
        seen.add((x.dtype, x.device))
        return rosenbrock(x)

    x0 = torch.tensor(START, dtype=dtype)
    result = minimize(f, x0, method=method, tol=1e-2 if dtype is torch.float32 else 1e-5)
    assert result.success or (dtype is torch.float32 and result.status is Status.PRECISION_LIMIT), result.message
    assert isinstance(result.x, torch.Tensor) and result.x.dtype == dtype and not result.x.requires_grad
    assert isinstance(result.jac, torch.Tensor) and result.jac.dtype == dtype
    assert seen == {(dtype, x0.device)}
    assert "automatic (torch)" in result.derivatives["jac"]
    np.testing.assert_allclose(result.x.numpy(), 1.0, atol=3e-2 if dtype is torch.float32 else 1e-4)
    np.testing.assert_array_equal(x0.numpy(), np.array(START, dtype=x0.numpy().dtype))


def test_tensors_take_the_steps_of_numpy():
    """The same bits are not promised between libraries; the same path to rounding is."""
    from scipy.optimize import rosen, rosen_der

    for method in (LBFGS(memory=3), NonlinearCG("PR+"), SteepestDescent(Armijo())):
        ours = minimize(rosen, START, jac=rosen_der, method=method, options={"maxiter": 8})
        theirs = minimize(rosenbrock, torch.tensor(START, dtype=torch.float64), method=method, options={"maxiter": 8})
        np.testing.assert_allclose(theirs.x.numpy(), ours.x, rtol=1e-9)
        assert theirs.nit == ours.nit


def test_the_default_for_tensors_is_lbfgs_and_counts_each_evaluation():
    calls = []

    def f(x):
        calls.append(0)
        return rosenbrock(x)

    result = minimize(f, torch.tensor(START))
    assert result.method.startswith("LBFGS(")
    assert result.nfev == result.njev == len(calls)


def test_a_given_gradient_of_tensors_is_used():
    result = minimize(lambda x: (x**2).sum(), torch.ones(3), jac=lambda x: 2 * x)
    assert result.success and result.derivatives["jac"] == "given"


@pytest.mark.parametrize(
    ("fun", "says"),
    [
        (lambda x: x, "must return one real number"),
        (lambda x: 3.0, "must return a PyTorch tensor"),
        (lambda x: torch.tensor(1.0), "does not depend on x"),
    ],
)
def test_functions_of_tensors_that_cannot_be(fun, says):
    with pytest.raises(InputTypeError, match=says):
        minimize(fun, torch.ones(2))


def test_a_function_that_does_not_use_every_tensor():
    result = minimize(lambda p: (p["a"] ** 2).sum(), {"a": torch.ones(2), "b": torch.ones(1)})
    assert result.success
    assert float(result.x["b"]) == 1.0


def test_nested_parameters_come_back_as_they_were():
    x0 = {"weight": np.ones((2, 3)), "more": [np.zeros(2), (np.array([5.0]), np.array(2.0))]}

    def f(p):
        assert p["weight"].shape == (2, 3) and p["more"][1][0].shape == (1,)
        return float(((p["weight"] - 2) ** 2).sum() + ((p["more"][0] + 1) ** 2).sum() + (p["more"][1][0][0] - 3) ** 2)

    result = minimize(f, x0)
    assert result.success
    np.testing.assert_allclose(result.x["weight"], 2.0, atol=1e-4)
    np.testing.assert_allclose(result.x["more"][0], -1.0, atol=1e-4)
    assert isinstance(result.x["more"][1], tuple)
    assert result.jac["weight"].shape == (2, 3)

    def g(p):
        return {"weight": 2 * (p["weight"] - 2), "more": [2 * (p["more"][0] + 1), (2 * (p["more"][1][0] - 3), 0.0)]}

    exact = minimize(f, x0, jac=g)
    assert exact.success and exact.derivatives["jac"] == "given"
    with pytest.raises(InputError, match="jac must have the form of x0"):
        minimize(f, x0, jac=lambda p: {"weight": p["weight"]})
    with pytest.raises(InputError, match=r"jac must have shape \(2, 3\) at \"\['weight'\]\""):
        minimize(f, x0, jac=lambda p: {**g(p), "weight": np.ones(3)})


def test_a_module_ends_at_the_solution():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1))
    net[0].bias.requires_grad_(False)
    frozen = net[0].bias.clone()
    X = torch.randn(40, 3)
    Y = torch.sin(X.sum(1, keepdim=True))

    def loss(model):
        return ((model(X) - Y) ** 2).mean()

    before = float(loss(net).detach())
    result = minimize(loss, net, tol=1e-4, options={"maxiter": 200})
    assert result.x is net
    assert float(loss(net).detach()) == pytest.approx(result.fun, rel=1e-6)
    assert result.fun < 0.1 * before
    assert torch.equal(net[0].bias, frozen)
    assert set(result.jac) == {"0.weight", "2.weight", "2.bias"}


@pytest.mark.parametrize(
    ("x0", "says"),
    [
        ({"a": torch.ones(2), "b": torch.ones(2, dtype=torch.float64)}, "one dtype"),
        ({"a": torch.ones(2), "b": np.ones(2)}, "one library"),
        (torch.ones(2, dtype=torch.complex64), "real numbers"),
    ],
)
def test_mixed_structures_are_refused(x0, says):
    with pytest.raises(InputTypeError, match=says):
        minimize(lambda x: 0.0, x0)


def test_schemes_need_numpy_and_automatic_needs_its_library():
    with pytest.raises(InputError, match="needs NumPy arrays"):
        minimize(rosenbrock, torch.ones(2), jac="2-point")
    with pytest.raises(InputError, match="cannot differentiate"):
        minimize(rosenbrock, torch.ones(2), jac="jax")
    result = minimize(lambda x: (x**4).sum(), np.array([1.0, 2.0]), jac="torch")
    assert isinstance(result.x, np.ndarray) and result.success


def test_jax_arrays():
    jax = pytest.importorskip("jax")
    x0 = jax.numpy.array([1.2, 1.2])  # near the solution: each of JAX's calls is traced anew
    for method in (BFGS(), LBFGS(), NewtonCG(), Newton()):
        result = minimize(rosenbrock, x0, method=method, tol=1e-2, options={"curvature": False})
        assert result.success or result.status is Status.PRECISION_LIMIT, result.message
        assert isinstance(result.x, jax.Array) and result.x.dtype == x0.dtype
        assert "automatic (jax)" in result.derivatives["jac"]
        np.testing.assert_allclose(np.asarray(result.x), 1.0, atol=5e-2)
    nested = minimize(lambda p: ((p["a"] - 3) ** 2).sum(), {"a": jax.numpy.ones((2, 2))}, tol=1e-4)
    np.testing.assert_allclose(np.asarray(nested.x["a"]), 3.0, atol=1e-3)
    from_numpy = minimize(lambda x: ((x - 1) ** 2).sum(), np.zeros(2), jac="jax", tol=1e-4)
    assert isinstance(from_numpy.x, np.ndarray) and from_numpy.success


def test_residuals_of_tensors_and_jax_arrays():
    jax = pytest.importorskip("jax")
    for x0, stack in ((torch.tensor([-1.2, 1.0]), torch.stack), (jax.numpy.array([-1.2, 1.0]), jax.numpy.stack)):
        result = minimize(
            lambda x, stack=stack: stack([10 * (x[1] - x[0] ** 2), 1 - x[0]]), x0, method=LevenbergMarquardt(), tol=1e-4
        )
        assert result.success, result.message
        np.testing.assert_allclose(np.asarray(result.x), 1.0, atol=1e-3)


def test_rules_work_on_tensors():
    result = minimize(rosenbrock, torch.tensor([-1.2, 1.0]), method=rules.adam(lr=0.05), options={"maxiter": 50})
    assert result.nit == 50 and result.x.dtype == torch.float32
    assert result.fun < 24.0


def test_layout_round_trips():
    layout = Layout([np.arange(3.0), {"b": np.ones((2, 2))}])
    flat = np.arange(7.0)
    np.testing.assert_array_equal(layout.flattened(layout.shaped(flat), "x"), flat)
    assert [layout.name(i) for i in (2, 4)] == ["x[0][2]", "x[1]['b'][0, 1]"]


@pytest.mark.gpu
def test_tensors_stay_on_the_device():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    devices = set()

    def f(x):
        devices.add(x.device.type)
        return rosenbrock(x)

    for method in METHODS:
        result = minimize(f, torch.tensor(START, device="cuda", dtype=torch.float64), method=method)
        assert result.x.device.type == "cuda"
        np.testing.assert_allclose(result.x.cpu().numpy(), 1.0, atol=1e-3)
    assert devices == {"cuda"}
