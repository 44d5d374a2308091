"""What is proved of methods: theorems as data, certificates of runs, exact worst cases, step sizes.

`rate` says which theorems apply to a method on a problem, `certify` holds them against a run, `worst_case` computes how
bad it can get at most, `step_size` names the best constants that are proved. `theorems` and `get` are the statements.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steepest.theory.certificate import Certificate, Certificates, certify
    from steepest.theory.estimation import estimate
    from steepest.theory.fixed_step import FixedStep
    from steepest.theory.performance import WorstCase, worst_case
    from steepest.theory.rates import Rates, rate
    from steepest.theory.registry import get, theorems
    from steepest.theory.step_sizes import Advice, step_size
    from steepest.theory.theorem import Quantity, Theorem

_NAMES = {
    "Advice": "step_sizes",
    "Certificate": "certificate",
    "Certificates": "certificate",
    "FixedStep": "fixed_step",
    "Quantity": "theorem",
    "Rates": "rates",
    "Theorem": "theorem",
    "WorstCase": "performance",
    "certify": "certificate",
    "estimate": "estimation",
    "get": "registry",
    "rate": "rates",
    "step_size": "step_sizes",
    "theorems": "registry",
    "worst_case": "performance",
}

__all__ = [
    "Advice",
    "Certificate",
    "Certificates",
    "FixedStep",
    "Quantity",
    "Rates",
    "Theorem",
    "WorstCase",
    "certify",
    "estimate",
    "get",
    "rate",
    "step_size",
    "theorems",
    "worst_case",
]


def __getattr__(name: str) -> object:
    if name in _NAMES:
        found = getattr(importlib.import_module(f"steepest.theory.{_NAMES[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'steepest.theory' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
