"""A user's function and derivatives as functions of a flat vector: given, automatic, or by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.core.errors import InputError, InputTypeError
from steepest.methods.method import Method
from steepest.methods.oracle import Ask, Count, Functions
from steepest.methods.vectors import Vector
from steepest.run import differences
from steepest.run.flatten import Layout
from steepest.run.given import AUTOMATIC, Derived, Given, input_of
from steepest.run.least_squares import least_squares
from steepest.run.returned import one_number
from steepest.run.second_derivatives import with_hessian, with_products


def derive(given: Given, layout: Layout, method: Method, count: Count, bounds: differences.Bounds | None) -> Derived:
    """The functions that this method asks for. Raises InputError and InputTypeError for what cannot be."""
    jac = _checked_jac(given.jac, layout)
    if Ask.RESIDUALS in method.needs:
        return least_squares(given._replace(jac=jac), layout, count, bounds)
    if jac in AUTOMATIC:
        from steepest.run.automatic import automatic

        functions, kind = automatic(given, jac, layout, method.on_device)
    else:
        functions, kind = _by_hand(given._replace(jac=jac), layout, method.on_device, count, bounds)
    how = {"jac": kind}
    if Ask.HESSIAN in method.needs:
        functions, how["hess"] = with_hessian(functions, given, layout, count, jac)
    exact = True
    if Ask.HESSIAN_VECTOR in method.needs:
        functions, how["hessp"], exact = with_products(functions, given, layout, method.on_device, count, jac)
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
            answer = fun(input_of(layout, v), *args)
            if not isinstance(answer, tuple | list) or len(answer) != 2:
                raise InputTypeError("minimize: with jac=True, fun must return (value, gradient)")
            return one_number(answer[0]), _gradient_out(layout, answer[1], on_device)

        return Functions(both=both), "given, with fun"
    value = _value_function(fun, args, layout)
    if callable(jac):
        if layout.library == "numpy" and layout.is_vector:
            size = layout.size

            def plain(v: Vector, f: float) -> Vector:
                g = jac(v.copy(), *args)
                g = g.copy() if type(g) is np.ndarray and g.dtype == np.float64 else _real(g)
                if g.shape != (size,):
                    g = layout.flattened(g, "jac")
                return g

            return Functions(value=value, gradient=plain), "given"

        def gradient(v: Vector, f: float) -> Vector:
            return _gradient_out(layout, jac(input_of(layout, v), *args), on_device)

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


def _real(g: Any) -> Vector:
    """A gradient as float64. Raises InputTypeError for complex numbers and for what holds no numbers."""
    found = np.asarray(g)
    if found.dtype.kind not in "fiub":
        what = "complex numbers" if found.dtype.kind == "c" else f"{type(g).__name__}"
        raise InputTypeError(f"minimize: jac must return real numbers, got {what}")
    return np.array(found, dtype=np.float64)


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
        return one_number(fun(input_of(layout, v), *args))

    return value


def _complex_value(fun: Callable[..., Any], args: tuple[Any, ...], layout: Layout) -> Callable[[Vector], Any]:
    return lambda z: fun(layout.shaped(z), *args)


def _gradient_out(layout: Layout, g: Any, on_device: bool) -> Vector:
    if layout.library == "numpy":
        return layout.flattened(g, "jac")
    flat = layout.flattened(g, "jac")
    if layout.library == "torch":
        flat = flat.detach().to(layout.dtype)
    return layout.host(flat, on_device)
