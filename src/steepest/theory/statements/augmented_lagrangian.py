"""The method of multipliers."""

from __future__ import annotations

from typing import Final

from steepest.theory.assumptions import Compare, Problem, Words
from steepest.theory.expression import Number
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import N, multiplier0, penalty, sigma_min

THEOREMS: Final = (
    Theorem(
        "augmented-lagrangian-quadratic",
        "augmented-lagrangian",
        "multipliers of a quadratic program with equalities",
        (
            Problem("quadratic"),
            Words("min ½xᵀAx − bᵀx subject to Bx = d, exact inner minimization, λ ← λ + c(Bx − d)"),
            Compare(penalty, ">", Number(0)),
        ),
        Quantity.MULTIPLIERS,
        (1 / (1 + penalty * sigma_min)) ** N * multiplier0,
        "exact",
        "λ_{k+1} − λ* = (I + cBA⁻¹Bᵀ)⁻¹(λₖ − λ*)",
        ("own",),
        linear=True,
        start=0,
        remark="min x² + y² with x + y = 1: s = 1, and λ_{k+1} + 1 = (λₖ + 1)/(1 + c)",
    ),
    Theorem(
        "augmented-lagrangian-convex",
        "augmented-lagrangian",
        "the proximal point method on the dual",
        (Problem("convex"), Words("exact inner minimization")),
        None,
        None,
        "not known",
        "Rockafellar 1976, Math. Oper. Res. 1",
        ("m",),
        says="the multipliers converge, with a ratio of O(1/c)",
    ),
)
"""Constraints."""
