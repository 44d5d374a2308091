"""Timing in alternation: machines drift by more than what is to be told apart, so contenders take turns."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping

import torch

Step = Callable[[], object]

WARM_UP = 10
"""Calls before anything is timed: compilation, first touches, RAdam's unrectified steps."""
VISIT = 0.05
"""Seconds that one contender runs at least before the next has its turn."""
COPY, IN_PLACE = "copy", "in place"
"""Names of the two contenders that only move bytes."""


def alternate(steps: Mapping[str, Step], rounds: int, visit: float = VISIT) -> dict[str, list[float]]:
    """Seconds a call of every step, one figure a round.

    In each round every step has one visit: a call that is not timed, which brings its data and its threads back, and
    then as many as fill `visit` seconds, at least three. The order is rotated by one each round.
    """
    names = list(steps)
    for step in steps.values():
        for _ in range(WARM_UP):
            step()
    repeats = {name: max(3, math.ceil(visit / _seconds(step, 3))) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.disable()
    try:
        for shift in range(rounds):
            start = shift % len(names)
            for name in (*names[start:], *names[:start]):
                steps[name]()
                times[name].append(_seconds(steps[name], repeats[name]))
    finally:
        gc.enable()
    return times


def byte_movers(elements: int = 2**26) -> tuple[dict[str, Step], int]:
    """A copy and an update in place of float32 arrays, and the bytes that each call reads and writes.

    A copy's target is read too by most CPUs before it is written, which is not counted; an update in place, as an
    optimizer's, reads and writes the same memory. So both are measured, and the faster is the bandwidth.
    """
    source, target = torch.ones(elements), torch.zeros(elements)
    return {COPY: lambda: target.copy_(source), IN_PLACE: lambda: source.mul_(1.0)}, 2 * source.nbytes


def _seconds(step: Step, repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - began) / repeats
