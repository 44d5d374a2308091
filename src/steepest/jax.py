"""Any optax gradient transformation as a method that runs and studies can drive."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, final

import numpy as np

from steepest.core.arrays import Array, Tensors, assign, like, namespace, to_numpy
from steepest.core.errors import InputError, InputTypeError, MissingExtraError
from steepest.core.facts import MethodFacts
from steepest.core.oracle import Oracle
from steepest.core.schedule import Schedule
from steepest.core.stepper import StepReport
from steepest.problems.fingerprint import fingerprint

LEARNING_RATE = ("learning_rate", "lr")
"""The names by which a factory's learning rate is known: of optax's, of PyTorch's and of a user's."""


@final
@dataclass(frozen=True)
class OptaxMethod:
    """An optax transformation, or a function that makes one with its settings.

    source: a `GradientTransformation`, or a factory such as `optax.adamw`. settings: the factory's keyword arguments.
    schedule: where given, its value at t − 1 is the factory's learning rate at update t.

    Raises MissingExtraError without JAX and optax; InputTypeError for another source, or a setting it does not take.

    >>> import optax
    >>> OptaxMethod(optax.sgd, {"learning_rate": 0.1}).text
    'optax.sgd(learning_rate=0.1)'
    """

    source: object
    settings: Mapping[str, object] = field(default_factory=dict)
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        _optax()
        if is_transformation(self.source):
            if self.settings or self.schedule is not None:
                raise InputTypeError("OptaxMethod: a transformation that is made has its settings; pass its factory")
            return
        if not callable(self.source):
            raise InputTypeError(
                f"OptaxMethod: source must be a transformation or a factory, got {type(self.source).__name__}"
            )
        try:
            inspect.signature(self.source).bind(**self.settings)
        except (TypeError, ValueError) as error:
            raise InputTypeError(f"{self.name}: {error}") from error
        if self.schedule is not None and self._rate_name() is None:
            raise InputTypeError(f"{self.name}: takes no learning rate that a schedule could drive")

    @property
    def name(self) -> str:
        if is_transformation(self.source):
            return "optax"
        name = str(getattr(self.source, "__name__", type(self.source).__name__))
        return f"optax.{name}" if _is_optaxs(self.source) else name

    @property
    def text(self) -> str:
        rate = self._rate_name()
        settings = {**self.settings} if self.schedule is None else {**self.settings, str(rate): self.schedule}
        if is_transformation(self.source):
            return f"optax transformation {fingerprint(_held(self.source))[:12]}"
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"

    @property
    def facts(self) -> MethodFacts:
        rate = next((self.settings[key] for key in LEARNING_RATE if key in self.settings), None)
        return MethodFacts(
            family=self.name,
            step=rate if self.schedule is None and isinstance(rate, float) else None,
            schedule=None if self.schedule is None else repr(self.schedule),
        )

    @property
    def length(self) -> int | None:
        """How many steps its schedule was made for, None where it does not end."""
        return None if self.schedule is None else self.schedule.length

    def fingerprint(self) -> str:
        """A hash of optax's version, every setting, and what a user's factory or transformation consists of."""
        parts = (_held(self.source), _held(self.settings), self.schedule)
        return fingerprint("optax", _optax().__version__, *parts)

    def start(self, tensors: Tensors, *, seed: int) -> OptaxStepper:
        """A stepper on these live tensors, PyTorch's or NumPy's. `seed` is not used: optax keeps its own."""
        return OptaxStepper(self._transformation(), tensors, self.schedule, self._rate())

    def _transformation(self) -> Any:
        if is_transformation(self.source):
            return self.source
        factory: Callable[..., object] = self.source  # type: ignore[assignment]
        settings: dict[str, Any] = dict(self.settings)
        rate = self._rate_name()
        if self.schedule is not None and rate is not None:
            settings[rate] = self.schedule(0)
            others = [name for name in inspect.signature(factory).parameters if name != rate]
            factory = _optax().inject_hyperparams(factory, static_args=others)
        try:
            made = factory(**settings)
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.name}: {' '.join(str(error).split())}") from error
        if not is_transformation(made):
            raise InputTypeError(f"{self.name}: must return an optax transformation, got {type(made).__name__}")
        return made

    def _rate_name(self) -> str | None:
        if is_transformation(self.source) or not callable(self.source):
            return None
        known = inspect.signature(self.source).parameters
        return next((key for key in LEARNING_RATE if key in known), None)

    def _rate(self) -> str | float | None:
        """The injected argument that a schedule drives, else the constant learning rate where it is known."""
        rate = self._rate_name()
        if self.schedule is not None:
            return rate
        value = self.settings.get(rate) if rate is not None else None
        return value if isinstance(value, float) else None


@final
class OptaxStepper:
    """Drives a transformation by gradients from an oracle.

    Parameters and state live in JAX, where one compiled function makes the update; the new values are written back
    into the tensors. float64 tensors are computed in float64.
    """

    def __init__(
        self, transformation: Any, tensors: Tensors, schedule: Schedule | None = None, rate: str | float | None = None
    ) -> None:
        self.tensors, self.schedule, self._rate = tensors, schedule, rate
        self._steps = 0
        self._jax = _jax()
        self._double = any(to_numpy(tensor).dtype == np.float64 for tensor in tensors.values())
        optax = _optax()
        transformation = optax.with_extra_args_support(transformation)

        def update(gradients: Any, state: Any, parameters: Any, value: Any) -> Any:
            updates, state = transformation.update(gradients, state, parameters, value=value)
            return optax.apply_updates(parameters, updates), state

        self._update = self._jax.jit(update)
        with self._precision():
            self._state = transformation.init(self._to_jax(tensors))

    def step(self, oracle: Oracle) -> StepReport:
        """One gradient, one update."""
        evaluation = oracle.value_and_gradient()
        rate = self.schedule(self._steps) if self.schedule is not None else self._rate
        with self._precision():
            parameters = self._to_jax(self.tensors)
            gradients = {
                name: self._to_jax({name: gradient})[name] if gradient is not None else parameters[name] * 0
                for name, gradient in ((name, evaluation.gradients.get(name)) for name in self.tensors)
            }
            if self.schedule is not None:
                before = self._state.hyperparams[self._rate]
                self._state.hyperparams[self._rate] = self._jax.numpy.asarray(rate, dtype=before.dtype)
            after, self._state = self._update(gradients, self._state, parameters, evaluation.value)
            for name, tensor in self.tensors.items():
                if evaluation.gradients.get(name) is not None:
                    assign(tensor, _in_library_of(tensor, np.array(after[name])))
        self._steps += 1
        used = {} if not isinstance(rate, float) else {"learning_rate.lr": rate}
        return StepReport(step=self._steps, hyperparameters=used, value=evaluation.value)

    def evaluating(self) -> AbstractContextManager[None]:
        """The tensors hold what they hold anyway."""
        return nullcontext()

    def _to_jax(self, tensors: Tensors) -> dict[str, Any]:
        return {name: self._jax.numpy.array(to_numpy(tensor)) for name, tensor in tensors.items()}

    def _precision(self) -> AbstractContextManager[object]:
        if not self._double:
            return nullcontext()
        return self._jax.enable_x64(True) if hasattr(self._jax, "enable_x64") else self._jax.experimental.enable_x64()


def _in_library_of(tensor: Array, values: np.ndarray[Any, Any]) -> Any:
    if isinstance(tensor, np.ndarray):
        return values
    xp: Any = namespace(tensor)
    scalar: Any = like(0.0, tensor)
    return xp.asarray(values, dtype=scalar.dtype, device=scalar.device)


def _optax() -> ModuleType:
    try:
        return importlib.import_module("optax")
    except ImportError as error:
        raise MissingExtraError("JAX and optax", "jax") from error


def _jax() -> Any:
    try:
        importlib.import_module("jax.experimental")
        return importlib.import_module("jax")
    except ImportError as error:
        raise MissingExtraError("JAX and optax", "jax") from error


def is_transformation(item: object) -> bool:
    """Whether `item` is an optax transformation that is made; optax itself is not imported for it."""
    bases = type(item).__mro__
    return any(b.__name__.startswith("GradientTransformation") and b.__module__.startswith("optax") for b in bases)


def _is_optaxs(item: object) -> bool:
    return str(getattr(item, "__module__", "")).partition(".")[0] == "optax"


def _held(item: object, seen: frozenset[int] = frozenset()) -> object:
    """The same with the functions in it taken apart: a transformation is its functions and the values they hold.

    A library's function is its name and these values. A user's is its code as well, and what it reaches; the
    transformations among its globals are taken apart in turn.
    """
    if id(item) in seen:
        return "…"
    seen |= {id(item)}
    if isinstance(item, functools.partial):
        return ["partial", _held(item.func, seen), _held(item.args, seen), _held(item.keywords, seen)]
    if isinstance(item, FunctionType):
        cells = [_held(cell.cell_contents, seen) for cell in item.__closure__ or ()]
        defaults = [_held(item.__defaults__, seen), _held(item.__kwdefaults__, seen)]
        reached = [item.__globals__.get(name) for name in item.__code__.co_names]
        made = [_held(value, seen) for value in reached if is_transformation(value)]
        return [f"{item.__module__}.{item.__qualname__}", item, cells, defaults, made]
    if isinstance(item, tuple | list):
        return [_held(part, seen) for part in item]
    if isinstance(item, Mapping):
        return {key: _held(value, seen) for key, value in item.items()}
    return item
