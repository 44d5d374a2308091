"""The benchmark of minimizers counts, judges and compares as it says. Nothing here is a timing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from benchmarks import minimize as benchmark
from benchmarks import minimizers
from benchmarks.minimizers import Counted, Outcome, Solver, solve, solvers

from steepest import problems


def test_every_solver_solves_the_quadratic_and_an_idle_one_does_not():
    assert [solver.name for solver in solvers() if not benchmark._right(solver)] == []
    assert not benchmark._right(Solver("none", "idle", lambda counted, x0: counted.fun(x0)))


def test_calls_are_counted_until_the_target_is_met():
    problem = problems.get("mgh-rosenbrock")
    values = [24.2, 10.0, 3e-7, 2e-7, 1e-7]

    def run(counted: Counted, x0: np.ndarray) -> None:
        counted.gradient(x0)
        for value in values:
            counted.fun([1.0, 1.0 + np.sqrt(value) / 10])
            counted.gradient(x0)
        counted.hessian(x0), counted.product(x0, x0), counted.residuals(x0), counted.jacobian(x0)

    outcome = solve(Solver("", "", run), problem, problem.x0)
    assert outcome.reached == {"f": 4, "g": 4, "H": 0, "Hv": 0} and outcome.calls == 8
    assert outcome.counts == {"f": 6, "g": 7, "H": 1, "Hv": 1}
    assert outcome.best == pytest.approx(1e-7, rel=1e-6)


def test_our_own_count_is_the_wrapper_s():
    problem = problems.get("mgh-wood")
    seen = {}

    def watched(counted: Counted, x0: np.ndarray) -> None:
        result = minimizers.minimize(counted.fun, x0, jac=counted.gradient, options={"gtol": 1e-8})
        seen.update(counts=dict(counted.counts), own=(result.nfev, result.njev))

    assert solve(Solver("", "", watched), problem, problem.x0).reached
    assert seen["own"] == (seen["counts"]["f"], seen["counts"]["g"])


def test_a_run_is_given_up_and_an_error_is_not_a_solution():
    problem = problems.get("mgh-rosenbrock")
    endless = solve(Solver("", "", lambda c, x0: [c.fun(x0) for _ in range(10**6)]), problem, problem.x0)
    assert endless.error == "calls spent" and endless.counts["f"] == minimizers.LIMIT + 1
    broken = solve(Solver("", "", lambda c, x0: 1 / 0), problem, problem.x0)
    assert broken.error == "ZeroDivisionError: division by zero" and broken.calls == np.inf


def test_profiles_and_pairs():
    def outcome(calls: int | None) -> Outcome:
        counts = {"f": calls or 0, "g": 0, "H": 0, "Hv": 0}
        return Outcome(None if calls is None else counts, counts, 0.0, 0.0)

    cases = [("mgh-rosenbrock", start) for start in benchmark.STARTS]
    ours, peer = Solver("A", "steepest a", print), Solver("A", "b", print)
    runs = {
        ours.name: dict(zip(cases, map(outcome, (10, 30, None)), strict=True)),
        peer.name: dict(zip(cases, map(outcome, (20, 10, 3000)), strict=True)),
    }
    assert benchmark._profile(ours, [ours, peer], runs, cases) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert benchmark._profile(peer, [ours, peer], runs, cases) == pytest.approx([2 / 3, 2 / 3, 1, 1, 1])
    assert benchmark._data(runs[ours.name]) == pytest.approx([1 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3])  # n + 1 is 3
    assert benchmark._data(runs[peer.name])[-1] == 1
    ((_, _, solved, theirs, both, *_, median, mean),) = benchmark._pairs([ours, peer], runs, cases)
    assert (solved, theirs, both, median, mean) == ("2", "3", "2", "1.75", "1.22")
    worse = benchmark._worse([ours, peer], runs, cases)
    assert [(row[2], row[3], row[4]) for row in worse] == [("×10", "30", "10"), ("×100", "—", "3000")]


@pytest.mark.filterwarnings("default")
def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    written = tmp_path / "figures.json"
    quick = [
        "--quick",
        "--threads",
        "1",
        "--rounds",
        "2",
        "--peers",
        "scipy BFGS",
        "--json",
        str(written),
        "--markdown",
    ]
    assert benchmark.main([*quick, "--works", "collection,network"]) == 0
    tables = json.loads(written.read_text(encoding="utf-8"))["tables"]
    assert len(tables) == 6 and all(len(row) == len(table["headings"]) for table in tables for row in table["rows"])
    assert capsys.readouterr().out.count("### ") == 6
