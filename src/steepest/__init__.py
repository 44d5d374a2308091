"""steepest: write an update rule once; run it fast; see what it does; know what is proven; compare it honestly.

The public face: `compare` answers "which is better here?"; `chain` and `rule` write update rules, `explain` says what
one costs; the modules `rules`, `schedules`, `recipes`, `problems` and `torch` hold what there is. Everything is imported when it
is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from steepest.core.version import VERSION

if TYPE_CHECKING:
    from steepest import problems, recipes, rules, schedules, torch
    from steepest.engines.explain import explain
    from steepest.formula import chain, rule
    from steepest.lab import compare

__version__ = VERSION

_MODULES = ("problems", "recipes", "rules", "schedules", "torch")
_NAMES = {"chain": "formula", "compare": "lab", "explain": "engines.explain", "rule": "formula"}

__all__ = ["chain", "compare", "explain", "problems", "recipes", "rule", "rules", "schedules", "torch"]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(f"steepest.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"steepest.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'steepest' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
