"""Minimizers of polynomials through values and slopes at two points."""

from __future__ import annotations

import math


def cubic_minimizer(a: float, fa: float, da: float, b: float, fb: float, db: float) -> float:
    """The local minimizer of the cubic with values fa, fb and slopes da, db at a, b; NaN or ±∞ where it has none.

    Source: Nocedal & Wright 2006, eq. 3.59.

    >>> cubic_minimizer(0.0, 1.0, -2.0, 3.0, 4.0, 4.0)
    1.0
    """
    d1 = da + db - 3.0 * (fa - fb) / (a - b)
    inner = d1 * d1 - da * db
    if not inner >= 0.0:
        return math.inf if inner < 0.0 else math.nan
    d2 = math.copysign(math.sqrt(inner), b - a)
    below = db - da + 2.0 * d2
    if below == 0.0:
        return math.inf
    return b - (b - a) * (db + d2 - d1) / below


def quadratic_minimizer(a: float, fa: float, da: float, b: float, fb: float) -> float:
    """The minimizer of the parabola with value fa and slope da at a, and value fb at b; NaN where it has none.

    >>> quadratic_minimizer(0.0, 1.0, -2.0, 3.0, 4.0)
    1.0
    """
    width = b - a
    bend = fb - fa - da * width
    return a - da * width * width / (2.0 * bend) if bend > 0.0 else math.nan


def secant_root(a: float, da: float, b: float, db: float) -> float:
    """Where the line through the slopes da at a and db at b is zero; NaN where they are alike.

    >>> secant_root(0.0, -2.0, 3.0, 4.0)
    1.0
    """
    return (a * db - b * da) / (db - da) if db != da else math.nan
