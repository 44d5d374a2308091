"""Newton's method on a function of one variable, and damped on x − ln x."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.lab.verification.case import Case, along
from steepest.trace import Trace


def cases() -> Iterator[Case]:
    """All cases of this family."""
    start = 0.3
    facts = ProblemFacts("strongly convex", mu=1.0, R=start, f_star=0.0, source="exact", constants={"M": 2.0})
    yield Case("newton-local", "½x² + ⅓x³ from 0.3", MethodFacts("newton"), facts, lambda: [_local(start)])
    concordant = ProblemFacts("self-concordant", f_star=1.0, source="exact")
    damped, full = MethodFacts("damped-newton"), MethodFacts("newton")
    yield Case("damped-newton-decrement", "x − ln x from 0.6", damped, concordant, lambda: [_barrier(0.6, damped=True)])
    yield Case(
        "damped-newton-decrease",
        "x − ln x from 2.5",
        damped,
        concordant,
        lambda: [_barrier(2.5, damped=True)],
        attained=True,
    )
    yield Case("newton-self-concordant", "x − ln x from 0.6", full, concordant, lambda: [_barrier(0.6, damped=False)])


def _local(x: float) -> Trace:
    """½x² + ⅓x³: f″ = 1 + 2x, so M = 2 and μ = f″(0) = 1."""
    points = [np.array([x])]
    for _ in range(4):
        x -= (x + x * x) / (1 + 2 * x)
        points.append(np.array([x]))
    return along(points, lambda p: float(p[0] ** 2 / 2 + p[0] ** 3 / 3), minimizer=np.zeros(1))


def _barrier(x: float, *, damped: bool) -> Trace:
    """X − ln x: the decrement is |x − 1|, Newton's step x(1 − x)."""
    points, decrements = [np.array([x])], [abs(x - 1)]
    for _ in range(5):
        x += x * (1 - x) / (1 + abs(x - 1) if damped else 1.0)
        points.append(np.array([x]))
        decrements.append(abs(x - 1))
    return along(points, lambda p: float(p[0] - math.log(p[0])), minimizer=np.ones(1), newton_decrement=decrements)
