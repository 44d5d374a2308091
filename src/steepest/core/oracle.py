"""What a method may ask of a problem, and the count of what it asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import NamedTuple, final

from steepest.core.arrays import Array, Tensors
from steepest.core.errors import InputTypeError


class Evaluation(NamedTuple):
    """Value and gradients at the current tensors. A tensor that took no part is missing, or None."""

    value: float
    gradients: dict[str, Array | None]


class Objective(ABC):
    """One run's live problem: tensors that a method moves, and what can be asked at the point they hold.

    A stochastic objective answers on its current batch, so asking twice gives the same batch twice
    (a line search, SAM); `advance` draws the next one.
    """

    @property
    @abstractmethod
    def tensors(self) -> Tensors:
        """The parameters by name; methods change them in place."""

    @property
    def samples(self) -> int:
        """How many samples one gradient reads; 1 where the objective is not a sum."""
        return 1

    @abstractmethod
    def value_and_gradient(self) -> Evaluation:
        """Value and gradient at the current tensors."""

    def value(self) -> float:
        """Value at the current tensors."""
        return self.value_and_gradient().value

    def hessian_vector(self, vectors: Tensors) -> dict[str, Array]:
        """The Hessian at the current tensors times these vectors, by name and in the tensors' shapes.

        Raises InputTypeError where the objective has none.
        """
        raise InputTypeError(f"{type(self).__name__}: has no Hessian-vector product, which this method asks for")

    def advance(self) -> None:  # noqa: B027 - a deterministic objective has nothing to draw
        """Draw the next batch."""

    def measure(self, final: bool = False) -> dict[str, float]:
        """The declared measurements on the declared data at the current tensors; not charged to the method.

        `final` adds what is looked at only once, at the end of a run: the test data.
        """
        return {"value": self.value()}


@dataclass
class Calls:
    """Oracle calls so far: values, gradients (each also gives its value), Hessian-vector products, and samples read.

    samples: single samples' gradients; a Hessian-vector product reads every sample of its batch once more.
    """

    value: int = 0
    gradient: int = 0
    samples: int = 0
    hessian_vector: int = 0

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


@final
class Oracle:
    """Asks an objective and counts every call; the only way a method sees a problem.

    listener: is shown every evaluation that was asked for.
    """

    def __init__(self, objective: Objective, listener: Callable[[Evaluation], None] | None = None) -> None:
        self._objective, self._listener = objective, listener
        self.calls = Calls()

    @property
    def tensors(self) -> Tensors:
        """The live tensors."""
        return self._objective.tensors

    def value(self) -> float:
        """F at the current tensors: one value call."""
        self.calls.value += 1
        return self._objective.value()

    def value_and_gradient(self) -> Evaluation:
        """F and ∇f at the current tensors: one gradient call and as many sample gradients as the batch has."""
        self.calls.gradient += 1
        self.calls.samples += self._objective.samples
        evaluation = self._objective.value_and_gradient()
        if self._listener is not None:
            self._listener(evaluation)
        return evaluation

    def hessian_vector(self, vectors: Tensors) -> dict[str, Array]:
        """∇²f at the current tensors times these vectors: one call, and as many samples as the batch has."""
        self.calls.hessian_vector += 1
        self.calls.samples += self._objective.samples
        return self._objective.hessian_vector(vectors)

    def advance(self) -> None:
        """Draw the next batch, for a step that reads several."""
        self._objective.advance()
