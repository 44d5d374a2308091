"""`steepest.minimize` beside SciPy's, PyTorch's and optimistix's minimizers: calls, time, large problems, a network.

python -m benchmarks.minimize [--works collection,iteration,Rosenbrock,network] [--peers WORD] [--rounds 15]

Collection: the 35 problems of Moré, Garbow & Hillstrom 1981 in their order, from the standard start, ×10 and ×100; none
is left out. Solved: (f − f*)/(f₀ − f*) ≤ 1e-8 with the lowest f* that is known, within 20,000 values; an f₀ that
overflows counts as 1. Calls: values and gradients (residuals and Jacobians) that a wrapper around the function has
counted until then, so no library's own count is believed. All stop at a gradient of 1e-12, or where they cannot go on.
Methods are as their documentation advises, derivatives analytic: gradients, Jacobians, Hessians and their products.
optimistix is compiled anew for each run, and its time has that in it. BLAS has one thread: matrices are small.

Iteration: seconds of a step, and of its calls alone, which are the floor; without the look for negative curvature at
the end, which SciPy does not take. Rosenbrock: the valley in many dimensions.
Network: 64–32–10 on 8 × 8 digits, float32, all data at once: the lowest loss after equally many calls of the closure.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize
from threadpoolctl import threadpool_limits

from benchmarks.alternate import alternate
from benchmarks.machine import described
from benchmarks.minimize_network import network
from benchmarks.minimizers import LIMIT, Outcome, Solver, solve, solvers
from benchmarks.options import Options, limited, parse
from benchmarks.table import duration, spread, text
from steepest import methods, problems
from steepest.problems import MGH, FunctionProblem
from steepest.run.minimize import minimize

STARTS = ("standard", "×10", "×100")
Table = tuple[str, Sequence[str], list[list[str]]]
Runs = dict[tuple[str, str], Outcome]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 1 where a contender does not solve the problem on which all are shown to be right."""
    options = parse(__doc__, arguments)
    sections = {"collection": collection, "iteration": iteration, "Rosenbrock": rosenbrock, "network": network}
    with limited(options.threads), threadpool_limits(1, user_api="blas"):
        peers = replace(options, works=())
        chosen = [solver for solver in solvers() if solver.ours or peers.wants("", solver.name)]
        wrong = [solver.name for solver in chosen if not _right(solver)]
        tables = [
            table
            for name, section in sections.items()
            if not options.works or any(word.lower() in name.lower() for word in options.works)
            for table in (section(chosen, peers) if section is collection else section(peers))
        ]
        machine = described(options.threads)
    print("Minimization\n\n" + ". ".join(machine.values()) + f". {options.rounds} rounds.")
    print(__doc__.partition("\n\n")[2].partition("\n\n")[2])
    for title, headings, rows in tables:
        print(f"{'####' if options.markdown else '###'} {title}\n\n{text(headings, rows, options.markdown)}\n")
    if wrong:
        print(f"does not solve the quadratic on which all are shown to be right: {', '.join(wrong)}", file=sys.stderr)
    if options.json:
        record = {"machine": machine, "tables": [{"title": t, "headings": h, "rows": r} for t, h, r in tables]}
        Path(options.json).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(bool(wrong))


def _right(solver: Solver) -> bool:
    """Whether it minimizes the collection's linear function of full rank, whose minimum has a formula."""
    problem = problems.get("mgh-linear-full-rank")
    assert isinstance(problem, FunctionProblem)
    outcome = solve(solver, problem, problem.x0)
    return abs(outcome.best - 10.0) <= 1e-10


def collection(chosen: Sequence[Solver], options: Options) -> list[Table]:
    """What is solved with how many calls; profiles; and where a peer of the family is better."""
    names = list(MGH)[: 6 if options.quick else None]
    cases = [(name, start) for name in names for start in STARTS]
    runs: dict[str, Runs] = {solver.name: {} for solver in chosen}
    for name, start in cases:
        problem = problems.get(name)
        assert isinstance(problem, FunctionProblem)
        for solver in chosen:
            runs[solver.name][name, start] = solve(solver, problem, problem.starts[start])
    return [
        (f"{len(cases)} cases: solved, and calls until solved", _SOLVED, _solved(chosen, runs, names)),
        ("The same, pair by pair, on the cases that both solve", _PAIRS, _pairs(chosen, runs, cases)),
        ("Performance profile: share solved within so many times the family's fewest calls", _PROFILE, [
            [solver.family, solver.name, *(f"{share:.2f}" for share in _profile(solver, chosen, runs, cases))]
            for solver in chosen
        ]),
        ("Data profile: share solved within so many times n + 1 calls", _DATA, [
            [solver.family, solver.name, *(f"{share:.2f}" for share in _data(runs[solver.name]))] for solver in chosen
        ]),
        ("Solved by a peer of the family and not by ours, or with at least twice the calls", _WORSE,
         _worse(chosen, runs, cases)),
    ]  # fmt: skip


_SOLVED = ("family", "who", *STARTS, "together", "values", "gradients", "Hessians", "products", "calls", "time")
_PAIRS = ("ours", "peer", "solved", "peer solved", "both", "calls", "peer's calls", "ratio", "ratio, geometric mean")
_FACTORS, _BUDGETS = (1.0, 1.5, 2.0, 4.0, 16.0), (5, 10, 20, 50, 100, 1000)
_PROFILE = ("family", "who", *(f"{factor:g}×" for factor in _FACTORS))
_DATA = ("family", "who", *(f"{budget}" for budget in _BUDGETS))
_WORSE = ("ours", "problem", "start", "calls, ours", "calls, best peer", "f, ours", "f*", "who")


def _solved(chosen: Sequence[Solver], runs: Mapping[str, Runs], names: Sequence[str]) -> list[list[str]]:
    rows = []
    for solver in chosen:
        own = runs[solver.name]
        solved = [outcome for outcome in own.values() if outcome.reached is not None]
        by_start = [sum(own[name, start].reached is not None for name in names) for start in STARTS]
        medians = [_median([outcome.reached[key] for outcome in solved if outcome.reached]) for key in _KEYS]
        calls = _median([outcome.calls for outcome in solved])
        seconds = duration(sum(outcome.seconds for outcome in own.values()))
        rows.append([solver.family, solver.name, *map(str, by_start), str(sum(by_start)), *medians, calls, seconds])
    return rows


_KEYS = ("f", "g", "H", "Hv")


def _pairs(chosen: Sequence[Solver], runs: Mapping[str, Runs], cases: Sequence[tuple[str, str]]) -> list[list[str]]:
    rows = []
    for ours in (solver for solver in chosen if solver.ours):
        for peer in (solver for solver in chosen if not solver.ours and solver.family == ours.family):
            a, b = runs[ours.name], runs[peer.name]
            both = [case for case in cases if a[case].reached and b[case].reached]
            ratios = [a[case].calls / b[case].calls for case in both]
            solved = [str(sum(own[case].reached is not None for case in cases)) for own in (a, b)]
            calls = [_median([own[case].calls for case in both]) for own in (a, b)]
            mean = f"{statistics.geometric_mean(ratios):.2f}" if ratios else ""
            middle = f"{statistics.median(ratios):.2f}" if ratios else ""
            rows.append([ours.name, peer.name, *solved, str(len(both)), *calls, middle, mean])
    return rows


def _profile(
    solver: Solver, chosen: Sequence[Solver], runs: Mapping[str, Runs], cases: Sequence[tuple[str, str]]
) -> list[float]:
    """Dolan & Moré 2002, with calls in place of time, within a family."""
    rivals = [other.name for other in chosen if other.family == solver.family]
    fewest = {case: min(runs[name][case].calls for name in rivals) for case in cases}
    own = runs[solver.name]
    return [sum(own[c].calls <= factor * fewest[c] < np.inf for c in cases) / len(cases) for factor in _FACTORS]


def _data(own: Runs) -> list[float]:
    """Moré & Wild 2009, with a gradient for a call."""
    sizes = {name: len(problems.get(name).x0) for name, _ in own}  # type: ignore[attr-defined]
    return [
        sum(o.calls <= budget * (sizes[name] + 1) for (name, _), o in own.items()) / len(own) for budget in _BUDGETS
    ]


def _worse(chosen: Sequence[Solver], runs: Mapping[str, Runs], cases: Sequence[tuple[str, str]]) -> list[list[str]]:
    rows = []
    for ours in (solver for solver in chosen if solver.ours):
        rivals = [solver.name for solver in chosen if not solver.ours and solver.family == ours.family]
        for name, start in cases:
            mine = runs[ours.name][name, start]
            best = min(rivals, key=lambda rival: runs[rival][name, start].calls, default=None)
            if best is None or not runs[best][name, start].calls < np.inf:
                continue
            theirs = runs[best][name, start].calls
            if mine.calls >= 2 * theirs:
                calls = "—" if mine.reached is None else f"{mine.calls:g}"
                f_star = problems.get(name).facts.f_star
                rows.append([ours.name, name, start, calls, f"{theirs:g}", f"{mine.best:.6g}", f"{f_star:.6g}", best])
    return rows


def iteration(options: Options) -> list[Table]:
    """Seconds of a step on cheap functions of 2 to 100 variables: SciPy's and ours in alternation."""
    sizes = (2, 10) if options.quick else (2, 10, 50, 100)
    rows = [cells for n in sizes for cells in _steps_of(n, 20 if options.quick else 60, options)]
    return [("Seconds of a step on Rosenbrock's valley", _STEP, rows)]


_STEP = ("work", "method", "scipy, a step", "steepest, a step", "scipy / steepest", "floor", "floor / steepest")
_METHODS: dict[str, tuple[methods.Method, str, bool]] = {
    "BFGS": (methods.BFGS(), "BFGS", False),
    "L-BFGS": (methods.LBFGS(memory=10), "L-BFGS-B", False),
    "CG": (methods.NonlinearCG(), "CG", False),
    "Newton-CG": (methods.NewtonCG(), "Newton-CG", True),
    "trust-ncg": (methods.NewtonCG(methods.TrustRegion("steihaug")), "trust-ncg", True),
}


def _steps_of(n: int, steps: int, options: Options) -> list[list[str]]:
    problem = problems.get("rosenbrock", dim=n)
    assert isinstance(problem, FunctionProblem)
    start = np.resize([-1.2, 1.0], n)
    rows = []
    for name, (method, theirs, products) in _METHODS.items():
        if not options.wants("", theirs):
            continue
        given: dict[str, Any] = {"jac": problem.gradient, "hessp": problem.hessian_vector if products else None}
        spare: dict[str, Any] = {"maxiter": steps} | ({"ftol": 0.0, "gtol": 0.0} if name == "L-BFGS" else {})
        tight = spare | ({"xtol": 0.0} if name == "Newton-CG" else {} if name == "L-BFGS" else {"gtol": 1e-300})

        def ours(method: methods.Method = method, given: dict[str, Any] = given) -> Any:
            limits = {"gtol": 0.0, "maxiter": steps, "curvature": False}
            return minimize(problem.fun, start, method=method, options=limits, **given)

        def peer(theirs: str = theirs, given: dict[str, Any] = given, tight: dict[str, Any] = tight) -> Any:
            return scipy.optimize.minimize(problem.fun, start, method=theirs, options=tight, **given)

        rows.append(_beside(f"{n} variables", name, ours, peer, problem, start, options))
    return rows


def _beside(
    work: str,
    name: str,
    ours: Callable[[], Any],
    peer: Callable[[], Any],
    problem: FunctionProblem,
    at: np.ndarray,
    options: Options,
) -> list[str]:
    """A row: seconds of a step of each, their ratio, and what the calls of one of ours alone cost."""
    mine, other = ours(), peer()
    product = problem.hessian_vector
    assert product is not None
    calls = {"f": lambda: problem.fun(at), "g": lambda: problem.gradient(at), "Hv": lambda: product(at, at)}
    times = alternate({"steepest": ours, "scipy": peer, **calls}, options.rounds)
    one = {key: statistics.median(times[key]) for key in calls}
    floor = (mine.nfev * one["f"] + mine.njev * one["g"] + mine.nhev * one["Hv"]) / mine.nit
    steps = {"scipy": [t / other.nit for t in times["scipy"]], "steepest": [t / mine.nit for t in times["steepest"]]}
    ratios = [a / b for a, b in zip(steps["scipy"], steps["steepest"], strict=True)]
    a, b = (statistics.median(steps[who]) for who in ("scipy", "steepest"))
    return [work, name, duration(a), duration(b), spread(ratios), duration(floor), f"{floor / b:.2f}"]


def rosenbrock(options: Options) -> list[Table]:
    """L-BFGS in 1,000 and 100,000 dimensions: time of a step, and what 200 steps reach."""
    rows, reached = [], []
    for n in (100,) if options.quick else (1_000, 100_000):
        problem = problems.get("rosenbrock", dim=n)
        assert isinstance(problem, FunctionProblem)
        start, steps = np.resize([-1.2, 1.0], n), 20 if options.quick else 200
        theirs = {"maxiter": steps, "maxfun": LIMIT, "gtol": 0.0, "ftol": 0.0, "maxcor": 10}

        def ours(problem: FunctionProblem = problem, start: np.ndarray = start, steps: int = steps) -> Any:
            return minimize(
                problem.fun, start, jac=problem.gradient, method=methods.LBFGS(memory=10),
                options={"gtol": 0.0, "maxiter": steps},
            )  # fmt: skip

        def peer(
            problem: FunctionProblem = problem, start: np.ndarray = start, theirs: dict[str, float] = theirs
        ) -> Any:
            return scipy.optimize.minimize(problem.fun, start, jac=problem.gradient, method="L-BFGS-B", options=theirs)

        rows.append(_beside(f"{n:,} variables", "L-BFGS", ours, peer, problem, start, options))
        for who, result in (("steepest", ours()), ("scipy", peer())):
            reached.append([f"{n:,} variables", who, f"{result.nit}", f"{result.nfev}", f"{result.fun:.10g}"])
    return [
        ("L-BFGS on Rosenbrock's valley: seconds of a step", _STEP, rows),
        ("The same: what was reached", ("work", "who", "steps", "values", "f"), reached),
    ]


def _median(values: Sequence[float]) -> str:
    return f"{statistics.median(values):g}" if values else ""


if __name__ == "__main__":
    sys.exit(main())
