"""Minimizers beside each other: every call counted, and where in the count a problem was solved."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import scipy.optimize
import torch

from steepest import methods
from steepest.problems import FunctionProblem
from steepest.run.minimize import minimize

LIMIT = 20_000
"""Values, and steps, after which a run is given up."""
ACCURACY = 1e-8
"""Solved: (f − f*)/(f₀ − f*) is at most this."""
TIGHT = 1e-12
"""Gradient norm at which methods may stop: so small that all go on until they cannot."""


class Spent(Exception):
    """The run has had its calls."""


@dataclass
class Counted:
    """A problem that counts. target: of f. reached: the counts when f was first there."""

    problem: FunctionProblem
    target: float
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("f", "g", "H", "Hv"), 0))
    reached: dict[str, int] | None = None
    best: float = np.inf

    def fun(self, x: Any) -> float:
        return self._seen(self.problem.fun(np.asarray(x)))

    def gradient(self, x: Any) -> np.ndarray:
        self.counts["g"] += 1
        return self.problem.gradient(np.asarray(x))

    def hessian(self, x: Any) -> np.ndarray:
        self.counts["H"] += 1
        return self.problem.hessian(np.asarray(x))

    def product(self, x: Any, v: Any) -> np.ndarray:
        self.counts["Hv"] += 1
        return self.problem.hessian_vector(np.asarray(x), np.asarray(v))

    def residuals(self, x: Any) -> np.ndarray:
        r = self.problem.residuals(np.asarray(x))
        with np.errstate(over="ignore", invalid="ignore"):
            self._seen(float(r @ r))
        return r

    def jacobian(self, x: Any) -> np.ndarray:
        self.counts["g"] += 1
        return self.problem.jacobian(np.asarray(x))

    def _seen(self, f: float) -> float:
        self.counts["f"] += 1
        if self.counts["f"] > LIMIT:
            raise Spent
        self.best = min(self.best, f) if f == f else self.best
        if self.reached is None and f <= self.target:
            self.reached = dict(self.counts)
        return f


@dataclass(frozen=True)
class Solver:
    """A method of some library. family: which are like for like."""

    family: str
    name: str
    run: Callable[[Counted, np.ndarray], Any]

    @property
    def ours(self) -> bool:
        return self.name.startswith("steepest")


@dataclass(frozen=True)
class Outcome:
    """reached: the counts when it was solved, None where not. counts: of the whole run. best: lowest f seen."""

    reached: dict[str, int] | None
    counts: dict[str, int]
    best: float
    seconds: float
    error: str = ""

    @property
    def calls(self) -> float:
        """Values and gradients (residuals and Jacobians) until it was solved; inf where it was not."""
        return np.inf if self.reached is None else self.reached["f"] + self.reached["g"]


def solve(solver: Solver, problem: FunctionProblem, x0: np.ndarray) -> Outcome:
    """One run, until the method stops or has spent its calls."""
    f0, f_star = problem.fun(x0), problem.facts.f_star or 0.0
    counted = Counted(problem, f_star + ACCURACY * (f0 - f_star) if np.isfinite(f0) else f_star + ACCURACY)
    error = ""
    began = perf_counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            solver.run(counted, x0.copy())
        except Spent:
            error = "calls spent"
        except Exception as raised:  # a peer that breaks down has not solved it
            error = f"{type(raised).__name__}: {str(raised).partition(chr(10))[0][:80]}"
    return Outcome(counted.reached, dict(counted.counts), counted.best, perf_counter() - began, error)


def solvers() -> list[Solver]:
    """All that are installed, ours first in each family."""
    return [
        _steepest("BFGS", "steepest BFGS", methods.BFGS()),
        _scipy("BFGS", "scipy BFGS", "BFGS", {"gtol": TIGHT}),
        _steepest("L-BFGS", "steepest L-BFGS", methods.LBFGS(memory=10)),
        _scipy("L-BFGS", "scipy L-BFGS-B", "L-BFGS-B", {"gtol": TIGHT, "ftol": 0.0, "maxcor": 10, "maxfun": LIMIT}),
        Solver("L-BFGS", "torch LBFGS", _torch),
        _steepest("CG", "steepest CG PR+", methods.NonlinearCG()),
        _steepest("CG", "steepest CG HZ", methods.NonlinearCG("HZ", step_size=methods.HagerZhang())),
        _scipy("CG", "scipy CG", "CG", {"gtol": TIGHT}),
        _steepest("Newton-CG", "steepest Newton-CG", methods.NewtonCG(), hessp=True),
        _scipy("Newton-CG", "scipy Newton-CG", "Newton-CG", {"xtol": 1e-14}, hessp=True),
        _steepest(
            "Newton-CG, region",
            "steepest Newton-CG, region",
            methods.NewtonCG(methods.TrustRegion("steihaug")),
            hessp=True,
        ),
        _scipy("Newton-CG, region", "scipy trust-ncg", "trust-ncg", {"gtol": TIGHT}, hessp=True),
        _steepest("Newton", "steepest Newton, region", methods.Newton(methods.TrustRegion("exact")), hess=True),
        _steepest("Newton", "steepest Newton", methods.Newton(), hess=True),
        _scipy("Newton", "scipy trust-exact", "trust-exact", {"gtol": TIGHT}, hess=True),
        Solver("least squares", "steepest LM", _levenberg_marquardt),
        Solver("least squares", "scipy lm", _least_squares("lm")),
        Solver("least squares", "scipy trf", _least_squares("trf")),
        *_optimistix(),
    ]


def _steepest(family: str, name: str, method: methods.Method, *, hess: bool = False, hessp: bool = False) -> Solver:
    def run(counted: Counted, x0: np.ndarray) -> object:
        return minimize(
            counted.fun,
            x0,
            jac=counted.gradient,
            hess=counted.hessian if hess else None,
            hessp=counted.product if hessp else None,
            method=method,
            options={"gtol": TIGHT, "maxiter": LIMIT},
        )

    return Solver(family, name, run)


def _levenberg_marquardt(counted: Counted, x0: np.ndarray) -> object:
    options = {"gtol": TIGHT, "maxiter": LIMIT}
    return minimize(counted.residuals, x0, jac=counted.jacobian, method=methods.LevenbergMarquardt(), options=options)


def _scipy(
    family: str, name: str, method: str, options: dict[str, float], *, hess: bool = False, hessp: bool = False
) -> Solver:
    def run(counted: Counted, x0: np.ndarray) -> object:
        return scipy.optimize.minimize(
            counted.fun,
            x0,
            jac=counted.gradient,
            hess=counted.hessian if hess else None,
            hessp=counted.product if hessp else None,
            method=method,
            options={"maxiter": LIMIT, **options},
        )

    return Solver(family, name, run)


def _least_squares(method: str) -> Callable[[Counted, np.ndarray], object]:
    def run(counted: Counted, x0: np.ndarray) -> object:
        tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": LIMIT}
        return scipy.optimize.least_squares(
            counted.residuals, x0, counted.jacobian, method=method, x_scale="jac", **tight
        )

    return run


def _torch(counted: Counted, x0: np.ndarray) -> None:
    x = torch.tensor(x0, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(
        [x], max_iter=LIMIT, max_eval=LIMIT, tolerance_grad=TIGHT, tolerance_change=0.0, history_size=10,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> float:
        f = counted.fun(x.numpy())
        x.grad = torch.from_numpy(counted.gradient(x.numpy()))
        return f

    optimizer.step(closure)


def _optimistix() -> list[Solver]:
    try:
        from benchmarks.optimistix_peer import BFGS, LM
    except ImportError:
        return []
    return [Solver("BFGS", "optimistix BFGS", BFGS), Solver("least squares", "optimistix LM", LM)]
