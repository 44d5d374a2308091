"""A minimum that is known of a function."""

from __future__ import annotations

from dataclasses import dataclass

from steepest.problems.functions.checked import Point


@dataclass(frozen=True)
class Minimum:
    """A minimal value and where it is taken.

    value: f there. x: the point; None where it is not known in closed form or numerically, or lies at infinity.
    note: where it is, in words, or what it is a minimum of: a local one, of a whole line, a limit.

    >>> Minimum(0.0, (3.0, 2.0)).value
    0.0
    """

    value: float
    x: Point | None = None
    note: str = ""
