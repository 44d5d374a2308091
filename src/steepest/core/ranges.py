"""Ranges of hyperparameters: declared once as an annotation, checked everywhere with one message form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from steepest.core.errors import HyperparameterError


@dataclass(frozen=True)
class Range:
    """An interval of admissible numbers, open or closed at each end.

    `scheduled` widens the range for values that come from a schedule: a learning rate must be positive,
    but a cosine may end at zero.

    >>> Range(0, 1, open_high=True).check("adam", "beta1", 1.0)
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: adam: beta1 must be in [0, 1), got 1.0
    """

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    integer: bool = False
    scheduled: Range | None = None

    def __str__(self) -> str:
        left = "(" if self.open_low or self.low == -math.inf else "["
        right = ")" if self.open_high or self.high == math.inf else "]"
        ends = [
            "-inf" if self.low == -math.inf else f"{self.low:g}",
            "inf" if self.high == math.inf else f"{self.high:g}",
        ]
        return f"{left}{', '.join(ends)}{right}"

    def __contains__(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below and (not self.integer or value == int(value))

    def check(self, owner: str, name: str, value: object, *, scheduled: bool = False) -> float:
        """Return `value` as a Python number, or raise HyperparameterError naming owner, name, range and value."""
        accepted = self.scheduled if scheduled and self.scheduled is not None else self
        number = _number(value)
        if number is None or number not in accepted:
            kind = "a whole number " if self.integer else ""
            when = " at every step of its schedule" if scheduled else ""
            raise HyperparameterError(owner, name, f"must be {kind}in {accepted}{when}, got {value!r}")
        return int(number) if self.integer else number


def _number(value: object) -> float | None:
    """`value` as a float if it is a real scalar (of Python, NumPy, or a 0-d array), else None."""
    if isinstance(value, bool | str | bytes):
        return None
    if isinstance(value, int | float):
        return float(value)
    if (
        getattr(value, "ndim", None) == 0
        and hasattr(value, "__float__")
        and "bool" not in str(getattr(value, "dtype", ""))
    ):
        return float(value)
    return None


_ANY = Range()
_NONNEGATIVE = Range(low=0)

Real = Annotated[float, _ANY]
"""Any finite number."""
Unit = Annotated[float, Range(low=0, high=1, open_high=True)]
"""[0, 1): an averaging factor."""
Share = Annotated[float, Range(low=0, high=1)]
"""[0, 1]: a share."""
Positive = Annotated[float, Range(low=0, open_low=True)]
"""(0, inf)."""
NonNegative = Annotated[float, _NONNEGATIVE]
"""[0, inf)."""
LearningRate = Annotated[float, Range(low=0, open_low=True, scheduled=_NONNEGATIVE)]
"""(0, inf) as a number; a schedule may reach 0."""
Count = Annotated[int, Range(low=1, integer=True)]
"""1, 2, 3, …"""
Natural = Annotated[int, Range(low=0, integer=True)]
"""0, 1, 2, …"""
