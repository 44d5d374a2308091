"""A hash of what defines a problem: data by content, functions by their text and by the values they reach.

A function counts with its source text (its bytecode where there is no source, and for a lambda), its defaults, the
values it closes over, and the globals it names: numbers, text, arrays by content, and the user's own functions and
classes by their text in turn. What is installed as a library counts by its name only. So a changed constant beside
a loss function changes the hash, and a different process, hash seed or working directory does not.
Names that a function imports inside its body are not followed.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, final

import numpy as np

from steepest.core.arrays import is_array, to_numpy

_PLAIN: Final = (type(None), bool, int, complex, str, bytes, range)


def fingerprint(*parts: object) -> str:
    """SHA-256 of the parts, in order, as 64 hexadecimal digits.

    >>> fingerprint("a", 1) == fingerprint("a", 1), fingerprint("a", 1) == fingerprint("a", 1.0)
    (True, False)
    """
    return _Hasher().digest(parts).hex()


def source_text(function: Callable[..., object] | type) -> str | None:
    """The dedented source of a function or class, None where there is none to read; decorators are not followed."""
    try:
        return textwrap.dedent(inspect.getsource(getattr(function, "__code__", function)))
    except (OSError, TypeError):
        return None


@final
class _Hasher:
    """Digests of values. A function or class is digested once; a cycle is cut where it closes."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[object, bytes]] = {}
        self._open: list[int] = []

    def digest(self, value: object) -> bytes:
        known = self._done.get(id(value))
        if known is not None:
            return known[1]
        if id(value) in self._open:
            return _hash("cycle", type(value).__qualname__.encode())
        self._open.append(id(value))
        try:
            found = _hash(*self._parts(value))
        finally:
            self._open.pop()
        if isinstance(value, FunctionType | type):
            self._done[id(value)] = (value, found)
        return found

    def _parts(self, value: Any) -> Iterator[str | bytes]:
        """What `value` consists of, its kind first."""
        if isinstance(value, Enum | PurePath) or type(value).__name__ in {"dtype", "device"}:
            yield from (type(value).__qualname__, str(value))
        elif isinstance(value, _PLAIN):
            yield from (type(value).__name__, repr(value))
        elif isinstance(value, float):
            yield from ("float", float(value).hex())
        elif isinstance(value, Mapping):
            yield "mapping"
            for key, item in value.items():
                yield from (self.digest(key), self.digest(item))
        elif isinstance(value, set | frozenset):
            yield "set"
            yield from sorted(self.digest(item) for item in value)
        elif isinstance(value, tuple | list):
            yield type(value).__name__ if type(value) in {tuple, list} else "sequence"
            yield from (self.digest(item) for item in value)
        elif isinstance(value, np.ndarray | np.generic) or (is_array(value) and not isinstance(value, type)):
            yield from self._array(value)
        elif isinstance(value, ModuleType):
            yield from ("module", value.__name__)
        elif isinstance(value, functools.partial):
            yield "partial"
            yield from (self.digest(part) for part in (value.func, value.args, value.keywords))
        elif isinstance(value, MethodType):
            yield from ("method", self.digest(value.__func__), self.digest(value.__self__))
        elif isinstance(value, FunctionType):
            yield from self._function(value)
        elif isinstance(value, type):
            yield from self._class(value)
        elif isinstance(value, BuiltinFunctionType):
            yield from ("builtin", value.__qualname__)
        else:
            yield from self._instance(value)

    def _array(self, value: Any) -> Iterator[str | bytes]:
        dtype, shape = str(value.dtype), tuple(value.shape)
        yield from ("array", dtype, repr(shape))
        if "bfloat16" in dtype and hasattr(value, "view") and hasattr(value, "detach"):
            value = value.float()
        array = to_numpy(value)
        if array.dtype.hasobject:
            yield self.digest(array.tolist())
        else:
            yield hashlib.sha256(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).digest()

    def _function(self, function: FunctionType) -> Iterator[str | bytes]:
        if _is_library(function.__module__):
            yield from ("library", f"{function.__module__}.{function.__qualname__}")
            return
        text = None if function.__name__ == "<lambda>" else source_text(function)
        yield from ("function", text) if text is not None else ("code", self._code(function.__code__))
        yield self.digest(function.__defaults__)
        yield self.digest(function.__kwdefaults__)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            yield name
            try:
                yield self.digest(cell.cell_contents)
            except ValueError:  # a cell that is not filled yet
                yield "empty"
        yield from self._globals(function)

    def _globals(self, function: FunctionType) -> Iterator[str | bytes]:
        names = sorted(_names(function.__code__))
        for name in names:
            if name not in function.__globals__:
                continue
            value = function.__globals__[name]
            yield from (name, self.digest(value))
            if isinstance(value, ModuleType) and not _is_library(value.__name__):
                for attribute in names:
                    if attribute in vars(value):
                        yield from (attribute, self.digest(vars(value)[attribute]))

    def _code(self, code: CodeType) -> bytes:
        constants = [self._code(item) if isinstance(item, CodeType) else self.digest(item) for item in code.co_consts]
        return _hash("code", code.co_code, *code.co_names, *code.co_freevars, *constants)

    def _class(self, kind: type) -> Iterator[str | bytes]:
        if _is_library(kind.__module__):
            yield from ("library", f"{kind.__module__}.{kind.__qualname__}")
            return
        text = source_text(kind)
        yield from ("class", text or kind.__qualname__)
        yield from (self.digest(base) for base in kind.__bases__)
        for name, member in sorted(vars(kind).items()):
            inner = getattr(member, "__func__", getattr(member, "fget", member))
            if isinstance(inner, FunctionType):
                yield from (name, b"" if text else self._code(inner.__code__))
                yield from self._globals(inner)

    def _instance(self, value: Any) -> Iterator[str | bytes]:
        """An object counts with its attributes where they say what it does; else by its class alone."""
        kind = type(value)
        yield from ("object", self.digest(kind))
        attributes = vars(value) if hasattr(value, "__dict__") else {}
        if _is_torch(value, "nn", "Module"):
            shown = {name: item for name, item in attributes.items() if name in _MODULE_STATE or name[0] != "_"}
            yield self.digest(shown)
        elif is_dataclass(value) or not _is_library(kind.__module__) or _is_torch(value, "utils.data", "Dataset"):
            yield self.digest(attributes)


_MODULE_STATE: Final = {"_parameters", "_buffers", "_modules"}


def _hash(*parts: str | bytes) -> bytes:
    """SHA-256 of the parts with their lengths, so that no two different lists run together to the same text."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.digest()


def _names(code: CodeType) -> set[str]:
    """Every global or attribute that the code names, in functions inside it too."""
    inner = (item for item in code.co_consts if isinstance(item, CodeType))
    return set(code.co_names).union(*(_names(item) for item in inner))


def _is_library(module: str | None) -> bool:
    """Whether the module is the standard library's or installed, so that its name and version stand for its text."""
    if module is None or module == "__main__":
        return False
    top = module.partition(".")[0]
    if top == "steepest":  # ours counts by its version; the functions of problems hold the values that define them
        return not module.startswith("steepest.problems")
    if top in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is not None and not {"site-packages", "dist-packages"}.isdisjoint(PurePath(file).parts)


def _is_torch(value: object, module: str, kind: str) -> bool:
    """Whether `value` is an instance of a class of PyTorch, without importing it."""
    found = sys.modules.get(f"torch.{module}")
    return found is not None and isinstance(value, getattr(found, kind))
