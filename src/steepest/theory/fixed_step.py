"""First-order methods with fixed steps: every point is the start minus a fixed combination of gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError, InputTypeError
from steepest.core.ranges import Range

if TYPE_CHECKING:
    from collections.abc import Iterator


class Algorithm(Protocol):
    """A method as a user writes it: from a gradient function and a start to the point it returns."""

    def __call__(self, gradient: Callable[[Any], Any], x0: Any, steps: int) -> Any: ...


@final
@dataclass(frozen=True, eq=False)
class FixedStep:
    """y₁ … y_n, where gradients are taken, and the point x that is returned, as combinations of gradients.

        yᵢ = x₀ − Σ_{j<i} aᵢⱼ ∇f(yⱼ)          x = x₀ − Σ_j oⱼ ∇f(yⱼ)

    gradients: a, shape (n, n), zero on and above its diagonal. output: o, shape (n,). Units: those of a step.
    Raises InputError for other shapes, for numbers that are not finite, and where a point needs a later gradient.

    >>> method = FixedStep.record(lambda gradient, x0, steps: x0 - 0.5 * gradient(x0), 1)
    >>> method.output.tolist()
    [0.5]
    """

    gradients: npt.NDArray[np.float64]
    output: npt.NDArray[np.float64]
    name: str = "a fixed-step method"

    def __post_init__(self) -> None:
        a, o = np.array(self.gradients, dtype=np.float64), np.array(self.output, dtype=np.float64)
        if o.ndim != 1 or a.shape != (o.size, o.size):
            raise InputError(
                f"FixedStep: gradients must have shape (n, n) and output (n,), got {a.shape} and {o.shape}"
            )
        if not (np.isfinite(a).all() and np.isfinite(o).all()):
            raise InputError("FixedStep: coefficients must be finite, got one that is not")
        if np.triu(a).any():
            row, column = np.argwhere(np.triu(a))[0].tolist()
            raise InputError(
                f"FixedStep: point {row + 1} must use earlier gradients only, got one of point {column + 1}"
            )
        for array in (a, o):
            array.setflags(write=False)
        object.__setattr__(self, "gradients", a)
        object.__setattr__(self, "output", o)

    @property
    def steps(self) -> int:
        """How many gradients it takes."""
        return len(self.output)

    @classmethod
    def from_matrix(cls, matrix: npt.ArrayLike, step: float = 1.0, name: str = "a fixed-step method") -> FixedStep:
        """From a lower triangular matrix H of N × N: x_k = x_{k−1} − step Σ_{i<k} H[k−1, i] ∇f(x_i), k = 1 … N.

        Gradients are taken at x₀ … x_{N−1}, and x_N is returned. Raises InputError for another shape, or for a number
        above the diagonal.
        """
        H = np.array(matrix, dtype=np.float64)
        if H.ndim != 2 or H.shape[0] != H.shape[1]:
            raise InputError(f"FixedStep: matrix must be square, got shape {H.shape}")
        if np.triu(H, 1).any():
            row, column = np.argwhere(np.triu(H, 1))[0].tolist()
            raise InputError(f"FixedStep: matrix must be lower triangular, got {H[row, column]:g} at [{row}, {column}]")
        walked = np.cumsum(H, axis=0) * step
        return cls(np.vstack([np.zeros((1, len(H))), walked[:-1]]), walked[-1] if len(H) else np.zeros(0), name)

    @classmethod
    def record(cls, algorithm: Algorithm, steps: int, name: str = "") -> FixedStep:
        """From a function algorithm(gradient, x0, steps) that adds and scales points and gradients, nothing else.

        steps: a whole number from 0. Raises InputTypeError where it does something else with them, or returns no point.
        """
        count = int(Range(low=0, integer=True).check("FixedStep", "steps", steps))
        tape = _Tape()
        label = name or getattr(algorithm, "__name__", "a fixed-step method")
        try:
            found = algorithm(tape.gradient, _Point(tape, 1.0, ()), count)
        except InputTypeError:
            raise
        except TypeError as error:
            raise InputTypeError(
                f"FixedStep: {label} may only add and scale points and gradients; it raised {error}"
            ) from error
        if not isinstance(found, _Point):
            raise InputTypeError(f"FixedStep: {label} must return a point made of x0 and gradients, got {found!r}")
        n = len(tape.asked)
        rows = np.array([_row(point, n) for point in tape.asked]).reshape(n, n)
        return cls(rows, _row(found.checked(), n), label)

    def run(self, gradient: Callable[[Any], Any], x0: npt.ArrayLike) -> Iterator[npt.NDArray[np.float64]]:
        """The points y₁ … y_n and then x, on a function whose gradient this is."""
        start = np.asarray(x0, dtype=np.float64)
        seen: list[npt.NDArray[np.float64]] = []
        for row in self.gradients:
            y = start - sum((c * g for c, g in zip(row, seen, strict=False)), np.zeros_like(start))
            yield y
            seen.append(np.asarray(gradient(y), dtype=np.float64))
        yield start - sum((c * g for c, g in zip(self.output, seen, strict=True)), np.zeros_like(start))


class _Tape:
    """The points at which gradients were asked for."""

    def __init__(self) -> None:
        self.asked: list[_Point] = []

    def gradient(self, point: object) -> _Point:
        if not isinstance(point, _Point):
            raise InputTypeError(
                f"FixedStep: a gradient must be taken at a point made of x0 and gradients, got {point!r}"
            )
        self.asked.append(point.checked())
        return _Point(self, 0.0, (0.0,) * (len(self.asked) - 1) + (1.0,))


class _Point:
    """A combination: `start` times x₀ plus gradients."""

    __array_priority__ = 100  # so that NumPy's numbers leave multiplication to it

    def __init__(self, tape: _Tape, start: float, weights: Sequence[float]) -> None:
        self.tape, self.start, self.weights = tape, start, tuple(weights)

    def checked(self) -> _Point:
        if abs(self.start - 1) > 1e-12:
            raise InputTypeError(f"FixedStep: a point must be x0 plus gradients, got {self.start:g} times x0")
        return self

    def __add__(self, other: object) -> _Point:
        if _is_zero(other):  # where a momentum begins
            return self
        if not isinstance(other, _Point):
            return NotImplemented
        size = max(len(self.weights), len(other.weights))
        pairs = zip(_padded(self.weights, size), _padded(other.weights, size), strict=True)
        return _Point(self.tape, self.start + other.start, [a + b for a, b in pairs])

    __radd__ = __add__

    def __mul__(self, factor: object) -> _Point:
        if isinstance(factor, bool) or not isinstance(factor, int | float | np.floating | np.integer):
            return NotImplemented
        return _Point(self.tape, self.start * float(factor), [weight * float(factor) for weight in self.weights])

    __rmul__ = __mul__

    def __truediv__(self, factor: object) -> _Point:
        if not isinstance(factor, int | float | np.floating | np.integer):
            return NotImplemented
        return self * (1 / float(factor))

    def __neg__(self) -> _Point:
        return self * -1.0

    def __sub__(self, other: object) -> _Point:
        if isinstance(other, _Point):
            return self + -other
        return self if _is_zero(other) else NotImplemented

    def __rsub__(self, other: object) -> _Point:
        return -self if _is_zero(other) else NotImplemented


def _is_zero(other: object) -> bool:
    return isinstance(other, int | float | np.floating | np.integer) and other == 0


def _padded(weights: Sequence[float], size: int) -> list[float]:
    return [*weights, *[0.0] * (size - len(weights))]


def _row(point: _Point, size: int) -> npt.NDArray[np.float64]:
    return -np.array(_padded(point.weights, size))
