"""Methods of fixed steps: recorded, given as a matrix, run, refused."""

from __future__ import annotations

import numpy as np
import pytest

from steepest.core.errors import InputError, InputTypeError
from steepest.theory import FixedStep
from steepest.theory.performance.methods import fixed_steps

SPECTRUM = np.array([1.0, 0.3, 0.05])


def quadratic_gradient(x):
    return SPECTRUM * x


def heavy_ball(gradient, x0, steps):
    x = before = x0
    for _ in range(steps):
        x, before = x - 0.4 * gradient(x) + 0.5 * (x - before), x
    return x


def nesterov(gradient, x0, steps):
    x = y = x0
    for k in range(1, steps + 1):
        x, before = y - gradient(y), x
        y = x + (k - 1) / (k + 2) * (x - before)
    return x


def velocity(gradient, x0, steps):
    x, v, w = x0, 0, np.float64(0.0)
    for _ in range(steps):
        g = gradient(x)
        v, w = 0.5 * v - 0.05 * g, g + w
        x = x + v - 0.1 * (0 + w)
    return x


@pytest.mark.parametrize("method", [heavy_ball, nesterov, velocity])
@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_a_recorded_method_runs_as_it_was_written(method, steps):
    x0 = np.array([1.0, -2.0, 3.0])
    recorded = FixedStep.record(method, steps)
    *_, found = recorded.run(quadratic_gradient, x0)
    np.testing.assert_allclose(found, method(quadratic_gradient, x0, steps), rtol=1e-13)
    assert recorded.steps == steps and recorded.name == method.__name__


def test_a_matrix_of_step_coefficients():
    H = np.array([[0.5, 0.0], [0.1, 0.7]])
    x0 = np.array([1.0, -2.0, 3.0])
    g0 = quadratic_gradient(x0)
    x1 = x0 - 2 * 0.5 * g0
    x2 = x1 - 2 * (0.1 * g0 + 0.7 * quadratic_gradient(x1))
    points = list(FixedStep.from_matrix(H, step=2.0).run(quadratic_gradient, x0))
    np.testing.assert_allclose(points, [x0, x1, x2], rtol=1e-13)
    descent = FixedStep.from_matrix(0.5 * np.eye(3))
    np.testing.assert_allclose(
        descent.output, fixed_steps("gradient-descent", 3, h=0.5, beta=None, rule="", q=0).output
    )


def test_the_optimized_gradient_method_is_kim_and_fesslers():
    """Its matrix H for N = 2: h₁₁ = (2θ₀ + θ₁ − 1)/θ₁, h₂₁ = (θ₁ − 1)/θ₂ (h₁₁ − 1), h₂₂ = (2θ₁ + θ₂ − 1)/θ₂."""
    theta1 = (1 + np.sqrt(5)) / 2
    theta2 = (1 + np.sqrt(1 + 8 * theta1**2)) / 2
    h11, h22 = (1 + theta1) / theta1, (2 * theta1 + theta2 - 1) / theta2
    h21 = (theta1 - 1) / theta2 * (h11 - 1)
    found = fixed_steps("optimized-gradient", 2, h=1.0, beta=None, rule="", q=0.0)
    expected = FixedStep.from_matrix([[h11, 0], [h21, h22]])
    np.testing.assert_allclose(found.output, expected.output, rtol=1e-12)
    np.testing.assert_allclose(found.gradients, expected.gradients, rtol=1e-12)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (lambda g, x, n: 2 * x, r"must be x0 plus gradients, got 2 times x0"),
        (lambda g, x, n: g(g(x)), "must be x0 plus gradients, got 0 times x0"),
        (lambda g, x, n: g(1.0), "must be taken at a point made of x0 and gradients, got 1.0"),
        (lambda g, x, n: x * x, "may only add and scale points and gradients; it raised"),
        (lambda g, x, n: x + 1, "may only add and scale"),
        (lambda g, x, n: np.sin(x), "may only add and scale"),
        (lambda g, x, n: None, "must return a point made of x0 and gradients, got None"),
    ],
)
def test_what_is_no_fixed_step_method_is_refused(method, words):
    with pytest.raises(InputTypeError, match=words):
        FixedStep.record(method, 2)


def test_bad_coefficients():
    with pytest.raises(InputError, match=r"matrix must be lower triangular, got 3 at \[0, 1\]"):
        FixedStep.from_matrix([[1, 3], [0, 1]])
    with pytest.raises(InputError, match=r"matrix must be square, got shape \(1, 2\)"):
        FixedStep.from_matrix([[1, 3]])
    with pytest.raises(InputError, match="point 1 must use earlier gradients only, got one of point 1"):
        FixedStep([[1.0]], [1.0])
    with pytest.raises(InputError, match=r"got \(2, 2\) and \(1,\)"):
        FixedStep(np.zeros((2, 2)), [1.0])
    with pytest.raises(InputError, match="coefficients must be finite"):
        FixedStep([[0.0]], [np.nan])
    with pytest.raises(InputError, match="steps must be a whole number"):
        FixedStep.record(heavy_ball, -1)


def test_coefficients_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        FixedStep([[0.0]], [1.0]).output[0] = 2
