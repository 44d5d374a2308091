"""optimistix on functions of NumPy: the function and its derivative are called back, and so counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optimistix

from benchmarks.minimizers import LIMIT, Counted

jax.config.update("jax_enable_x64", True)
_RTOL = _ATOL = 1e-15


def BFGS(counted: Counted, x0: np.ndarray) -> Any:
    """optimistix.BFGS, through `minimise`."""
    fun = _differentiable(counted.fun, counted.gradient, ())
    solver = optimistix.BFGS(rtol=_RTOL, atol=_ATOL)
    done = optimistix.minimise(lambda x, _: fun(x), solver, jax.numpy.asarray(x0), max_steps=LIMIT, throw=False)
    return done.value.block_until_ready()


def LM(counted: Counted, x0: np.ndarray) -> Any:
    """optimistix.LevenbergMarquardt, through `least_squares`."""
    m = len(counted.problem.residuals(x0))
    fun = _differentiable(counted.residuals, counted.jacobian, (m,))
    solver = optimistix.LevenbergMarquardt(rtol=_RTOL, atol=_ATOL)
    done = optimistix.least_squares(lambda x, _: fun(x), solver, jax.numpy.asarray(x0), max_steps=LIMIT, throw=False)
    return done.value.block_until_ready()


def _differentiable(
    value: Callable[[np.ndarray], Any], derivative: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]
) -> Callable[[jax.Array], jax.Array]:
    """A JAX function with its derivative, both on the host; a value that JAX asks for along with it is not counted
    twice, for it is the same call.
    """

    def called(function: Callable[[np.ndarray], Any], out: tuple[int, ...], x: jax.Array) -> jax.Array:
        kind = jax.ShapeDtypeStruct(out, np.float64)
        return jax.pure_callback(lambda at: np.asarray(function(np.asarray(at)), dtype=np.float64), kind, x)

    @jax.custom_jvp
    def fun(x: jax.Array) -> jax.Array:
        return called(value, shape, x)

    @fun.defjvp
    def _(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
        (x,), (v,) = primals, tangents
        return fun(x), called(derivative, (*shape, x.shape[0]), x) @ v

    return fun
