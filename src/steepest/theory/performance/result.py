"""What a worst case comes out as."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from steepest.theory.performance.ask import Initial
from steepest.theory.performance.worst_function import WorstFunction
from steepest.theory.theorem import Quantity


@dataclass(frozen=True, eq=False)
class Certified:
    """The dual certificate: nonnegative multipliers of the inequalities that prove the value.

    multipliers: by inequality, those that are not zero. error: by how much the combination of the inequalities differs
    from "quantity ≤ value", the sum over all coefficients, in units where the value is 1. lowest:
    the least of multipliers and of the eigenvalues of the residual matrix, not below 0 by more than rounding.
    """

    multipliers: Mapping[str, float]
    error: float
    lowest: float


@dataclass(frozen=True, eq=False)
class WorstCase:
    """The exact worst case of a method after N steps over all functions of a class.

    value: the largest that the quantity can be, proved by `certificate`; lower: what `function` reaches, the same up
    to the solver's accuracy. tolerance: how far value may be from the truth, relative. almost: the solver stopped
    almost solved. bounds: theorems that bound the same quantity from the same start, and their numbers. relaxation:
    the class is described by conditions that are necessary but not sufficient: value is then an upper bound only.
    stored: it was read from the table, which holds values alone. seconds: of building and solving.
    """

    value: float
    lower: float
    steps: int
    method: str
    quantity: Quantity
    initial: Initial
    tolerance: float
    bounds: Mapping[str, float] = field(default_factory=dict)
    certificate: Certified | None = None
    functions: Mapping[str, WorstFunction] = field(default_factory=dict)
    almost: bool = False
    relaxation: bool = False
    stored: bool = False
    seconds: float = math.nan
    notes: tuple[str, ...] = ()

    @property
    def function(self) -> WorstFunction | None:
        """The worst function that was found, of a composite problem its smooth part, of a sum its first term."""
        return next(iter(self.functions.values()), None)

    @property
    def textbook(self) -> str | None:
        """The loosest of the theorems, None where there is none."""
        return max(self.bounds, key=lambda name: self.bounds[name], default=None)

    @property
    def best(self) -> str | None:
        """The sharpest of the theorems."""
        return min(self.bounds, key=lambda name: self.bounds[name], default=None)

    @property
    def ratio(self) -> float:
        """Textbook bound over worst case: 1 where it is tight, NaN where no theorem speaks of it."""
        return self.bounds[self.textbook] / self.value if self.textbook is not None else math.nan

    @property
    def exact(self) -> bool:
        """Whether the sharpest theorem is met to the tolerance."""
        return self.best is not None and abs(self.bounds[self.best] / self.value - 1) <= self.tolerance

    def lines(self) -> Iterator[str]:
        """For a person."""
        upper = "at most " if self.relaxation else ""
        what = self.quantity.value.text.replace("N", str(self.steps)).replace("(T)", f"({self.steps})")
        count = f"{self.steps} step{'' if self.steps == 1 else 's'}"
        yield f"{self.method}, {count}: worst {what} = {upper}{self.value:.9g}"
        for name, bound in sorted(self.bounds.items(), key=lambda item: -item[1]):
            yield f"  {name}: {bound:.9g}, {bound / self.value:.6g} times it"
        if not self.bounds:
            yield "  no theorem speaks of it"
        if self.function is not None:
            others = [name for name in self.functions if self.functions[name] is not self.function]
            rest = f"; with {', '.join(others)}" if others else ""
            d = self.function.dimension
            where = f"{d} dimension{'s' if d > 1 else ''}, {len(self.function.points)} points"
            yield f"  worst function: {where}{rest}"
        if self.certificate is not None:
            proof = self.certificate
            yield f"  certificate: {len(proof.multipliers)} inequalities, error {proof.error:.1e}"
        yield from (f"  {note}" for note in self.notes)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__
