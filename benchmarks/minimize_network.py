"""Full-batch L-BFGS on a small network in float32: the lowest loss after equally many calls of the closure."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from benchmarks.options import Options
from steepest import methods
from steepest.run.minimize import minimize

SEEDS = 5
_MARKS = (10, 25, 50, 100, 200, 400)
Closure = Callable[[], torch.Tensor]


class Spent(Exception):
    """The run has had its calls."""


def network(options: Options) -> list[tuple[str, tuple[str, ...], list[list[str]]]]:
    """Medians over seeds of the lowest loss so far, a row a contender."""
    marks = _MARKS[: 2 if options.quick else None]
    seeds = range(1 if options.quick else SEEDS)
    rows = []
    for name, run in _contenders().items():
        if not (name.startswith("steepest") or options.wants("", name)):
            continue
        lowest = np.array([_lowest(run, seed, marks[-1]) for seed in seeds])
        rows.append([name, *(f"{statistics.median(lowest[:, mark - 1]):.3g}" for mark in marks)])
    title = f"Network 64–32–10, float32, 1,797 digits at once, {len(seeds)} seeds: lowest loss after so many closures"
    return [(title, ("who", *map(str, marks)), rows)]


def _contenders() -> dict[str, Callable[[torch.nn.Module, Closure], Any]]:
    found: dict[str, Callable[[torch.nn.Module, Closure], Any]] = {
        "torch LBFGS": _torch,
        "steepest minimize": _minimize,
    }
    try:
        from steepest.torch import LBFGS
    except ImportError:
        return found
    settings = {"lr": 1.0, "max_iter": 10_000, "max_eval": 10_000, "history_size": 10, "tolerance_grad": 0.0}

    def ours(model: torch.nn.Module, closure: Closure) -> None:
        LBFGS(model.parameters(), tolerance_change=0.0, line_search_fn="strong_wolfe", **settings).step(closure)

    return {**found, "steepest.torch.LBFGS": ours}


def _torch(model: torch.nn.Module, closure: Closure) -> None:
    settings = {"lr": 1.0, "max_iter": 10_000, "max_eval": 10_000, "history_size": 10, "tolerance_grad": 0.0}
    torch.optim.LBFGS(model.parameters(), tolerance_change=0.0, line_search_fn="strong_wolfe", **settings).step(closure)


def _minimize(model: torch.nn.Module, closure: Closure) -> None:
    options = {"gtol": 0.0, "maxiter": 10_000}
    minimize(lambda _: closure(), model, method=methods.LBFGS(memory=10), options=options)


def _lowest(run: Callable[[torch.nn.Module, Closure], Any], seed: int, calls: int) -> list[float]:
    """The lowest loss after each of so many calls; where the method stopped before, its last."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    digits = load_digits()
    inputs, labels = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
    lowest: list[float] = []

    def closure() -> torch.Tensor:
        if len(lowest) >= calls:
            raise Spent
        with torch.enable_grad():
            model.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        if torch.is_grad_enabled():
            loss.backward(retain_graph=True)
        lowest.append(min(float(loss.detach()), lowest[-1] if lowest else np.inf))
        return loss

    try:
        run(model, closure)
    except Spent:
        pass
    return [*lowest, *[lowest[-1]] * (calls - len(lowest))]
