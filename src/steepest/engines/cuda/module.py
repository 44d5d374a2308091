"""Generated text as a module of kernels: Triton compiles each at its first launch, and keeps it in its own cache."""

from __future__ import annotations

import hashlib
import linecache
from types import ModuleType

_LOADED: dict[str, ModuleType] = {}


def load(text: str) -> ModuleType:
    """The module of a generated text; the same one for the same text.

    Triton reads the source of a kernel again, as tracebacks do: it is found under the module's name.
    """
    name = f"steepest_kernels_{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
    if name not in _LOADED:
        module = ModuleType(name)
        file = f"<{name}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(text, file, "exec"), module.__dict__)
        _LOADED[name] = module
    return _LOADED[name]
