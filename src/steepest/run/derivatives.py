"""A user's function and derivatives as functions of a flat vector: given, automatic, or by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from steepest.core.errors import InputError, InputTypeError
from steepest.methods.method import Method
from steepest.methods.oracle import Ask, Count, Functions
from steepest.methods.vectors import Matrix, Vector
from steepest.run import differences
from steepest.run.flatten import Layout
from steepest.run.returned import one_number, residual_vector

AUTOMATIC: Final = ("torch", "jax")


class Derived(NamedTuple):
    """Flat functions, how each derivative is obtained in words, and whether products are free of differences."""

    functions: Functions
    how: dict[str, str]
    exact_products: bool


class Given(NamedTuple):
    """What the user gave."""

    fun: Callable[..., Any]
    args: tuple[Any, ...]
    jac: Any
    hess: Any
    hessp: Any


def derive(given: Given, layout: Layout, method: Method, count: Count, bounds: differences.Bounds | None) -> Derived:
    """The functions that this method asks for. Raises InputError and InputTypeError for what cannot be."""
    jac = _checked_jac(given.jac, layout)
    if Ask.RESIDUALS in method.needs:
        return _least_squares(given._replace(jac=jac), layout, count, bounds)
    if jac in AUTOMATIC:
        from steepest.run.automatic import automatic

        functions, kind = automatic(given, jac, layout, method.on_device)
    else:
        functions, kind = _by_hand(given._replace(jac=jac), layout, method.on_device, count, bounds)
    how = {"jac": kind}
    if Ask.HESSIAN in method.needs:
        functions, how["hess"] = _with_hessian(functions, given, layout, count, jac, bounds)
    exact = True
    if Ask.HESSIAN_VECTOR in method.needs:
        functions, how["hessp"], exact = _with_products(functions, given, layout, method.on_device, count, jac)
    return Derived(functions, how, exact)


def _checked_jac(jac: Any, layout: Layout) -> Any:
    """`jac` with None and False replaced by what they mean for these arrays."""
    if jac is None or jac is False:
        return "2-point" if layout.library == "numpy" else layout.library
    if jac is True or callable(jac):
        return jac
    if jac not in differences.SCHEMES + AUTOMATIC:
        words = "'2-point', '3-point', 'cs', 'torch', 'jax'"
        raise InputError(f"minimize: jac must be a function, True, None or one of {words}, got {jac!r}")
    if jac in differences.SCHEMES and layout.library != "numpy":
        raise InputError(
            f"minimize: jac {jac!r} needs NumPy arrays, got {layout.library}'s; use jac={layout.library!r}"
        )
    if jac in AUTOMATIC and layout.library not in {"numpy", jac}:
        raise InputError(f"minimize: jac {jac!r} cannot differentiate a function of {layout.library}'s arrays")
    return jac


def _by_hand(
    given: Given, layout: Layout, on_device: bool, count: Count, bounds: differences.Bounds | None
) -> tuple[Functions, str]:
    fun, args, jac = given.fun, given.args, given.jac
    if jac is True:

        def both(v: Vector) -> tuple[float, Vector]:
            answer = fun(_input(layout, v), *args)
            if not isinstance(answer, tuple | list) or len(answer) != 2:
                raise InputTypeError("minimize: with jac=True, fun must return (value, gradient)")
            return one_number(answer[0]), _gradient_out(layout, answer[1], on_device)

        return Functions(both=both), "given, with fun"
    value = _value_function(fun, args, layout)
    if callable(jac):
        if layout.library == "numpy" and layout.is_vector:
            size = layout.size

            def plain(v: Vector, f: float) -> Vector:
                g = np.array(jac(v.copy(), *args), dtype=np.float64)
                if g.shape != (size,):
                    g = layout.flattened(g, "jac")
                return g

            return Functions(value=value, gradient=plain), "given"

        def gradient(v: Vector, f: float) -> Vector:
            return _gradient_out(layout, jac(_input(layout, v), *args), on_device)

        return Functions(value=value, gradient=gradient), "given"

    def counted(v: Vector) -> float:
        count.value += 1
        return value(v)

    probe = _complex_value(fun, args, layout) if jac == "cs" else counted
    if jac == "cs":

        def probe_counted(v: Vector) -> Any:
            count.value += 1
            return probe(v)

        return _difference(value, probe_counted, jac, bounds)
    return _difference(value, counted, jac, bounds)


def _difference(
    value: Callable[[Vector], float], probe: Callable[[Vector], Any], scheme: Any, bounds: differences.Bounds | None
) -> tuple[Functions, str]:
    def gradient(v: Vector, f: float) -> Vector:
        return differences.gradient(probe, v, f, scheme, bounds)

    return Functions(value=value, gradient=gradient), f"differences {scheme!r}, {differences.COST[scheme]}"


def _value_function(fun: Callable[..., Any], args: tuple[Any, ...], layout: Layout) -> Callable[[Vector], float]:
    if layout.library == "numpy" and layout.is_vector:

        def plain(v: Vector) -> float:
            f = fun(v.copy(), *args)
            return f if type(f) is float else one_number(f)

        return plain

    def value(v: Vector) -> float:
        return one_number(fun(_input(layout, v), *args))

    return value


def _complex_value(fun: Callable[..., Any], args: tuple[Any, ...], layout: Layout) -> Callable[[Vector], Any]:
    return lambda z: fun(layout.shaped(z), *args)


def _input(layout: Layout, v: Vector) -> Any:
    """What the user's function is given: never the methods' own memory."""
    if layout.library == "numpy":
        return layout.shaped(v.copy())
    native = layout.native(v)
    shaped = layout.shaped(native.clone() if native is v else native)
    if layout.module is None:
        return shaped
    import torch

    with torch.no_grad():
        for name, parameter in layout.module.named_parameters():
            if name in shaped:
                parameter.copy_(shaped[name])
    return layout.module


def _gradient_out(layout: Layout, g: Any, on_device: bool) -> Vector:
    if layout.library == "numpy":
        return layout.flattened(g, "jac")
    flat = layout.flattened(g, "jac")
    if layout.library == "torch":
        flat = flat.detach().to(layout.dtype)
    return layout.host(flat, on_device)


def _with_hessian(
    functions: Functions, given: Given, layout: Layout, count: Count, jac: Any, bounds: differences.Bounds | None
) -> tuple[Functions, str]:
    from dataclasses import replace

    n = layout.size
    if callable(given.hess):

        def hessian(v: Vector, g: Vector) -> Matrix:
            H = given.hess(_input(layout, v), *given.args)
            matrix = np.asarray(H.detach().cpu() if hasattr(H, "detach") else H, dtype=np.float64)
            if matrix.size != n * n:
                raise InputError(f"minimize: hess must have shape {(n, n)}, got {matrix.shape}")
            matrix = matrix.reshape(n, n)
            return 0.5 * (matrix + matrix.T)

        return replace(functions, hessian=hessian), "given"
    _refuse_words(given.hess, "hess")
    if jac in AUTOMATIC:
        from steepest.run.automatic import automatic_hessian

        return replace(functions, hessian=automatic_hessian(given, jac, layout)), f"automatic ({jac})"
    if callable(given.hessp):

        def by_products(v: Vector, g: Vector) -> Matrix:
            count.hessian_vector += n
            columns = [_product(given, layout, v, column) for column in np.eye(n)]
            matrix = np.stack(columns)
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


def _with_products(
    functions: Functions, given: Given, layout: Layout, on_device: bool, count: Count, jac: Any
) -> tuple[Functions, str, bool]:
    from dataclasses import replace

    if callable(given.hessp):

        def product(v: Vector, d: Vector, g: Vector) -> Vector:
            return _product(given, layout, v, d, on_device)

        return replace(functions, hessian_vector=product), "given", True
    if callable(given.hess):
        kept: list[Any] = [None, None]

        def by_matrix(v: Vector, d: Vector, g: Vector) -> Vector:
            if kept[0] is not v:
                count.hessian += 1
                H = given.hess(_input(layout, v), *given.args)
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
    answer = given.hessp(_input(layout, v), direction, *given.args)
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


def _refuse_words(value: Any, name: str) -> None:
    if value is not None and value not in ("2-point", "3-point", "torch", "jax"):
        raise InputTypeError(f"minimize: {name} must be a function or None, got {value!r}")


def _least_squares(given: Given, layout: Layout, count: Count, bounds: differences.Bounds | None) -> Derived:
    if given.jac in AUTOMATIC:
        from steepest.run.automatic import automatic_residuals

        residuals, jacobian = automatic_residuals(given, given.jac, layout)
        return Derived(Functions(residuals=residuals, jacobian=jacobian), {"jac": f"automatic ({given.jac})"}, True)
    if given.jac is True:
        raise InputError("minimize: jac=True is for a function with its gradient; give residuals' jac as a function")

    def plain(v: Vector) -> Vector:
        return residual_vector(given.fun(_input(layout, v), *given.args))

    n = layout.size
    if callable(given.jac):

        def jacobian(v: Vector, r: Vector) -> Matrix:
            J = np.array(given.jac(_input(layout, v), *given.args), dtype=np.float64)
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
