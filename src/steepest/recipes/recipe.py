"""What a recipe is: a rule, a schedule and starting values, each with where it was published."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, final

from steepest import rules
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula import Rule, chain
from steepest.schedules import linear_scaling, square_root_scaling

TUNING_ORDER: Final = ("lr", "batch_size", "method", "weight_decay", "betas")
"""What to tune first: the learning rate decides most; the batch size moves it; then which method; then the decay, and
last the averaging factors."""

Shape = Callable[[float, float, int, float], Schedule]
"""Makes a run's schedule of the published rate, the rate for this batch size, the steps, and this batch size over the
published one."""


@dataclass(frozen=True)
class Start:
    """A starting value and its source: a paper with the section or table that has it."""

    name: str
    value: float | str
    source: str


@final
@dataclass(frozen=True)
class Recipe:
    """A rule, a schedule and starting values for a kind of task, as they were published.

    name: as in `recipes.RECIPES`. task: what it was used for, in words. method: in `rules.METHODS`. starts: its
    hyperparameters, "lr" among them, and "clip", a bound on the gradient's norm. batch_size: samples a batch for which
    the values were published. scaling: how the learning rate follows another batch size. schedule: in words. shape:
    makes the schedule. scaling_source, schedule_source: where they are from. order: what to tune first.

    >>> from steepest.recipes import RECIPES
    >>> recipe = RECIPES["vision"]
    >>> recipe.method, recipe["lr"].value, recipe.batch_size
    ('nesterov', 0.1, 256)
    >>> recipe.rule(steps=900, batch_size=1024).length is None
    True
    """

    name: str
    task: str
    method: str
    starts: tuple[Start, ...]
    batch_size: int
    batch_source: str
    scaling: Literal["linear", "square-root"]
    scaling_source: str
    schedule: str
    schedule_source: str
    shape: Shape
    order: tuple[str, ...] = TUNING_ORDER

    def __getitem__(self, name: str) -> Start:
        """A starting value by name; KeyError where the recipe has none."""
        found = {start.name: start for start in self.starts}
        return found[name]

    def rule(self, *, steps: int, batch_size: int | None = None, lr: float | None = None) -> Rule:
        """The rule for a run.

        steps: of the run, a whole number from 1. batch_size: samples a batch, a whole number from 1; left out, the
        published one. lr: the peak at that batch size, in (0, ∞), where the published one was tuned; left out, that
        one, scaled to the batch size. Raises HyperparameterError for a value out of range.
        """
        settings = {start.name: start.value for start in self.starts}
        clip = settings.pop("clip", None)
        settings["lr"] = self.learning_rate(steps=steps, batch_size=batch_size, lr=lr)  # type: ignore[assignment]
        made = rules.METHODS[self.method](**settings)
        return made if clip is None else chain(rules.clip_norm(max_norm=float(clip)), made).named(made.name)

    def learning_rate(self, *, steps: int, batch_size: int | None = None, lr: float | None = None) -> Schedule:
        """The schedule of the learning rate; arguments as for `rule`."""
        count = int(Range(low=1, integer=True).check(self.name, "steps", steps))
        size = self.batch_size if batch_size is None else batch_size
        published = float(self["lr"].value)
        scaled = (linear_scaling if self.scaling == "linear" else square_root_scaling)(published, size, self.batch_size)
        peak = scaled if lr is None else Range(low=0, open_low=True).check(self.name, "lr", lr)
        return self.shape(published, peak, count, size / self.batch_size)

    def __str__(self) -> str:
        known = inspect.signature(rules.METHODS[self.method]).parameters
        lines = [f"{self.name}: {self.task}", f"  method: {self.method}"]
        for start in self.starts:
            what = start.name if start.name in known else "clip_norm"
            lines.append(f"  {what} = {start.value}: {start.source}")
        lines += [
            f"  batch_size = {self.batch_size}: {self.batch_source}",
            f"  other batch sizes, {self.scaling} scaling: {self.scaling_source}",
            f"  schedule, {self.schedule}: {self.schedule_source}",
            f"  tune, in this order: {', '.join(self.order)}",
        ]
        return "\n".join(lines)


def share(steps: int, part: float) -> int:
    """So many of the steps as a whole number, at least 1."""
    return max(1, round(part * steps))
