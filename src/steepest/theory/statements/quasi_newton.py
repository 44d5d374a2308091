"""BFGS and L-BFGS: what is proved, without constants that could be used."""

from __future__ import annotations

from typing import Final

from steepest.theory.assumptions import Problem, Words
from steepest.theory.theorem import Theorem

THEOREMS: Final = (
    Theorem(
        "l-bfgs",
        "l-bfgs",
        "R-linear only, without a useful constant",
        (Problem("strongly convex"), Problem("smooth"), Words("f twice continuously differentiable, Wolfe steps")),
        None,
        None,
        "not known",
        "Liu & Nocedal 1989, Math. Program. 45, Theorem 7.1",
        ("m",),
        says="f(x_N) − f* ≤ aᴺ Δ for some a < 1; with a fixed memory it is not superlinear in general",
    ),
    Theorem(
        "bfgs",
        "bfgs",
        "Q-superlinear",
        (Problem("strongly convex"), Problem("smooth"), Words("∇²f Lipschitz near x*, Wolfe steps")),
        None,
        None,
        "not known",
        "Byrd, Nocedal & Yuan 1987; explicit rates Rodomanov & Nesterov 2021",
        ("m",),
        says="‖x_{N+1} − x*‖/‖x_N − x*‖ → 0",
    ),
    Theorem(
        "bfgs-quadratic",
        "bfgs",
        "ends on a quadratic",
        (Problem("quadratic"), Words("exact line search")),
        None,
        None,
        "exact",
        "Nazareth 1979; Nocedal & Wright 2006, section 6.3",
        ("m",),
        says="x_N = x* for some N ≤ the number of variables; the iterates are those of conjugate gradients",
    ),
)
"""Quasi-Newton methods."""
