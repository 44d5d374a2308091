"""Barzilai–Borwein steps with a nonmonotone safeguard."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, final

from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.method import Direction, Found, Point, Walk
from steepest.methods.settings import check_choice, check_numbers
from steepest.methods.state import record
from steepest.methods.step_sizes.line import Line, LineSearch
from steepest.methods.vectors import norm


@record
class Pairs:
    """The two steps that the last pair (s, y) gives, NaN before it; the last values of f; how many steps there were."""

    long: float
    short: float
    values: list[float]
    steps: int = 0


@final
@dataclass(frozen=True)
class BarzilaiBorwein(LineSearch):
    """Barzilai–Borwein's steps along the negative gradient, with s and y of the last step:

        long: α = sᵀs / sᵀy          short: α = sᵀy / yᵀy          alternating: long and short in turn

    Where sᵀy ≤ 0, α is 1/‖∇f‖ within [1, 1e5]. f may rise, but not above the largest of the last `memory` values: α is
    halved until f(x + αd) ≤ max f + c α ∇fᵀd, with which it converges on every smooth function (memory=1 is Armijo's
    condition; memory=None drops the safeguard). form: "long", "short" or "alternating"; "long". memory: a whole number
    from 1, or None; 10. c in (0, 1), 1e-4. smallest, largest: the range of α, 1e-30 and 1e30. max_trials: 60.
    One value and one gradient a step, more values where the safeguard acts.
    Source: Barzilai & Borwein 1988, IMA J. Numer. Anal. 8, 141–148; Raydan 1997, SIAM J. Optim. 7, 26–33: safeguard.

    >>> BarzilaiBorwein("shortest")
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: BarzilaiBorwein: form must be one of 'long', 'short', 'alternating', \
got 'shortest'
    """

    form: Literal["long", "short", "alternating"] = "long"
    memory: int | None = 10
    c: float = 1e-4
    smallest: float = 1e-30
    largest: float = 1e30
    max_trials: int = 60

    def __post_init__(self) -> None:
        check_choice(self, "form", ("long", "short", "alternating"))
        positive = Range(0, open_low=True)
        whole = Range(1, integer=True)
        ranges = {"memory": whole, "c": Range(0, 1, True, True), "smallest": positive, "largest": positive}
        check_numbers(self, ranges | {"max_trials": whole})

    def refuse(self, direction: Direction) -> str:
        if not direction.along_gradient:
            return f"its steps are along the negative gradient, and {direction.name}'s direction is another"
        if getattr(direction, "preconditioner", None) is not None:
            return "its steps are along the negative gradient, without a preconditioner"
        return super().refuse(direction)

    def begin(self, point: Point) -> Any:
        return Pairs(math.nan, math.nan, [point.f])

    def search(self, line: Line, trial: float, state: Walk) -> Found | Status:
        memory: Pairs = state.steps
        a = self._first(memory, line, trial)
        ceiling = max(memory.values)
        first = a
        for _ in range(self.max_trials):
            x, f = line.value(a)
            if f <= line.bottom:
                return Status.UNBOUNDED
            if self.memory is None or f <= ceiling + self.c * a * line.slope:
                if not math.isfinite(f):
                    return Status.NONFINITE
                g = line.oracle.gradient(x, f)
                self._remember(memory, line, a, Point(x, f, g))
                return Found(a, Point(x, f, g))
            a *= 0.5
        return line.failed(first)

    def _first(self, memory: Pairs, line: Line, trial: float) -> float:
        if memory.steps == 0:
            return trial
        turn = self.form if self.form != "alternating" else ("long", "short")[memory.steps % 2]
        wanted = memory.long if turn == "long" else memory.short
        if not wanted > 0.0:
            wanted = min(max(1.0, 1.0 / norm(line.d)), 1e5)
        return min(max(wanted, self.smallest), self.largest)

    def _remember(self, memory: Pairs, line: Line, a: float, after: Point) -> None:
        y = after.g - line.point.g
        sy = a * float(line.d.dot(y))
        yy = float(y.dot(y))
        memory.long = a * a * float(line.d.dot(line.d)) / sy if sy else math.inf
        memory.short = sy / yy if yy else math.inf
        memory.steps += 1
        memory.values.append(after.f)
        if self.memory is not None:
            del memory.values[: -self.memory]
