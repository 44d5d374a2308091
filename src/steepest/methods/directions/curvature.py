"""Whether a pair (s, y) has the curvature that quasi-Newton methods need."""

from __future__ import annotations

import math

from steepest.methods.vectors import Vector, dot


def enough_curvature(sy: float, s: Vector, yy: float) -> bool:
    """Whether sᵀy > 1e-12 ‖s‖ ‖y‖: an update by less would leave a matrix that is no longer positive definite."""
    return sy > 0.0 and yy > 0.0 and sy > 1e-12 * math.sqrt(dot(s, s) * yy)
