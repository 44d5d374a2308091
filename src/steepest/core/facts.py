"""What theory may know of a method and of a problem: declared by them, carried in a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

ProblemClass = Literal["quadratic", "strongly convex", "PL", "convex", "smooth", "self-concordant", "unknown"]
"""quadratic: convex, f = ½ xᵀHx + … . PL: ½‖∇f‖² ≥ μ (f − f*). smooth: a Lipschitz gradient and a lower bound, no more.
self-concordant: convex with |D³f(x)[u,u,u]| ≤ 2 (D²f(x)[u,u])^{3/2}."""
Momentum = Literal["constant", "t_k", "(k−1)/(k+2)"]
"""How β varies: not at all; βₖ = (tₖ − 1)/tₖ₊₁ with t₁ = 1, tₖ₊₁ = (1 + √(1 + 4tₖ²))/2; βₖ = (k − 1)/(k + 2)."""
StepRule = Literal["constant", "1/√t", "1/t", "1/(t+1)"]
"""How the step varies with t = 1, 2, …: `step` times 1, 1/√t, 1/t or 1/(t + 1)."""
Averaging = Literal["none", "uniform", "weights t"]
"""Which point answers: the last iterate, the mean of x₁ … x_T, or their mean with weights proportional to t."""


@dataclass(frozen=True)
class MethodFacts:
    """A method's family and constants; None where a constant varies or is not defined.

    family: a rule's name, or theory's name of a family, as "gradient-descent". step: α. momentum: β. schedule: the
    text of a schedule that is none of `step_rule`. form: which of a family's written forms. momentum_rule, step_rule,
    averaging: see their types; None where not stated: theory then takes a constant from `step` and `momentum`, and
    the last iterate. projected: each step ends with a projection on a feasible set. constants: the rest by name, as
    {"beta2": 0.999}; theory's families name what they read.
    """

    family: str
    step: float | None = None
    momentum: float | None = None
    schedule: str | None = None
    form: str | None = None
    momentum_rule: Momentum | None = None
    step_rule: StepRule | None = None
    averaging: Averaging | None = None
    projected: bool = False
    constants: Mapping[str, float] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """JSON values: family, step, momentum and schedule always, the rest where stated."""
        return _stated(self, always=("family", "step", "momentum", "schedule"))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The facts that `to_dict` gave; what is unknown here is left out."""
        return cls(**_known(cls, values))


@dataclass(frozen=True)
class ProblemFacts:
    """A problem's class and constants, None where not known.

    L: Lipschitz constant of the gradient; of each term's, where f is a sum of n. mu: strong convexity, or the PL
    constant. R: distance of the start from the nearest minimizer. f_star: minimal value. source: where the constants
    come from ("exact", "estimated", a reference). delta: f(start) − f*. D: diameter of the feasible set. G: bound of
    the norm of (sub)gradients, or of √E‖g‖². sigma: √E‖∇fᵢ(x*)‖², the noise at the minimizer. n: number of terms.
    oracle: "exact", or "stochastic" where gradients are unbiased estimates; None where not stated: theory then takes
    them as exact. region: the interval of every coordinate on which L and mu hold; None where everywhere.
    constants: the rest by name, as {"M": 2.0}, a Lipschitz constant of the Hessian.
    """

    problem_class: ProblemClass = "unknown"
    L: float | None = None
    mu: float | None = None
    R: float | None = None
    f_star: float | None = None
    source: str = "not stated"
    delta: float | None = None
    D: float | None = None
    G: float | None = None
    sigma: float | None = None
    n: int | None = None
    oracle: Literal["exact", "stochastic"] | None = None
    region: tuple[float, float] | None = None
    constants: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def kappa(self) -> float | None:
        """Condition number L/μ, None where either is unknown or μ = 0."""
        return self.L / self.mu if self.L is not None and self.mu else None

    def to_dict(self) -> dict[str, Any]:
        """JSON values: class, L, mu, R, f_star and source always, the rest where stated."""
        return _stated(self, always=("problem_class", "L", "mu", "R", "f_star", "source"))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The facts that `to_dict` gave; what is unknown here is left out."""
        return cls(**_known(cls, values))


def _stated(facts: MethodFacts | ProblemFacts, always: tuple[str, ...]) -> dict[str, Any]:
    values = asdict(facts) | {"constants": dict(facts.constants)}
    return {
        key: value
        for key, value in values.items()
        if key in always or not (value is None or value is False or value == {})
    }


def _known(cls: type[MethodFacts | ProblemFacts], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {entry.name for entry in fields(cls)}
    return {key: value for key, value in values.items() if key in names}
