"""Derivatives by finite differences and by the complex step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import numpy as np

from steepest.core.errors import InputError
from steepest.methods.vectors import Matrix, Vector

Scheme = Literal["2-point", "3-point", "cs"]
SCHEMES: Final = ("2-point", "3-point", "cs")
COST: Final = {"2-point": "n values a gradient", "3-point": "2n values a gradient", "cs": "n values a gradient"}
_EPS: Final = float(np.finfo(np.float64).eps)
RELATIVE_STEP: Final = {"2-point": _EPS ** (1 / 2), "3-point": _EPS ** (1 / 3), "cs": 1e-150}
"""The step of coordinate i is this times max(1, |xᵢ|)."""

Bounds = tuple[Vector, Vector]


def gradient(
    value: Callable[[Vector], float], x: Vector, f: float, scheme: Scheme, bounds: Bounds | None = None
) -> Vector:
    """∇f(x) by differences of f; f is the value at x, which "2-point" uses.

    "2-point": forward, (f(x + h eᵢ) − f) / h with h = √ε max(1, |xᵢ|), right to about 8 digits. "3-point": central, h
    with the cube root of ε, about 10 digits. "cs": the complex step Im f(x + ih eᵢ) / h, all digits, for a function
    that is written for complex numbers. No step leaves the bounds: it turns round, or is made shorter.

    >>> gradient(lambda x: float(x @ x), np.array([1.0, -2.0]), 5.0, "3-point").round(8)
    array([ 2., -4.])
    """
    if scheme == "cs":
        return _complex(value, x)
    found = np.empty_like(x)
    steps = RELATIVE_STEP[scheme] * np.maximum(1.0, np.abs(x))
    for i, h in enumerate(steps.tolist()):
        below, above = _sides(x[i], h, bounds, i)
        if scheme == "3-point" and below > 0.0 and above > 0.0:
            high, low = _moved(x, i, above), _moved(x, i, -below)
            found[i] = (value(high) - value(low)) / (high[i] - low[i])
        else:
            there = _moved(x, i, above if above >= below else -below)
            span = there[i] - x[i]
            if span == 0.0:  # the bounds are equal: it cannot move, and its derivative does not matter
                found[i] = 0.0
            elif scheme == "3-point":
                half = _moved(x, i, 0.5 * span)
                found[i] = (4.0 * value(half) - 3.0 * f - value(there)) / span
            else:
                found[i] = (value(there) - f) / span
    return found


def jacobian(
    residuals: Callable[[Vector], Vector], x: Vector, r: Vector, scheme: Scheme, bounds: Bounds | None = None
) -> Matrix:
    """∂r/∂x by differences, column by column; as `gradient`."""
    found = np.empty((r.shape[0], x.shape[0]))
    if scheme == "cs":
        for i in range(x.shape[0]):
            z = x.astype(complex)
            z[i] += 1j * RELATIVE_STEP["cs"]
            found[:, i] = np.imag(residuals(z)) / RELATIVE_STEP["cs"]
        return found
    steps = RELATIVE_STEP[scheme] * np.maximum(1.0, np.abs(x))
    for i, h in enumerate(steps.tolist()):
        below, above = _sides(x[i], h, bounds, i)
        if scheme == "3-point" and below > 0.0 and above > 0.0:
            high, low = _moved(x, i, above), _moved(x, i, -below)
            found[:, i] = (residuals(high) - residuals(low)) / (high[i] - low[i])
        else:
            there = _moved(x, i, above if above >= below else -below)
            span = there[i] - x[i]
            found[:, i] = (residuals(there) - r) / span if span else 0.0
    return found


def hessian_vector(gradient: Callable[[Vector], Vector], x: Vector, v: Vector, g: Vector) -> Vector:
    """∇²f(x) v by a forward difference of the gradient; g is the gradient at x."""
    length = float(np.sqrt(v.dot(v)))
    if length == 0.0:
        return np.zeros_like(v)
    h = RELATIVE_STEP["2-point"] * max(1.0, float(np.sqrt(x.dot(x)))) / length
    return (gradient(x + h * v) - g) / h


def hessian(gradient: Callable[[Vector], Vector], x: Vector, g: Vector) -> Matrix:
    """∇²f(x) by forward differences of the gradient, made symmetric; n gradients."""
    n = x.shape[0]
    found = np.empty((n, n))
    steps = RELATIVE_STEP["2-point"] * np.maximum(1.0, np.abs(x))
    for i in range(n):
        there = _moved(x, i, steps[i])
        found[i] = (gradient(there) - g) / (there[i] - x[i])
    return 0.5 * (found + found.T)


def hessian_of_values(value: Callable[[Vector], float], x: Vector, f: float) -> Matrix:
    """∇²f(x) by second differences of values, right to about 4 digits; n(n + 3)/2 values.

    >>> hessian_of_values(lambda x: float(x[0] ** 2 * x[1]), np.array([1.0, 2.0]), 2.0).round(3) + 0.0
    array([[4., 2.],
           [2., 0.]])
    """
    n = x.shape[0]
    steps = _EPS**0.25 * np.maximum(1.0, np.abs(x))
    forward = np.array([value(_moved(x, i, steps[i])) for i in range(n)])
    found = np.empty((n, n))
    for i in range(n):
        found[i, i] = (forward[i] - 2.0 * f + value(_moved(x, i, -steps[i]))) / steps[i] ** 2
        for j in range(i):
            both = _moved(_moved(x, i, steps[i]), j, steps[j])
            found[i, j] = found[j, i] = (value(both) - forward[i] - forward[j] + f) / (steps[i] * steps[j])
    return found


def _complex(value: Callable[[Vector], float], x: Vector) -> Vector:
    found = np.empty_like(x)
    h = RELATIVE_STEP["cs"]
    for i in range(x.shape[0]):
        z = x.astype(complex)
        z[i] += 1j * h
        answer = np.asarray(value(z))
        if answer.dtype.kind != "c":
            raise InputError("minimize: jac 'cs' needs a function of complex numbers; this one returned a real number")
        found[i] = float(answer.imag.reshape(())) / h
    return found


def _moved(x: Vector, i: int, by: float) -> Vector:
    there = x.copy()
    there[i] += by
    return there


def _sides(at: float, h: float, bounds: Bounds | None, i: int) -> tuple[float, float]:
    """How far a step of h may go below and above."""
    if bounds is None:
        return h, h
    return min(h, max(0.0, at - bounds[0][i])), min(h, max(0.0, bounds[1][i] - at))
