"""Any `torch.optim.Optimizer` as a method that runs and studies can drive."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast, final

import numpy as np
import torch

from steepest.core.arrays import Array, Tensors
from steepest.core.errors import InputError, InputTypeError
from steepest.core.facts import MethodFacts
from steepest.core.oracle import Evaluation, Oracle
from steepest.core.schedule import Schedule
from steepest.core.stepper import StepReport
from steepest.problems.fingerprint import fingerprint


@final
@dataclass(frozen=True)
class TorchMethod:
    """An optimizer class with its settings.

    kind: a subclass of `torch.optim.Optimizer`. settings: its keyword arguments, without the parameters. schedule:
    where given, its value at t − 1 is written to every group's `lr` before update t.

    Raises InputTypeError where `kind` is no optimizer class or does not take a setting.

    >>> TorchMethod(torch.optim.SGD, {"lr": 0.1}).text
    'torch.optim.SGD(lr=0.1)'
    """

    kind: type[torch.optim.Optimizer]
    settings: Mapping[str, object] = field(default_factory=dict)
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        kind: object = self.kind
        if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)):
            raise InputTypeError(f"TorchMethod: kind must be a subclass of torch.optim.Optimizer, got {self.kind!r}")
        try:
            inspect.signature(self.kind).bind([], **self.settings)
        except TypeError as error:
            raise InputTypeError(f"{self.name}: {error}") from error

    @property
    def name(self) -> str:
        return f"torch.{self.kind.__name__}" if _is_torchs(self.kind) else self.kind.__name__

    @property
    def text(self) -> str:
        settings = [f"{name}={value!r}" for name, value in self.settings.items() if not self._scheduled(name)]
        if self.schedule is not None:
            settings.insert(0, f"lr={self.schedule!r}")
        where = "torch.optim" if _is_torchs(self.kind) else self.kind.__module__
        return f"{where}.{self.kind.__qualname__}({', '.join(settings)})"

    @property
    def facts(self) -> MethodFacts:
        step, momentum = self.settings.get("lr"), self.settings.get("momentum")
        return MethodFacts(
            family=self.kind.__name__,
            step=step if self.schedule is None and isinstance(step, float) else None,
            momentum=momentum if isinstance(momentum, float) else None,
            schedule=None if self.schedule is None else repr(self.schedule),
        )

    @property
    def length(self) -> int | None:
        """How many steps its schedule was made for, None where it does not end."""
        return None if self.schedule is None else self.schedule.length

    def fingerprint(self) -> str:
        """A hash of PyTorch's version, every setting, and a user's class with what its code reaches."""
        return fingerprint("torch", torch.__version__, self.kind, self.settings, self.schedule)

    def start(self, tensors: Tensors, *, seed: int) -> TorchStepper:
        """A stepper on these live tensors, PyTorch's or NumPy's. `seed` is not used: PyTorch's draw nothing.

        Raises InputError where the optimizer refuses its settings or these tensors.
        """
        parameters = {name: _as_torch(tensor) for name, tensor in tensors.items()}
        try:
            optimizer = self.kind(cast(Any, list(parameters.items())), **cast(Any, self.settings))
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"{self.name}: {' '.join(str(error).split())}") from error
        return TorchStepper(optimizer, parameters, self.schedule)

    def _scheduled(self, name: str) -> bool:
        return name == "lr" and self.schedule is not None


@final
class TorchStepper:
    """Drives an optimizer by gradients from an oracle.

    One that must have a closure (L-BFGS) asks the oracle as often as it likes, and every call counts. One with
    `train` and `eval` (schedule-free ones) holds its answer point inside `evaluating`.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, parameters: Mapping[str, torch.Tensor], schedule: Schedule | None = None
    ) -> None:
        self.optimizer, self.parameters, self.schedule = optimizer, dict(parameters), schedule
        self._steps = 0
        self._closure_needed = _needs_closure(type(optimizer))
        self._switch("train")

    def step(self, oracle: Oracle) -> StepReport:
        """One call of the optimizer's `step`."""
        if self.schedule is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = self.schedule(self._steps)
        rate = self.optimizer.param_groups[0].get("lr")
        values: list[float] = []

        def ask() -> torch.Tensor:
            evaluation = oracle.value_and_gradient()
            self._set_gradients(evaluation)
            values.append(evaluation.value)
            return torch.tensor(evaluation.value, dtype=torch.float64)

        if self._closure_needed:
            cast(Callable[[Callable[[], torch.Tensor]], object], self.optimizer.step)(ask)
        else:
            ask()
            self.optimizer.step()
        self._steps += 1
        used = {} if rate is None else {"learning_rate.lr": float(rate)}
        return StepReport(step=self._steps, hyperparameters=used, value=values[0] if values else None)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Inside, an optimizer with `eval` holds the point that it wants to be judged at."""
        self._switch("eval")
        try:
            yield
        finally:
            self._switch("train")

    def _set_gradients(self, evaluation: Evaluation) -> None:
        for name, parameter in self.parameters.items():
            gradient = evaluation.gradients.get(name)
            parameter.grad = None if gradient is None else _as_torch(gradient)

    def _switch(self, mode: str) -> None:
        switch = getattr(self.optimizer, mode, None)
        if callable(switch):
            switch()


def _as_torch(array: Array) -> torch.Tensor:
    """The array itself, or a tensor in the memory of a NumPy array."""
    if isinstance(array, torch.Tensor):
        return array
    if isinstance(array, np.ndarray):
        return torch.from_numpy(array)
    raise InputTypeError(f"TorchMethod: tensors must be PyTorch's or NumPy's, got {type(array).__name__}")


def _needs_closure(kind: type[torch.optim.Optimizer]) -> bool:
    closure = inspect.signature(kind.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def _is_torchs(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "torch"
