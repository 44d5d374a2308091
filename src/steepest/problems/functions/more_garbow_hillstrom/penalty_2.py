"""Moré–Garbow–Hillstrom 24: penalty function II."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def penalty_2(dim: int = 4) -> FunctionProblem:
    """f₁ = x₁ − 0.2; fᵢ = √10⁻⁵ (e^(xᵢ/10) + e^(xᵢ₋₁/10) − yᵢ), yᵢ = e^(i/10) + e^((i−1)/10), i = 2, …, n;
    fᵢ = √10⁻⁵ (e^(xᵢ₋ₙ₊₁/10) − e^(−1/10)), i = n + 1, …, 2n − 1; f₂ₙ = Σⱼ (n − j + 1) xⱼ² − 1; from (½, …, ½).

    dim in [1, inf), 4. Minimum 9.37629…e-6 for n = 4, 2.93660…e-4 for n = 10.

    >>> round(penalty_2().fun([0.5] * 4), 6)
    2.340009
    """
    dim = whole("penalty-2", "dim", dim, 1)
    i = np.arange(2.0, dim + 1)
    y = np.exp(i / 10) + np.exp((i - 1) / 10)
    weights = np.arange(dim, 0.0, -1)

    def residuals(x: Vector) -> Vector:
        e = np.exp(x / 10)
        inner = [e[1:] + e[:-1] - y, e[1:] - np.exp(-0.1)]
        return np.concatenate([[x[0] - 0.2], _ROOT * np.concatenate(inner), [weights @ x**2 - 1]])

    def jacobian(x: Vector) -> Matrix:
        e = _ROOT * np.exp(x / 10) / 10
        shifted, held = np.diag(e)[1:], np.diag(e)[:-1]
        return np.concatenate([np.eye(1, dim), shifted + held, shifted, 2 * (weights * x)[None]])

    source = "Gill, Murray & Pitfield 1972, National Physical Laboratory, Report NAC 11"
    return mgh(24, "penalty-2", residuals, jacobian, np.full(dim, 0.5), _MINIMA.get(dim, []), source)


_ROOT: Final = np.sqrt(1e-5)
# fmt: off
_MINIMA: Final = {
    4: [
        Minimum(
            9.37629300735544e-06, (0.1999993333503804, 0.19131670099277245, 0.48010148533262326, 0.5188454043902004)
        )
    ],
    10: [
        Minimum(
            0.00029366053745674594,
            (
                0.19998360519782363, 0.010350648470949539, 0.01960493448055354, 0.032089067220661634,
                0.04993267739964615, 0.07651399515396229, 0.11862407286948569, 0.192144872335585,
                0.3473205869418658, 0.36916437415940073,
            ),
        )
    ],
}
# fmt: on
"""By the number of variables."""
