"""Generated kernels run as the plain Python that they are, on memory whose loads and stores are logged."""

from __future__ import annotations

import builtins
import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
import pytest
from logging_arrays import Log, LoggingArray

from steepest.engines.cpu import cache, runtime

Kernel = Callable[[int, int, int], None]
_CALLED = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
_held: list[Any] = []
"""Functions that engines know by their address only, and may still call."""


def kernels(text: str, log: Log | None = None) -> list[Kernel]:
    """The kernels of a module's text as Python functions. With a log, views of anything but a kernel's tables log."""

    def logging(view: Callable[[int, int], np.ndarray]) -> Callable[[int, int], Any]:
        def logged(start: int, count: int) -> Any:
            array = view(start, count)
            assert log is not None
            return array if int(start) in log.tables else LoggingArray(array, start, log)

        return logged

    functions = {name: getattr(runtime, name) for name in dir(runtime)}
    if log is not None:
        functions |= {name: logging(view) for name, view in functions.items() if name.startswith("view_")}
    modules = {
        "numba": SimpleNamespace(**{**vars(numba), "cfunc": lambda *args, **settings: lambda function: function}),
        "numpy": np,
        "steepest.engines.cpu.runtime": SimpleNamespace(**functions),
    }  # what else a kernel would import is an error
    space: dict[str, Any] = {"CACHE": False, "__name__": "generated"}
    space["__builtins__"] = {**vars(builtins), "__import__": lambda name, *args: modules[name]}
    exec(compile(text, "<generated>", "exec"), space)
    return list(space["PASSES"])


@contextmanager
def run_uncompiled(patch: pytest.MonkeyPatch, log: Log | None = None) -> Iterator[Callable[[], None]]:
    """Inside, engines that are made run their kernels as Python; what these raised is raised by what is yielded."""
    compiled, errors = cache.load, []
    modules: dict[str, Any] = {}

    def wrapped(function: Kernel, number: int) -> Any:
        def call(first: int, last: int, tables: int) -> None:
            try:
                if log is not None:
                    log.enter(number, first, last, {tables, *map(int, runtime.view_int64(tables, 6))})
                with np.errstate(all="ignore"):
                    function(first, last, tables)
            except BaseException as error:
                errors.append(error)

        _held.append(_CALLED(call))
        return SimpleNamespace(address=ctypes.cast(_held[-1], ctypes.c_void_p).value)

    def load(text: str, name: str) -> Any:
        if name != "plan":
            return compiled(text, name)
        if text not in modules:
            passes = [wrapped(function, number) for number, function in enumerate(kernels(text, log))]
            modules[text] = SimpleNamespace(PASSES=passes)
        return modules[text]

    def raise_errors() -> None:
        if errors:
            raise errors[0]

    with patch.context() as inside:
        inside.setattr(cache, "load", load)
        yield raise_errors
    raise_errors()
