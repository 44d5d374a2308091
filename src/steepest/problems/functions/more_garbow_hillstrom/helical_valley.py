"""Moré–Garbow–Hillstrom 7: the helical valley."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def helical_valley() -> FunctionProblem:
    """f₁ = 10 (x₃ − 10 θ(x₁, x₂)), f₂ = 10 (√(x₁² + x₂²) − 1), f₃ = x₃; from (−1, 0, 0); minimum 0 at (1, 0, 0).

    θ is the angle in turns: arctan(x₂/x₁)/2π, plus ½ where x₁ < 0; so it jumps across x₁ = 0, x₂ < 0.

    >>> helical_valley().residuals([0.0, 2.0, 2.5])
    array([ 0. , 10. ,  2.5])
    """
    source = "Fletcher & Powell 1963, The Computer Journal 6, 163–168"
    return mgh(7, "helical-valley", _residuals, _jacobian, [-1.0, 0.0, 0.0], [Minimum(0.0, (1.0, 0.0, 0.0))], source)


def _residuals(x: Vector) -> Vector:
    return np.array([10 * (x[2] - 10 * _turns(x[0], x[1])), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]])


def _jacobian(x: Vector) -> Matrix:
    square = x[0] ** 2 + x[1] ** 2
    radius, around = np.sqrt(square), 50 / (np.pi * square)
    zero = 0 * square
    return np.array([
        [around * x[1], -around * x[0], 10 + zero],
        [10 * x[0] / radius, 10 * x[1] / radius, zero],
        [zero, zero, 1 + zero],
    ])


def _turns(a: np.floating, b: np.floating) -> np.floating:
    """The angle of (a, b) in (−¼, ¾], analytic in both on each side of the jump."""
    if np.real(a) == 0:
        quarter = np.copysign(0.25, np.real(b))
        return quarter if b == 0 else quarter - np.arctan(a / b) / (2 * np.pi)
    return np.arctan(b / a) / (2 * np.pi) + (0.5 if np.real(a) < 0 else 0.0)
