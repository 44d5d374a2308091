"""A gradient held against differences of its function, coordinate by coordinate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.core.errors import InputError, InputTypeError
from steepest.methods.directions.steepest_descent import SteepestDescent
from steepest.methods.oracle import Count
from steepest.methods.vectors import Vector
from steepest.run.derivatives import derive
from steepest.run.flatten import Layout
from steepest.run.given import Given


class GradientCheck(NamedTuple):
    """The coordinate whose derivative is furthest from differences, in units of what differences may be off.

    coordinate: its index in the flat vector. name: as the user would write it. at: xᵢ. given: the gradient's entry.
    expected: the central difference. error: |given − expected|. allowed: how far differences may be off there. smooth:
    those on both sides agree, as they do not at a kink. sure: those of several steps agree. Its truth is that the
    gradient passes.
    """

    coordinate: int
    at: float
    given: float
    expected: float
    error: float
    allowed: float
    smooth: bool
    sure: bool = True
    name: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the gradient is off by more than differences can be."""
        return self.smooth and self.sure and not self.error <= self.allowed

    def __bool__(self) -> bool:
        return not self.wrong

    def sentence(self, name: str, who: str = "jac") -> str:
        """Coordinate, both values and the error."""
        return f"along {name}, {who} says {self.given:.6g} and differences {self.expected:.6g}: off by {self.error:.3g}"

    def __str__(self) -> str:
        verdict = "the gradient is wrong" if self.wrong else "the gradient agrees with differences"
        return f"{verdict}; furthest off {self.sentence(self.name or f'x[{self.coordinate}]')}"


def check_gradient(fun: Callable[..., Any], x: Any, jac: Any, args: tuple[Any, ...] = ()) -> GradientCheck:
    """Hold `jac` at x against central differences of `fun`; true where every coordinate agrees.

    fun, x, jac, args: as for `minimize`; jac is a function, or True where fun returns (value, gradient). The
    coordinate that is furthest off comes back with both values and the error. 4n values of fun, and four more
    for each coordinate that looks wrong. Raises InputError
    where f or its gradient is not finite at x.

    >>> check = check_gradient(lambda x: x[0] ** 2 * x[1], [1.0, 3.0], lambda x: [2 * x[0] * x[1], x[0]])
    >>> bool(check)
    True
    >>> print(check_gradient(lambda x: x[0] ** 2 * x[1], [2.0, 3.0], lambda x: [2 * x[0] * x[1], x[0]]))
    the gradient is wrong; furthest off along x[1], jac says 2 and differences 4: off by 2
    """
    if not (jac is True or callable(jac)):
        raise InputTypeError(f"check_gradient: jac must be a function or True, got {jac!r}")
    layout = Layout(x)
    if layout.library != "numpy":
        raise InputTypeError(f"check_gradient: x must be NumPy's or numbers, got {layout.library}'s")
    with np.errstate(all="ignore"):
        functions = derive(Given(fun, args, jac, None, None), layout, SteepestDescent(), Count(), None).functions
        start = layout.vector(False)

        def value(v: Vector) -> float:
            if functions.both is not None:
                return functions.both(v)[0]
            assert functions.value is not None
            return functions.value(v)

        f = value(start)
        if functions.both is not None:
            g = functions.both(start)[1]
        else:
            assert functions.gradient is not None
            g = functions.gradient(start, f)
        if not math.isfinite(f) or not np.all(np.isfinite(g)):
            raise InputError(f"check_gradient: f and jac must be finite at x, got f = {f} and jac = {g!r:.80}")
        found = compare(value, start, f, np.asarray(g), range(layout.size))
    if found is None:
        raise InputError("check_gradient: f must be finite around x")
    return found._replace(name=layout.name(found.coordinate))


def compare(
    value: Callable[[Vector], float],
    x: Vector,
    f: float,
    g: Vector,
    indices: Sequence[int] | range,
    eps: float = 2.220446049250313e-16,
) -> GradientCheck | None:
    """The worst of these coordinates; None where f is not finite around x.

    What a central difference D(h) with h ∝ ε^⅓ may be off is measured by its neighbour D(2h), with what rounding of f
    and of the largest x may do: four values a coordinate. Smooth means that the difference between the one-sided ones
    shrinks with h, as f″h does.
    """
    worst: GradientCheck | None = None
    largest = float(np.abs(x).max())
    for i in indices:
        h = eps ** (1 / 3) * max(1.0, abs(float(x[i])))
        v = [value(_moved(x, i, k * h)) for k in (-2, -1, 1, 2)]
        if not all(map(math.isfinite, v)):
            continue
        near, far = (v[2] - v[1]) / (2 * h), (v[3] - v[0]) / (4 * h)
        expected = near + (near - far) / 3.0
        rounding = 20.0 * eps * (abs(f) + max(map(abs, v))) / h
        rounding += 100.0 * eps * largest * max(abs(w - f) for w in v) / (h * h)  # of x, where terms of it cancel
        allowed = abs(near - far) + rounding + 1e-6 * abs(expected)
        bend_near, bend_far = v[2] - 2 * f + v[1], (v[3] - 2 * f + v[0]) / 4.0
        jump = abs(bend_near) / h
        smooth = jump <= 10.0 * rounding + 1e-3 * abs(expected) or abs(bend_near) <= 1.5 * abs(bend_far) + rounding * h
        sure = abs(near - far) <= 0.05 * max(abs(near), abs(far)) + rounding
        error = abs(float(g[i]) - expected)
        found = GradientCheck(int(i), float(x[i]), float(g[i]), expected, error, allowed, smooth, sure)
        if found.wrong:
            found = found._replace(sure=_confirmed(value, x, found, h))
        if worst is None or _badness(found) > _badness(worst):
            worst = found
    return worst


def _confirmed(value: Callable[[Vector], float], x: Vector, check: GradientCheck, h: float) -> bool:
    """Whether differences of a tenth and of ten times the step also speak against the gradient; noise does not."""
    for step in (0.1 * h, 10.0 * h):
        i = check.coordinate
        slope = (value(_moved(x, i, step)) - value(_moved(x, i, -step))) / (2.0 * step)
        if not abs(slope - check.expected) <= 0.3 * check.error:
            return False
    return True


def _badness(check: GradientCheck) -> float:
    """A kink comes first: next to it no other comparison means much."""
    if check.smooth and not check.sure:
        return 0.0
    return math.inf if not check.smooth else check.error / check.allowed if check.allowed else 0.0


def _moved(x: Vector, i: int, by: float) -> Vector:
    there = x.copy()
    there[i] += by
    return there
