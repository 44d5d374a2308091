"""`verify`: every bound has a run, attained cases are equalities, and a broken statement is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steepest.core.errors import UnknownNameError
from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.lab import verify as module
from steepest.lab.verification.case import Case
from steepest.lab.verify import FILES, check, chosen, curve, uncovered, verify
from steepest.theory import get
from steepest.theory.reading import FAMILIES
from steepest.theory.vocabulary import L, N, R, mu
from steepest.trace import Trace

CASES = [case for cases in FILES for case in cases()]


def test_every_theorem_with_a_bound_is_held_against_a_run():
    assert uncovered() == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.theorem}, {case.problem}")
def test_held(case):
    found = check(case)
    assert found.outcome == ("attained" if case.attained else "held") or found.outcome == "attained", str(found)
    assert found.certificate.slack >= 1 - 1e-6
    assert case.theorem in str(found) and case.problem in str(found)
    assert found.outcome != "held" or f"within {found.certificate.slack:.4g}" in str(found)


def test_exact_theorems_are_attained_somewhere():
    attained = {case.theorem for case in CASES if case.attained}
    assert {
        "gd-convex", "gd-convex-long-step", "gd-convex-gradient", "gd-convex-gradient-from-gap", "nesterov-convex",
        "nesterov-convex-linear", "optimized-gradient", "heavy-ball-quadratic", "line-search-strongly-convex",
        "gd-strongly-convex-distance", "gd-strongly-convex-gap", "gd-strongly-convex-gradient", "subgradient-best",
        "gd-strongly-convex-best-step", "heavy-ball-quadratic-short-first-step", "adam-step-corrected",
        "damped-newton-decrease", "augmented-lagrangian-quadratic",
    } <= attained  # fmt: skip


def test_names_choose_theorems_and_families():
    assert {item.case.theorem for item in verify(["gd-convex"])} == {"gd-convex"}
    families = {get(item.case.theorem).family for item in verify(["frank-wolfe", "newton"])}
    assert families == {"frank-wolfe", "newton"}
    with pytest.raises(UnknownNameError, match="unknown theorem or family 'gd-convexx'; did you mean gd-convex"):
        list(verify(["gd-convexx"]))


def test_quick_takes_the_first_case_of_each_theorem():
    full, quick = chosen(), chosen(quick=True)
    names = [case.theorem for case in quick]
    assert len(names) == len(set(names)) and set(names) == {case.theorem for case in full} and len(full) > len(quick)
    families = [get(name).family for name in names]
    assert families == sorted(families, key=list(FAMILIES).index), "family by family"


def test_the_facts_of_a_case_have_the_start_of_its_run():
    found = check(next(case for case in CASES if case.theorem == "gd-strongly-convex-gradient"))
    assert found.facts.R == 1.0 and found.facts.delta == 0.5 and found.facts.constants["g0"] == 1.0


def _case(values, attained=False):
    facts = ProblemFacts("convex", L=1.0, R=1.0, f_star=0.0)
    trace = Trace({}, {"step": range(len(values)), "value": values})
    return Case("gd-convex", "by hand", MethodFacts("gradient-descent", step=1.0), facts, lambda: [trace], attained)


def test_a_broken_theorem_is_seen():
    assert check(_case([0.5, 0.1])).outcome == "held"
    broken = check(_case([0.5, 0.2]))
    assert broken.outcome == "broken" and "at k = 1: 0.2 > 0.166667" in str(broken)
    assert check(_case([0.5, 1 / 6], attained=True)).outcome == "attained"
    missed = check(_case([0.5, 0.1], attained=True))
    assert missed.outcome == "broken" and "the bound must be met here" in missed.why
    refused = check(replace(_case([0.5, 0.1]), method=MethodFacts("gradient-descent", step=3.0)))
    assert refused.outcome == "broken" and "not applicable (step 3 is above 1/L = 1)" in refused.why
    unseen = check(replace(_case([0.5, 0.1]), theorem="gd-convex-gradient"))
    assert unseen.outcome == "broken" and "no column 'gradient_norm'" in unseen.why


def test_the_table_is_held_against_the_theorems(monkeypatch):
    rows = [row for row in module.check_table() if row.name.startswith("gradient-descent, convex")]
    assert len(rows) == 6 and all(not row.broken and row.met for row in rows)
    assert "2 theorems held, met by gd-convex" in str(rows[0])
    honest = module.worst_case

    def wrong(*arguments, **named):
        found = honest(*arguments, **named)
        return replace(found, value=found.value * 1.01)

    monkeypatch.setattr(module, "worst_case", wrong)
    first = next(module.check_table(quick=True))
    assert "gd-convex at N = 1: 0.166666667 < worst case 0.168333" in first.broken[0]
    assert ": broken: " in str(first)


def test_a_statement_that_is_called_exact_and_is_not_is_seen(monkeypatch):
    """That the squared distance falls by 1 − μ/L a step at α = 1/L holds, but it is not exact, as is often printed."""
    from steepest.theory.performance import worst as module_of_bounds
    from steepest.theory.registry import theorems

    honest = get("gd-strongly-convex-distance")
    printed = replace(honest, name="printed", bound=(1 - mu / L) ** N * R**2)
    false = replace(honest, name="false", bound=(1 - mu / L) ** (3 * N) * R**2)
    monkeypatch.setattr(module_of_bounds, "theorems", lambda family: (*theorems(family), printed, false))
    monkeypatch.setattr(module, "get", lambda name: {"printed": printed, "false": false}.get(name) or get(name))
    wanted = "gradient-descent, κ = 10, squared distance from distance, h = 1"
    row = next(row for row in module.check_table(quick=True) if row.name == wanted)
    assert row.broken[0] == "printed at N = 1: not exact, 1.11111111 times the worst case"
    assert row.broken[1].startswith("false at N = 1: 0.729 < worst case 0.81")
    assert row.met == ("gd-strongly-convex-distance",)


def test_curves_for_the_figure():
    items = {item.case.theorem: item for item in verify(["gradient-descent", "nesterov"])}
    drawn = curve(items["gd-convex"])
    assert drawn.steps.tolist() == list(range(21)) and len(drawn.measured) == len(drawn.proven) == 21
    assert drawn.worst_steps.tolist() == list(range(1, 21))
    assert drawn.worst[4] == pytest.approx(drawn.proven[5], rel=1e-6), "h = 0.5 is in the table, and exact"
    gradient = curve(items["gd-strongly-convex-gradient"])
    assert gradient.worst.size == 0, "h = 1.95 is not in the table"
    strongly = curve(items["nesterov-strongly-convex"])
    assert strongly.theorem == "nesterov-strongly-convex" and strongly.statement.startswith("f(x_N) − f* ≤")
    assert curve(items["sgd-convex-constant"]).worst.size == 0
