"""What theory must show: the attained cases as equalities, and wrong statements caught by the machinery itself."""

from __future__ import annotations

from dataclasses import replace
from math import inf, sqrt

import numpy as np
import pytest

from steepest import rules
from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.lab.verification.smooth import ellipse, huber
from steepest.problems import FunctionProblem
from steepest.problems.counterexamples.constant_momentum import constant_momentum
from steepest.problems.counterexamples.look_ahead import look_ahead
from steepest.run import run
from steepest.theory import Quantity, Theorem, certify, get, worst_case
from steepest.theory.assumptions import Words
from steepest.theory.vocabulary import Delta, L, N, R, alpha, kappa, mu, rho
from steepest.trace import Trace


def claim(name, family, quantity, bound, **rest):
    """A statement as somebody might print it."""
    return Theorem(name, family, "", (Words("as printed"),), quantity, bound, "exact", "-", ("own",), start=0, **rest)


def recorded(problem, rule, steps):
    return run(problem, rule, steps=steps, evaluate_every=1)


@pytest.mark.parametrize("steps", [1, 2, 5, 17, 100])
def test_hubers_function_meets_the_rate_of_gradient_descent(steps):
    start = 3.0
    problem = huber(start / (2 * steps + 1), start)
    trace = recorded(problem, rules.sgd(lr=1.0), steps)
    assert trace.evaluations["value"][-1] == pytest.approx(start**2 / (4 * steps + 2), rel=1e-12)
    found = certify(trace, theorem="gd-convex").items[0]
    assert found.held and found.slack == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(("step", "start"), [(0.05, (0, 1)), (0.19, (1, 0)), (0.1, (0, 1)), (2 / 11, (1, 0))])
def test_quadratics_along_an_eigenvector_contract_by_the_factor(step, start):
    trace = recorded(ellipse(start), rules.sgd(lr=step), 12)
    factor = max(abs(1 - step), abs(1 - 10 * step))
    np.testing.assert_allclose(trace.evaluations["distance"], factor ** np.arange(13), rtol=1e-12)
    for name in ("distance", "gap", "gradient"):
        assert certify(trace, theorem=f"gd-strongly-convex-{name}").items[0].slack == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("condition", [10.0, 25.0, 100.0])
def test_the_heavy_ball_on_the_largest_eigenvalue(condition):
    root = sqrt(condition)
    factor = (root - 1) / (root + 1)
    rule = rules.heavy_ball(lr=4 / (root + 1) ** 2, beta=factor**2)
    trace = recorded(ellipse((1.0, 0.0), condition), rule, 50)
    k = np.arange(51)
    np.testing.assert_allclose(trace.evaluations["distance"], factor**k * (1 + k * (1 + factor)), rtol=1e-7)
    assert certify(trace, theorem="heavy-ball-quadratic").items[0].slack == pytest.approx(1.0, rel=1e-9)
    wrong = certify(trace, theorem=claim("wrong", "heavy-ball", Quantity.DISTANCE, rho**N * R)).items[0]
    assert (wrong.verdict, wrong.broken_at) == ("broken", 1)
    if condition == 100.0:
        assert "broken at k = 1: 2.30579 > 0.818182" in str(wrong)


def test_trap_3_a_rate_that_is_off_by_two_in_the_exponent():
    """‖x‖² ≤ (1 − μ/L)ᴺ R² holds, but no run comes near: the measured factor is its square."""
    printed = claim("printed", "gradient-descent", Quantity.DISTANCE_SQUARED, (1 - mu / L) ** N * R**2, linear=True)
    for condition, factor in ((10.0, 0.81), (100.0, 0.9801)):
        trace = recorded(ellipse((0.0, 1.0), condition), rules.sgd(lr=1 / condition), 40)
        found = certify(trace, theorem=printed).items[0]
        assert found.held and found.measured_rate == pytest.approx(factor, rel=1e-9)
        assert found.proven_rate == pytest.approx(1 - 1 / condition, rel=1e-9)
        worst = worst_case(
            MethodFacts("gradient-descent", step=1.0), ProblemFacts("strongly convex", L=1.0, mu=1 / condition), 10,
            stored=True,
        )  # fmt: skip
        numbers = {"L": condition, "mu": 1.0, "R": 1.0, "step": 1 / condition}
        assert printed.value(numbers, 10) > worst.value * 1.09, "what is called exact here is not"
        assert get("gd-strongly-convex-distance").value(numbers, 10) == pytest.approx(worst.value, rel=1e-6)


def test_trap_5_the_factor_of_l_over_two():
    """f = 5x² + ½y² from (1, 0) with α = 2/(L + μ)."""
    trace = recorded(ellipse((1.0, 0.0)), rules.sgd(lr=2 / 11), 10)
    printed = claim("dropped", "gradient-descent", Quantity.GAP, ((kappa - 1) / (kappa + 1)) ** (2 * N) * R**2)
    without = certify(trace, theorem=replace(printed, start=1)).items[0]
    assert (without.verdict, without.broken_at) == ("broken", 1)
    assert certify(trace, theorem="gd-strongly-convex-best-step").items[0].slack == pytest.approx(1.0, rel=1e-9)


def test_trap_6_a_look_ahead_without_the_learning_rate():
    problem = look_ahead(curvature=10.0)
    factor = (sqrt(10) - 1) / (sqrt(10) + 1)

    def after(scale):
        x, v, points = problem.x0, np.zeros(2), [problem.x0]
        for _ in range(30):
            v = factor * v + problem.gradient(x - scale * factor * v)
            x = x - 0.1 * v
            points.append(x)
        columns = {"step": np.arange(31), "value": [problem.fun(p) for p in points]}
        columns["distance"] = [np.linalg.norm(p) for p in points]
        return Trace({}, columns)

    method = MethodFacts("nesterov", step=0.1, momentum=factor)
    right = certify(after(0.1), theorem="nesterov-strongly-convex", method=method, problem=problem).items[0]
    wrong = certify(after(1.0), theorem="nesterov-strongly-convex", method=method, problem=problem).items[0]
    assert right.verdict == "held" and wrong.verdict == "broken" and wrong.broken_at <= 3
    own = recorded(problem, rules.nesterov(lr=0.1, beta=factor, form="lookahead"), 30)
    np.testing.assert_allclose(own.evaluations["value"], after(0.1).evaluations["value"], rtol=1e-9, atol=1e-300)


def test_trap_7_constant_momentum_has_no_rate_of_one_over_n_squared():
    rule = rules.nesterov(lr=1.0, beta=0.9, form="lookahead")
    printed = claim("printed", "nesterov", Quantity.GAP, 2 * L * R**2 / (N + 1) ** 2)
    problem = constant_momentum(steps=1000)
    trace = recorded(problem, rule, 1000)
    found = certify(trace, theorem=printed).items[0]
    assert found.verdict == "broken" and 300 < found.broken_at < 400
    assert 1000 * trace.evaluations["value"][-1] == pytest.approx(0.0092, abs=1e-4)
    reasons = certify(trace, theorem="nesterov-convex-textbook").items[0].reasons
    assert any("momentum rule is constant; needed: βₖ = (tₖ − 1)/tₖ₊₁" in reason for reason in reasons)
    fast = recorded(constant_momentum(steps=1000), rules.accelerated_gradient(lr=1.0), 1000)
    assert certify(fast, theorem="nesterov-convex-textbook").items[0].held
    steady = MethodFacts("nesterov", step=1.0, momentum=0.9)
    convex = ProblemFacts("convex", L=1.0)
    for steps in (5, 10, 20):
        worst = worst_case(steady, convex, steps, stored=True).value
        assert worst > printed.value({"L": 1.0, "R": 1.0}, steps)
        assert worst > worst_case(MethodFacts("gradient-descent", step=1.0), convex, steps, stored=True).value


@pytest.mark.parametrize("condition", [10.0, 100.0])
def test_trap_9_the_heavy_balls_rate_without_its_constant(condition):
    """‖x_N − x*‖ ≤ ρᴺ R is false from N = 1 on, on quadratics and in the worst case over all functions."""
    root = sqrt(condition)
    factor = (root - 1) / (root + 1)
    printed = claim("printed", "heavy-ball", Quantity.DISTANCE, rho**N * R, linear=True)
    trace = recorded(ellipse((1.0, 0.0), condition), rules.heavy_ball(lr=4 / (root + 1) ** 2, beta=factor**2), 20)
    found = certify(trace, theorem=printed).items[0]
    assert (found.verdict, found.broken_at) == ("broken", 1)
    assert certify(trace, theorem="heavy-ball-quadratic").items[0].held
    polyak = MethodFacts("heavy-ball", step=4 / (1 + 1 / root) ** 2, momentum=factor**2)
    for steps in (1, 2, 5, 10, 20):
        worst = worst_case(polyak, ProblemFacts("strongly convex", L=1.0, mu=1 / condition), steps, stored=True)
        assert printed.value({"L": 1.0, "mu": 1 / condition, "R": 1.0}, steps) ** 2 < worst.value
        assert get("heavy-ball-quadratic").name not in worst.bounds, "it speaks of quadratics only"


def test_trap_10_adam_without_bias_correction_starts_with_steps_that_are_too_long():
    """On a constant gradient the corrected step is α; the claim that the other is shorter is broken at the first."""
    beta1, beta2 = 0.9, 0.999
    m = v = 0.0
    lengths = [0.0]
    for _ in range(5000):
        m, v = beta1 * m + (1 - beta1), beta2 * v + (1 - beta2)
        lengths.append(m / sqrt(v))
    trace = Trace({}, {"step": np.arange(5001), "step_length": lengths})
    method = MethodFacts("adam", step=1.0, constants={"beta1": beta1, "beta2": beta2})
    shorter = claim("too-short", "adam", Quantity.STEP_LENGTH, 1 * alpha)
    found = certify(trace, theorem=shorter, method=method, problem=ProblemFacts()).items[0]
    assert (found.verdict, found.broken_at) == ("broken", 1) and "3.16228 > 1" in str(found)
    assert max(lengths) == lengths[12] == pytest.approx(6.57, abs=5e-3)
    assert lengths[1000] == pytest.approx(1.26, abs=5e-3)
    late = [k for k in range(1, 5000) if 1 / (1 - beta2**k) < 1.01]
    assert late[0] == 4613
    assert certify(trace, theorem="adam-step", method=method, problem=ProblemFacts()).items[0].held


def _adam_lengths(gradients, correct):
    m = v = 0.0
    lengths = [0.0]
    for k, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        size = (1 - 0.9**k, 1 - 0.999**k) if correct else (1.0, 1.0)
        lengths.append(abs(m / size[0]) / sqrt(v / size[1]) if v else 0.0)
    return Trace({}, {"step": np.arange(len(lengths)), "step_length": lengths})


def test_trap_11_the_longest_step_of_adam():
    method = MethodFacts("adam", step=1.0, constants={"beta1": 0.9, "beta2": 0.999})
    longest = (0.999 / 0.9) ** np.arange(-2000.0, 1.0)
    printed = claim("printed", "adam", Quantity.STEP_LENGTH, alpha * 0.1 / (1 - 0.999) ** 0.5)
    for correct in (False, True):
        trace = _adam_lengths(longest, correct)
        wrong = certify(trace, theorem=printed, method=method, problem=ProblemFacts()).items[0]
        right = certify(trace, theorem="adam-step", method=method, problem=ProblemFacts()).items[0]
        assert wrong.verdict == ("broken" if not correct or right.measured[-1] > 3.1623 else "held")
        assert right.verdict == "held" and right.bound[-1] == pytest.approx(7.270292, abs=5e-7)
    uncorrected = _adam_lengths(longest, False).evaluations["step_length"]
    assert uncorrected[-1] == pytest.approx(7.270292, abs=5e-7)
    for seed in range(20):
        random = np.random.default_rng(seed)
        gradients = random.normal(size=400) * 10 ** random.uniform(-3, 3, 400)
        for name, correct in (("adam-step", False), ("adam-step", True), ("adam-step-corrected", True)):
            found = certify(_adam_lengths(gradients, correct), theorem=name, method=method, problem=ProblemFacts())
            assert found.items[0].held, name


def test_the_librarys_adam_keeps_to_its_longest_step():
    slopes = (0.999 / 0.9) ** np.arange(-60.0, 1.0)
    rule = rules.adam(lr=0.5, eps=1e-12)
    p, state = np.zeros(1), rule.init(np.zeros(1))
    lengths = [0.0]
    for g in slopes:
        after, state, _ = rule.update(p, np.array([g]), state)
        lengths.append(abs(float((after - p)[0])))
        p = after
    trace = Trace({}, {"step": np.arange(62), "step_length": lengths})
    found = certify(trace, theorem="adam-step-corrected", method=rule, problem=ProblemFacts()).items[0]
    assert found.held and found.measured[-1] == pytest.approx(found.bound[-1], rel=1e-9), "the last one is the longest"


def test_gradient_descent_past_two_over_l_is_no_theorem_and_diverges():
    from steepest.problems.counterexamples.past_two_over_l import past_two_over_l

    trace = recorded(past_two_over_l(), rules.sgd(lr=2.1), 60)
    found = certify(trace)
    assert not found.applied and "step 2.1 is above 2/L = 2" in str(found)
    claimed = certify(trace, method=MethodFacts("gradient-descent", step=1.0))
    assert {item.theorem.name for item in claimed.broken} >= {"gd-convex", "gd-strongly-convex-gap", "gd-smooth"}


def test_kinks_vanishing_slopes_and_quartics_have_no_theorem_of_gradient_descent():
    from steepest.problems.counterexamples.kink import kink
    from steepest.problems.counterexamples.quartic import quartic
    from steepest.problems.counterexamples.vanishing_slope import vanishing_slope

    for problem, words in (
        (kink(), "the Lipschitz constant L of the gradient is not known"),
        (quartic(start=0.5), "the Lipschitz constant L of the gradient is not known"),
        (vanishing_slope(), "f has no minimizer (R = ∞)"),
    ):
        found = certify(recorded(problem, rules.sgd(lr=0.1), 20), estimate=False)
        assert words in str(found["gd-convex"]), problem.name
    slope = certify(recorded(vanishing_slope(), rules.sgd(lr=0.1), 20), estimate=False)
    assert slope["gd-smooth"].held, "without a minimizer the gradient still gets small"


def test_a_wrong_statement_about_pl_functions():
    """That Polyak–Łojasiewicz functions have the distance rate of strongly convex ones is broken by a run."""
    flat = FunctionProblem(
        "ring",
        lambda x: float((np.linalg.norm(x) - 1) ** 2 / 2),
        lambda x: x - x / np.linalg.norm(x),
        [3.0, 0.1],
        minimizer=[1.0, 0.0],
        facts=ProblemFacts("PL", L=1.0, mu=1.0, f_star=0.0),
    )
    trace = recorded(flat, rules.sgd(lr=0.5), 30)
    assert certify(trace, theorem=claim("gap", "gradient-descent", Quantity.GAP, (1 - mu / L) ** 0 * Delta)).held
    assert "not strongly convex" in certify(trace, theorem="gd-strongly-convex-distance").items[0].reasons[0]
    forced = certify(trace, theorem="gd-strongly-convex-distance", force=True).items[0]
    assert forced.verdict == "broken" and forced.slack < inf
