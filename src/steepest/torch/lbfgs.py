"""L-BFGS with PyTorch's interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, final, overload

import numpy as np
import torch

from steepest.core.errors import HyperparameterError, InputError
from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.directions.lbfgs import LBFGS as Direction
from steepest.methods.directions.lbfgs import Memory
from steepest.methods.method import Point, StepSize, Walk
from steepest.methods.oracle import Count, Functions, VectorOracle
from steepest.methods.step_sizes.constant import Constant
from steepest.methods.step_sizes.strong_wolfe import StrongWolfe
from steepest.methods.vectors import all_finite, largest_entry


@final
class LBFGS(torch.optim.Optimizer):
    """L-BFGS on a model's parameters: up to `max_iter` steps of `methods.LBFGS` on the closure's function.

    params: tensors, or one parameter group; real, of one dtype and device, which are kept. lr in (0, inf), 1: the step
    where there is no line search; with one it has no effect, for the trial 1 is natural. max_iter: steps a call of
    `step`, from 1, 20. max_eval: closure calls a call of `step`, from 1; None is 1.25 max_iter + 1. tolerance_grad in
    [0, inf), 1e-7: ends the call where the largest entry of the gradient is no more. tolerance_change in [0, inf),
    1e-9: and where the loss, or every parameter, moved by no more. history_size: pairs, from 1, 100. line_search_fn:
    "strong_wolfe", or None for the fixed step lr.

    `step(closure)`: closure clears the gradients, computes the loss, calls backward and returns the loss. It returns
    the loss at the start of the call, as torch.optim's does. `last_status` says how the call ended. Where the line
    search fails, or a value is not finite, the parameters are left at the best point that was found, never at a trial.

    Dialect: torch.optim.LBFGS, but for this: the line search is on by default; a pair (s, y) is never formed from
    gradients of two calls, whose closures may see two batches; the conditions c1 = 1e-4, c2 = 0.9 hold at every
    accepted step. Raises HyperparameterError for a setting out of range, InputError for parameters that cannot be.
    Source: Liu & Nocedal 1989; see `methods.LBFGS`.

    >>> x = torch.tensor([-1.2, 1.0], requires_grad=True)
    >>> optimizer = LBFGS([x], max_iter=100)
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> round(optimizer.step(closure).item(), 4), [round(v, 3) for v in x.tolist()]
    (24.2, [1.0, 1.0])
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: Literal["strong_wolfe"] | None = "strong_wolfe",
    ) -> None:
        whole, positive, tolerance = Range(1, integer=True), Range(0, open_low=True), Range(0)
        if line_search_fn not in {None, "strong_wolfe"}:
            raise HyperparameterError(
                "LBFGS", "line_search_fn", f"must be 'strong_wolfe' or None, got {line_search_fn!r}"
            )
        steps = int(whole.check("LBFGS", "max_iter", max_iter))
        super().__init__(
            params,
            {
                "lr": positive.check("LBFGS", "lr", lr),
                "max_iter": steps,
                "max_eval": steps * 5 // 4 + 1 if max_eval is None else int(whole.check("LBFGS", "max_eval", max_eval)),
                "tolerance_grad": tolerance.check("LBFGS", "tolerance_grad", tolerance_grad),
                "tolerance_change": tolerance.check("LBFGS", "tolerance_change", tolerance_change),
                "history_size": int(whole.check("LBFGS", "history_size", history_size)),
                "line_search_fn": line_search_fn,
            },
        )
        if len(self.param_groups) != 1:
            raise InputError(f"LBFGS: params must be one group, got {len(self.param_groups)}")
        self._params: list[torch.Tensor] = self.param_groups[0]["params"]
        kinds = sorted({f"{p.dtype} on {p.device}" for p in self._params})
        if len(kinds) > 1 or not self._params[0].is_floating_point():
            raise InputError(f"LBFGS: params must be real, of one dtype and device, got {', '.join(kinds)}")
        self.last_status = Status.RUNNING

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], Any]) -> Any: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to max_iter steps; the loss at the start. Raises InputError without a closure."""
        if closure is None:
            raise InputError("LBFGS: step needs a closure that computes the loss and its gradient")
        group = self.param_groups[0]
        evaluation = _Closure(self._params, closure)
        oracle = VectorOracle(Functions(both=evaluation), Count(), eps=torch.finfo(self._params[0].dtype).eps)
        x = torch.cat([p.reshape(-1) for p in self._params])
        f = oracle.value(x)
        first = evaluation.answer
        walk = self._walk(Point(x, f, oracle.gradient(x, f)))
        self.last_status = self._steps(oracle, walk, group)
        _write(self._params, walk.point.x)
        self._keep(walk, oracle.count.value)
        return first

    def _steps(self, oracle: VectorOracle, walk: Walk, group: dict[str, Any]) -> Status:
        """Step until a limit or a tolerance ends the call."""
        if not (np.isfinite(walk.point.f) and all_finite(walk.point.g)):
            return Status.NONFINITE_START
        for _ in range(group["max_iter"]):
            if largest_entry(walk.point.g) <= group["tolerance_grad"]:
                return Status.CONVERGED
            left = group["max_eval"] - oracle.count.value
            if left <= 0:
                return Status.MAX_CALLS
            before = walk.point
            status = Direction(group["history_size"], _search(group, left)).step(oracle, walk)
            if status is not None:
                return Status.MAX_CALLS if oracle.count.value >= group["max_eval"] else status
            after = walk.point
            if not (np.isfinite(after.f) and all_finite(after.g)):
                walk.point = before
                return Status.NONFINITE
            self.state[self._params[0]]["n_iter"] = self.state[self._params[0]].get("n_iter", 0) + 1
            small = group["tolerance_change"]
            if abs(after.f - before.f) < small or largest_entry(after.x - before.x) <= small:
                return Status.CONVERGED
        return Status.MAX_STEPS

    def _walk(self, point: Point) -> Walk:
        """The state that is kept between calls, at this point."""
        state = self.state[self._params[0]]
        memory = Direction(self.param_groups[0]["history_size"]).begin(point)
        if "S" in state:
            SY = state["SY"].cpu().double().numpy()
            first, size = state["window"]
            memory = Memory(
                state["S"], state["Y"], np.asfortranarray(SY), memory.SS, len(SY), first, size, state["gamma"]
            )
        return Walk(point, memory, None, *state.get("last", ()))

    def _keep(self, walk: Walk, calls: int) -> None:
        state, memory = self.state[self._params[0]], walk.own
        state["func_evals"] = state.get("func_evals", 0) + calls
        state["S"], state["Y"], state["SY"] = memory.S, memory.Y, torch.from_numpy(np.array(memory.SY))
        state["window"], state["gamma"] = (memory.first, memory.size), memory.gamma
        state["last"] = (walk.length, walk.slope, walk.decrease)


class _Closure:
    """The closure as value and gradient at a flat point; `answer` is what it returned last."""

    def __init__(self, params: list[torch.Tensor], closure: Callable[[], Any]) -> None:
        self._params, self._closure = params, closure
        self.answer: Any = None

    def __call__(self, x: torch.Tensor) -> tuple[float, torch.Tensor]:
        _write(self._params, x)
        with torch.enable_grad():
            self.answer = self._closure()
        f = float(self.answer.detach() if isinstance(self.answer, torch.Tensor) else self.answer)
        parts = [torch.zeros_like(p) if p.grad is None else p.grad.to_dense() for p in self._params]
        return f, torch.cat([part.reshape(-1) for part in parts])


def _search(group: dict[str, Any], left: int) -> StepSize:
    if group["line_search_fn"] is None:
        return Constant(group["lr"])
    return StrongWolfe(max_trials=min(25, left))


def _write(params: Iterable[torch.Tensor], x: torch.Tensor) -> None:
    place = 0
    for p in params:
        p.copy_(x[place : place + p.numel()].view_as(p))
        place += p.numel()
