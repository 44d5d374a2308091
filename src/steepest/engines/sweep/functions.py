"""A user's gradient or objective as a compiled function: what it takes, its identity, and where kernels find it."""

from __future__ import annotations

import builtins
import hashlib
import inspect
import itertools
import weakref
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal, final

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher

from steepest.core.errors import InputError, InputTypeError
from steepest.formula.code import code_text

Form = Literal["scalars", "point", "lanes"]
FORMS: tuple[Form, ...] = ("scalars", "point", "lanes")
EXTRAS = ("step", "run", "data")
_MODULES = frozenset({"numpy", "math"})
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "forceinline": True}
"""Division by 0 is IEEE's, and calls are no hindrance to vector instructions."""
_MEMORY = itertools.count()
_registered: dict[str, Any] = {}
_identities: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


@final
@dataclass(frozen=True)
class SweepFunction:
    """A function that kernels call.

    form: "scalars" takes d numbers, "point" one vector, "lanes" many points at once and where to write. extras: which
    of step, run and data it takes after them. key: its identity; kernels that call it are kept on disk if `kept`.
    """

    form: Form
    extras: tuple[str, ...]
    key: str
    kept: bool


def sweep_function(role: str, function: object, d: int, form: Form | None) -> SweepFunction:
    """Compile a plain Python or @njit function on d numbers; raises InputError and InputTypeError."""
    if form is not None and form not in FORMS:
        raise InputError(f"sweep: form must be None or of {list(FORMS)}, got {form!r}")
    plain = function.py_func if isinstance(function, Dispatcher) else function
    if not isinstance(plain, FunctionType):
        raise InputTypeError(
            f"sweep: {role} must be a Python or @njit function, which Numba can compile, got {type(function).__name__}"
        )
    coordinates, extras = _parameters(role, plain)
    form = _form(role, coordinates, d) if form is None else form
    wanted = {"scalars": d, "point": 1, "lanes": 2}[form]
    if len(coordinates) != wanted:
        what = {"scalars": f"{d} numbers", "point": "one vector", "lanes": "points [d, W] and where to write"}[form]
        raise InputError(f"sweep: {role} must take {what} (form {form!r}), got {len(coordinates)} arguments")
    key = _identity(plain)
    kept = key is not None
    if key is None:
        key = _identities.setdefault(plain, f"memory{next(_MEMORY)}")
    if key not in _registered:
        _registered[key] = numba.njit(**_OPTIONS)(plain)
    return SweepFunction(form, extras, key, kept)


def registered(key: str) -> Any:
    """The compiled function of this identity, for generated modules."""
    return _registered[key]


def _parameters(role: str, function: FunctionType) -> tuple[list[str], tuple[str, ...]]:
    """Names of its coordinates, and of the extras that follow them; what has a default keeps it."""
    names = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise InputTypeError(f"sweep: {role} must have named arguments only, got {parameter}")
        if parameter.default is parameter.empty:
            names.append(parameter.name)
    coordinates = list(itertools.takewhile(lambda name: name not in EXTRAS, names))
    extras = tuple(names[len(coordinates) :])
    if unknown := [name for name in extras if name not in EXTRAS]:
        raise InputError(f"sweep: {role} must take its coordinates before step, run and data, got {unknown[0]} after")
    return coordinates, extras


def _form(role: str, coordinates: list[str], d: int) -> Form:
    if len(coordinates) == d:
        return "scalars"
    if len(coordinates) == 1:
        return "point"
    raise InputError(f"sweep: {role} must take {d} numbers or one vector (or give form), got {len(coordinates)}")


def _identity(function: FunctionType) -> str | None:
    """A hash of all that decides what the function computes; None where something in reach has no text."""
    texts = [repr(sorted(_OPTIONS.items()))]
    try:
        _collect(function, texts, set())
    except _NoText:
        return None
    return hashlib.blake2b("\n".join(texts).encode(), digest_size=16).hexdigest()


class _NoText(Exception):
    """Something is reached whose meaning cannot be written down."""


def _collect(value: Any, texts: list[str], seen: set[int]) -> None:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        texts.append(f"{type(value).__name__} {value!r}")
    elif isinstance(value, tuple):
        texts.append(f"tuple {len(value)}")
        for item in value:
            _collect(item, texts, seen)
    elif isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufc":
        digest = hashlib.blake2b(np.ascontiguousarray(value).tobytes(), digest_size=16).hexdigest()
        texts.append(f"array {value.dtype} {value.shape} {digest}")
    elif isinstance(value, ModuleType) and value.__name__ in _MODULES:
        texts.append(f"module {value.__name__}")
    elif isinstance(value, Dispatcher):
        texts.append(f"compiled {sorted(value.targetoptions.items())!r}")
        _collect(value.py_func, texts, seen)
    elif isinstance(value, FunctionType):
        if id(value) not in seen:
            seen.add(id(value))
            _collect_function(value, texts, seen)
    elif getattr(value, "__module__", None) in {*_MODULES, "builtins"} and hasattr(value, "__qualname__"):
        texts.append(f"name {value.__module__}.{value.__qualname__}")
    elif isinstance(value, np.ufunc):
        texts.append(f"ufunc {value.__name__}")
    else:
        raise _NoText


def _collect_function(function: FunctionType, texts: list[str], seen: set[int]) -> None:
    texts.append(code_text(_without_closure(function)))
    for cell in function.__closure__ or ():
        _collect(cell.cell_contents, texts, seen)
    for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        _collect(value, texts, seen)
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            texts.append(name)
            _collect(function.__globals__[name], texts, seen)
        elif hasattr(builtins, name):
            texts.append(f"builtin {name}")


def _without_closure(function: FunctionType) -> Any:
    """What `code_text` is asked of: the code alone."""

    class Code:
        __code__ = function.__code__

    return Code


def _names(code: CodeType) -> set[str]:
    """Global names that the code may read; names of attributes among them do no harm."""
    inner = (_names(item) for item in code.co_consts if isinstance(item, CodeType))
    return set(code.co_names).union(*inner)
