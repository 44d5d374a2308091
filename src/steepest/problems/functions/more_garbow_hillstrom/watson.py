"""Moré–Garbow–Hillstrom 20: Watson's function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def watson(dim: int = 6) -> FunctionProblem:
    """fᵢ = Σⱼ₌₂ⁿ (j − 1) xⱼ tᵢʲ⁻² − (Σⱼ xⱼ tᵢʲ⁻¹)² − 1, tᵢ = i/29, i = 1, …, 29; f₃₀ = x₁, f₃₁ = x₂ − x₁² − 1.

    From 0; dim in [2, 31], 6: the coefficients of a polynomial that solves y′ = 1 + y². Minimum 2.28767…e-3 for n = 6,
    1.39976…e-6 for n = 9, 4.72238…e-10 for n = 12, ever worse conditioned.

    >>> watson().fun([0.0] * 6)
    30.0
    """
    dim = whole("watson", "dim", dim, 2, 31)
    t = np.arange(1.0, 30)[:, None] / 29
    powers = t ** np.arange(dim)
    slopes = np.concatenate([np.zeros((29, 1)), np.arange(1, dim) * powers[:, :-1]], axis=1)

    def residuals(x: Vector) -> Vector:
        return np.concatenate([slopes @ x - (powers @ x) ** 2 - 1, [x[0], x[1] - x[0] ** 2 - 1]])

    def jacobian(x: Vector) -> Matrix:
        ends = np.zeros((2, dim), dtype=x.dtype)
        ends[0, 0], ends[1, 0], ends[1, 1] = 1, -2 * x[0], 1
        return np.concatenate([slopes - 2 * (powers @ x)[:, None] * powers, ends])

    source = "Kowalik & Osborne 1968, Methods for Unconstrained Optimization Problems"
    return mgh(20, "watson", residuals, jacobian, np.zeros(dim), _MINIMA.get(dim, []), source)


# fmt: off
_MINIMA: Final = {
    6: [
        Minimum(
            0.0022876700535524744,
            (
                -0.015725086401458133, 1.0124348693691096, -0.23299162595673528, 1.2604300877996009,
                -1.5137289227222699, 0.992996432431131,
            ),
        )
    ],
    9: [
        Minimum(
            1.3997601381013407e-06,
            (
                -1.5307036521406875e-05, 0.9997897039319483, 0.014763963693560608, 0.14634232829931884,
                1.0008211030049288, -2.6177311405195733, 4.104403164479604, -3.143612278556945,
                1.0526264080103005,
            ),
        )
    ],
    12: [
        Minimum(
            4.722381107321203e-10,
            (
                -6.63806046595347e-09, 1.0000016441178614, -0.000563932210207469, 0.3478205405010723,
                -0.15673150406830286, 1.0528151770644956, -3.247271153018113, 7.288434897075433,
                -10.271848240250765, 9.074113646256041, -4.541375466340495, 1.0120118884878364,
            ),
        )
    ],
}
# fmt: on
"""By the number of variables."""
