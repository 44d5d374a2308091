"""From one value to another, with both met exactly."""

from __future__ import annotations


def between(start: float, end: float, left: float) -> float:
    """`start` where all of the way is left (1), `end` where nothing is (0), and a line between.

    Written out, the line may miss `start` by a rounding; for a left below 1 it is within the two.
    """
    if left >= 1 or left <= 0:
        return start if left >= 1 else end
    return end + (start - end) * left
