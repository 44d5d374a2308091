"""Learning-rate schedules by name: each makes the schedule of a run from its peak and its number of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from steepest import schedules
from steepest.core.errors import UnknownNameError
from steepest.core.schedule import Schedule

WARMUP_SHARE = 0.05
"""Share of the steps over which `warmup-cosine` rises."""


def _step(peak: float, steps: int) -> Schedule:
    return schedules.step_decay(peak, every=math.ceil(steps / 3), factor=0.1)


def _cosine(peak: float, steps: int) -> Schedule:
    return schedules.cosine(peak, steps)


def _warmup_cosine(peak: float, steps: int) -> Schedule:
    return schedules.warmup_cosine(peak, steps, warmup=max(1, round(WARMUP_SHARE * steps)))


FAMILIES: Final[Mapping[str, Callable[[float, int], Schedule] | None]] = {
    "constant": None,
    "cosine": _cosine,
    "step": _step,
    "warmup-cosine": _warmup_cosine,
}
"""`constant` keeps the number itself; `step` divides by ten after each third of the run; `cosine` falls to zero at
the end of the run; `warmup-cosine` rises over the first twentieth of it before."""


def learning_rate(family: str, peak: float, steps: int) -> float | Schedule:
    """The learning rate of a run of `steps` steps: the number itself, or a schedule with this peak.

    Raises UnknownNameError for a family that is not in FAMILIES.
    """
    check_family(family)
    make = FAMILIES[family]
    return peak if make is None else make(peak, steps)


def check_family(family: str) -> None:
    """Raise UnknownNameError unless `family` is a schedule's name."""
    if family not in FAMILIES:
        raise UnknownNameError("schedule", family, FAMILIES)
