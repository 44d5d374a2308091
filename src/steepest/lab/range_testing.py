"""The learning-rate range test of a method on a problem."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from steepest.core.errors import InputError
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula import Rule
from steepest.jax import LEARNING_RATE
from steepest.lab.contestant import Contestant, MethodLike, contestant
from steepest.lab.problem_source import ProblemLike, resolve
from steepest.lab.spaces import Setting
from steepest.problems.problem import Problem, run_seed
from steepest.run import Method, run
from steepest.schedules.range_test import SMOOTHING, RangeTest, Watched, rising_rates
from steepest.trace import Column

__all__ = ["RangeTest", "range_test"]


def range_test(
    problem: ProblemLike,
    method: MethodLike = "sgd",
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    seeds: int | Sequence[int] = 3,
    setting: Setting | None = None,
    smoothing: float = SMOOTHING,
    device: str = "cpu",
) -> RangeTest:
    """Train while the learning rate rises, and see from where to where it is worth taking.

    problem, method: as for `compare`; the method must have a learning rate. low, high: 0 < low < high; the rate of
    update k = 0, 1, … is low · (high / low)^(k / (steps − 1)). steps: a whole number from 10, default 100. seeds: how
    many (0, 1, …), or which; each has its own start and batches. setting: other hyperparameters by name, where not
    their defaults. smoothing: β in [0, 1) of the means along the rates, default 0.8. A run ends where it has diverged.

    Returns a `RangeTest`: `suggestion` is an interval of rates, `figure()` draws the losses. The loss of a rate is that
    of the batch after its update. Raises InputError and InputTypeError for what cannot be, before anything is run.

    >>> test = range_test("bowl", "sgd", low=1e-3, high=10.0, steps=60, seeds=1)
    >>> test.suggestion.high < 1 < test.suggestion.diverges
    True
    """
    schedule, rates = rising_rates("range_test", low, high, steps)
    Range(low=0, high=1, open_high=True).check("range_test", "smoothing", smoothing)
    numbers = _seeds(seeds)
    entrant = contestant(method)
    settings = {_rate_of(entrant): float(rates[-1]), **(setting or {})}
    target = resolve(problem)
    target.check(device)
    made = entrant.make(settings, cast(str, _Shape(schedule)), steps + 1)
    losses = np.stack([_losses(target, made, rates.size, seed, smoothing, device) for seed in numbers])
    return RangeTest(f"{entrant.name} on {target.name}", rates, losses, smoothing)


@dataclass(frozen=True)
class _Shape:
    """A schedule in the place of a family: it is what it is, whatever the peak."""

    schedule: Schedule

    def __call__(self, peak: float, steps: int) -> Schedule:
        return self.schedule


def _losses(problem: Problem, method: Rule | Method, steps: int, seed: int, smoothing: float, device: str) -> Column:
    """The loss after each of so many updates; the gradient of one more update tells the last."""
    watched = Watched(steps, smoothing)

    def heard(step: int, value: float) -> bool:
        return step > 1 and watched.saw(value)

    run(
        problem,
        copy.copy(method),
        steps=steps + 1,
        seed=seed,
        evaluate_every=steps + 1,
        gradient_norm_every=0,
        device=device,
        callback=heard,
    )
    return watched.losses


def _rate_of(entrant: Contestant) -> str:
    """What the method calls its learning rate."""
    found = next((name for name in LEARNING_RATE if name in entrant.space.names), None)
    if found is None:
        raise InputError(f"range_test: {entrant.name} must have a learning rate that can be set, got {entrant.space}")
    return found


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(seeds, Sequence):
        if not seeds:
            raise InputError("range_test: seeds must be at least one, got none")
        return tuple(run_seed("range_test", seed) for seed in seeds)
    return tuple(range(int(Range(low=1, integer=True).check("range_test", "seeds", seeds))))
