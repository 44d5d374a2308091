"""`root`: where a vector function is zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from steepest.core.errors import InputTypeError
from steepest.methods.newton_root import NewtonRoot
from steepest.run.minimize import minimize
from steepest.run.result import Result


def root(
    fun: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    method: NewtonRoot | None = None,
    jac: Any = None,
    tol: float = 1e-10,
    callback: Callable[[Result], object] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Result:
    """Solve r(x) = 0 by Newton's method with backtracking on ½‖r‖².

    fun(x, *args): r, as many numbers as x has. x0, jac, callback, options: as for `minimize`; jac is ∂r/∂x, a row an
    equation. method: NewtonRoot() by default. tol: the largest residual at the end, in [0, inf), 1e-10. The result is
    that of `minimize`; its `fun` is ½‖r‖², `residuals` is r. A point where ‖r‖ is least but not zero ends as
    `line_search_failed` or `singular`: success is never true there.

    >>> result = root(lambda x: [x[0] ** 2 + x[1] ** 2 - 1, x[0] - x[1]], [1.0, 0.5])
    >>> result.success, result.x.round(6).tolist()
    (True, [0.707107, 0.707107])
    """
    solver = NewtonRoot() if method is None else method
    if not isinstance(solver, NewtonRoot):
        raise InputTypeError(f"root: method must be a NewtonRoot, got {method!r:.80}")
    return minimize(fun, x0, args, solver, jac, callback=callback, options=options, tol=tol)
