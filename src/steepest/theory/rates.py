"""Which theorems speak of a method on a problem, what they prove, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from steepest.core.errors import InputError
from steepest.core.ranges import Range
from steepest.theory.reading import Family, family_of, nearest, problem_facts
from steepest.theory.registry import theorems
from steepest.theory.setting import Setting
from steepest.theory.theorem import Quantity, Theorem


@dataclass(frozen=True)
class Applies:
    """A theorem that applies, with the numbers it applies to."""

    theorem: Theorem
    setting: Setting

    def bound(self, steps: int) -> float:
        """The bound after so many steps. Raises InputError where a number is missing, as R or f(x₀) − f*."""
        return self.theorem.value(self.setting.values, steps)

    @property
    def missing(self) -> tuple[str, ...]:
        """What its number needs besides: what a start or a run decides."""
        symbols = self.theorem.bound.symbols() if self.theorem.bound is not None else {}
        return tuple(s.meaning for key, s in symbols.items() if key != "N" and key not in self.setting.values)


@dataclass(frozen=True)
class Refused:
    """A theorem that does not apply, and every assumption that fails, with its value."""

    theorem: Theorem
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Rates:
    """What theory has to say of a method on a problem.

    applies, refused: the theorems of the method's family. none: why there is no family, "" where there is one.
    """

    family: Family
    setting: Setting
    applies: tuple[Applies, ...]
    refused: tuple[Refused, ...]
    none: str = ""

    def best(self, quantity: Quantity = Quantity.GAP, steps: int = 100) -> Applies | None:
        """The theorem with the smallest bound of that quantity after so many steps; None where there is none."""
        found = [
            item
            for item in self.applies
            if item.theorem.quantity is quantity and not item.missing and steps >= item.theorem.start
        ]
        return min(found, key=lambda item: item.bound(steps), default=None)

    def lines(self, steps: int = 100) -> Iterator[str]:
        """For a person: what is proved, with its number after `steps` steps, and why the rest does not apply."""
        if self.none:
            yield self.none
            return
        if not self.applies:
            yield f"{self.family.name}: no theorem applies here"
        for item in self.applies:
            number = ""
            if item.theorem.bound is not None:
                needs = ", ".join(item.missing)
                number = f"; needs {needs}" if needs else f" = {item.bound(steps):.6g} at N = {steps}"
            word = "warning: " if item.theorem.negative else ""
            yield f"{word}{item.theorem.name}: {item.theorem.statement()}{number}"
        for refusal in self.refused:
            yield f"not {refusal.theorem.name}: {'; '.join(refusal.reasons)}"

    def __str__(self) -> str:
        return "\n".join(self.lines())


def rate(method: object, problem: object, *, steps: int | None = None) -> Rates:
    """Which theorems apply to a method on a problem, with their bounds, and why the others do not.

    method: `MethodFacts`, or anything that has `.facts`: a rule, a method of `minimize`, a trace's metadata through
    the trace. problem: `ProblemFacts`, or anything that has `.facts`. steps: N, a whole number from 0, for theorems
    whose step size depends on it; None leaves them out.

    Raises InputTypeError for what has no facts, and InputError for impossible constants: L ≤ 0, μ > L, α ≤ 0.

    >>> from steepest.core.facts import MethodFacts, ProblemFacts
    >>> found = rate(MethodFacts("gradient-descent", step=0.5), ProblemFacts("convex", L=5.0, R=1.0))
    >>> [item.theorem.name for item in found.applies]
    []
    >>> found.refused[0].reasons
    ('step 0.5 is above 1/L = 0.2',)
    """
    family = family_of(method)
    setting = Setting.of(family, problem_facts(problem))
    if steps is not None:
        horizon = int(Range(low=0, integer=True).check("rate", "steps", steps))
        setting = replace(setting, values={**setting.values, "N": float(horizon)})
    return rates(setting)


def rates(setting: Setting) -> Rates:
    """`rate` of numbers that were read already."""
    family = setting.family
    no_theorem = why_none(family)
    if no_theorem:
        return Rates(family, setting, (), (), no_theorem)
    applies, refused = [], []
    for theorem in theorems(family.name):
        reasons = theorem.failures(setting)
        if reasons:
            refused.append(Refused(theorem, reasons))
        else:
            applies.append(Applies(theorem, setting))
    return Rates(family, setting, tuple(applies), tuple(refused))


def why_none(family: Family) -> str:
    """Why no theorem speaks of that family, with the nearest ones; "" where some do."""
    if family.reason:
        return f"no theorem speaks of this {family.name}: {family.reason}"
    try:
        known = bool(theorems(family.name))
    except InputError:
        known = False
    if known:
        return ""
    return f"no theorem speaks of {family.name!r}; the nearest are of {', '.join(nearest(family.name))}"
