"""Differences against derivatives that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess, rosen_hess_prod

from steepest.core.errors import InputError
from steepest.run.differences import gradient, hessian, hessian_of_values, hessian_vector, jacobian

X = np.array([-1.2, 1.0, 3.0, 0.0])
DIGITS = {"2-point": 1e-6, "3-point": 1e-9, "cs": 1e-14}
WIDE = (np.full(4, -np.inf), np.full(4, np.inf))


def smooth(x):
    return np.exp(x[0]) * x[1] ** 2 + np.sin(x[2] * x[3]) + x[3] ** 3 + x[2]


def smooth_der(x):
    cos = np.cos(x[2] * x[3])
    return np.array([
        np.exp(x[0]) * x[1] ** 2,
        2 * np.exp(x[0]) * x[1],
        x[3] * cos + 1,
        x[2] * cos + 3 * x[3] ** 2,
    ])


@pytest.mark.parametrize("scheme", DIGITS)
def test_gradients_have_the_digits_that_are_promised(scheme):
    found = gradient(smooth, X, smooth(X), scheme)
    np.testing.assert_allclose(found, smooth_der(X), rtol=DIGITS[scheme], atol=DIGITS[scheme])


@pytest.mark.parametrize("scheme", ["2-point", "3-point"])
@pytest.mark.parametrize("side", ["low", "high", "tight", "equal"])
def test_no_step_leaves_the_bounds(scheme, side):
    low, high = WIDE[0].copy(), WIDE[1].copy()
    if side in {"low", "tight", "equal"}:
        low = X - (1e-9 if side == "tight" else 0.0)
    if side in {"high", "tight", "equal"}:
        high = X + (1e-9 if side == "tight" else 0.0)
    asked = []

    def watched(x):
        asked.append(x.copy())
        return smooth(x)

    found = gradient(watched, X, smooth(X), scheme, (low, high))
    assert all(np.all(x >= low) and np.all(x <= high) for x in asked)
    wanted = np.zeros(4) if side == "equal" else smooth_der(X)
    np.testing.assert_allclose(found, wanted, atol=1e-5 if side != "tight" else 1e-4)


@pytest.mark.parametrize("scheme", DIGITS)
def test_jacobians(scheme):
    A = np.arange(12.0).reshape(3, 4)

    def residuals(x):
        return np.sin(A @ x / 10)

    wanted = np.cos(A @ X / 10)[:, None] * A / 10
    found = jacobian(residuals, X, residuals(X), scheme)
    np.testing.assert_allclose(found, wanted, rtol=DIGITS[scheme], atol=DIGITS[scheme])


def test_second_derivatives():
    np.testing.assert_allclose(hessian(rosen_der, X, rosen_der(X)), rosen_hess(X), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(hessian_of_values(rosen, X, rosen(X)), rosen_hess(X), rtol=1e-3, atol=1e-2)
    v = np.array([1.0, -2.0, 0.5, 3.0])
    for scale in (1e-3, 1.0, 1e5):
        product = hessian_vector(rosen_der, X, scale * v, rosen_der(X))
        np.testing.assert_allclose(product, rosen_hess_prod(X, scale * v), rtol=1e-4, atol=1e-3 * scale)
    assert not hessian_vector(rosen_der, X, 0 * v, rosen_der(X)).any()


def test_the_complex_step_needs_a_function_of_complex_numbers():
    with pytest.raises(InputError, match="returned a real number"):
        gradient(lambda x: float(np.real(x).sum()), X, 0.0, "cs")
