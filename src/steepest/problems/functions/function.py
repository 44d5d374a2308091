"""A function of a vector as a problem: value, gradient, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, final

import numpy as np
import numpy.typing as npt

from steepest.core.arrays import Tensors
from steepest.core.errors import InputError, InputTypeError, ProblemError
from steepest.core.facts import ProblemFacts
from steepest.core.oracle import Evaluation, Objective
from steepest.core.ranges import Range
from steepest.problems.fingerprint import fingerprint
from steepest.problems.problem import Problem, run_seed

Vector = npt.NDArray[np.float64]
Real = float | np.floating
Point = Sequence[float] | npt.NDArray[np.floating] | float

_NONNEGATIVE: Final = Range(low=0)


@final
class FunctionProblem(Problem):
    """Minimize a function of a float64 vector x.

    name: short, lower case, with hyphens. fun(x): one number. gradient(x): a vector as long as x. start: the point
    where runs begin, finite; its length is the dimension. minimizer: a global minimizer, where known; with it,
    `measure` gives the distance to it, and the facts its value and R. facts: class, L, μ and where they come from.
    domain: the (low, high) interval of every coordinate that is customarily looked at. starts: other customary
    starts by name. source: where the function is from. perturbation in [0, inf), 0: the seed adds this many times
    a standard normal vector to the start; at 0, every seed has the declared start.

    Raises InputError and InputTypeError for arguments that cannot be; `check` tries fun and gradient.

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
        minimizer: Point | None = None,
        facts: ProblemFacts | None = None,
        domain: tuple[float, float] | None = None,
        starts: Mapping[str, Sequence[float]] | None = None,
        source: str = "",
        perturbation: float = 0.0,
        summary: str = "",
    ) -> None:
        if not _is_text(name):
            raise InputError(f"FunctionProblem: name must be a string that is not empty, got {name!r}")
        for label, function in (("fun", fun), ("gradient", gradient)):
            if not callable(function):
                raise InputTypeError(f"{name}: {label} must be a function, got {type(function).__name__}")
        self._x0 = vector(name, "start", start)
        self._minimizer = None if minimizer is None else vector(name, "minimizer", minimizer, len(self._x0))
        self._perturbation = _NONNEGATIVE.check(name, "perturbation", perturbation)
        if domain is not None and not domain[0] < domain[1]:
            raise InputError(f"{name}: domain must be (low, high) with low < high, got {domain!r}")
        self._name, self._fun, self._gradient = name, fun, gradient
        self._domain, self._source = domain, source
        self._starts = {key: vector(name, f"starts[{key!r}]", x, len(self._x0)) for key, x in (starts or {}).items()}
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
        """What is known; R is the start's distance from `minimizer`, None where the start is perturbed."""
        return self._facts

    @property
    def x0(self) -> Vector:
        """The declared start, a copy."""
        return self._x0.copy()

    @property
    def minimizer(self) -> Vector | None:
        """A global minimizer, a copy; None where not known."""
        return None if self._minimizer is None else self._minimizer.copy()

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
        with np.errstate(over="ignore", invalid="ignore"):
            return _number(self._name, self._fun(np.asarray(x, dtype=np.float64)))

    def gradient(self, x: npt.ArrayLike) -> Vector:
        """∇f(x), a new array. Raises ProblemError where it is not as long as x."""
        point = np.asarray(x, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.array(self._gradient(point), dtype=np.float64)
        if found.shape != point.shape:
            raise ProblemError(f"{self._name}: gradient must return shape {point.shape}, got {found.shape}")
        return found

    def check(self, device: str = "cpu") -> None:
        """Try fun and gradient at the start: raises ProblemError where they raise, or are not finite numbers."""
        _check_device(self._name, device)
        for label, function in (("fun", self.fun), ("gradient", self.gradient)):
            try:
                found = function(self.x0)
            except ProblemError:
                raise
            except Exception as error:
                text = str(error).strip().partition("\n")[0] or "no message"
                raise ProblemError(f"{self._name}: {label} raised {type(error).__name__}: {text}") from error
            if not np.all(np.isfinite(found)):
                raise ProblemError(f"{self._name}: {label} must be finite at the start, got {found}")

    def start(self, seed: int, device: str = "cpu") -> FunctionObjective:
        """The function at its start; `seed` is a whole number in [0, 2^63) and moves only a perturbed start."""
        number = run_seed(self._name, seed)
        _check_device(self._name, device)
        x = self.x0
        if self._perturbation:
            x += self._perturbation * np.random.default_rng(number).standard_normal(len(x))
        return FunctionObjective(self, x)

    def fingerprint(self) -> str:
        """A hash of the name, the text of fun and gradient with all values they reach, start and perturbation."""
        return fingerprint("function", self._name, self._fun, self._gradient, self._x0, self._perturbation)

    def _completed(self, facts: ProblemFacts) -> ProblemFacts:
        """`facts` with R and f* from the minimizer, where they are not declared."""
        if self._minimizer is None:
            return facts
        R, f_star = facts.R, facts.f_star
        if R is None and not self._perturbation:
            R = float(np.linalg.norm(self._x0 - self._minimizer))
        return replace(facts, R=R, f_star=self.fun(self._minimizer) if f_star is None else f_star)


@final
class FunctionObjective(Objective):
    """A function with its current point, the one tensor "x"."""

    def __init__(self, problem: FunctionProblem, x: Vector) -> None:
        self._problem, self._x, self._tensors = problem, x, {"x": x}
        self._minimizer = problem.minimizer

    @property
    def tensors(self) -> Tensors:
        return self._tensors

    def value_and_gradient(self) -> Evaluation:
        return Evaluation(self._problem.fun(self._x), {"x": self._problem.gradient(self._x)})

    def value(self) -> float:
        return self._problem.fun(self._x)

    def measure(self, final: bool = False) -> dict[str, float]:
        """The value f, and the distance ‖x − x*‖ where a minimizer is known."""
        found = {"value": self.value()}
        if self._minimizer is not None:
            found["distance"] = float(np.linalg.norm(self._x - self._minimizer))
        return found


def vector(owner: str, name: str, value: object, length: int | None = None) -> Vector:
    """`value` as a new float64 vector of finite numbers; a number is a vector of length 1."""
    try:
        x = np.atleast_1d(np.array(value, dtype=np.float64))
    except (TypeError, ValueError):
        raise InputTypeError(f"{owner}: {name} must be a vector of numbers, got {value!r}") from None
    if x.ndim != 1 or not len(x) or (length is not None and len(x) != length):
        wanted = "a vector" if length is None else f"a vector of length {length}"
        raise InputError(f"{owner}: {name} must be {wanted}, got shape {x.shape}")
    if not np.all(np.isfinite(x)):
        raise InputError(f"{owner}: {name} must be finite, got {value!r}")
    return x


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _number(owner: str, value: object) -> float:
    if isinstance(value, float | int):  # np.float64 is a float
        return float(value)
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "fiub":
        got = f"an array of shape {array.shape}" if array.ndim else f"{type(value).__name__}"
        raise ProblemError(f"{owner}: fun must return one number, got {got}")
    return float(array)


def _check_device(owner: str, device: str) -> None:
    if device != "cpu":
        raise InputError(f"{owner}: device must be 'cpu' for a function of a NumPy vector, got {device!r}")
