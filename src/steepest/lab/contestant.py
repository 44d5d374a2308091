"""What takes part in a study: anything that can be driven as a `Method`, with the space it is tuned in."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steepest import rules
from steepest.core.errors import InputError, InputTypeError, SteepestError, UnknownNameError
from steepest.core.sources import Source, blame
from steepest.formula import Rule
from steepest.jax import LEARNING_RATE, is_transformation
from steepest.lab import making
from steepest.lab.identity import identity, rule_identity
from steepest.lab.making import KINDS, Make, is_method
from steepest.lab.spaces import SPACES, Setting, Space, learning_rate_only
from steepest.lab.wrapped import wrapped
from steepest.problems.fingerprint import fingerprint

if TYPE_CHECKING:
    from steepest.run import Method

MethodLike = str | Rule | Callable[..., object] | object
"""A method's name, "file.py:object", a rule, a function that returns one, a `torch.optim` class, an optax
transformation or factory, or an object with `name`, `text`, `facts` and `start`."""


@dataclass(frozen=True)
class Contestant:
    """A method in a study.

    name: as tables show it. space: where it is tuned; empty for a method with fixed settings, which has one trial.
    reference: what another process makes the same contestant of. code: hash of the class, function or object that was
    given, with the file it was loaded from; "" for a name or rule of ours. default: the values that the factory itself
    has for what is tuned, None where it has not one for each.
    """

    name: str
    space: Space
    reference: MethodLike
    make_method: Make
    code: str = ""
    default: Setting | None = None
    _keys: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def make(self, setting: Setting, schedule: str, steps: int) -> Rule | Method:
        """The method with these hyperparameters, for a run of `steps` steps; `schedule` shapes its learning rate.

        Raises ProblemError where a user's factory raises, with the line; a library's own errors keep their text.
        """
        try:
            return self.make_method(setting, schedule, steps)
        except SteepestError:
            raise
        except Exception as error:
            raise blame(error, owner=self.name) from error

    def fingerprint(self, method: Rule | Method) -> str:
        """A hash of what decides a run: a rule's arithmetic and settings; for others code and attributes, or their own.

        Raises ProblemError where a user's `text` or `fingerprint` raises, with the line.
        """
        if isinstance(method, Rule):
            return rule_identity(method)
        own = getattr(method, "fingerprint", None)
        try:
            what = str(own()) if callable(own) else f"{method.text}\n{identity(method)}"
        except SteepestError:
            raise
        except Exception as error:
            raise blame(error, owner=self.name) from error
        return fingerprint(what, self.code)

    def key(self, setting: Setting, schedule: str, steps: int) -> str:
        """The fingerprint of the method with these hyperparameters, taken once: a run may change what it reads."""
        asked = repr((sorted(setting.items()), schedule, steps))
        if asked not in self._keys:
            self._keys[asked] = self.fingerprint(self.make(setting, schedule, steps))
        return self._keys[asked]


def contestant(item: MethodLike, name: str | None = None) -> Contestant:
    """Make a contestant of a name, "file.py:object", or a Python object; `name` replaces its own.

    A name may have rules around the method, as "adamw+lookahead": see `wrapped.WRAPPERS`.
    A factory with a keyword `lr` or `learning_rate` is tuned over four decades of it, or in the `Space` that it
    carries as an attribute `space`; a rule without a step length is given a learning rate at its end. A rule or
    transformation that is made already takes part as it is, with one trial and its own schedule.

    Raises UnknownNameError, ProblemError, or InputTypeError for what cannot be driven.

    >>> contestant("adam").space.names
    ('lr', 'beta1', 'beta2')
    """
    if not isinstance(item, str):
        return _of_object(item, name or _own_name(item), item, _code(item))
    source = Source.parse(item)
    if source is None:
        if "+" in item:
            made = wrapped(item)
            default = _default(_parameters(made, item), made.space)
            return Contestant(name or item, made.space, item, making.of_rules(made), "", default)
        if item not in rules.METHODS:
            raise UnknownNameError("method", item, rules.METHODS)
        return _of_ours(name or item, item, item, "")
    found = source.load()
    own = source.name if source.is_file else _own_name(found)
    code = fingerprint(source.fingerprint(), _code(found)) if source.is_file else _code(found)
    return _of_object(found, name or own, str(source), code)


def _of_object(item: object, name: str, reference: MethodLike, code: str) -> Contestant:
    if isinstance(item, Rule) and item.sets_step:
        return Contestant(name, Space(), reference, making.fixed(item), code)
    if isinstance(item, Rule):
        return Contestant(name, learning_rate_only(), reference, making.with_learning_rate(lambda: item), code)
    if is_transformation(item):
        return Contestant(name, Space(), reference, making.of_transformation(item), code)
    if is_method(item):
        return Contestant(name, Space(), reference, making.fixed(item), code)
    known = next((key for key, method in rules.METHODS.items() if item is method), None)
    if known is not None:
        return _of_ours(name, known, reference, code)
    if not callable(item):
        raise InputTypeError(f"{name}: a method must be {KINDS}, got {type(item).__name__}")
    return _of_factory(item, name, reference, code)


def _of_ours(name: str, known: str, reference: MethodLike, code: str) -> Contestant:
    """A method of `rules`."""
    factory = rules.METHODS[known]
    space = SPACES.get(known, learning_rate_only())
    default = _default(_parameters(factory, name), space)
    return Contestant(name, space, reference, making.of_rules(factory), code, default)


def _of_factory(factory: Callable[..., object], name: str, reference: MethodLike, code: str) -> Contestant:
    parameters = _parameters(factory, name)
    rate = next((key for key in LEARNING_RATE if key in parameters), None)
    space = _space(factory, name, parameters, rate)
    default = _default(parameters, space)
    torch_class = _is_torch_optimizer(factory)
    for key, parameter in parameters.items():
        given = parameter.default is not parameter.empty or key in space.names or (torch_class and key == "params")
        if not given:
            raise InputTypeError(f"{name}: {key} must have a default or be in the space that is tuned, {space}")
    if torch_class:
        return Contestant(name, space, reference, making.of_torch(factory, name, rate), code, default)
    try:
        made = factory(**space.setting([0.5] * len(space.dimensions)))
    except SteepestError:
        raise
    except Exception as error:
        raise blame(error, owner=name) from error
    if isinstance(made, Rule) and not made.sets_step:
        if rate is not None:
            raise InputError(f"{name}: takes {rate} but returns a rule without learning_rate(lr=…), {made!r}")
        with_rate = Space((*learning_rate_only().dimensions, *space.dimensions))
        return Contestant(name, with_rate, reference, making.with_learning_rate(factory), code)
    if is_transformation(made):
        return Contestant(name, space, reference, making.of_optax_factory(factory, rate), code, default)
    if is_method(made):
        return Contestant(name, space, reference, making.called(factory, name, rate), code, default)
    raise InputTypeError(f"{name}: must return {KINDS}, got {type(made).__name__}")


def _space(
    factory: Callable[..., object], name: str, parameters: Mapping[str, inspect.Parameter], rate: str | None
) -> Space:
    """The space that the factory carries, else its learning rate where it has one that is not bound by a partial."""
    declared = getattr(factory, "space", None)
    if isinstance(declared, Space):
        if strangers := [key for key in declared.names if key not in parameters]:
            takes = sorted(parameters)
            raise InputError(f"{name}: its space names {strangers[0]!r}, which it does not take; it takes {takes}")
        return declared
    bound = factory.keywords if isinstance(factory, functools.partial) else {}
    return Space() if rate is None or rate in bound else learning_rate_only(rate)


def _default(parameters: Mapping[str, inspect.Parameter], space: Space) -> Setting | None:
    """What the signature itself gives to all that is tuned; None where it leaves something open, or nothing is tuned.

    Zero for a hyperparameter that is searched on a log scale is a default like any other.
    """
    values = {key: parameters[key].default for key in space.names if key in parameters}
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values.values())
    return {key: float(value) for key, value in values.items()} if values and numbers else None


def _parameters(factory: Callable[..., object], name: str) -> Mapping[str, inspect.Parameter]:
    try:
        if isinstance(factory, functools.partial):  # says which keyword is wrong
            inspect.signature(factory.func).bind_partial(*factory.args, **factory.keywords)
        signature = inspect.signature(factory)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{name}: {error}") from error
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {key: parameter for key, parameter in signature.parameters.items() if parameter.kind in named}


def _is_torch_optimizer(item: object) -> bool:
    """Whether it is a class of torch.optim, or a partial of one; torch itself is not imported for it."""
    kind = item.func if isinstance(item, functools.partial) else item
    bases = kind.__mro__ if isinstance(kind, type) else ()
    return any(base.__name__ == "Optimizer" and base.__module__.startswith("torch.optim") for base in bases)


def _code(item: object) -> str:
    """The hash of an object's code, "" where what it makes is all that counts."""
    ours = isinstance(item, Rule) or any(item is method for method in rules.METHODS.values())
    return "" if ours or is_transformation(item) else identity(item)


def _own_name(item: object) -> str:
    """A rule's name, or a function's or class's; torch's and optax's with their package before it."""
    inner = item.func if isinstance(item, functools.partial) else item
    if isinstance(inner, Rule):
        return inner.name
    if is_method(inner):
        return str(getattr(inner, "name", type(inner).__name__))
    name = str(getattr(inner, "__name__", type(inner).__name__))
    package = str(getattr(inner, "__module__", "")).partition(".")[0]
    return f"{package}.{name}" if package in {"torch", "optax"} else name
