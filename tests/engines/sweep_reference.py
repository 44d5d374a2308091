"""Runs of a rule one by one, by its pure interface on NumPy: what a sweep must equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.formula import Rule

Vector = np.ndarray


@dataclass(frozen=True)
class Walk:
    """Where one run ended, and every answer point on the way, the start's first."""

    point: Vector
    answer: Vector
    steps: int
    path: list[Vector]


def walk(
    rule: Rule,
    gradient: Callable[[int, Vector], Any],
    start: Any,
    steps: int,
    *,
    value: Callable[[Vector], float] | None = None,
    seed: int = 0,
    dtype: str = "float64",
) -> Walk:
    """Run a rule for so many updates, or to the last finite point. gradient: of (step, point)."""
    p = np.array(start, dtype=dtype)
    state = rule.init(p, seed=seed)
    found = rule.link_with("query")
    path = [rule.answer(p, state)]
    for step in range(steps):

        def slope(x: Vector, step: int = step) -> Vector:
            with np.errstate(all="ignore"):
                return np.asarray(gradient(step, x), dtype=dtype)

        twice = found is not None and found[1].queries_gradient
        at = rule.query(p, state, slope(p)) if twice else rule.query(p, state)
        options = {} if value is None else {"value": float(value(at))}
        after, new, _ = rule.update(p, slope(at), state, **options)
        if not np.isfinite(after).all():
            return Walk(p, path[-1], step, path)
        p, state = after, new
        path.append(rule.answer(p, state))
    return Walk(p, path[-1], steps, path)
