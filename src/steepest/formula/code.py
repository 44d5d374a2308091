"""A Python function's meaning as text: what changes when the function computes something else."""

from __future__ import annotations

from types import CodeType


def code_text(function: object) -> str:
    """Bytecode, names, constants, defaults and closed-over values of a function, the same in every process.

    An object that is not a Python function gives its qualified name or repr.

    >>> code_text(lambda x: x + 1) == code_text(lambda x: x + 2)
    False
    """
    code = getattr(function, "__code__", None)
    if code is None:
        return str(getattr(function, "__qualname__", repr(function)))
    closure = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    values = [code_text(value) if callable(value) else repr(value) for value in closure]
    defaults = (getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None))
    return "\n".join((_code(code), repr(defaults), *values))


def _code(code: CodeType) -> str:
    constants = [_code(item) if isinstance(item, CodeType) else repr(item) for item in code.co_consts]
    return "\n".join((code.co_code.hex(), repr(code.co_names), repr(code.co_varnames), *constants))
