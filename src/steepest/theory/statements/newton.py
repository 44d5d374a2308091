"""Newton's method: local, damped, and with backtracking."""

from __future__ import annotations

import math
from typing import Final

from steepest.theory.assumptions import Compare, Problem, Words
from steepest.theory.expression import Number, Values
from steepest.theory.functions import ln
from steepest.theory.symbols import Sequence
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import M, R, decrement, decrement0, mu

_NESTEROV: Final = "Nesterov 2018, Lectures on Convex Optimization"


def _local(values: Values) -> float:
    distance, M_, mu_ = values["R"], values["M"], values["mu"]
    for _ in range(int(values["N"])):
        if M_ * distance >= mu_:
            return math.inf
        distance = M_ * distance**2 / (2 * (mu_ - M_ * distance))
    return distance


def _full_step(values: Values) -> float:
    decrement = values["decrement0"]
    for _ in range(int(values["N"])):
        if decrement >= 1:
            return math.inf
        decrement = (decrement / (1 - decrement)) ** 2
    return decrement


def _damped(values: Values) -> float:
    decrement = values["decrement0"]
    for _ in range(int(values["N"])):
        if decrement > 1e150:
            return math.inf
        decrement = 2 * decrement**2
    return decrement


THEOREMS: Final = (
    Theorem(
        "newton-local",
        "newton",
        "quadratic convergence near a minimizer",
        (
            Words("‖∇²f(x) − ∇²f(y)‖ ≤ M‖x − y‖, ∇²f(x*) ⪰ μI"),
            Compare(mu, ">", Number(0)),
            Compare(R, "<", 2 * mu / (3 * M)),
        ),
        Quantity.DISTANCE,
        Sequence(
            "e_N",
            "e_N",
            _local,
            ("e₀ = R, eₖ₊₁ = M eₖ²/(2(μ − M eₖ))", r"e_0 = R,\ e_{k+1} = \frac{M e_k^2}{2 (\mu - M e_k)}"),
            (M, mu, R),
        ),
        "loose",
        f"{_NESTEROV}, Theorem 1.2.5",
        ("m",),
        start=0,
        remark="from elsewhere it finds stationary points, saddles among them: see 'newton-saddle'",
    ),
    Theorem(
        "newton-self-concordant",
        "newton",
        "full steps on self-concordant functions",
        (Problem("self-concordant"), Compare(decrement0, "<", Number(1))),
        Quantity.DECREMENT,
        Sequence(
            "d_N",
            "d_N",
            _full_step,
            ("d₀ = λ₀, dₖ₊₁ = (dₖ/(1 − dₖ))²", r"d_0 = \lambda_0,\ d_{k+1} = \left(\frac{d_k}{1 - d_k}\right)^2"),
            (decrement0,),
        ),
        "not known",
        f"{_NESTEROV}, section 5.2",
        ("m",),
        start=0,
    ),
    Theorem(
        "damped-newton-decrement",
        "damped-newton",
        "steps 1/(1 + λ) on self-concordant functions",
        (Problem("self-concordant"),),
        Quantity.DECREMENT,
        Sequence(
            "d_N",
            "d_N",
            _damped,
            ("d₀ = λ₀, dₖ₊₁ = 2dₖ²", r"d_0 = \lambda_0,\ d_{k+1} = 2 d_k^2"),
            (decrement0,),
        ),
        "not known",
        f"{_NESTEROV}, section 5.2",
        ("m",),
        start=0,
    ),
    Theorem(
        "damped-newton-decrease",
        "damped-newton",
        "every step lowers a self-concordant function",
        (Problem("self-concordant"),),
        Quantity.DECREASE,
        ln(1 + decrement) - decrement,
        "exact",
        f"{_NESTEROV}, section 5.2; exact on x − ln x for x ≥ 1",
        ("m", "own"),
    ),
    Theorem(
        "newton-backtracking",
        "newton-backtracking",
        "steps until f − f* ≤ ε on self-concordant functions",
        (Problem("self-concordant"),),
        None,
        None,
        "loose",
        "Boyd & Vandenberghe 2004, Convex Optimization, (9.56)",
        ("m",),
        says="at most (f(x₀) − f*)/γ + log₂ log₂(1/ε) steps, γ = τc(1 − 2c)²/(20 − 8c), Armijo's c < ½, factor τ",
    ),
)
"""Second derivatives."""
