"""Backtracking until Armijo's condition holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.method import Direction, Found, Point, Walk
from steepest.methods.settings import check_numbers
from steepest.methods.step_sizes.line import Line, LineSearch


@final
@dataclass(frozen=True)
class Armijo(LineSearch):
    """Backtracking: the first α of α₀, βα₀, β²α₀, … with sufficient decrease.

        f(x + αd) ≤ f(x) + c α ∇f(x)ᵀd

    c in (0, 1), 1e-4. factor: β in (0, 1), 0.5. initial: α₀ in (0, ∞); None takes the direction's natural step (1 for
    Newton's and quasi-Newton's), and else what the last step's decrease suggests. max_trials: a whole number from 1,
    60. One value a trial, one gradient a step. A trial where f is not finite is refused like one that is too high.
    Source: Armijo 1966, Pacific J. Math. 16, 1–3; Nocedal & Wright 2006, Algorithm 3.1.

    >>> Armijo(c=1.0)
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: Armijo: c must be in (0, 1), got 1.0
    """

    c: float = 1e-4
    factor: float = 0.5
    initial: float | None = None
    max_trials: int = 60

    _RANGES: ClassVar = {
        "c": Range(0, 1, True, True),
        "factor": Range(0, 1, True, True),
        "initial": Range(0, open_low=True),
        "max_trials": Range(1, integer=True),
    }

    def __post_init__(self) -> None:
        check_numbers(self, self._RANGES)

    def refuse(self, direction: Direction) -> str:
        if direction.needs_wolfe:
            return f"{direction.name} needs steps that meet the strong Wolfe conditions; use StrongWolfe(c2=0.1)"
        return super().refuse(direction)

    def search(self, line: Line, trial: float, state: Walk) -> Found | Status:
        a = trial if self.initial is None else self.initial
        for _ in range(self.max_trials):
            x, f = line.value(a)
            if f <= line.f + self.c * a * line.slope:
                if f <= line.bottom:
                    return Status.UNBOUNDED
                return Found(a, Point(x, f, line.oracle.gradient(x, f)))
            if line.hidden(a):
                break
            a *= self.factor
        return line.failed(trial)
