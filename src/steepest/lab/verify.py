"""Every theorem held against a run on a representative problem, and against stored worst cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from steepest.core.errors import UnknownNameError
from steepest.core.facts import ProblemFacts
from steepest.lab.verification import composite, newton, online, smooth, stochastic
from steepest.lab.verification.case import Case
from steepest.plots.rates import RateCurve
from steepest.theory import Certificate, Theorem, certify, get, theorems, worst_case
from steepest.theory.assumptions import Problem
from steepest.theory.performance.build_table import at, series
from steepest.trace import Column

Outcome = Literal["held", "attained", "broken"]
FILES: Final[tuple[Callable[[], Iterator[Case]], ...]] = (
    smooth.cases,
    composite.cases,
    stochastic.cases,
    online.cases,
    newton.cases,
)
"""The families' cases, in the order in which they are shown."""
_ATTAINED: Final = 1e-6
"""How far from 1 the slack of an attained case may be: rounding."""


@dataclass(frozen=True)
class Verified:
    """One case with what came out.

    outcome: attained where the run meets the bound; broken where it exceeds it, or where it was to meet it and does
    not. why: what is wrong, "" where nothing is.
    """

    case: Case
    certificate: Certificate
    outcome: Outcome
    why: str = ""

    def __str__(self) -> str:
        words = f"{self.case.theorem}: {self.outcome}"
        if self.outcome == "held":
            words += f", within a factor {self.certificate.slack:.4g}"
        return f"{words}, on {self.case.problem}{f': {self.why}' if self.why else ''}"


@dataclass(frozen=True)
class TableCheck:
    """A row of the table of worst cases held against the theorems on it. broken: why, for each theorem that is."""

    name: str
    theorems: tuple[str, ...]
    met: tuple[str, ...]
    broken: tuple[str, ...]

    def __str__(self) -> str:
        if self.broken:
            return f"{self.name}: broken: {'; '.join(self.broken)}"
        exact = f", met by {', '.join(self.met)}" if self.met else ""
        return f"{self.name}: {len(self.theorems)} theorems held{exact}"


def verify(names: Sequence[str] = ()) -> Iterator[Verified]:
    """Hold theorems against their cases, one after another.

    names: of theorems or of families; all where there are none. Raises UnknownNameError for a name that is neither.
    """
    wanted = _wanted(names)
    for cases in FILES:
        for case in cases():
            if case.theorem in wanted:
                yield check(case)


def check(case: Case) -> Verified:
    """One case. A theorem that does not apply counts as broken, and so does a run that shows nothing of it."""
    found = certify(case.runs(), theorem=case.theorem, method=case.method, problem=case.facts, estimate=False)
    certificate = found.items[0]
    if certificate.verdict != "held":
        return Verified(case, certificate, "broken", str(certificate).partition(": ")[2])
    met = abs(certificate.slack - 1) <= _ATTAINED
    if case.attained and not met:
        why = f"the bound must be met here, and the run is within a factor {certificate.slack:.9g}"
        return Verified(case, certificate, "broken", why)
    return Verified(case, certificate, "attained" if met else "held")


def uncovered() -> tuple[str, ...]:
    """The theorems with a bound that no case holds against a run."""
    covered = {case.theorem for cases in FILES for case in cases()}
    return tuple(t.name for t in theorems() if t.bound is not None and t.name not in covered)


def check_table() -> Iterator[TableCheck]:
    """Every theorem against every stored worst case: none may lie below it, and exact ones must meet it."""
    for line in series():
        held: set[str] = set()
        broken: dict[str, str] = {}
        met: set[str] | None = None
        for steps in range(1, line.last + 1):
            method = at(line, steps)
            found = worst_case(method, line.problem, steps, quantity=line.quantity, initial=line.initial, stored=True)
            tolerance = found.tolerance
            tight = set()
            for name, bound in found.bounds.items():
                held.add(name)
                ratio = bound / found.value
                if ratio < 1 - tolerance:
                    broken.setdefault(name, f"{name} at N = {steps}: {bound:.9g} < worst case {found.value:.9g}")
                if _must_be_met(get(name), line.problem) and abs(ratio - 1) > tolerance:
                    broken.setdefault(name, f"{name} at N = {steps}: not exact, {ratio:.9g} times the worst case")
                if abs(ratio - 1) <= tolerance:
                    tight.add(name)
            met = tight if met is None else met & tight
        yield TableCheck(line.name, tuple(sorted(held)), tuple(sorted(met or ())), tuple(broken.values()))


def _must_be_met(theorem: Theorem, problem: ProblemFacts) -> bool:
    """Whether a theorem says that it is exact of this very class: what is exact of convex functions is not of all."""
    kinds = {assumption.kind for assumption in theorem.assumptions if isinstance(assumption, Problem)}
    strongest = "strongly convex" if "strongly convex" in kinds else "convex" if "convex" in kinds else "smooth"
    return theorem.tight in ("exact", "numerically exact") and strongest == problem.problem_class


def curve(verified: Verified) -> RateCurve:
    """What a figure shows of a case: measured and proven, and stored worst cases where there are some."""
    certificate = verified.certificate
    steps, worst = _stored(verified)
    return RateCurve(
        verified.case.theorem,
        f"{verified.case.problem}",
        get(verified.case.theorem).statement(),
        certificate.steps.astype(np.float64),
        certificate.measured,
        certificate.bound,
        steps,
        worst,
    )


def _stored(verified: Verified) -> tuple[Column, Column]:
    """The worst cases of the case's method and class from the same start, as far as the table has them."""
    case, theorem = verified.case, get(verified.case.theorem)
    found: dict[int, float] = {}
    if theorem.bound is None or len(verified.certificate.steps) == 0:
        return np.empty(0), np.empty(0)
    starts = {"R", "delta", "g0"} & theorem.bound.symbols().keys()
    initial = {("R",): "distance", ("delta",): "gap", ("g0",): "gradient", ("R", "delta"): "gap and distance"}.get(
        tuple(sorted(starts))
    )
    facts = _started(case)
    for steps in range(1, 21):
        try:
            asked = worst_case(
                case.method,
                facts,
                steps,
                quantity=theorem.quantity,
                initial=initial,  # type: ignore[arg-type]
                stored=True,
            )
        except (ValueError, KeyError):
            continue
        found[steps] = asked.value
    return np.array(list(found), dtype=np.float64), np.array(list(found.values()))


def _started(case: Case) -> ProblemFacts:
    """The facts with R and Δ of the run."""
    table, facts = case.runs()[0].evaluations, case.facts
    if "distance" in table:
        facts = replace(facts, R=float(table["distance"][0]))
    if "value" in table and facts.f_star is not None:
        facts = replace(facts, delta=max(0.0, float(table["value"][0]) - facts.f_star))
    return facts


def _wanted(names: Sequence[str]) -> set[str]:
    known = {theorem.name for theorem in theorems()}
    families = {theorem.family for theorem in theorems()}
    if not names:
        return known
    found: set[str] = set()
    for name in names:
        if name not in known | families:
            raise UnknownNameError("theorem or family", name, known | families)
        found |= {theorem.name for theorem in theorems() if name in (theorem.name, theorem.family)}
    return found
