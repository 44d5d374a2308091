"""The numbers of one method on one problem, checked, and the class of the problem."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from steepest.core.errors import InputError
from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.core.ranges import Range
from steepest.theory.reading import Family


@dataclass(frozen=True)
class Setting:
    """What a theorem is asked about: a method, a problem, and their constants by symbol key.

    values: known numbers. estimated: keys whose numbers were estimated and not given.
    Raises InputError where a constant is impossible: L ≤ 0, μ > L, a step that is not positive.

    >>> setting = Setting.of(Family("gradient-descent", MethodFacts("sgd", step=0.5)), ProblemFacts("convex", L=5.0))
    >>> setting.values["step"], setting.values["L"], setting.has("smooth")
    (0.5, 5.0, True)
    """

    family: Family
    problem: ProblemFacts
    values: Mapping[str, float]
    estimated: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(cls, family: Family, problem: ProblemFacts, estimated: frozenset[str] = frozenset()) -> Setting:
        """From the facts of both."""
        return cls(family, problem, {**_method_values(family.facts), **problem_values(problem)}, estimated)

    def has(self, kind: str) -> bool:
        """Whether the problem is of that class, or of one that implies it.

        kind: "smooth", "convex", "strongly convex", "quadratic", "PL" or "self-concordant".
        """
        declared = self.problem.problem_class
        if kind == "smooth":
            return self.problem.L is not None and declared in _SMOOTH
        if kind in ("strongly convex", "PL") and not self.problem.mu:
            return False
        return kind in _IMPLIED.get(declared, ())


def problem_values(problem: ProblemFacts) -> dict[str, float]:
    """A problem's numbers by symbol key; raises InputError for impossible ones."""
    values = {}
    for key, admissible in _RANGES.items():
        value = getattr(problem, key)
        if value is not None:
            values[key] = math.inf if key == "R" and value == math.inf else admissible.check("theory", key, value)
    for key, value in problem.constants.items():
        values[key] = Range(low=0).check("theory", key, value)
    L, mu = problem.L, problem.mu
    if L is not None and mu is not None and mu > L * (1 + 1e-12):
        raise InputError(f"theory: mu must be in [0, L] = [0, {L:g}], got {mu:g}")
    return values


def _method_values(method: MethodFacts) -> dict[str, float]:
    values = {key: Range().check("theory", key, value) for key, value in method.constants.items()}
    if method.step is not None:
        values["step"] = Range(low=0, open_low=True).check("theory", "step", method.step)
    if method.momentum is not None:
        values["momentum"] = Range().check("theory", "momentum", method.momentum)
    return values


_POSITIVE: Final = Range(low=0, open_low=True)
_NONNEGATIVE: Final = Range(low=0)
_RANGES: Final = {
    "L": _POSITIVE,
    "mu": _NONNEGATIVE,
    "R": _NONNEGATIVE,
    "f_star": Range(),
    "delta": _NONNEGATIVE,
    "D": _POSITIVE,
    "G": _POSITIVE,
    "sigma": _NONNEGATIVE,
    "n": Range(low=1, integer=True),
}
_SMOOTH: Final = frozenset({"quadratic", "strongly convex", "PL", "convex", "smooth"})
_IMPLIED: Final[Mapping[str, frozenset[str]]] = {
    "quadratic": frozenset({"quadratic", "strongly convex", "convex", "PL"}),
    "strongly convex": frozenset({"strongly convex", "convex", "PL"}),
    "PL": frozenset({"PL"}),
    "convex": frozenset({"convex"}),
    "self-concordant": frozenset({"self-concordant", "convex"}),
}
