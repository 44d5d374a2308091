"""`minimize`: the minimum of a function, with SciPy's signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steepest.core.errors import InputError, InputTypeError
from steepest.formula import Rule
from steepest.methods.method import Method
from steepest.run.bounds import bounds_of
from steepest.run.differences import Bounds
from steepest.run.flatten import Layout
from steepest.run.given import Given
from steepest.run.iterate import RunState
from steepest.run.problem_at_hand import AtHand
from steepest.run.result import Result
from steepest.run.scipy_names import chosen

LARGE = 200
"""From this many numbers on, L-BFGS is the default method in place of BFGS, whose matrix has n² numbers."""


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    method: str | Method | Rule | None = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Sequence[object] = (),
    tol: float | None = None,
    callback: Callable[[Result], object] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    resume: RunState | bytes | str | Path | None = None,
) -> Result:
    """Minimize a function of one or more variables; SciPy's order and names.

    fun(x, *args): one real number; a vector of residuals r for "lm" and GaussNewton, whose f is ½‖r‖². x0: a number,
    an array-like, an array of NumPy, PyTorch (float32 stays float32, CUDA stays on the device) or JAX, a nested dict
    or list of arrays, or a `torch.nn.Module`, whose parameters then end at the solution; fun gets the same form.
    NumPy's numbers are computed with in float64.

    method: an object as `LBFGS(step_size=StrongWolfe())` or `Newton(step_size=TrustRegion("exact"))`, any update rule
    as `rules.adam(lr=0.01)`, or one of SciPy's names. Left out: BFGS up to 200 numbers, LBFGS above and for PyTorch's,
    LBFGSB with bounds. No method hands over to another.

    jac: a function with the form of x0, True where fun returns (f, ∇f), "2-point", "3-point", "cs" (complex step),
    "torch" or "jax". Left out it is automatic for PyTorch's and JAX's arrays, "2-point" for NumPy's; the result's
    `derivatives` says so. hess(x, *args), hessp(x, p, *args): for the methods that ask for them; left out, they come
    from jac in the same way. bounds: `scipy.optimize.Bounds` or (low, high) for each number, None for no bound.
    constraints: not there yet. tol: gtol. callback(result so far): after each step; True or StopIteration stops the
    run. options: gtol, ftol, xtol, norm, maxiter, maxfun, curvature as in `Limits`, and with a name the method's own;
    what is not known is an error. resume: a `result.state`, or the path of a `result.save`, to go on from bit for bit.

    A point where the gradient is zero is held against negative curvature before it is called a success; where a search
    fails, the gradient is held against differences. Saddles, kinks, a wrong gradient are said with the coordinate.

    What is wrong with an argument raises before fun is called, InputError and InputTypeError; what happens on the way
    is the result's status. What fun raises goes on to the caller, with the trace so far as its attribute `trace`.

    >>> from steepest.methods import LBFGS
    >>> result = minimize(lambda x: (x[0] - 1) ** 2 + 10 * (x[1] - x[0] ** 2) ** 2, [-1.0, 1.0], method=LBFGS())
    >>> result.success, result.x.round(4).tolist(), result.derivatives["jac"]
    (True, [1.0, 1.0], "differences '2-point', n values a gradient")
    """
    if not callable(fun):
        raise InputTypeError(f"minimize: fun must be a function, got {type(fun).__name__}")
    if callback is not None and not callable(callback):
        raise InputTypeError(f"minimize: callback must be a function, got {type(callback).__name__}")
    for name, function in (("hess", hess), ("hessp", hessp)):
        if function is not None and not callable(function):
            got = repr(function) if isinstance(function, str) else type(function).__name__
            raise InputTypeError(f"minimize: {name} must be a function, got {got}; left out, it follows jac")
    _refuse_constraints(constraints)
    layout = Layout(x0)
    _check_start(layout)
    box = bounds_of(bounds, layout)
    solver, limits = chosen(_method(method, layout, box), layout.size, options, tol)
    if box is not None and not solver.bounded:
        raise InputError(f"minimize: {solver.name} takes no bounds; use LBFGSB()")
    given = Given(fun, _as_tuple(args), jac, hess, hessp)
    at_hand = AtHand(given, layout, solver, limits, box, {})
    if resume is not None:
        return at_hand.resumed(_state(resume), None, callback)
    return at_hand.run(callback)


def _method(method: Any, layout: Layout, box: Bounds | None) -> Any:
    if method is not None:
        return method
    if box is not None:
        from steepest.methods.bounded.lbfgsb import LBFGSB

        return LBFGSB()
    if layout.size >= LARGE or layout.library == "torch":
        from steepest.methods.directions.lbfgs import LBFGS

        return LBFGS()
    from steepest.methods.directions.bfgs import BFGS

    return BFGS()


def _as_tuple(args: Any) -> tuple[Any, ...]:
    """One argument that is no tuple is a tuple of one, as for SciPy."""
    return args if isinstance(args, tuple) else (args,)


def _check_start(layout: Layout) -> None:
    start = layout.vector(False)
    bad = np.flatnonzero(~np.isfinite(start))
    if bad.size:
        index = int(bad[0])
        raise InputError(f"minimize: x0 must be finite, got {start[index]} at {layout.name(index)}")


def _refuse_constraints(constraints: object) -> None:
    if constraints is None or (isinstance(constraints, Sequence) and not len(constraints)):
        return
    raise InputError("minimize: constraints other than bounds are not supported; use bounds, or add a penalty to fun")


def _state(resume: RunState | bytes | str | Path) -> RunState:
    if isinstance(resume, RunState):
        return RunState.from_bytes(resume.to_bytes())
    if isinstance(resume, bytes):
        return RunState.from_bytes(resume)
    try:
        return RunState.from_bytes(Path(resume).read_bytes())
    except OSError as error:
        raise InputError(f"minimize: resume must be a readable file, got {str(resume)!r} ({error.strerror})") from error
    except TypeError:
        kind = type(resume).__name__
        raise InputTypeError(f"minimize: resume must be a result's state or a path, got {kind}") from None
