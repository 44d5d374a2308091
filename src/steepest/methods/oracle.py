"""What a method of `minimize` may ask of a function of a flat vector, and the count of what it asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import final

from steepest.core.errors import InputTypeError
from steepest.methods.state import record
from steepest.methods.vectors import Matrix, Vector


class Ask(Enum):
    """What a method asks for: declared by its type, so that a cost cannot be hidden."""

    VALUE = "value"
    GRADIENT = "gradient"
    HESSIAN_VECTOR = "Hessian-vector product"
    HESSIAN = "Hessian"
    RESIDUALS = "residuals and their Jacobian"


@final
@dataclass(frozen=True)
class Functions:
    """A function and its derivatives on flat vectors, as a method sees them.

    value(x) → f. gradient(x, f) → ∇f, where f is the value at x. both(x) → (f, ∇f), where one evaluation gives
    both; then `value` and `gradient` are not asked. hessian_vector(x, v, g) → ∇²f v and hessian(x, g) → ∇²f, where g
    is the gradient at x. residuals(x) → r, jacobian(x, r) → ∂r/∂x, where f = ½‖r‖².
    """

    value: Callable[[Vector], float] | None = None
    gradient: Callable[[Vector, float], Vector] | None = None
    both: Callable[[Vector], tuple[float, Vector]] | None = None
    hessian_vector: Callable[[Vector, Vector, Vector], Vector] | None = None
    hessian: Callable[[Vector, Vector], Matrix] | None = None
    residuals: Callable[[Vector], Vector] | None = None
    jacobian: Callable[[Vector, Vector], Matrix] | None = None


@final
@record
class Count:
    """Calls so far. What differences ask on the way is counted too: a gradient by differences is n values.

    Where f = ½‖r‖², a value is a vector of residuals, and a gradient their Jacobian.
    """

    value: int = 0
    gradient: int = 0
    hessian_vector: int = 0
    hessian: int = 0


@final
class VectorOracle:
    """Asks a function of a flat vector, and counts every call; the only way a method sees a problem.

    eps: the spacing next to 1 of the numbers in which the function computes. exact_products: Hessian-vector products
    are the user's own or automatic, not differences of gradients. bounds: the lower and the upper ones, if any.
    """

    def __init__(
        self,
        functions: Functions,
        count: Count,
        *,
        eps: float = 2.220446049250313e-16,
        exact_products: bool = False,
        bounds: tuple[Vector, Vector] | None = None,
    ) -> None:
        self.functions, self.count, self.eps, self.exact_products = functions, count, eps, exact_products
        self.bounds = bounds
        self._both, self._residuals = functions.both, functions.residuals
        self._value, self._gradient = functions.value, functions.gradient
        if self._residuals is not None:
            self._value, self._gradient = self._half_square, self._residual_gradient
        self._at: Vector = None
        self._held: Vector = None
        self._jacobian: tuple[Vector, Vector] = (None, None)

    def value(self, x: Vector) -> float:
        """f(x). Where the gradient comes with it, it is kept for `gradient` at the same x."""
        count = self.count
        count.value += 1
        if self._both is None:
            return self._value(x)  # type: ignore[misc]
        count.gradient += 1
        f, self._held = self._both(x)
        self._at = x
        return f

    def gradient(self, x: Vector, f: float) -> Vector:
        """∇f(x), where f is the value at x that was asked before."""
        if self._both is None:
            self.count.gradient += 1
            return self._gradient(x, f)  # type: ignore[misc]
        if self._at is not x:
            self.value(x)
        return self._held

    def hessian_vector(self, x: Vector, v: Vector, g: Vector) -> Vector:
        """∇²f(x) v, where g is the gradient at x."""
        if self.functions.hessian_vector is None:
            raise InputTypeError("minimize: this method asks for Hessian-vector products, and there are none")
        self.count.hessian_vector += 1
        return self.functions.hessian_vector(x, v, g)

    def hessian(self, x: Vector, g: Vector) -> Matrix:
        """∇²f(x), symmetric, where g is the gradient at x."""
        if self.functions.hessian is None:
            raise InputTypeError("minimize: this method asks for a Hessian, and there is none")
        self.count.hessian += 1
        return self.functions.hessian(x, g)

    def residuals(self, x: Vector) -> Vector:
        """r(x), where f = ½‖r‖²; not asked again at the x of the last value."""
        if self._residuals is None:
            raise InputTypeError("minimize: this method asks for residuals, and there are none")
        if self._at is not x:
            self.value(x)
        return self._held

    def jacobian(self, x: Vector) -> Matrix:
        """∂r/∂x, a row a residual; not asked again at the x of the last gradient."""
        if self._jacobian[0] is not x:
            self.count.gradient += 1
            self._residual_gradient(x, 0.0)
        found: Matrix = self._jacobian[1]
        return found

    def recall(self, x: Vector) -> None:
        """Have the residuals and the Jacobian at x at hand again, off the count: for a run that is resumed there."""
        if self._residuals is not None:
            before = replace(self.count)
            self.value(x)
            self._residual_gradient(x, 0.0)
            for name in ("value", "gradient"):
                setattr(self.count, name, getattr(before, name))

    def _half_square(self, x: Vector) -> float:
        assert self._residuals is not None
        self._held = self._residuals(x)
        self._at = x
        return 0.5 * float(self._held.dot(self._held))

    def _residual_gradient(self, x: Vector, f: float) -> Vector:
        assert self.functions.jacobian is not None, "residuals come with their Jacobian"
        r = self.residuals(x)
        jacobian = self.functions.jacobian(x, r)
        self._jacobian = (x, jacobian)
        return jacobian.T @ r
