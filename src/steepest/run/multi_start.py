"""Many starts, the best end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from steepest.core.errors import InputError, InputTypeError
from steepest.core.ranges import Range
from steepest.run.bounds import bounds_of
from steepest.run.flatten import Layout
from steepest.run.minimize import minimize
from steepest.run.result import Result


@final
@dataclass(frozen=True)
class Best:
    """The best of several runs, and all of them in their order. nfev, njev: summed over the runs."""

    best: Result
    runs: tuple[Result, ...]

    @property
    def nfev(self) -> int:
        return sum(run.nfev for run in self.runs)

    @property
    def njev(self) -> int:
        return sum(run.njev for run in self.runs)

    def __repr__(self) -> str:
        ended = sum(run.success for run in self.runs)
        head = f"best of {len(self.runs)} runs, of which {ended} converged; {self.nfev} values, {self.njev} gradients"
        return f"{head}\n{self.best!r}"


def multi_start(
    fun: Callable[..., Any],
    x0: Any,
    *,
    starts: int = 10,
    spread: float = 1.0,
    seed: int = 0,
    bounds: Any = None,
    **minimize_arguments: Any,
) -> Best:
    """Minimize from several starts, and keep the lowest end.

    The first start is x0. Where every number has two finite bounds, the others are points of a Sobol sequence in the
    box; else x0 + spread · max(1, |x0|) · a standard normal number each, moved into the bounds. starts: a whole number
    from 1, 10. spread in (0, inf), 1. seed: a whole number from 0. The rest goes to `minimize`. A run that ends at a
    value that is not finite is never the best unless all do.

    >>> from math import cos
    >>> found = multi_start(lambda x: x[0] ** 2 / 20 - cos(3 * x[0]), [6.0], starts=8, bounds=[(-7, 7)])
    >>> round(found.best.fun, 6), len(found.runs)
    (-1.0, 8)
    """
    count = int(Range(1, integer=True).check("multi_start", "starts", starts))
    width = Range(0, open_low=True).check("multi_start", "spread", spread)
    number = int(Range(0, integer=True).check("multi_start", "seed", seed))
    if "resume" in minimize_arguments:
        raise InputError("multi_start: resume is for minimize; pass starts and a seed")
    layout = Layout(x0)
    if layout.library != "numpy":
        raise InputTypeError(f"multi_start: x0 must be NumPy's or numbers, got {layout.library}'s")
    box = bounds_of(bounds, layout)
    runs = [
        minimize(fun, layout.shaped(start), bounds=bounds, **minimize_arguments)
        for start in _starts(layout.start, count, width, number, box)
    ]
    return Best(min(runs, key=lambda run: run.fun if math.isfinite(run.fun) else math.inf), tuple(runs))


def _starts(x0: Any, count: int, spread: float, seed: int, box: Any) -> list[Any]:
    if count == 1:
        return [x0]
    n = x0.shape[0]
    if box is not None and np.all(np.isfinite(box[0])) and np.all(np.isfinite(box[1])) and n <= 21201:
        from scipy.stats import qmc

        power = math.ceil(math.log2(count))
        points = qmc.Sobol(n, scramble=True, rng=seed).random_base2(power)[: count - 1]
        return [x0, *(box[0] + points * (box[1] - box[0]))]
    random = np.random.default_rng(seed)
    moved = x0 + spread * np.maximum(1.0, np.abs(x0)) * random.standard_normal((count - 1, n))
    if box is not None:
        moved = np.clip(moved, *box)
    return [x0, *moved]
