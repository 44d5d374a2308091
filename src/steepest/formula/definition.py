"""`@rule`: a function as an update rule, with what its signature declares."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Literal, final, overload

from steepest.core.errors import FormulaError, InputTypeError, UnknownNameError
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula.link import Link
from steepest.formula.rule import Rule
from steepest.formula.slots import Slot

RESERVED = ("u", "p", "k", "t")
INPUTS = ("value", "hessian_diagonal")
"""What a rule may need besides the gradient, by `needs`."""
Fits = Callable[..., str]
"""What is wrong with a tensor's shape, from the shape and the static arguments."""


@final
@dataclass(frozen=True)
class Hyperparameter:
    """One keyword-only argument of a formula: a number with a range, a static choice, or an inner rule."""

    name: str
    kind: Literal["number", "static", "rule"]
    range: Range
    choices: tuple[object, ...]
    optional: bool
    default: object


@final
class Formula:
    """An update rule as its paper writes it; calling it with hyperparameters gives a `Rule`.

    Made by `@rule`. The function's positional arguments are, by name: `u`, the incoming update (the gradient at the
    head of a chain); `p`, the parameter; the slots; `k`, the tensor's age, this update included; `t`, the clock; and
    what `needs` lists. It returns the outgoing update alone, or with the new slots in their declared order.
    """

    def __init__(
        self,
        function: Callable[..., object],
        slots: Sequence[str | Slot],
        needs: Sequence[str],
        *,
        sets_step: bool,
        last: bool,
        opaque: bool,
        batched: bool = False,
        fits: Fits | None = None,
    ) -> None:
        self.function, self.needs = function, tuple(needs)
        self.sets_step, self.last, self.opaque, self.batched, self.fits = sets_step, last, opaque, batched, fits
        self.name = self.__name__ = function.__name__
        self.__qualname__, self.__module__, self.__doc__ = function.__qualname__, function.__module__, function.__doc__
        self.__wrapped__ = function
        self.slots = tuple(slot if isinstance(slot, Slot) else Slot(slot) for slot in slots)
        self.query_function: Callable[..., object] | None = None
        self.answer_function: Callable[..., object] | None = None
        signature = inspect.signature(function)
        self.arguments = self._positional(signature)
        self.hyperparameters = self._keyword_only(signature)
        if opaque and any(declared.kind == "rule" for declared in self.hyperparameters.values()):
            raise FormulaError(f"{self.name}: an opaque rule works on arrays, so it cannot call an inner rule")
        if batched and not opaque:
            raise FormulaError(f"{self.name}: batched is for opaque rules; one that is traced knows no tensors")
        if batched and (numbers := [slot.name for slot in self.slots if slot.scalar]):
            raise FormulaError(
                f"{self.name}: a batched rule computes with many tensors, so {numbers} cannot be numbers"
            )
        keywords = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
        self._inner = [name for name, declared in self.hyperparameters.items() if declared.kind == "rule"]
        self.__signature__ = signature.replace(parameters=keywords, return_annotation=Rule)

    def __call__(self, *inner: Rule, **settings: float | bool | str | Schedule | Rule | None) -> Rule:
        """The rule with these hyperparameters, each a number in its range or a schedule.

        Inner rules may be given by position, in their declared order.
        """
        if len(inner) > len(self._inner):
            takes = f"{len(self._inner)} by position" if self._inner else "named hyperparameters only"
            raise InputTypeError(f"{self.name}: takes {takes}, got {inner[len(self._inner)]!r}")
        by_position = dict(zip(self._inner, inner, strict=False))
        if twice := sorted(by_position.keys() & settings.keys()):
            raise InputTypeError(f"{self.name}: {twice[0]} is given twice, by position and by name")
        settings = {**settings, **by_position}
        unknown = settings.keys() - self.hyperparameters.keys()
        if unknown:
            wrong = UnknownNameError("hyperparameter", min(unknown), self.hyperparameters)
            raise InputTypeError(f"{self.name}: {wrong}")
        values: dict[str, Any] = {}
        for name, declared in self.hyperparameters.items():
            value = settings.get(name, declared.default)
            if value is inspect.Parameter.empty:
                raise InputTypeError(f"{self.name}: {name} must be given, in {declared.range}")
            values[name] = self._checked(declared, value)
        return Link(self, tuple(values.items()), self.name)

    @property
    def arrays(self) -> tuple[bool, ...]:
        """Which of its positional arguments are arrays like the parameter or a slot, not numbers."""
        named = {"u", "p", "hessian_diagonal", *(slot.name for slot in self.slots)}
        return tuple(name in named for name in self.arguments)

    def query(self, function: Callable[..., object]) -> Callable[..., object]:
        """Decorates the point where the gradient is taken, a function of `p`, slots, `k`, `t`, and hyperparameters.

        A query that also takes `g`, the gradient at p, makes the rule cost two gradients a step.
        """
        self.query_function = self._second("query", function, ("g",))
        return function

    def answer(self, function: Callable[..., object]) -> Callable[..., object]:
        """Decorates the point that is evaluated, a function of `p`, slots, `k`, `t`, and hyperparameters."""
        self.answer_function = self._second("answer", function, ())
        return function

    def __reduce__(self) -> Any:
        if self.__module__ != "__main__" and "<locals>" not in self.__qualname__:
            if getattr(sys.modules.get(self.__module__), self.__qualname__, None) is self:
                return self.__qualname__
        return object.__reduce_ex__(self, 2)

    def __repr__(self) -> str:
        return f"<formula {self.name}{inspect.signature(self)}>"

    def _positional(self, signature: inspect.Signature) -> tuple[str, ...]:
        names = tuple(p.name for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY)
        known = (*RESERVED, *(slot.name for slot in self.slots), *self.needs)
        if bad := [need for need in self.needs if need not in INPUTS]:
            raise FormulaError(f"{self.name}: needs must be of {list(INPUTS)}, got {bad}")
        if any(p.kind in {p.VAR_POSITIONAL, p.VAR_KEYWORD} for p in signature.parameters.values()):
            raise FormulaError(f"{self.name}: a rule takes named arguments only, no * or **")
        if len(set(known)) < len(known):
            raise FormulaError(f"{self.name}: slots and needs must have names of their own, got {list(known)}")
        if bad := [name for name in names if name not in known]:
            raise FormulaError(f"{self.name}: positional arguments must be of {list(known)}, got {bad}")
        if bad := [name for name in (*(slot.name for slot in self.slots), *self.needs) if name not in names]:
            raise FormulaError(f"{self.name}: declares {bad} but does not take it as a positional argument")
        return names

    def _keyword_only(self, signature: inspect.Signature) -> dict[str, Hyperparameter]:
        hints = typing.get_type_hints(self.function, include_extras=True)
        return {
            p.name: _hyperparameter(self.name, p.name, hints.get(p.name, float), p.default)
            for p in signature.parameters.values()
            if p.kind is p.KEYWORD_ONLY
        }

    def _second(self, kind: str, function: Callable[..., object], extra: tuple[str, ...]) -> Callable[..., object]:
        known = {*RESERVED, *(slot.name for slot in self.slots), *extra, *self.hyperparameters} - {"u"}
        if bad := [name for name in inspect.signature(function).parameters if name not in known]:
            raise FormulaError(f"{self.name}: arguments of its {kind} must be of {sorted(known)}, got {bad}")
        return function

    def _checked(self, declared: Hyperparameter, value: object) -> object:
        where = f"{self.name}: {declared.name}"
        if declared.kind == "rule":
            if not isinstance(value, Rule):
                raise InputTypeError(f"{where} must be a rule, got {value!r}")
            return value
        if declared.kind == "static":
            if not any(type(value) is type(choice) and value == choice for choice in declared.choices):
                options = " or ".join(repr(choice) for choice in declared.choices)
                raise InputTypeError(f"{where} must be {options}, a fixed choice, got {value!r}")
            return value
        if isinstance(value, Schedule) or (value is None and declared.optional):
            return value
        return declared.range.check(self.name, declared.name, value)


@overload
def rule(function: Callable[..., object], /) -> Formula: ...


@overload
def rule(
    *,
    slots: Sequence[str | Slot] = (),
    needs: Sequence[str] = (),
    sets_step: bool = False,
    last: bool = False,
    opaque: bool = False,
    batched: bool = False,
    fits: Fits | None = None,
) -> Callable[[Callable[..., object]], Formula]: ...


def rule(
    function: Callable[..., object] | None = None,
    /,
    *,
    slots: Sequence[str | Slot] = (),
    needs: Sequence[str] = (),
    sets_step: bool = False,
    last: bool = False,
    opaque: bool = False,
    batched: bool = False,
    fits: Fits | None = None,
) -> Formula | Callable[[Callable[..., object]], Formula]:
    """Make a function an update rule.

    slots: names, or `Slot`s. needs: of "value" (f where the gradient is taken) and "hessian_diagonal". sets_step:
    the rule itself sets the step's length, as `learning_rate` does. last: it must end its chain, because it reads
    the final p − u. opaque: the formula works on whole arrays with the array library's own operations (matrix
    products); it is called tensor by tensor and is not traced. batched: an opaque formula whose arrays have one axis
    more, the first: tensors of one shape and dtype that have all numbers in common come as one stack, be it a stack of
    one, and their updates and slots go back as one. fits: says what is wrong with a tensor's shape, as "must
    have two dimensions, got shape (5,)", "" where nothing is; a function of the shape and of the static arguments.

    Keyword-only arguments are hyperparameters; the annotation is their range (`Unit`, `Positive`, …); `bool` and
    `Literal` ones are static and may decide which slots exist; one annotated `Rule` is an inner rule, which the
    formula calls as a function of an update.

    >>> from steepest.core.ranges import Unit
    >>> @rule(slots=("m",))
    ... def average_of_updates(u, m, *, beta: Unit = 0.9):
    ...     m = beta * m + (1 - beta) * u
    ...     return m, m
    >>> average_of_updates(beta=0.5)
    average_of_updates(beta=0.5)
    """

    def decorate(function: Callable[..., object]) -> Formula:
        return Formula(
            function, slots, needs, sets_step=sets_step, last=last, opaque=opaque, batched=batched, fits=fits
        )

    return decorate if function is None else decorate(function)


def _hyperparameter(owner: str, name: str, hint: Any, default: object) -> Hyperparameter:
    options, optional = [hint], False
    if typing.get_origin(hint) is typing.Union or type(hint).__name__ == "UnionType":
        options = [option for option in typing.get_args(hint) if option is not NoneType]
        optional = len(options) < len(typing.get_args(hint))
    if len(options) == 1:
        (option,) = options
        base, *notes = typing.get_args(option) if typing.get_origin(option) is Annotated else (option,)
        if base is bool:
            return Hyperparameter(name, "static", Range(), (True, False, *([None] * optional)), optional, default)
        if typing.get_origin(base) is Literal:
            choices = (*typing.get_args(base), *([None] * optional))
            return Hyperparameter(name, "static", Range(), choices, optional, default)
        if isinstance(base, type) and issubclass(base, Rule):
            return Hyperparameter(name, "rule", Range(), (), optional, default)
        if base in {int, float}:
            found = next((note for note in notes if isinstance(note, Range)), Range(integer=base is int))
            return Hyperparameter(name, "number", found, (), optional, default)
    raise FormulaError(f"{owner}: {name} must be annotated as a number with a range, bool, Literal or Rule, got {hint}")
