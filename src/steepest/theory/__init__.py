"""What is proved of methods: theorems as data, certificates of runs, exact worst cases, step sizes.

`rate` says which theorems apply to a method on a problem, `certify` holds them against a run, `worst_case` computes how
bad it can get at most, `step_size` names the best constants that are proved. `theorems` and `get` are the statements;
`MethodFacts` and `ProblemFacts` say what is known of a method and of a problem.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steepest.core.facts import MethodFacts, ProblemFacts
    from steepest.theory.advice import Advice
    from steepest.theory.certificate import Certificate, Certificates
    from steepest.theory.certifying import certify
    from steepest.theory.estimation import estimate
    from steepest.theory.fixed_step import FixedStep
    from steepest.theory.performance import WorstCase, worst_case
    from steepest.theory.rates import Rates, rate
    from steepest.theory.registry import get, theorems
    from steepest.theory.step_sizes import step_size
    from steepest.theory.theorem import Quantity, Theorem

_FACTS = ("MethodFacts", "ProblemFacts")
_NAMES = {
    "Advice": "advice",
    "Certificate": "certificate",
    "Certificates": "certificate",
    "FixedStep": "fixed_step",
    "Quantity": "theorem",
    "Rates": "rates",
    "Theorem": "theorem",
    "WorstCase": "performance",
    "certify": "certifying",
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
    "MethodFacts",
    "ProblemFacts",
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
    if name in _FACTS or name in _NAMES:
        module = "core.facts" if name in _FACTS else f"theory.{_NAMES[name]}"
        found = getattr(importlib.import_module(f"steepest.{module}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'steepest.theory' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
