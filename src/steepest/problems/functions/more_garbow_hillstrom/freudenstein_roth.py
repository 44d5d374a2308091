"""Moré–Garbow–Hillstrom 2: Freudenstein and Roth's function."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def freudenstein_roth() -> FunctionProblem:
    """f₁ = −13 + x₁ + ((5 − x₂) x₂ − 2) x₂, f₂ = −29 + x₁ + ((x₂ + 1) x₂ − 14) x₂; from (½, −2).

    Minimum 0 at (5, 4), and a local one 48.9842… at (11.41…, −0.8968…), where most methods end.

    >>> freudenstein_roth().fun([5.0, 4.0])
    0.0
    """
    minima = [Minimum(0.0, (5.0, 4.0)), Minimum(48.98425367924001, (11.412778986902095, -0.8968052532744764), "local")]
    source = "Freudenstein & Roth 1963, Journal of the ACM 10, 550–556"
    return mgh(2, "freudenstein-roth", _residuals, _jacobian, [0.5, -2.0], minima, source)


def _residuals(x: Vector) -> Vector:
    a, b = x
    return np.array([-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b])


def _jacobian(x: Vector) -> Matrix:
    b = x[1]
    return np.array([[1.0, 10 * b - 3 * b**2 - 2], [1.0, 3 * b**2 + 2 * b - 14]])
