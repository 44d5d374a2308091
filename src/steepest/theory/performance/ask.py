"""One worst case to be computed, in units where it depends on ratios only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from steepest.theory.fixed_step import FixedStep
from steepest.theory.theorem import Quantity

Initial = Literal["distance", "gap", "gradient", "gap and distance", "Lyapunov", "set"]
"""What is bounded at the start: ‖x₀ − x*‖ ≤ R; f(x₀) − f* ≤ Δ; ‖∇f(x₀)‖; f(x₀) − f* + μ/2 ‖x₀ − x*‖²; SAGA's V₀; or
nothing but the set's diameter."""
USED: Final[Mapping[Initial, frozenset[str]]] = {
    "distance": frozenset({"R"}),
    "gap": frozenset({"delta"}),
    "gradient": frozenset({"g0"}),
    "gap and distance": frozenset({"delta", "R"}),
    "Lyapunov": frozenset({"lyapunov0"}),
    "set": frozenset(),
}
"""By what bounds the start: the keys of the symbols that such a theorem's bound has."""
FunctionClass = Literal["convex", "strongly convex", "smooth", "PL", "Lipschitz"]


@dataclass(frozen=True)
class Ask:
    """A worst case in units of L = 1 and of 1 for what bounds the start (G = 1 for Lipschitz functions).

    kind: which program. steps: N. quantity, initial: what is bounded, from what. functions: over which functions.
    mu: μ/L. step: αL, or αG/R. fixed: the method, where it is one of fixed steps, in units of 1/L. numbers: the rest.
    """

    kind: str
    steps: int
    quantity: Quantity
    initial: Initial
    functions: FunctionClass
    mu: float = 0.0
    step: float = math.nan
    fixed: FixedStep | None = None
    rule: str = "constant"
    numbers: Mapping[str, float] = field(default_factory=dict)
