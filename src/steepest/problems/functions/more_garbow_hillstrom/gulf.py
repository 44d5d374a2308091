"""Moré–Garbow–Hillstrom 11: the Gulf research and development function."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def gulf(m: int = 99) -> FunctionProblem:
    """fᵢ = exp(−|yᵢ − x₂|^x₃ / x₁) − tᵢ, tᵢ = i/100, yᵢ = 25 + (−50 ln tᵢ)^⅔, i = 1, …, m; from (5, 2.5, 0.15).

    m in [3, 100], 99. Minimum 0 at (50, 25, 1.5). The paper prints "yᵢ m i x₂" for yᵢ − x₂, an error of typesetting.

    >>> abs(gulf().fun([50.0, 25.0, 1.5])) < 1e-28
    True
    """
    m = whole("gulf", "m", m, 3, 100)
    t = np.arange(1.0, m + 1) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)

    def distances(x: Vector) -> Vector:
        """|yᵢ − x₂|, with a derivative in complex directions too; 0 has the derivative 0."""
        away = y - x[1]
        return np.asarray(away * np.sign(np.real(away)))

    def residuals(x: Vector) -> Vector:
        return np.asarray(np.exp(-(distances(x) ** x[2]) / x[0]) - t)

    def jacobian(x: Vector) -> Matrix:
        away = distances(x)
        near = np.where(away == 0, 1, away)
        power = away ** x[2]
        bell = np.exp(-power / x[0])
        along = np.where(away == 0, 0, power / near)
        return np.stack(
            [
                bell * power / x[0] ** 2,
                bell * x[2] * along * np.sign(np.real(y - x[1])) / x[0],
                -bell * power * np.log(near) / x[0],
            ],
            axis=1,
        )

    minima = [Minimum(0.0, (50.0, 25.0, 1.5))]
    return mgh(11, "gulf", residuals, jacobian, [5.0, 2.5, 0.15], minima, "Cox 1969; corrected as in later collections")
