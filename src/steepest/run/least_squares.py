"""Residuals and their Jacobian as functions of a flat vector."""

from __future__ import annotations

import numpy as np

from steepest.core.errors import InputError
from steepest.methods.oracle import Count, Functions
from steepest.methods.vectors import Matrix, Vector
from steepest.run import differences
from steepest.run.flatten import Layout
from steepest.run.given import AUTOMATIC, Derived, Given, input_of
from steepest.run.returned import residual_vector


def least_squares(given: Given, layout: Layout, count: Count, bounds: differences.Bounds | None) -> Derived:
    """The functions for a method of least squares. Raises InputError for a Jacobian of another shape."""
    if given.jac in AUTOMATIC:
        from steepest.run.automatic import automatic_residuals

        residuals, jacobian = automatic_residuals(given, given.jac, layout)
        return Derived(Functions(residuals=residuals, jacobian=jacobian), {"jac": f"automatic ({given.jac})"}, True)
    if given.jac is True:
        raise InputError("minimize: jac=True is for a function with its gradient; give residuals' jac as a function")

    def plain(v: Vector) -> Vector:
        return residual_vector(given.fun(input_of(layout, v), *given.args))

    n = layout.size
    if callable(given.jac):

        def jacobian(v: Vector, r: Vector) -> Matrix:
            J = np.array(given.jac(input_of(layout, v), *given.args), dtype=np.float64)
            if J.shape != (r.shape[0], n):
                if J.size != r.shape[0] * n:
                    raise InputError(f"minimize: jac must have shape {(r.shape[0], n)}, got {J.shape}")
                J = J.reshape(r.shape[0], n)
            return J

        return Derived(Functions(residuals=plain, jacobian=jacobian), {"jac": "given"}, True)

    def counted(v: Vector) -> Vector:
        count.value += 1
        if v.dtype.kind == "c":
            return np.asarray(given.fun(layout.shaped(v), *given.args))
        return plain(v)

    def by_differences(v: Vector, r: Vector) -> Matrix:
        return differences.jacobian(counted, v, r, given.jac, bounds)

    cost = "2n" if given.jac == "3-point" else "n"
    how = f"differences {given.jac!r}, {cost} residual vectors a Jacobian"
    return Derived(Functions(residuals=plain, jacobian=by_differences), {"jac": how}, True)
