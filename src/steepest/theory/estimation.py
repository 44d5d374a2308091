"""Constants of a problem estimated from a run or from the functions themselves, and marked as estimates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputTypeError
from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.theory.measured import column_of
from steepest.theory.reading import family_of, problem_facts
from steepest.trace import Trace


@dataclass(frozen=True)
class Estimated:
    """Facts completed by estimates.

    keys: which numbers were estimated: "L", "mu", "f_star", "G", "D", "sigma". how: for each, from what.
    """

    facts: ProblemFacts
    keys: frozenset[str]
    how: Mapping[str, str] = field(default_factory=dict)


def estimate(subject: object, *, points: int = 64, seed: int = 0) -> Estimated:
    """Estimate what the facts of a trace's problem, or of a problem, leave open.

    From a trace: f* is the least value seen, G the largest gradient norm, D twice the largest distance from x*; of a
    run of gradient descent, L and μ are the largest and smallest curvature along its steps, 2(f⁺ − f + α‖g‖²)/(α‖g‖)².
    From a problem that has `gradient` and `x0`: at `points` points about start and minimizer, L and μ are the extreme
    eigenvalues of the Hessian, or else of secants, G the largest gradient, and σ of `sample_gradient(i, x)` for
    i < `n` at the minimizer.

    Such an L is at most the true one, such a μ at least the true one, so a theorem with them may be broken by a run
    that keeps to it. points: a whole number from 2. Raises InputTypeError for a problem without functions.

    >>> from steepest.trace import Trace
    >>> run = Trace({"step": [0, 1], "value": [4.0, 1.0], "gradient_norm": [4.0, 2.0], "learning_rate": [0.1, 0.1]})
    >>> sorted(estimate(run).keys)
    ['G', 'f_star']
    """
    count = int(Range(low=2, integer=True).check("estimate", "points", points))
    if isinstance(subject, Trace):
        known, found = problem_facts(subject), _from_trace(subject)
    else:
        known = problem_facts(subject)
        found = _from_functions(subject, count, np.random.default_rng(seed))
    open_ = {key: pair for key, pair in found.items() if getattr(known, key) is None and math.isfinite(pair[0])}
    values: dict[str, Any] = {key: number for key, (number, _) in open_.items()}
    if "mu" in values:
        values["mu"] = min(values["mu"], values.get("L", known.L or math.inf))
    if known.mu is not None and "L" in values:
        values["L"] = max(values["L"], known.mu)
    return Estimated(replace(known, **values), frozenset(open_), {key: how for key, (_, how) in open_.items()})


_FLAT: Final = 1e-13
"""Relative change of f below which a curvature along a step is rounding."""


def _from_trace(trace: Trace) -> dict[str, tuple[float, str]]:
    found: dict[str, tuple[float, str]] = {}
    values = column_of(trace, "value", also_steps=True)
    finite = [value for value in values.values() if math.isfinite(value)]
    if finite:
        found["f_star"] = (min(finite), "the least value of the run")
    norms = [g for g in column_of(trace, "gradient_norm", also_steps=True).values() if math.isfinite(g)]
    if norms:
        found["G"] = (max(norms), "the largest gradient of the run")
    distances = [d for d in column_of(trace, "distance", also_steps=True).values() if math.isfinite(d)]
    if distances and max(distances) > 0:
        found["D"] = (2 * max(distances), "twice the largest distance of the run")
    if family_of(trace).name == "gradient-descent":
        curvatures = _curvatures(trace)
        if curvatures:
            found["L"] = (max(curvatures), "the largest curvature along a step")
            found["mu"] = (max(0.0, min(curvatures)), "the smallest curvature along a step")
    return {key: pair for key, pair in found.items() if key not in ("L", "G") or pair[0] > 0}


def _curvatures(trace: Trace) -> list[float]:
    steps = trace.steps
    if not {"step", "value", "gradient_norm", "learning_rate"} <= steps.keys():
        return []
    found = []
    columns = (steps[name].tolist() for name in ("step", "value", "gradient_norm", "learning_rate"))
    rows = list(zip(*columns, strict=True))
    for (k, f, g, _), (after, f_after, _, rate) in pairwise(rows):
        moved = rate * g
        if after != k + 1 or not all(map(math.isfinite, (f, f_after, g, rate))) or moved <= 0:
            continue
        change = f_after - f + rate * g * g
        if abs(change) > _FLAT * max(abs(f), abs(f_after)):
            found.append(2 * change / moved**2)
    return found


def _from_functions(problem: object, count: int, random: np.random.Generator) -> dict[str, tuple[float, str]]:
    gradient: Callable[[Any], Any] | None = getattr(problem, "gradient", None)
    start = getattr(problem, "x0", None)
    if not callable(gradient) or start is None:
        raise InputTypeError(f"estimate: a trace, or a problem with gradient and x0, is needed, got {problem!r}")
    minimizer = getattr(problem, "minimizer", None)
    points = _points(np.asarray(start, dtype=np.float64), minimizer, count, random)
    gradients = [np.asarray(gradient(x), dtype=np.float64) for x in points]
    found = {"G": (max(float(np.linalg.norm(g)) for g in gradients), f"{count} points about the start")}
    hessian = getattr(problem, "hessian", None)
    if callable(hessian):
        spectra = [np.linalg.eigvalsh(np.asarray(hessian(x), dtype=np.float64)) for x in points]
        found["L"] = (max(float(np.abs(s).max()) for s in spectra), f"Hessians at {count} points")
        found["mu"] = (max(0.0, min(float(s[0]) for s in spectra)), f"Hessians at {count} points")
    else:
        pairs = [(y - x, h - g) for x, y, g, h in zip(points, points[1:], gradients, gradients[1:], strict=False)]
        found["L"] = (max(float(np.linalg.norm(c) / np.linalg.norm(d)) for d, c in pairs), f"{count - 1} secants")
        found["mu"] = (max(0.0, min(float(d @ c / (d @ d)) for d, c in pairs)), f"{count - 1} secants")
    sample, terms = getattr(problem, "sample_gradient", None), getattr(problem, "n", None)
    if callable(sample) and isinstance(terms, int) and minimizer is not None:
        squares = [float(np.sum(np.square(sample(i, minimizer)))) for i in range(terms)]
        found["sigma"] = (math.sqrt(sum(squares) / terms), f"the gradients of {terms} terms at x*")
    return {key: pair for key, pair in found.items() if key not in ("L", "G") or pair[0] > 0}


def _points(
    start: npt.NDArray[np.float64], minimizer: Any, count: int, random: np.random.Generator
) -> list[npt.NDArray[np.float64]]:
    centre = start if minimizer is None else np.asarray(minimizer, dtype=np.float64)
    radius = float(np.linalg.norm(start - centre)) or 1.0
    directions = random.standard_normal((count - 1, start.size))
    lengths = radius * random.uniform(size=count - 1) ** (1 / start.size)
    ball = centre + directions * (lengths / np.linalg.norm(directions, axis=1))[:, None]
    return [start, *ball]
