"""Runs held against what is proved of them, at every k."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError, InputTypeError
from steepest.core.facts import ProblemFacts
from steepest.theory.certificate import Certificate, Certificates, Verdict
from steepest.theory.estimation import estimate as estimated_from
from steepest.theory.measured import Measured, Numbers, at_start, from_run, measured
from steepest.theory.rates import why_none
from steepest.theory.reading import Family, family_of, problem_facts
from steepest.theory.registry import get, theorems
from steepest.theory.rounding import Accuracy, accuracy, compared, rounding_of
from steepest.theory.setting import Setting
from steepest.theory.theorem import Theorem
from steepest.theory.vocabulary import FROM_RUN
from steepest.trace import Trace


def certify(
    runs: Trace | Sequence[Trace],
    *,
    theorem: Theorem | str | None = None,
    method: object = None,
    problem: object = None,
    minimizer: npt.ArrayLike | None = None,
    estimate: bool = True,
    force: bool = False,
    level: float = 0.95,
    rtol: float = 1e-9,
) -> Certificates:
    """Hold runs against the theorems of their method.

    runs: a trace, or several of the same method and problem with different seeds. Theorems on one run are held
    against each of them, theorems in expectation against their mean, with Student's interval at `level` in (0, 1) for
    all k together: broken only where its lower end is above the bound. theorem: only this one, a name or one of your
    own; None for all of the family. method, problem: facts, or what has them; None takes those in the trace. minimizer:
    x*, for distances of a trace that records x but not its distance; left out, the problem's. estimate: whether what
    is not known of the problem's constants is estimated from the runs; certificates name it. force: also hold it
    against theorems whose assumptions fail. rtol: relative rounding that is allowed.

    At which k there is something to compare is the run's choice: `run(…, evaluate_every=1)` records all. What gradients
    by differences may be off by is allowed for, and said.
    Raises InputError and InputTypeError for arguments that cannot be, UnknownNameError for an unknown theorem.

    >>> from steepest.core.facts import MethodFacts, ProblemFacts
    >>> trace = Trace({"step": [0, 1, 2], "value": [0.5, 0.125, 0.03125]})
    >>> facts = ProblemFacts("quadratic", L=1.0, mu=1.0, R=1.0, f_star=0.0)
    >>> found = certify(trace, method=MethodFacts("gradient-descent", step=0.5), problem=facts)
    >>> found["gd-strongly-convex-gap"].verdict, found["gd-strongly-convex-gap"].slack
    ('held', 1.0)
    """
    traces = [runs] if isinstance(runs, Trace) else _listed(runs)
    if not traces or not all(isinstance(trace, Trace) for trace in traces):
        raise InputTypeError(f"certify: runs must be a trace or several, got {runs!r}")
    if not 0 < level < 1:
        raise InputError(f"certify: level must be in (0, 1), got {level!r}")
    family = family_of(traces[0] if method is None else method)
    facts = problem_facts(traces[0] if problem is None else problem)
    chosen = [get(theorem) if isinstance(theorem, str) else theorem] if theorem is not None else None
    if chosen is None:
        no_theorem = why_none(family)
        if no_theorem:
            return Certificates((), no_theorem)
        chosen = list(theorems(family.name))
    best = _point(getattr(problem, "minimizer", None) if minimizer is None else minimizer)
    given = [_Given.of(_with_distance(trace, best), family, facts, estimate, best) for trace in traces]
    return Certificates(tuple(_certificate(item, given, force=force, level=level, rtol=rtol) for item in chosen))


def _listed(runs: object) -> list[Trace]:
    return list(runs) if isinstance(runs, Iterable) else []


def _point(minimizer: npt.ArrayLike | None) -> Numbers | None:
    if minimizer is None:
        return None
    point = np.asarray(minimizer, dtype=np.float64).ravel()
    if not np.isfinite(point).all():
        raise InputError(f"certify: minimizer must be finite, got {minimizer!r}")
    return point


def _with_distance(trace: Trace, minimizer: Numbers | None) -> Trace:
    """The trace with ‖x − x*‖ a step, where it records x[0], x[1], … and no distance."""
    path = [trace.steps[f"x[{i}]"] for i in range(len(trace.steps)) if f"x[{i}]" in trace.steps]
    if minimizer is None or not path or "distance" in trace.steps or "distance" in trace.evaluations:
        return trace
    if len(path) != len(minimizer):
        raise InputError(f"certify: minimizer must have {len(path)} numbers as x has, got {len(minimizer)}")
    distance = np.linalg.norm(np.stack(path, axis=1) - minimizer, axis=1)
    return replace(trace, steps={**trace.steps, "distance": distance})


@dataclass(frozen=True)
class _Given:
    """One run with its numbers."""

    trace: Trace
    setting: Setting
    accuracy: Accuracy

    @classmethod
    def of(cls, trace: Trace, family: Family, facts: ProblemFacts, estimate: bool, minimizer: Numbers | None) -> _Given:
        keys: frozenset[str] = frozenset()
        if estimate:
            found = estimated_from(replace_meta(trace, family, facts))
            facts, keys = found.facts, found.keys
        values = _starts(trace, facts)
        setting = Setting.of(family, facts, keys)
        last = float(
            max(
                (table["step"][-1] for table in (trace.steps, trace.evaluations) if len(table.get("step", ()))),
                default=0,
            )
        )
        size = float(np.linalg.norm(minimizer)) if minimizer is not None else 0.0
        numbers = {**setting.values, **values, "N": last}
        return cls(trace, replace(setting, values=numbers), accuracy(trace, numbers, size))


def replace_meta(trace: Trace, family: Family, facts: ProblemFacts) -> Trace:
    """The trace as a run of that family on a problem with those facts."""
    method = replace(family.facts, family=family.name)
    return replace(trace, meta={"method_facts": method.to_dict(), "problem_facts": facts.to_dict()})


def _starts(trace: Trace, facts: ProblemFacts) -> dict[str, float]:
    """What the start decides, as the run itself shows it."""
    found: dict[str, float] = {}
    for key, column in _START_COLUMNS.items():
        value = at_start(trace, column)
        if value is not None and math.isfinite(value):
            found[key] = value
    value = at_start(trace, "value")
    if value is not None and facts.f_star is not None and math.isfinite(value):
        found["delta"] = max(0.0, value - facts.f_star)
    return found


def _certificate(theorem: Theorem, given: Sequence[_Given], *, force: bool, level: float, rtol: float) -> Certificate:
    reasons = theorem.failures(given[0].setting)
    if reasons and not force:
        return Certificate(theorem, "not applicable", reasons=reasons)
    if theorem.bound is None:
        return Certificate(theorem, "not measured", reasons=("it states no bound that could be compared",))
    known: dict[tuple[object, ...], Numbers] = {}
    sides = [_sides(theorem, item, known) for item in given]
    problem = next((side.problem for side, _ in sides if side.problem), "")
    if problem:
        return Certificate(theorem, "not measured", reasons=(problem,))
    used = {*theorem.bound.symbols()} | {key for a in theorem.assumptions for key in _keys(a)}
    if theorem.quantity is not None and theorem.quantity.value.columns[0].endswith("value"):
        used.add("f_star")
    shown = tuple(key for key in ("L", "mu", "sigma", "D", "G", "f_star") if key in used & given[0].setting.estimated)
    if theorem.expectation:
        found = _expected(theorem, sides, level, rtol)
    else:
        found = _worst([
            _single(theorem, side, bound, item, rtol) for (side, bound), item in zip(sides, given, strict=True)
        ])
    return replace(
        found, estimated=shown, runs=len(given), gradient_error=max(item.accuracy.gradient for item in given)
    )


def _sides(theorem: Theorem, item: _Given, known: dict[tuple[object, ...], Numbers]) -> tuple[Measured, Numbers]:
    """What was measured, from the first k of the theorem on, and the bound there.

    known: bounds of other runs, by the numbers that they follow from.
    """
    setting = item.setting
    exact = setting.problem.oracle != "stochastic"
    seen = measured(theorem, item.trace, setting.family, setting.values.get("f_star"), exact)
    if seen.problem:
        return seen, np.empty(0)
    last = int(setting.values["N"])
    keep = (seen.steps >= theorem.start) & ((seen.steps == last) | (not theorem.horizon))
    steps, values = seen.steps[keep], seen.values[keep]
    if not len(steps):
        what = f"at step {last}, the last one" if theorem.horizon else f"from step {theorem.start} on"
        return Measured(steps, values, f"nothing was recorded {what}"), np.empty(0)
    assert theorem.bound is not None
    symbols = theorem.bound.symbols()
    key = (tuple(steps.tolist()), *((name, setting.values.get(name)) for name in symbols))
    if key not in known or symbols.keys() & FROM_RUN.keys():
        shown = from_run(item.trace, symbols)
        try:
            found = [theorem.value({**setting.values, **shown(k)}, k) for k in steps.tolist()]
        except InputError as error:
            return Measured(steps, values, str(error).partition(": ")[2]), np.empty(0)
        known[key] = np.array(found)
    return Measured(steps, values), known[key]


def _single(theorem: Theorem, side: Measured, bound: Numbers, item: _Given, rtol: float) -> Certificate:
    """One run: broken at the first k above the bound by more than rounding."""
    assert theorem.quantity is not None
    count = compared(theorem.quantity, side, bound, item.setting.values, item.accuracy)
    steps, seen, allowed = side.steps[:count], side.values[:count], bound[:count]
    end = int(side.steps[count]) if count < len(side.steps) else None
    if not count:
        return Certificate(theorem, "not measured", reasons=("only rounding is left to compare",))
    slack = rtol * np.abs(allowed) + rounding_of(theorem.quantity, allowed, item.setting.values, item.accuracy)
    above = ~(seen <= allowed + slack)
    first = int(steps[np.argmax(above)]) if above.any() else None
    verdict: Verdict = "held" if first is None else "broken"
    return Certificate(theorem, verdict, steps, seen, allowed, low=seen, high=seen, broken_at=first, rounding_from=end)


def _worst(found: list[Certificate]) -> Certificate:
    """Of several runs the one that is broken first, else the one with the least slack."""
    broken = [item for item in found if item.verdict == "broken"]
    if broken:
        return min(broken, key=lambda item: item.broken_at or 0)
    seen = [item for item in found if len(item.steps)]
    return min(seen, key=lambda item: item.slack) if seen else found[0]


def _expected(theorem: Theorem, sides: Sequence[tuple[Measured, Numbers]], level: float, rtol: float) -> Certificate:
    """The mean over runs, with an interval for all k together, by Bonferroni."""
    steps = sides[0][0].steps
    for side, _ in sides[1:]:
        steps = np.intersect1d(steps, side.steps)
    if not len(steps):
        return Certificate(theorem, "not measured", reasons=("the runs recorded no k in common",))
    table = np.array([side.values[np.isin(side.steps, steps)] for side, _ in sides])
    bound = np.max([values[np.isin(side.steps, steps)] for side, values in sides], axis=0)
    mean = table.mean(axis=0)
    if len(sides) == 1:
        return Certificate(
            theorem, "undecided", steps, mean, bound, low=np.full(len(steps), -np.inf), high=np.full(len(steps), np.inf)
        )
    half = _student(1 - (1 - level) / len(steps), len(sides) - 1) * table.std(axis=0, ddof=1) / math.sqrt(len(sides))
    low, high = mean - half, mean + half
    above = low > bound + rtol * np.abs(bound)
    first = int(steps[np.argmax(above)]) if above.any() else None
    return Certificate(theorem, "held" if first is None else "broken", steps, mean, bound, low, high, broken_at=first)


def _student(level: float, freedom: int) -> float:
    """The two-sided quantile of Student's t."""
    from scipy.stats import t  # slow to import

    return float(t.ppf((1 + level) / 2, freedom))


def _keys(assumption: object) -> set[str]:
    formulas = (getattr(assumption, "left", None), getattr(assumption, "right", None))
    found = {key for formula in formulas if formula is not None for key in formula.symbols()}
    kind = getattr(assumption, "kind", "")
    return found | ({"L"} if kind == "smooth" else {"mu"} if kind in ("strongly convex", "PL") else set())


_START_COLUMNS: Final = {
    "R": "distance",
    "g0": "gradient_norm",
    "lyapunov0": "lyapunov",
    "multiplier0": "multiplier_distance",
    "decrement0": "newton_decrement",
}
