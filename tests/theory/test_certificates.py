"""Certificates hold where theorems do, break where an assumption does, and say with which numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import inf, log, nan, sqrt

import numpy as np
import pytest

from steepest import minimize, problems, rules
from steepest.core.errors import InputError, InputTypeError, UnknownNameError
from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.lab.verify import FILES
from steepest.problems import FunctionProblem
from steepest.run import run
from steepest.theory import Quantity, Theorem, certify, estimate, get
from steepest.theory.assumptions import Words
from steepest.theory.vocabulary import N, R
from steepest.trace import Trace


def ellipse(start, kappa=10.0):
    spectrum = np.array([kappa, 1.0])
    return FunctionProblem(
        "ellipse",
        lambda x: float(spectrum @ (x * x) / 2),
        lambda x: spectrum * x,
        start,
        minimizer=[0.0, 0.0],
        facts=ProblemFacts("quadratic", L=kappa, mu=1.0, f_star=0.0),
    )


def descend(problem, lr, steps=20):
    return run(problem, rules.sgd(lr=lr), steps=steps, evaluate_every=1)


def test_a_run_that_meets_its_bound():
    found = certify(descend(ellipse([0.0, 1.0]), 0.1), theorem="gd-strongly-convex-distance").items[0]
    assert found.verdict == "held" and found.held and found.slack == pytest.approx(1.0, abs=1e-12)
    assert found.steps.tolist() == list(range(21))
    assert found.measured_rate == pytest.approx(0.81) and found.proven_rate == pytest.approx(0.81)
    assert "attained; measured a factor 0.81 a step, proven a factor 0.81 a step" in str(found)


def test_a_wrong_mu_breaks_it_at_the_step_with_both_numbers():
    trace = descend(ellipse([0.0, 1.0]), 0.1)
    claimed = ProblemFacts("quadratic", L=10.0, mu=2.0, R=1.0, f_star=0.0)
    found = certify(trace, theorem="gd-strongly-convex-distance", problem=claimed).items[0]
    assert (found.verdict, found.broken_at) == ("broken", 1)
    assert str(found).startswith("gd-strongly-convex-distance: broken at k = 1: 0.81 > 0.64")
    assert found.slack < 1 and not found.held


def test_a_step_that_is_too_long_breaks_it():
    trace = descend(ellipse([1.0, 0.0]), 0.25)
    refused = certify(trace, theorem="gd-convex").items[0]
    assert refused.verdict == "not applicable" and refused.reasons == ("step 0.25 is above 1/L = 0.1",)
    forced = certify(trace, theorem="gd-convex", force=True).items[0]
    assert (forced.verdict, forced.broken_at) == ("broken", 1)
    claimed = certify(trace, theorem="gd-strongly-convex-gap", method=MethodFacts("gradient-descent", step=0.1)).items[
        0
    ]
    assert (claimed.verdict, claimed.broken_at) == ("broken", 1)


CASES = {case.theorem: case for cases in reversed(FILES) for case in reversed(list(cases()))}
"""One case of each theorem with a bound: the first one."""
SELF_CONCORDANT = ("newton-self-concordant", "damped-newton-decrement", "damped-newton-decrease")


@pytest.mark.parametrize("name", sorted(CASES.keys() - {*SELF_CONCORDANT}))
def test_every_certificate_breaks_where_a_constant_is_wrong(name):
    """The very runs on which a theorem holds break it when some constant that it assumes is claimed to be another."""
    case = CASES[name]
    traces = case.runs()[:12]

    def verdict(method, facts):
        found = certify(traces, theorem=name, method=method, problem=facts, estimate=False, force=True)
        return found.items[0].verdict

    assert verdict(case.method, case.facts) == "held"
    assert any(verdict(*claim) == "broken" for claim in _wrong_claims(name, case))


def _wrong_claims(name, case):
    """The case's facts with constants of the bound multiplied: one of them, else several."""
    keys = sorted(get(name).bound.symbols().keys() - {"N"})
    for key in keys:
        for factor in (1e-3, 0.02, 0.5, 0.9, 1.1, 2.0, 3.0, 3.9, 25.0, 50.0, 1e3):
            yield from _claimed(case, {key: factor})
    for factors in product((1e-3, 1.0, 1e3), repeat=len(keys)):
        yield from _claimed(case, dict(zip(keys, factors, strict=True)))


def _claimed(case, factors):
    method, facts = case.method, case.facts
    for key, factor in factors.items():
        if key in ("step", "momentum") and getattr(method, key) is not None:
            method = replace(method, **{key: getattr(method, key) * factor})
        elif key in method.constants:
            method = replace(method, constants={**method.constants, key: method.constants[key] * factor})
        elif key in facts.constants:
            facts = replace(facts, constants={**facts.constants, key: facts.constants[key] * factor})
        elif key in ("L", "mu", "G", "D", "sigma", "R") and getattr(facts, key) is not None:
            facts = replace(facts, **{key: getattr(facts, key) * factor})
        elif key == "n" and factor < 1:
            facts = replace(facts, n=1)
    if facts.L is not None and facts.mu is not None and facts.mu > facts.L:
        facts = replace(facts, mu=facts.L)
    yield method, facts


@pytest.mark.parametrize("name", SELF_CONCORDANT)
def test_theorems_on_self_concordant_functions_break_on_another(name):
    """f = c (x − ln x) with c = 1/100 is not standard self-concordant: its decrement √c |x − 1| is too small."""
    x, c, points = 1.8, 0.01, [1.8]
    for _ in range(3):
        x += x * (1 - x) / (1 + (0.1 * abs(x - 1) if name.startswith("damped") else 0.0))
        points.append(x)
    at = np.array(points)
    columns = {"step": np.arange(4), "value": c * (at - np.log(at)), "newton_decrement": sqrt(c) * abs(at - 1)}
    case = CASES[name]
    found = certify(Trace({}, columns), theorem=name, method=case.method, problem=case.facts).items[0]
    assert (found.verdict, found.broken_at) == ("broken", 1)


def test_diverged_runs_are_broken_and_not_skipped():
    trace = run(ellipse([1.0, 1.0]), rules.sgd(lr=1e30), steps=3, evaluate_every=1)
    trace.evaluations["value"][2:] = nan
    trace = replace(trace, meta={**trace.meta, "status": "nonfinite"})
    found = certify(trace, theorem="gd-strongly-convex-gap", method=MethodFacts("gradient-descent", step=0.1)).items[0]
    assert found.verdict == "broken" and found.measured[-1] == inf


def test_estimated_constants_are_marked():
    trace = descend(ellipse([1.0, 1.0]), 0.05, steps=50)
    found = certify(trace, problem=ProblemFacts("quadratic", f_star=0.0), theorem="gd-strongly-convex-gap").items[0]
    assert found.held and found.estimated == ("L", "mu") and "held with estimated L, μ at" in str(found)
    without = certify(trace, problem=ProblemFacts("quadratic", f_star=0.0), estimate=False)
    assert without["gd-convex"].reasons == ("the Lipschitz constant L of the gradient is not known",)
    unknown = certify(trace, problem=ProblemFacts("quadratic", L=10.0, mu=1.0), theorem="gd-strongly-convex-gap")
    assert unknown.items[0].estimated == ("f_star",) and "estimated f*" in str(unknown)
    given = certify(trace, theorem="gd-strongly-convex-gap").items[0]
    assert given.estimated == ()


def test_estimates_from_a_run_lie_within_the_true_constants():
    found = estimate(
        replace(
            descend(ellipse([1.0, 1.0]), 0.05, 200),
            meta={**descend(ellipse([1.0, 1.0]), 0.05, 1).meta, "problem_facts": {}},
        )
    )
    assert found.keys == {"L", "mu", "f_star", "G", "D"}
    assert 1.0 - 1e-9 <= found.facts.mu <= found.facts.L <= 10.0
    assert found.facts.mu == pytest.approx(1.0, rel=1e-3) and found.facts.G == pytest.approx(sqrt(101))
    assert found.facts.D == pytest.approx(2 * sqrt(2)) and found.how["L"] == "the largest curvature along a step"


def test_estimates_from_functions():
    bare = FunctionProblem("f", lambda x: 2 * x @ x, lambda x: 4 * x, [1.0, 2.0], minimizer=[0.0, 0.0])
    found = estimate(bare)
    assert found.facts.L == pytest.approx(4.0) and found.facts.mu == pytest.approx(4.0)
    known = problems.get("rosenbrock")
    curved = estimate(known)
    assert curved.facts.L > 800 and curved.facts.mu == 0.0 and "Hessians at 64 points" in curved.how["L"]
    assert estimate(known) == curved, "the same points each time"

    class Sum:
        facts, x0, minimizer, n = ProblemFacts(), np.array([2.0]), np.array([1.0]), 2
        gradient = staticmethod(lambda x: x - 1)
        sample_gradient = staticmethod(lambda i, x: x - 1 + (3 if i else -3))

    assert estimate(Sum()).facts.sigma == 3.0
    with pytest.raises(InputTypeError, match="a trace, or a problem with gradient and x0"):
        estimate(ProblemFacts())
    with pytest.raises(InputError, match="points must be a whole number"):
        estimate(bare, points=1)


def _noisy(seeds, bias):
    """Traces whose squared distance after k steps has the mean 0.5ᵏ + bias."""
    traces = []
    for seed in range(seeds):
        draw = np.random.default_rng(seed).uniform(0.5, 1.5, 11)
        squares = (0.5 ** np.arange(11) + bias) * draw
        squares[0] = 1.0
        traces.append(Trace({}, {"step": np.arange(11), "value": squares, "distance": np.sqrt(squares)}))
    return traces


EXPECTED = Theorem(
    "halves", "gradient-descent", "", (Words("-"),), Quantity.DISTANCE_SQUARED, R**2 * (N - N + 0.5) ** N,
    "loose", "-", ("own",), expectation=True, start=0,
)  # fmt: skip


def test_expectations_average_over_seeds_with_an_interval():
    method, problem = MethodFacts("gradient-descent", step=0.1), ProblemFacts("quadratic", L=1.0, mu=1.0, f_star=0.0)
    held = certify(_noisy(60, 0.0), theorem=EXPECTED, method=method, problem=problem).items[0]
    assert held.verdict == "held" and held.runs == 60 and (held.low < held.measured).sum() == 10
    assert np.all(held.low <= held.bound) and np.all(held.high >= held.measured) and "60 runs" in str(held)
    single = [trace.evaluations["distance"][3] ** 2 for trace in _noisy(60, 0.0)]
    assert held.measured[3] == pytest.approx(np.mean(single)) and max(single) > held.bound[3], "single runs exceed it"
    broken = certify(_noisy(60, 0.2), theorem=EXPECTED, method=method, problem=problem).items[0]
    assert (broken.verdict, broken.broken_at) == ("broken", 2) or broken.broken_at == 1
    assert f"[{broken.low[broken.broken_at]:.6g}, " in str(broken)
    one = certify(_noisy(1, 0.2), theorem=EXPECTED, method=method, problem=problem).items[0]
    assert one.verdict == "undecided" and len(one.steps) == 11


def test_the_interval_holds_for_all_k_together():
    method, problem = MethodFacts("gradient-descent", step=0.1), ProblemFacts("quadratic", L=1.0, mu=1.0, f_star=0.0)
    from scipy.stats import t

    found = certify(_noisy(30, 0.0), theorem=EXPECTED, method=method, problem=problem, level=0.9).items[0]
    table = np.array([trace.evaluations["distance"] ** 2 for trace in _noisy(30, 0.0)])
    half = t.ppf(1 - 0.1 / 11 / 2, 29) * table.std(axis=0, ddof=1) / sqrt(30)
    np.testing.assert_allclose(found.high, table.mean(axis=0) + half, rtol=1e-12)
    with pytest.raises(InputError, match=r"level must be in \(0, 1\), got 1"):
        certify(_noisy(3, 0.0), theorem=EXPECTED, method=method, problem=problem, level=1)


def test_theorems_on_one_run_are_held_against_every_run():
    good, bad = descend(ellipse([0.0, 1.0]), 0.1), descend(ellipse([0.0, 1.0], kappa=10.0), 0.05)
    found = certify([good, bad], theorem="gd-strongly-convex-gap", method=MethodFacts("gradient-descent", step=0.1))
    assert found.items[0].verdict == "broken" and found.items[0].runs == 2


def test_rounding_is_not_a_broken_theorem():
    far = FunctionProblem(
        "far",
        lambda x: 5 * (x[0] - 1e6) ** 2 + 3.0,
        lambda x: 10 * (x - 1e6),
        [1e6 + 1.0],
        minimizer=[1e6],
        facts=ProblemFacts("quadratic", L=10.0, mu=10.0, f_star=3.0),
    )
    found = certify(descend(far, 0.05, 80))
    assert not found.broken and found.held
    assert all(item.rounding_from is not None for item in found.applied if item.theorem.linear)


def test_cycles_are_not_taken_for_rounding():
    trace = run(problems.get("lessard"), rules.heavy_ball(lr=1 / 9, beta=4 / 9), steps=400, evaluate_every=1)
    claimed = ProblemFacts("quadratic", L=25.0, mu=1.0, f_star=0.0)
    found = certify(trace, theorem="heavy-ball-quadratic", problem=claimed).items[0]
    assert (found.verdict, found.broken_at) == ("broken", 8) and found.rounding_from is None
    assert found.measured[-1] > 0.1, "it goes on at a distance"


def test_what_is_not_recorded_is_said():
    trace = Trace({"step": [0, 1], "value": [0.5, 0.1]})
    method, facts = MethodFacts("gradient-descent", step=1.0), ProblemFacts("convex", L=1.0, R=1.0, f_star=0.0)
    found = certify(trace, method=method, problem=facts, estimate=False)
    assert found["gd-convex"].held
    assert found["gd-convex-gradient"].reasons == ("the trace has no column 'gradient_norm'",)
    late = Trace({}, {"step": [3, 4], "gradient_norm": [0.1, 0.1], "value": [0.1, 0.1]})
    assert certify(late, method=method, problem=facts, estimate=False)["gd-smooth"].reasons == (
        "the trace does not begin at step 0",
    )
    ahead = run(problems.get("quadratic"), rules.nesterov(lr=0.1, beta=0.519494), steps=3, evaluate_every=1)
    refused = certify(ahead, theorem="nesterov-strongly-convex", force=True).items[0]
    assert refused.verdict == "not measured" and "look-ahead points y" in refused.reasons[0]


def test_minima_over_iterates_need_all_of_them():
    method, facts = MethodFacts("gradient-descent", step=1.0), ProblemFacts("smooth", L=1.0, f_star=0.0)
    columns = {"step": [0, 1, 2, 4], "value": [1.0, 0.5, 0.4, 0.1], "gradient_norm": [1.0, 0.9, 0.8, 0.1]}
    found = certify(Trace(columns), method=method, problem=facts, theorem="gd-smooth").items[0]
    assert found.steps.tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.measured, [1.0, 0.81, 0.64])


def test_bad_arguments():
    trace = descend(ellipse([1.0, 1.0]), 0.1, 3)
    with pytest.raises(UnknownNameError, match="did you mean gd-convex"):
        certify(trace, theorem="gd-convexx")
    with pytest.raises(InputTypeError, match="runs must be a trace or several, got 3"):
        certify(3)
    with pytest.raises(InputTypeError, match="runs must be a trace or several"):
        certify([])
    assert "no theorem speaks of 'lion'" in str(certify(run(problems.get("bowl"), rules.lion(lr=0.1), steps=2)))
    assert not certify(trace, problem=ProblemFacts()).held


def test_measured_and_proven_rates_of_sublinear_bounds():
    k = np.arange(1, 101)
    trace = Trace({"step": k, "value": 0.1 / k})
    facts = ProblemFacts("convex", L=1.0, R=1.0, f_star=0.0)
    found = certify(trace, method=MethodFacts("gradient-descent", step=1.0), problem=facts)["gd-convex-textbook"]
    assert found.measured_rate == pytest.approx(1.0) and found.proven_rate == pytest.approx(1.0)
    assert log(found.slack) > 0 and "measured 1/k^1, proven 1/k^1" in str(found)
    assert get("gd-convex-textbook").value({"R": 1.0, "step": 1.0}, 1) == 0.5 and nan != found.slack


@pytest.mark.parametrize("jac", ["2-point", "3-point"])
@pytest.mark.parametrize("x0", [(0.0, 1.0), (3.0, -1.0), (0.01, 0.01)])
def test_gradients_by_differences_are_allowed_for_and_no_more(jac: str, x0: tuple[float, float]):
    def f(x):
        return 5 * (x[0] - 1) ** 2 + (x[1] + 2) ** 2 / 2

    def run(mu: float):
        known = ProblemFacts("quadratic", L=10.0, mu=mu, f_star=0.0)
        return minimize(f, x0, jac=jac, method=rules.sgd(lr=0.1)).certify(known, minimizer=[1, -2])

    found = run(1.0)
    assert not found.broken and len(found.applied) > 8
    assert all(0 < item.gradient_error < 1e-5 and "by differences" in str(item) for item in found.applied)
    linear = ("gd-strongly-convex-distance", "gd-strongly-convex-gap", "gd-strongly-convex-gradient")
    assert all(run(1.5)[name].verdict == "broken" for name in linear)


def test_both_numbers_of_a_broken_theorem_differ_as_printed():
    known = ProblemFacts("quadratic", L=10.0, mu=1.0 + 1e-8, f_star=0.0)
    made = minimize(
        lambda x: (10 * x[0] ** 2 + x[1] ** 2) / 2, [0.0, 1.0], jac=lambda x: x * [10, 1], method=rules.sgd(lr=0.1)
    )
    told = str(made.certify(known, minimizer=[0, 0])["gd-strongly-convex-distance"])
    seen, allowed = told.partition("k = 1: ")[2].partition(";")[0].split(" > ")
    assert float(seen) > float(allowed)
