"""What `minimize` drives: a method, made of a direction and a step size or of one piece."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from steepest.core.errors import InputError
from steepest.core.facts import MethodFacts
from steepest.core.status import Status
from steepest.methods.oracle import Ask, VectorOracle
from steepest.methods.state import record
from steepest.methods.vectors import Matrix, Vector


@record
class Point:
    """A point with f and ∇f there. Its vectors are never changed in place."""

    x: Vector
    f: float
    g: Vector


class Method(ABC):
    """Settings of an algorithm, frozen; `start` makes its state, `step` moves the state to the next iterate.

    needs: what it asks of the oracle. on_device: works on PyTorch's tensors where they are, so that nothing is copied
    to the host; else the vectors are NumPy's. bounded: keeps to bounds. monotone: its steps are made to lower f.
    measures: what `optimality` is, in words.
    """

    needs: ClassVar[frozenset[Ask]] = frozenset({Ask.VALUE, Ask.GRADIENT})
    on_device: ClassVar[bool] = False
    bounded: ClassVar[bool] = False
    monotone: ClassVar[bool] = True
    measures: ClassVar[str] = "the gradient"

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def text(self) -> str:
        """Canonical text: the constructor's call with every setting."""
        return repr(self)

    @property
    def facts(self) -> MethodFacts:
        """Family and constants, for theory."""
        return MethodFacts(family=self.name)

    @abstractmethod
    def start(self, oracle: VectorOracle, point: Point) -> Any:
        """The state at this point: a record with the fields `point`, and `length`, the last step's α."""

    def optimality(self, state: Any) -> Vector:
        """What is zero at a solution, asked for where `measures` is not the gradient."""
        return state.point.g

    def finish(self, oracle: VectorOracle, state: Any) -> Point | None:
        """The answer, where it is another point than the last iterate."""
        return None

    @abstractmethod
    def step(self, oracle: VectorOracle, state: Any) -> Status | None:
        """Move the state to the next iterate: None; or say why that cannot be, with the state as it was."""


@record
class Walk:
    """State of a direction with a step size: the iterate, and what each of the two remembers.

    length: α of the last step, NaN before it. slope: ∇fᵀd of the last step. decrease: by how much it lowered f.
    """

    point: Point
    own: Any
    steps: Any
    length: float = float("nan")
    slope: float = float("nan")
    decrease: float = float("nan")


class Model(ABC):
    """A quadratic model m(p) = f + gᵀp + ½ pᵀBp around a point, for trust regions."""

    g: Vector

    @abstractmethod
    def product(self, v: Vector) -> Vector:
        """B v."""

    def matrix(self) -> Matrix:
        """B, where the direction has it as a matrix."""
        raise NotImplementedError


class Direction(Method):
    """Where to go; its `step_size` says how far.

    descends: ∇fᵀd < 0 is certain (at a point that is not stationary, with a preconditioner that is positive definite).
    needs_wolfe: that holds only if each step meets the strong Wolfe conditions. along_gradient: d = −∇f, or
    preconditioned. curvature: whether it has a quadratic model, as a "matrix", by "product", or none. definite: the
    model is positive definite. asks_every_trial: it learns from trials that are refused too.
    """

    descends: ClassVar[bool] = True
    needs_wolfe: ClassVar[bool] = False
    along_gradient: ClassVar[bool] = False
    curvature: ClassVar[str] = ""
    definite: ClassVar[bool] = False
    learns_from_refused: ClassVar[bool] = False
    step_size: StepSize

    def start(self, oracle: VectorOracle, point: Point) -> Walk:
        return Walk(point, self.begin(point), self.step_size.begin(point))

    def step(self, oracle: VectorOracle, state: Walk) -> Status | None:
        return self.step_size.take(oracle, self, state)

    @property
    def facts(self) -> MethodFacts:
        return MethodFacts(family=self.name, step=self.step_size.constant)

    @abstractmethod
    def begin(self, point: Point) -> Any:
        """What it remembers, at the start: a record."""

    @abstractmethod
    def along(self, oracle: VectorOracle, state: Walk) -> Vector | Status:
        """The direction d at the current point."""

    def first_trial(self, state: Walk) -> float | None:
        """The natural α of d, None where the scale of d says nothing about the step."""
        return None

    def learn(self, own: Any, before: Point, after: Point, s: Vector, y: Vector) -> None:
        """A step s = x⁺ − x was taken, and y = ∇f⁺ − ∇f."""

    def forget(self, own: Any) -> bool:
        """Drop what was learned; False where there was nothing. A line search that fails is tried once more then."""
        return False

    def model(self, oracle: VectorOracle, state: Walk) -> Model | Status:
        """The quadratic model at the current point."""
        raise InputError(f"{self.name}: has no quadratic model")


class Found(NamedTuple):
    """A step that a search accepts: its α and its point."""

    length: float
    point: Point


class StepSize(ABC):
    """How far to go along a direction, or within a region."""

    @property
    def name(self) -> str:
        return type(self).__name__

    wants_model: ClassVar[bool] = False

    @property
    def constant(self) -> float | None:
        """The α of every step, where it is one number."""
        return None

    @abstractmethod
    def refuse(self, direction: Direction) -> str:
        """Why this step size makes no sense with that direction; "" where it does."""

    def begin(self, point: Point) -> Any:
        """What it remembers, at the start: a record, or None."""
        return None

    @abstractmethod
    def take(self, oracle: VectorOracle, direction: Direction, state: Walk) -> Status | None:
        """One step."""


def check_pair(direction: Direction) -> None:
    """Raise InputError where a direction's step size makes no sense with it; for its `__post_init__`."""
    step = direction.step_size
    if not isinstance(step, StepSize):
        raise InputError(f"{direction.name}: step_size must be a step size, as StrongWolfe(), got {step!r}")
    why = step.refuse(direction)
    if why:
        raise InputError(f"{direction.name}: step_size {step.name} does not fit: {why}")
