"""Moré–Garbow–Hillstrom 19: Osborne's second function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def osborne_2() -> FunctionProblem:
    """fᵢ = yᵢ − (x₁e^(−tᵢx₅) + Σₖ₌₂⁴ xₖ exp(−(tᵢ − xₖ₊₇)² xₖ₊₄)), tᵢ = (i − 1)/10, i = 1, …, 65.

    From (1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5); minimum 4.01377…e-2.

    >>> round(osborne_2().fun(osborne_2().x0), 6)
    2.09342
    """
    start = [1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5]
    source = "Osborne 1972, in Lootsma, Numerical Methods for Nonlinear Optimization, 171–189"
    return mgh(19, "osborne-2", _residuals, _jacobian, start, _MINIMA, source)


# fmt: off
_MINIMA: Final = [
    Minimum(
        0.04013773629354777,
        (
            1.3099771546273007, 0.431553794602989, 0.6336616989607241, 0.5994305347859161, 0.7541832263280115,
            0.9042885798596338, 1.3658118352370274, 4.823698817227158, 2.3986848661317546, 4.568874597667672,
            5.6753414705806415,
        ),
    )
]
# fmt: on
_T: Final = np.arange(65.0) / 10
# fmt: off
_Y: Final = np.array([
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608, 0.655, 0.616,
    0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495,
    0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672,
    0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581,
    0.428, 0.292, 0.162, 0.098, 0.054,
])
# fmt: on


def _residuals(x: Vector) -> Vector:
    heights, widths, centres = x[1:4], x[5:8], x[8:11]
    bells = np.exp(-((_T[:, None] - centres) ** 2) * widths)
    return np.asarray(_Y - x[0] * np.exp(-_T * x[4]) - bells @ heights)


def _jacobian(x: Vector) -> Matrix:
    heights, widths, away = x[1:4], x[5:8], _T[:, None] - x[8:11]
    decay, bells = np.exp(-_T * x[4])[:, None], np.exp(-(away**2) * widths)
    hills = heights * bells
    return np.concatenate(
        [-decay, -bells, x[0] * _T[:, None] * decay, hills * away**2, -2 * hills * away * widths], axis=1
    )
