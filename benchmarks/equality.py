"""Do two contenders compute the same? On a small copy of the work, with new gradients at every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.contenders import Contender
from benchmarks.works import Arrays, Work

STEPS = 12
"""Past RAdam's unrectified steps, and enough for the moments and bias corrections to count."""
TOLERANCE = 1e-4
"""Of the farthest movement: rounding is some 1e-5 of it, a wrong constant or a forgotten correction far more."""
PARAMETER_DEVIATION, GRADIENT_DEVIATION = 0.02, 1e-3
"""Of the normal numbers that parameters and gradients are drawn from; in comparing, gradients up to 4 times that."""


@dataclass(frozen=True)
class Agreement:
    """How far two contenders are apart after a few steps.

    difference: the largest, over all elements; movement: the farthest that an element of ours went.
    """

    difference: float
    movement: float
    tolerance: float

    @property
    def holds(self) -> bool:
        return self.difference <= self.tolerance * self.movement

    def __str__(self) -> str:
        return f"{self.difference:.1e} of {self.movement:.1e}"


def agreement(
    work: Work,
    theirs: Callable[[Arrays, Arrays], Contender],
    ours: Callable[[Arrays, Arrays], Contender],
    tolerance: float,
) -> Agreement:
    """Run both on `work.small` and compare the parameters at the end."""
    small = work.small
    start = small.values(0, PARAMETER_DEVIATION)
    ends = []
    for make in (theirs, ours):
        contender = make(start, small.values(1, GRADIENT_DEVIATION))
        for seed in range(1, STEPS + 1):
            contender.load(small.values(seed, GRADIENT_DEVIATION * (1 + seed % 4)))
            contender.step()
        ends.append(contender.values())
    return Agreement(_farthest(*ends), _farthest(start, ends[1][: len(start)]), tolerance)


def _farthest(a: Arrays, b: Arrays) -> float:
    """The largest difference; NaN where there is one."""
    return float(np.max([np.abs(x - y).max() for x, y in zip(a, b, strict=True)]))
