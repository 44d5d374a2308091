"""steepest: write an update rule once; run it fast; see what it does; know what is proven; compare it honestly.

The public face: `compare` answers "which is better here?"; `minimize` minimizes a function; `chain` and `rule` write
update rules, `explain` says what one costs; the modules `rules`, `methods`, `schedules`, `recipes`, `problems` and
`torch` hold what there is. Everything is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from steepest.core.version import VERSION

if TYPE_CHECKING:
    from steepest import methods, problems, recipes, rules, schedules, theory, torch
    from steepest.engines.explain import explain
    from steepest.formula import chain, rule
    from steepest.lab import compare
    from steepest.run.annealed_restarts import annealed_restarts
    from steepest.run.check_gradient import check_gradient
    from steepest.run.minimize import minimize
    from steepest.run.multi_start import multi_start
    from steepest.run.root import root

__version__ = VERSION

_MODULES = ("methods", "problems", "recipes", "rules", "schedules", "theory", "torch")
_NAMES = {
    "annealed_restarts": "run.annealed_restarts",
    "chain": "formula",
    "check_gradient": "run.check_gradient",
    "compare": "lab",
    "explain": "engines.explain",
    "minimize": "run.minimize",
    "multi_start": "run.multi_start",
    "root": "run.root",
    "rule": "formula",
}

__all__ = [
    "annealed_restarts",
    "chain",
    "check_gradient",
    "compare",
    "explain",
    "methods",
    "minimize",
    "multi_start",
    "problems",
    "recipes",
    "root",
    "rule",
    "rules",
    "schedules",
    "theory",
    "torch",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(f"steepest.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"steepest.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'steepest' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
