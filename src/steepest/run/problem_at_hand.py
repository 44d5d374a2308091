"""What a run of `minimize` is about: the user's function, its layout and derivatives, the method, and the limits."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from steepest.core.errors import InputError
from steepest.core.status import Status
from steepest.methods.method import Method, Point
from steepest.methods.oracle import Count, VectorOracle
from steepest.methods.state import with_vectors_like
from steepest.methods.vectors import Vector, all_finite
from steepest.run.derivatives import derive
from steepest.run.differences import Bounds
from steepest.run.flatten import Layout
from steepest.run.given import Derived, Given
from steepest.run.iterate import Ending, Limits, Run, RunState
from steepest.run.result import Result

Callback = Callable[[Result], object]


@final
@dataclass(frozen=True)
class AtHand:
    """One problem of `minimize` with its method; makes, runs and continues runs of it."""

    given: Given
    layout: Layout
    method: Method
    limits: Limits
    bounds: Bounds | None
    how: dict[str, str]

    @property
    def name(self) -> str:
        """The function's name."""
        return str(getattr(self.given.fun, "__name__", type(self.given.fun).__name__))

    def run(self, callback: Callback | None) -> Result:
        """From the start."""
        state = RunState(self.method.text, 0, Count(), 0.0, math.nan, [], [], None)
        oracle = self._oracle(state)
        with np.errstate(all="ignore"), _keeping(self, state):
            x = self.layout.vector(self.method.on_device)
            if self.bounds is not None:
                x = np.clip(x, *self.bounds)
            f = oracle.value(x)
            state.first = f
            state.walk = _At(Point(x, f, _nothing(x)))
            g = oracle.gradient(x, f) if math.isfinite(f) else _nothing(x)
            state.walk = _At(Point(x, f, g))
            ready = math.isfinite(f) and all_finite(g)
            if ready:
                state.walk = self.method.start(oracle, state.walk.point)
            run = Run(self.method, oracle, state)
            run.note()
        if not ready:
            what = f"f(x0) = {f}" if not math.isfinite(f) else f"the gradient at x0 is {_first_bad(self.layout, g)}"
            return Result(self, state, Ending(Status.NONFINITE_START, what))
        return self._finished(run, self.limits, callback)

    def resumed(self, state: RunState, maxiter: int | None, callback: Callback | None) -> Result:
        """From a state, which is used up; maxiter: in place of the limits', counting the steps so far."""
        if state.method != self.method.text:
            raise InputError(f"minimize: resume is of {state.method}, and method is {self.method.text}")
        if isinstance(state.walk, _At) or not math.isfinite(state.walk.point.f):
            raise InputError("minimize: resume is of a run that never had a finite value; start anew")
        if state.walk.point.x.shape[0] != self.layout.size:
            had = state.walk.point.x.shape[0]
            raise InputError(f"minimize: resume is of {had} numbers, and x0 has {self.layout.size}")
        if self.method.on_device and self.layout.library == "torch":
            state.walk = with_vectors_like(state.walk, self.layout.start)
        limits = self.limits if maxiter is None else replace(self.limits, maxiter=maxiter)
        oracle = self._oracle(state)
        with np.errstate(all="ignore"):
            oracle.recall(state.walk.point.x)
        return self._finished(Run(self.method, oracle, state), limits, callback)

    def _oracle(self, state: RunState) -> VectorOracle:
        derived = self.derived(state.count)
        self.how.update(derived.how)
        return VectorOracle(
            derived.functions,
            state.count,
            eps=self.layout.eps,
            exact_products=derived.exact_products,
            bounds=self.bounds,
        )

    def derived(self, count: Count, method: Method | None = None) -> Derived:
        """The functions that a method asks for."""
        return derive(self.given, self.layout, method or self.method, count, self.bounds)

    def _finished(self, run: Run, limits: Limits, callback: Callback | None) -> Result:
        if callback is not None:
            shown = callback
            run.after_step = lambda: shown(Result(self, run.state, Ending(Status.RUNNING)))
        with _keeping(self, run.state):
            ending = run.go(limits)
            if ending.status in _TO_EXPLAIN:
                from steepest.run.explain_ending import explained

                with np.errstate(all="ignore"):
                    ending = explained(self, run, ending, limits)
            with np.errstate(all="ignore"):
                answer = self.method.finish(run.oracle, run.state.walk) if ending.status.ok else None
        return Result(self, run.state, ending, answer)

    def shown(self, x: Vector) -> Any:
        """A point in the form of x0; for a module, its parameters are set to it."""
        if self.layout.module is not None:
            self._set_module(x)
            return self.layout.module
        if self.layout.library == "numpy":
            return self.layout.shaped(x.copy())
        native = self.layout.native(x)
        return self.layout.shaped(native.clone() if native is x else native)

    def shown_gradient(self, g: Vector) -> Any:
        """A gradient in the form of x0; for a module, its named gradients."""
        native = self.layout.native(g)
        return self.layout.shaped(native.copy() if self.layout.library == "numpy" else native)

    def _set_module(self, x: Vector) -> None:
        import torch

        module: Any = self.layout.module
        named = self.layout.shaped(self.layout.native(x))
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                if name in named:
                    parameter.copy_(named[name])

    def feasible(self, x: Vector) -> bool:
        """Whether a point is within the bounds, and finite."""
        if not all_finite(x):
            return False
        return self.bounds is None or bool(np.all(x >= self.bounds[0]) and np.all(x <= self.bounds[1]))

    def residuals_off_count(self, x: Vector) -> Vector | None:
        """r(x), not counted; None for a method that does not ask for residuals."""
        functions = self.derived(Count()).functions
        return None if functions.residuals is None else functions.residuals(x)

    def value_off_count(self, x: Vector) -> float:
        """f(x) for a picture, not counted."""
        with np.errstate(all="ignore"):
            return VectorOracle(self.derived(Count()).functions, Count()).value(x)


class _keeping:
    """An exception that comes out of the user's function carries the trace so far, as `trace` and `result`."""

    def __init__(self, at_hand: AtHand, state: RunState) -> None:
        self._at_hand, self._state = at_hand, state

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None or self._state.walk is None:
            return
        result = Result(
            self._at_hand, copy.copy(self._state), Ending(Status.FAILED, f"{type(error).__name__}: {error}")
        )
        error.result = result  # type: ignore[attr-defined]
        error.trace = result.trace  # type: ignore[attr-defined]


@dataclass
class _At:
    """The state before the method has one."""

    point: Point
    length: float = math.nan


_TO_EXPLAIN = frozenset({
    Status.LINE_SEARCH_FAILED,
    Status.NOT_DESCENT,
    Status.MODEL_FAILED,
    Status.PRECISION_LIMIT,
    Status.MAX_STEPS,
    Status.CONVERGED,
})


def _nothing(x: Vector) -> Vector:
    return x * math.nan


def _first_bad(layout: Layout, g: Vector) -> str:
    values = np.asarray(layout.host(g, False) if hasattr(g, "detach") else g)
    index = int(np.flatnonzero(~np.isfinite(values))[0])
    return f"{values[index]} along {layout.name(index)}"
