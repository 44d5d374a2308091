"""One-cycle: up to a peak and down far below the start, with momentum the other way round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, final

from steepest.core.ranges import Count, Range, Real
from steepest.core.schedule import Schedule
from steepest.schedules.between import between
from steepest.schedules.cosine import half_cosine
from steepest.schedules.fields import check_fields, fill

_FROM_OTHERS: Any = None
"""A default that follows from the other arguments."""


@final
@dataclass(frozen=True)
class one_cycle(Schedule):
    """One-cycle: from `initial` up to `peak`, then down to `final`, without a plateau.

    Along lines or half cosines through these points (three phases: back to `initial` on the way):

        two phases:    initial at 0,  peak at warmup − 1,  final at steps − 1
        three phases:  initial at 0,  peak at warmup − 1,  initial at 2 warmup − 2,  final at steps − 1

    peak, initial, final: finite numbers; left out, initial is peak / 25 and final is initial / 10,000. steps: a whole
    number from 2, the length; its last update uses `final`. warmup: a whole number in [1, steps), with three phases
    in [1, (steps + 1) / 2); left out, 0.3 steps, rounded. shape: "cosine" (the default) or "linear". phases: 2 or 3.
    Raises HyperparameterError for a value out of range.

    `companion` is the momentum's cycle, the other way round.

    Source: Smith & Topin 2019, arXiv:1708.07120, which has three phases and lines. Dialect:
    torch.optim.lr_scheduler.OneCycleLR(max_lr=peak, total_steps=steps, pct_start=warmup / steps). Unlike the other
    schedules it reaches `final` within its steps. optax.cosine_onecycle_schedule of T steps with its peak at W is
    one_cycle(steps=T + 1, warmup=W + 1).

    >>> s = one_cycle(1.0, steps=11, warmup=5, initial=0.2, final=0.0, shape="linear")
    >>> [round(s(k), 3) for k in (0, 2, 4, 7, 10, 11)]
    [0.2, 0.6, 1.0, 0.5, 0.0, 0.0]
    >>> beta = s.companion(low=0.85, high=0.95)
    >>> [round(beta(k), 3) for k in (0, 2, 4, 7, 10)]
    [0.95, 0.9, 0.85, 0.9, 0.95]
    """

    peak: Real
    steps: Count
    warmup: Count = _FROM_OTHERS
    initial: Real = _FROM_OTHERS
    final: Real = _FROM_OTHERS
    shape: Literal["cosine", "linear"] = "cosine"
    phases: Literal[2, 3] = 2

    def __post_init__(self) -> None:
        peak = Range().check("one_cycle", "peak", self.peak)
        steps = Range(low=2, integer=True).check("one_cycle", "steps", self.steps)
        fill(self, "warmup", max(1, round(0.3 * steps)))
        fill(self, "initial", peak / 25)
        fill(self, "final", Range().check("one_cycle", "initial", self.initial) / 1e4)
        high = (steps + 1) / 2 if self.phases == 3 else steps
        Range(low=1, high=high, open_high=True, integer=True).check("one_cycle", "warmup", self.warmup)
        check_fields(self)

    def __call__(self, step: int) -> float:
        begin, value = 0, self.initial
        for end, target in self._points():
            if step <= end:
                return self._between(value, target, step - begin, end - begin)
            begin, value = end, target
        return self.final

    def companion(self, low: float = 0.85, high: float = 0.95) -> one_cycle:
        """The cycle of momentum or β₁: `high` at the ends, `low` at the peak.

        low, high: finite numbers. Equal to OneCycleLR's base_momentum and max_momentum, with its defaults.
        """
        return one_cycle(low, self.steps, self.warmup, high, high, self.shape, self.phases)

    def _points(self) -> tuple[tuple[int, float], ...]:
        """Where each phase ends, and at which value."""
        rise, end = (self.warmup - 1, self.peak), (self.steps - 1, self.final)
        return (rise, end) if self.phases == 2 else (rise, (2 * self.warmup - 2, self.initial), end)

    def _between(self, start: float, end: float, part: int, whole: int) -> float:
        if self.shape == "cosine" or part >= whole:
            return half_cosine(start, end, part, whole)
        return between(start, end, (whole - part) / whole)

    @property
    def length(self) -> int:
        return self.steps
