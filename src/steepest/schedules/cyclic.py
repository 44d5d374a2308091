"""Cyclical values: triangles without end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, final

from steepest.core.ranges import Count, Real
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields, fill
from steepest.schedules.step_decay import Factor

_AS_UP: Any = None
"""The default of `down`: as many as `up`."""


@final
@dataclass(frozen=True)
class cyclic(Schedule):
    """Cyclical: from `initial` in a line up to `peak` over `up` steps and back over `down` steps, again and again.

    With cycle i = ⌊k / (up + down)⌋ and h in [0, 1] the height of the triangle at step k:

        s(k) = initial + (peak − initial) · h · a,    a = 1 (triangular), 2⁻ⁱ (triangular2), factorᵏ (exp_range)

    peak, initial: finite numbers; up, down: whole numbers from 1, down as many as up if left out; shape:
    "triangular" (the default), "triangular2" or "exp_range"; factor in (0, 1], default 1, read by "exp_range" alone.
    It has no end. Raises HyperparameterError for a value out of range.

    `companion` is the momentum's cycle, the other way round.

    Source: Smith 2017, arXiv:1506.01186, §3.2. Equal to torch.optim.lr_scheduler.CyclicLR(base_lr=initial,
    max_lr=peak, step_size_up=up, step_size_down=down, mode=shape, gamma=factor).

    >>> s = cyclic(1.0, initial=0.0, up=2, shape="triangular2")
    >>> [s(k) for k in range(8)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5, 0.25]
    """

    peak: Real
    initial: Real
    up: Count
    down: Count = _AS_UP
    shape: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    factor: Factor = 1.0

    def __post_init__(self) -> None:
        fill(self, "down", self.up)
        check_fields(self)

    def __call__(self, step: int) -> float:
        number, inside = divmod(step, self.up + self.down)
        height = inside / self.up if inside <= self.up else (self.up + self.down - inside) / self.down
        if self.shape == "triangular2":
            height *= 0.5**number
        elif self.shape == "exp_range":
            height *= self.factor**step
        return float(self.initial + (self.peak - self.initial) * height)

    def companion(self, low: float = 0.8, high: float = 0.9) -> cyclic:
        """The cycle of momentum or β₁: `high` where the rate is `initial`, `low` at the peaks.

        low, high: finite numbers. Equal to CyclicLR's base_momentum and max_momentum, with its defaults.
        """
        return cyclic(low, high, self.up, self.down, self.shape, self.factor)

    @property
    def length(self) -> None:
        return None
