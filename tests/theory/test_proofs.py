"""From a solver's multipliers to a proof: what is wrong with them is repaired or counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.theory import Quantity
from steepest.theory.performance import solver
from steepest.theory.performance.asking import asked

solved = pytest.mark.skipif(not solver.available(), reason="needs the extra theory")


def solution(method, problem, steps, **rest):
    """The matrices of a program, a solution that is good to 1e-7, and the units to prove it in."""
    from steepest.theory.performance.conic import Conic, optimize
    from steepest.theory.performance.programs import build

    conic = Conic.of(build(asked(method, problem, steps, **rest)).pep)
    lengths, sizes = np.ones(conic.gram.shape[1]), np.ones(conic.values.shape[1])
    found = optimize(conic, lengths, sizes, tol=1e-9, seconds=20.0, fraction=0.95)
    return conic, found, np.maximum(np.abs(found.values), 1e-12)


def descent(steps=4):
    return solution(MethodFacts("gradient-descent", step=1.0), ProblemFacts("convex", L=1.0), steps)


@solved
def test_a_good_solution_is_proved():
    from steepest.theory.performance.proof import prove

    conic, found, sizes = descent()
    proof = prove(conic, found, sizes)
    assert proof.value == pytest.approx(1 / 18, rel=1e-7) and proof.error < 1e-6 and proof.lowest > -1e-8
    assert all(weight > 0 for weight in proof.weights.values())
    assert sum(name.startswith("interpolation (") for name in proof.weights) > 4


@solved
@pytest.mark.parametrize("noise", [1e-6, 1e-4, 1e-2])
def test_wrong_multipliers_still_bound_the_worst_case(noise):
    """What is wrong with the weights raises the bound and the error, and never lets the bound fall below the truth."""
    from steepest.theory.performance.proof import prove

    conic, found, sizes = descent()
    for seed in range(20):
        random = np.random.default_rng(seed)
        weights = found.weights * (1 + noise * random.normal(size=len(found.weights)))
        proof = prove(conic, replace(found, weights=weights), sizes)
        assert proof.value >= 1 / 18 * (1 - 1e-7)
        assert proof.value - 1 / 18 <= proof.error * proof.value
    assert proof.error > noise / 100, "and what is wrong shows"


@solved
def test_negative_weights_are_none():
    from steepest.theory.performance.proof import prove

    conic, found, sizes = descent()
    weights = found.weights.copy()
    idle = int(np.argmin(np.where(conic.equal, np.inf, weights)))
    weights[idle] = -0.3
    proof = prove(conic, replace(found, weights=weights), sizes)
    assert proof.value == pytest.approx(1 / 18, rel=1e-6) and proof.lowest > -1e-8


@solved
def test_a_function_that_is_not_of_the_class_is_seen():
    """Values 1e-3 too large exceed interpolation inequalities: that the two sides come near each other hides it."""
    from steepest.theory.performance.proof import prove

    conic, found, sizes = descent()
    claimed = replace(found, gram=found.gram * 1.001, values=found.values * 1.001)
    assert prove(conic, claimed, sizes).error > 5e-4


@solved
def test_units_do_not_matter():
    """The same program with its unknowns ten times smaller or larger is solved to the same worst case."""
    from steepest.theory.performance.conic import optimize
    from steepest.theory.performance.proof import prove

    conic, _, _ = descent()
    n, m = conic.gram.shape[1], conic.values.shape[1]
    for scale in (0.1, 10.0):
        found = optimize(conic, np.full(n, scale), np.full(m, scale**2), tol=1e-9, seconds=20.0, fraction=0.95)
        assert prove(conic, found, np.maximum(np.abs(found.values), 1e-12)).value == pytest.approx(1 / 18, rel=1e-5)


@solved
def test_matrix_conditions_take_part():
    """Polyak–Łojasiewicz functions are described by matrices: without them the bound is looser."""
    from steepest.theory.performance.proof import prove

    conic, found, sizes = solution(MethodFacts("gradient-descent", step=1.0), ProblemFacts("PL", L=1.0, mu=0.1), 1)
    assert conic.blocks and conic.scalars < len(conic.constant)
    proof = prove(conic, found, sizes)
    assert proof.value == pytest.approx(0.833524, abs=5e-7) and proof.error < 1e-6
    start = conic.blocks[0][0]
    weights = np.where(np.arange(len(found.weights)) < start, found.weights, 0.0)
    without = prove(conic, replace(found, weights=weights), sizes)
    assert without.error > 1e-3, "the matrices carry weight in the proof"


@solved
@pytest.mark.parametrize(
    ("method", "problem", "steps", "rest", "exact"),
    [
        (MethodFacts("gradient-descent", step=2 / 1.1), ProblemFacts("strongly convex", L=1.0, mu=0.1), 11,
         {"quantity": Quantity.GAP, "initial": "distance"}, 0.5 * (9 / 11) ** 22),
        (MethodFacts("gradient-descent", step=1.0), ProblemFacts("strongly convex", L=1.0, mu=0.1), 12,
         {"quantity": Quantity.GAP, "initial": "gap"}, 0.9**24),
        (MethodFacts("triple-momentum"), ProblemFacts("strongly convex", L=1.0, mu=0.1), 8,
         {"quantity": Quantity.GAP, "initial": "distance"}, 5 * (1 - 0.1**0.5) ** 16),
    ],
)  # fmt: skip
def test_a_tolerance_covers_the_distance_to_what_is_known(method, problem, steps, rest, exact):
    """Degenerate programs, on which the solver stops almost solved."""
    found = solver.solve(asked(method, problem, steps, **rest), tol=1e-9, time_limit=30.0)
    assert abs(found.value - exact) <= found.tolerance * exact and found.tolerance <= 1e-5


@solved
def test_what_is_small_late_in_a_run_counts_as_much_as_what_is_large_early():
    """After 14 steps the gap is 4e-4 of the start: rows and unknowns are divided by their size."""
    root = 10**0.5
    nesterov = MethodFacts("nesterov", step=1.0, momentum=(root - 1) / (root + 1))
    ask = asked(nesterov, ProblemFacts("strongly convex", L=1.0, mu=0.1), 14, quantity=Quantity.GAP)
    found = solver.solve(ask, tol=1e-9, time_limit=30.0)
    assert found.tolerance <= 2e-6 and found.value == pytest.approx(4.4385294e-4, rel=2e-6)
