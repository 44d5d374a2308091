"""What theory may know of a method and of a problem: declared by them, carried in a trace."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

ProblemClass = Literal["quadratic", "convex", "strongly convex", "smooth", "unknown"]


@dataclass(frozen=True)
class MethodFacts:
    """A method's family and constants; None where a constant varies or is not defined."""

    family: str
    step: float | None = None
    momentum: float | None = None
    schedule: str | None = None

    def to_dict(self) -> dict[str, str | float | None]:
        return asdict(self)


@dataclass(frozen=True)
class ProblemFacts:
    """A problem's class and constants, None where not known.

    L: Lipschitz constant of the gradient. mu: strong convexity. R: distance of the start from the nearest
    minimizer. f_star: minimal value. source: where the constants come from ("exact", "estimated", a reference).
    """

    problem_class: ProblemClass = "unknown"
    L: float | None = None
    mu: float | None = None
    R: float | None = None
    f_star: float | None = None
    source: str = "not stated"

    @property
    def kappa(self) -> float | None:
        """Condition number L/μ, None where either is unknown or μ = 0."""
        return self.L / self.mu if self.L is not None and self.mu else None

    def to_dict(self) -> dict[str, str | float | None]:
        return asdict(self)
