"""A function of a vector as a problem: value, derivatives, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, final

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError, InputTypeError, ProblemError
from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.fingerprint import fingerprint
from steepest.problems.functions.checked import Matrix, Point, Real, Vector, interval, number, on_cpu, shaped, vector
from steepest.problems.functions.minimum import Minimum
from steepest.problems.functions.objective import FunctionObjective
from steepest.problems.problem import Problem, run_seed

__all__ = ["FunctionProblem", "Matrix", "Minimum", "Point", "Real", "Vector"]

_NONNEGATIVE: Final = Range(low=0)
_DENSE: Final = 2000
"""Dimensions up to which `check` asks for matrices."""


@final
class FunctionProblem(Problem):
    """Minimize a function of a float64 vector x.

    name: short, lower case, with hyphens. fun(x): one number. gradient(x): a vector as long as x. start: the point
    where runs begin, finite; its length n is the dimension.
    hessian(x): a symmetric matrix n × n. hessian_vector(x, v): the Hessian times v; left out, it follows from
    `hessian`. residuals(x): a vector of length m with f = Σᵢ rᵢ²; jacobian(x): m × n, given with `residuals`.
    minima: what is known, a global one first; minimizer: a single global minimizer, instead of `minima`. With it,
    `measure` gives the distance to the nearest one, and the facts its value and R.
    facts: class, L, μ and where they come from. region: the (low, high) interval of every coordinate on which L and μ
    hold; None where they hold everywhere. domain: the interval of every coordinate that is customarily looked at, and
    inside which f is finite. starts: other customary starts by name. source: where the function is from.
    perturbation in [0, inf), 0: the seed adds this many times a standard normal vector to the start; at 0, every seed
    has the declared start.

    Raises InputError and InputTypeError for arguments that cannot be; `check` tries the functions.

    >>> import numpy as np
    >>> problem = FunctionProblem("sphere", lambda x: x @ x, lambda x: 2 * x, start=[3.0, 4.0], minimizer=[0.0, 0.0])
    >>> objective = problem.start(seed=0)
    >>> objective.measure(), problem.facts.R
    ({'value': 25.0, 'distance': 5.0}, 5.0)
    """

    def __init__(
        self,
        name: str,
        fun: Callable[[Vector], Real],
        gradient: Callable[[Vector], npt.ArrayLike],
        start: Point,
        *,
        hessian: Callable[[Vector], npt.ArrayLike] | None = None,
        hessian_vector: Callable[[Vector, Vector], npt.ArrayLike] | None = None,
        residuals: Callable[[Vector], npt.ArrayLike] | None = None,
        jacobian: Callable[[Vector], npt.ArrayLike] | None = None,
        minimizer: Point | None = None,
        minima: Sequence[Minimum] = (),
        facts: ProblemFacts | None = None,
        region: tuple[float, float] | None = None,
        domain: tuple[float, float] | None = None,
        starts: Mapping[str, Point] | None = None,
        source: str = "",
        perturbation: float = 0.0,
        summary: str = "",
    ) -> None:
        if not _is_text(name):
            raise InputError(f"FunctionProblem: name must be a string that is not empty, got {name!r}")
        optional = {"hessian": hessian, "hessian_vector": hessian_vector, "residuals": residuals, "jacobian": jacobian}
        functions = {"fun": fun, "gradient": gradient, **{key: f for key, f in optional.items() if f is not None}}
        for label, function in functions.items():
            if not callable(function):
                raise InputTypeError(f"{name}: {label} must be a function, got {type(function).__name__}")
        if (residuals is None) != (jacobian is None):
            raise InputError(f"{name}: residuals and jacobian must be given together")
        self._x0 = vector(name, "start", start)
        if minimizer is not None:
            if minima:
                raise InputError(f"{name}: minimizer must be left out where minima are given")
            at = vector(name, "minimizer", minimizer, len(self._x0))
            with _quiet():
                minima = [Minimum(number(name, fun(at)), tuple(at.tolist()))]
        self._minima = tuple(minima)
        self._minimizers = _global(name, self._minima, len(self._x0))
        self._perturbation = _NONNEGATIVE.check(name, "perturbation", perturbation)
        self._domain, self._region = interval(name, "domain", domain), interval(name, "region", region)
        self._starts = {key: vector(name, f"starts[{key!r}]", x, len(self._x0)) for key, x in (starts or {}).items()}
        self._name, self._source = name, source
        self._fun, self._gradient, self._hessian = fun, gradient, hessian
        self._product = hessian_vector or (None if hessian is None else _times(hessian))
        self._residuals, self._jacobian, self._functions = residuals, jacobian, tuple(functions.values())
        self._summary = summary or f"a function of {len(self._x0)} variables"
        self._facts = self._completed(facts or ProblemFacts())

    @property
    def name(self) -> str:
        return self._name

    @property
    def summary(self) -> str:
        return self._summary

    @property
    def facts(self) -> ProblemFacts:
        """What is known; R is the start's distance from the nearest global minimizer, None where it is perturbed."""
        return self._facts

    @property
    def x0(self) -> Vector:
        """The declared start, a copy."""
        return self._x0.copy()

    @property
    def minima(self) -> tuple[Minimum, ...]:
        """The minima that are known, global ones first."""
        return self._minima

    @property
    def minimizer(self) -> Vector | None:
        """A global minimizer, a copy; None where not known."""
        return self._minimizers[0].copy() if len(self._minimizers) else None

    @property
    def region(self) -> tuple[float, float] | None:
        """The interval of every coordinate on which the facts' L and μ hold; None where everywhere."""
        return self._region

    @property
    def domain(self) -> tuple[float, float] | None:
        """The interval of every coordinate that is customarily looked at."""
        return self._domain

    @property
    def starts(self) -> dict[str, Vector]:
        """Customary starts by name, copies."""
        return {name: x.copy() for name, x in self._starts.items()}

    @property
    def source(self) -> str:
        """Where the function is from."""
        return self._source

    def fun(self, x: npt.ArrayLike) -> float:
        """f(x); inf or NaN far out, without a warning. Raises ProblemError where it is not one number."""
        with _quiet():
            return number(self._name, self._fun(_point(x)))

    def gradient(self, x: npt.ArrayLike) -> Vector:
        """∇f(x), a new array. Raises ProblemError where it is not as long as x."""
        return self._asked("gradient", self._gradient, self._x0.shape, x)

    @property
    def hessian(self) -> Callable[[npt.ArrayLike], Matrix] | None:
        """The function x ↦ ∇²f(x), n × n; None where it is not known."""
        n = len(self._x0)
        return None if self._hessian is None else partial(self._asked, "hessian", self._hessian, (n, n))

    @property
    def hessian_vector(self) -> Callable[[npt.ArrayLike, npt.ArrayLike], Vector] | None:
        """The function (x, v) ↦ ∇²f(x) v; None where neither it nor the Hessian is known."""
        if self._product is None:
            return None
        return partial(self._asked, "hessian_vector", self._product, self._x0.shape)

    @property
    def residuals(self) -> Callable[[npt.ArrayLike], Vector] | None:
        """The function x ↦ r(x) with f = Σᵢ rᵢ²; None where f is not declared as a sum of squares."""
        return None if self._residuals is None else partial(self._asked, "residuals", self._residuals, (None,))

    @property
    def jacobian(self) -> Callable[[npt.ArrayLike], Matrix] | None:
        """The function x ↦ ∂r/∂x, m × n, a row a residual; None where f is not declared as a sum of squares."""
        shape = (None, len(self._x0))
        return None if self._jacobian is None else partial(self._asked, "jacobian", self._jacobian, shape)

    def distance(self, x: npt.ArrayLike) -> float | None:
        """The distance ‖x − x*‖ from the nearest global minimizer that is known, None where none is."""
        if not len(self._minimizers):
            return None
        return min(float(np.linalg.norm(np.asarray(x, dtype=np.float64) - known)) for known in self._minimizers)

    def check(self, device: str = "cpu") -> None:
        """Try every function at the start: raises ProblemError where one raises, or is not finite or misshapen."""
        on_cpu(self._name, device)
        tried: dict[str, Callable[[Vector], object] | None] = {
            "fun": self.fun,
            "gradient": self.gradient,
            "hessian": self.hessian if len(self._x0) <= _DENSE else None,
            "residuals": self.residuals,
            "jacobian": self.jacobian if len(self._x0) <= _DENSE else None,
        }
        for label, function in tried.items():
            if function is None:
                continue
            try:
                found = function(self.x0)
            except ProblemError:
                raise
            except Exception as error:
                text = str(error).strip().partition("\n")[0] or "no message"
                raise ProblemError(f"{self._name}: {label} raised {type(error).__name__}: {text}") from error
            if not np.all(np.isfinite(found)):  # type: ignore[call-overload]
                raise ProblemError(f"{self._name}: {label} must be finite at the start, got {found}")

    def start(self, seed: int, device: str = "cpu") -> FunctionObjective:
        """The function at its start; `seed` is a whole number in [0, 2^63) and moves only a perturbed start."""
        chosen = run_seed(self._name, seed)
        on_cpu(self._name, device)
        x = self.x0
        if self._perturbation:
            x += self._perturbation * np.random.default_rng(chosen).standard_normal(len(x))
        return FunctionObjective(self, x)

    def fingerprint(self) -> str:
        """A hash of the name, the text of the functions with all values they reach, start and perturbation."""
        return fingerprint("function", self._name, *self._functions, self._x0, self._perturbation)

    def _asked(
        self,
        label: str,
        function: Callable[..., npt.ArrayLike],
        shape: tuple[int | None, ...],
        *at: npt.ArrayLike,
    ) -> npt.NDArray[np.float64]:
        """What a function returns at a point (and a direction), a new array of that shape."""
        with _quiet():
            return shaped(self._name, label, function(*map(_point, at)), shape)

    def _completed(self, facts: ProblemFacts) -> ProblemFacts:
        """`facts` with R and f* from the minima, where they are not declared."""
        if not self._minima:
            return facts
        R, f_star = facts.R, facts.f_star
        if R is None and not self._perturbation:
            R = self.distance(self._x0)
        return replace(facts, R=R, f_star=self._minima[0].value if f_star is None else f_star)


def _point(x: npt.ArrayLike) -> Vector:
    return np.atleast_1d(np.asarray(x, dtype=np.float64))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _quiet() -> np.errstate:
    """Far out, a function is inf or NaN: that is an answer, not a warning."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")


def _times(hessian: Callable[[Vector], npt.ArrayLike]) -> Callable[[Vector, Vector], npt.ArrayLike]:
    return lambda x, v: np.asarray(hessian(x)) @ v


def _global(owner: str, minima: Sequence[Minimum], dim: int) -> Matrix:
    """The points of the minima with the first one's value, a row each."""
    points = [vector(owner, f"minima[{i}].x", m.x, dim) for i, m in enumerate(minima) if m.x is not None]
    values = [m.value for m in minima if m.x is not None]
    if minima and min(m.value for m in minima) < minima[0].value:
        raise InputError(f"{owner}: minima must begin with a global one, got values {[m.value for m in minima]}")
    return np.array([x for x, value in zip(points, values, strict=True) if value == minima[0].value]).reshape(-1, dim)
