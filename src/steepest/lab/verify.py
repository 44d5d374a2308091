"""Every theorem held against a run on a representative problem, and against stored worst cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from steepest.core.errors import InputError, UnknownNameError
from steepest.core.facts import ProblemFacts
from steepest.lab.verification import composite, newton, online, smooth, stochastic
from steepest.lab.verification.case import Case
from steepest.plots.rates import RateCurve
from steepest.theory import Certificate, Theorem, certify, get, theorems, worst_case
from steepest.theory.assumptions import Problem
from steepest.theory.measured import at_start
from steepest.theory.performance.ask import USED
from steepest.theory.performance.build_table import at, series
from steepest.theory.reading import FAMILIES
from steepest.trace import Column, Trace

Outcome = Literal["held", "attained", "broken"]
FILES: Final[tuple[Callable[[], Iterator[Case]], ...]] = (
    smooth.cases,
    composite.cases,
    stochastic.cases,
    online.cases,
    newton.cases,
)
"""The families' cases."""
_ATTAINED: Final = 1e-6
"""How far from 1 the slack of an attained case may be: rounding."""
_QUICK: Final = (1, 2, 5, 10, 20)


@dataclass(frozen=True)
class Verified:
    """One case with what came out.

    facts: of the problem, with R, Δ and ‖∇f(x₀)‖ of the run. outcome: attained where the run meets the bound; broken
    where it exceeds it, or where it was to meet it and does not. why: what is wrong, "" where nothing is.
    """

    case: Case
    facts: ProblemFacts
    certificate: Certificate
    outcome: Outcome
    why: str = ""

    @property
    def comes_out(self) -> str:
        """In a word or two: "attained", "within 2.05", "broken"."""
        return f"within {self.certificate.slack:.4g}" if self.outcome == "held" else self.outcome

    @property
    def against(self) -> str:
        """What it was held against: the problem, and the last step compared."""
        last = f", k ≤ {self.certificate.steps[-1]}" if len(self.certificate.steps) else ""
        return f"{self.case.problem}{last}"

    def __str__(self) -> str:
        return f"{self.case.theorem}: {self.comes_out}, on {self.against}{f': {self.why}' if self.why else ''}"


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
        if not self.theorems:
            return f"{self.name}: no theorem bounds it"
        exact = f", met by {', '.join(self.met)}" if self.met else ""
        return f"{self.name}: {len(self.theorems)} theorem{'' if len(self.theorems) == 1 else 's'} held{exact}"


def chosen(names: Sequence[str] = (), *, quick: bool = False) -> tuple[Case, ...]:
    """The cases of some theorems, family by family.

    names: of theorems or of families; all where there are none. quick: the first case of each theorem only. Raises
    UnknownNameError for a name that is neither.
    """
    wanted = _wanted(names)
    found: list[Case] = []
    for cases in FILES:
        for case in cases():
            known = quick and any(case.theorem == other.theorem for other in found)
            if case.theorem in wanted and not known:
                found.append(case)
    order = list(FAMILIES)
    return tuple(sorted(found, key=lambda case: order.index(get(case.theorem).family)))


def verify(names: Sequence[str] = (), *, quick: bool = False) -> Iterator[Verified]:
    """Hold the theorems of `chosen` cases against their runs, one after another."""
    for case in chosen(names, quick=quick):
        yield check(case)


def check(case: Case) -> Verified:
    """One case. A theorem that does not apply counts as broken, and so does a run that shows nothing of it."""
    runs = case.runs()
    facts = _started(case.facts, runs[0])
    found = certify(runs, theorem=case.theorem, method=case.method, problem=case.facts, estimate=False)
    certificate = found.items[0]
    if certificate.verdict != "held":
        return Verified(case, facts, certificate, "broken", str(certificate).partition(": ")[2])
    met = abs(certificate.slack - 1) <= _ATTAINED
    if case.attained and not met:
        why = f"the bound must be met here, and the run is within a factor {certificate.slack:.9g}"
        return Verified(case, facts, certificate, "broken", why)
    return Verified(case, facts, certificate, "attained" if met else "held")


def uncovered() -> tuple[str, ...]:
    """The theorems with a bound that no case holds against a run."""
    covered = {case.theorem for cases in FILES for case in cases()}
    return tuple(t.name for t in theorems() if t.bound is not None and t.name not in covered)


def check_table(*, quick: bool = False) -> Iterator[TableCheck]:
    """Every theorem against every stored worst case: none may lie below it, and exact ones must meet it.

    quick: at N = 1, 2, 5, 10 and 20 only.
    """
    for line in series():
        held: set[str] = set()
        broken: dict[str, str] = {}
        met: set[str] | None = None
        for steps in (n for n in range(1, line.last + 1) if not quick or n in _QUICK):
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
    starts = frozenset({"R", "delta", "g0"} & theorem.bound.symbols().keys())
    initial = next((name for name, used in USED.items() if used == starts and starts), None)
    steps = verified.certificate.steps
    for count in steps[(steps >= 1) & (steps <= _LAST)].tolist():
        try:
            asked = worst_case(
                case.method, verified.facts, count, quantity=theorem.quantity, initial=initial, stored=True
            )
        except InputError:
            continue
        if asked.quantity is theorem.quantity:
            found[count] = asked.value
    return np.array(list(found), dtype=np.float64), np.array(list(found.values()))


_LAST: Final = 20
"""The largest N of the table."""


def _started(facts: ProblemFacts, trace: Trace) -> ProblemFacts:
    """The facts with R, Δ and ‖∇f(x₀)‖ of the run."""
    R, slope, value = (at_start(trace, column) for column in ("distance", "gradient_norm", "value"))
    if R is not None:
        facts = replace(facts, R=R)
    if slope is not None:
        facts = replace(facts, constants={**facts.constants, "g0": slope})
    if value is not None and facts.f_star is not None:
        facts = replace(facts, delta=max(0.0, value - facts.f_star))
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
