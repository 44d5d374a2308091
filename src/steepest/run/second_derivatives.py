"""Hessians and Hessian-vector products of a function of a flat vector: given, automatic, or by differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from steepest.core.errors import InputError
from steepest.methods.oracle import Count, Functions
from steepest.methods.vectors import Matrix, Vector
from steepest.run import differences
from steepest.run.flatten import Layout
from steepest.run.given import AUTOMATIC, Given, input_of


def with_hessian(functions: Functions, given: Given, layout: Layout, count: Count, jac: Any) -> tuple[Functions, str]:
    """The functions with ∇²f as a matrix, and how it is obtained: hess, automatic, hessp, or differences."""
    n = layout.size
    if callable(given.hess):

        def hessian(v: Vector, g: Vector) -> Matrix:
            H = given.hess(input_of(layout, v), *given.args)
            matrix = np.asarray(H.detach().cpu() if hasattr(H, "detach") else H, dtype=np.float64)
            if matrix.size != n * n:
                raise InputError(f"minimize: hess must have shape {(n, n)}, got {matrix.shape}")
            matrix = matrix.reshape(n, n)
            return 0.5 * (matrix + matrix.T)

        return replace(functions, hessian=hessian), "given"
    if jac in AUTOMATIC:
        from steepest.run.automatic import automatic_hessian

        return replace(functions, hessian=automatic_hessian(given, jac, layout)), f"automatic ({jac})"
    if callable(given.hessp):

        def by_products(v: Vector, g: Vector) -> Matrix:
            count.hessian_vector += n
            columns = [_product(given, layout, v, column) for column in np.eye(n)]
            matrix: Matrix = np.stack(columns)
            return 0.5 * (matrix + matrix.T)

        return replace(functions, hessian=by_products), "n products hessp"
    if jac in differences.SCHEMES and jac != "cs":
        value = functions.value
        assert value is not None

        def counted(v: Vector) -> float:
            count.value += 1
            return value(v)

        def of_values(v: Vector, g: Vector) -> Matrix:
            return differences.hessian_of_values(counted, v, counted(v))

        return replace(functions, hessian=of_values), "second differences, n(n + 3)/2 values"

    def of_gradients(v: Vector, g: Vector) -> Matrix:
        return differences.hessian(_counted_gradient(functions, count), v, g)

    return replace(functions, hessian=of_gradients), "differences of gradients, n gradients"


def with_products(
    functions: Functions, given: Given, layout: Layout, on_device: bool, count: Count, jac: Any
) -> tuple[Functions, str, bool]:
    """The functions with ∇²f v, how it is obtained, and whether that is free of differences."""
    if callable(given.hessp):
        hessp, args, shape = given.hessp, given.args, (layout.size,)

        def plain(v: Vector, d: Vector, g: Vector) -> Vector:
            answer = hessp(v.copy(), d.copy(), *args)
            if type(answer) is np.ndarray and answer.dtype == np.float64 and answer.shape == shape:
                return answer.copy()
            return layout.flattened(answer, "hessp")

        def product(v: Vector, d: Vector, g: Vector) -> Vector:
            return _product(given, layout, v, d, on_device)

        if layout.library == "numpy" and layout.is_vector:
            return replace(functions, hessian_vector=plain), "given", True

        return replace(functions, hessian_vector=product), "given", True
    if callable(given.hess):
        kept: list[Any] = [None, None]

        def by_matrix(v: Vector, d: Vector, g: Vector) -> Vector:
            if kept[0] is not v:
                count.hessian += 1
                H = given.hess(input_of(layout, v), *given.args)
                kept[:] = [v, H if layout.library == "torch" else np.asarray(H, dtype=np.float64)]
            if layout.library == "torch":
                return layout.host((kept[1] @ layout.native(d)), on_device)
            return kept[1].reshape(layout.size, layout.size) @ d

        return replace(functions, hessian_vector=by_matrix), "the given hess times the vector", True
    if jac in AUTOMATIC:
        from steepest.run.automatic import automatic_product

        return (
            replace(functions, hessian_vector=automatic_product(given, jac, layout, on_device)),
            (f"automatic ({jac})"),
            True,
        )

    def by_difference(v: Vector, d: Vector, g: Vector) -> Vector:
        return differences.hessian_vector(_counted_gradient(functions, count), v, d, g)

    return replace(functions, hessian_vector=by_difference), "a difference of gradients, one gradient each", False


def _product(given: Given, layout: Layout, v: Vector, d: Vector, on_device: bool = False) -> Vector:
    direction = layout.shaped(layout.native(d))
    answer = given.hessp(input_of(layout, v), direction, *given.args)
    flat = layout.flattened(answer, "hessp")
    return layout.host(flat, on_device)


def _counted_gradient(functions: Functions, count: Count) -> Callable[[Vector], Vector]:
    def gradient(v: Vector) -> Vector:
        count.gradient += 1
        if functions.both is not None:
            count.value += 1
            return functions.both(v)[1]
        assert functions.value is not None and functions.gradient is not None
        return functions.gradient(v, 0.0)

    return gradient
