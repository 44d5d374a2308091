"""What theorems assume, as objects that say why they fail, with the value that does."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, Literal, final

from steepest.theory.expression import Expression
from steepest.theory.setting import Setting
from steepest.theory.symbols import Symbol
from steepest.theory.vocabulary import FROM_RUN, STARTS

_DEFAULTS: Final = {"step_rule": "constant", "momentum_rule": "constant", "averaging": "none"}
_ROUNDING: Final = 1e-12
_EQUAL: Final = 1e-9


class Assumption(ABC):
    """One thing that a theorem needs."""

    @abstractmethod
    def text(self) -> str:
        """As a person writes it: "0 < α ≤ 1/L"."""

    @abstractmethod
    def latex(self) -> str:
        """For math mode."""

    @abstractmethod
    def failure(self, setting: Setting) -> str:
        """Why it does not hold, with the value; "" where it holds."""


@final
@dataclass(frozen=True)
class Problem(Assumption):
    """The function's class: "convex", "strongly convex", "quadratic", "PL", "smooth" or "self-concordant"."""

    kind: str

    def text(self) -> str:
        return _CLASSES[self.kind][0]

    def latex(self) -> str:
        return _CLASSES[self.kind][1]

    def failure(self, setting: Setting) -> str:
        region = setting.problem.region
        if region is not None and self.kind in ("smooth", "strongly convex", "PL"):
            return f"L and mu are known on [{region[0]:g}, {region[1]:g}] only, and the run may leave it"
        if setting.has(self.kind):
            return ""
        declared = setting.problem.problem_class
        if declared == "unknown":
            return f"the problem's class is not stated; it must be {self.kind}"
        if self.kind == "smooth":
            return "the Lipschitz constant L of the gradient is not known"
        if self.kind in ("strongly convex", "PL") and declared in ("quadratic", "strongly convex", "PL", "convex"):
            if setting.problem.mu is None:
                return f"mu is not known; the problem must be {self.kind} with mu > 0"
            if not setting.problem.mu:
                return f"mu is 0; the problem must be {self.kind} with mu > 0"
        return f"the problem is {declared}, not {self.kind}"


@final
@dataclass(frozen=True)
class Compare(Assumption):
    """Left relation right, where both are formulas of known numbers; 0 < left too where `positive`."""

    left: Expression
    relation: Literal["<", "≤", "=", ">", "≥"]
    right: Expression
    positive: bool = False

    def text(self) -> str:
        return f"{'0 < ' if self.positive else ''}{self.left.text()} {self.relation} {self.right.text()}"

    def latex(self) -> str:
        sign = {"≤": r"\le", "≥": r"\ge"}.get(self.relation, self.relation)
        return f"{'0 < ' if self.positive else ''}{self.left.latex()} {sign} {self.right.latex()}"

    def failure(self, setting: Setting) -> str:
        missing = unknown(setting, self.left, self.right, strict=True)
        if missing:
            return missing
        left, right = self.left(setting.values), self.right(setting.values)
        if self.positive and left <= 0:
            return f"{_called(self.left)} {left:.6g} is not above 0"
        allowed = (_EQUAL if self.relation == "=" else _ROUNDING) * max(abs(left), abs(right))
        near = left == right or abs(left - right) <= allowed < math.inf
        holds = {
            "<": left < right and not near,
            "≤": left < right or near,
            "=": near,
            ">": left > right and not near,
            "≥": left > right or near,
        }[self.relation]
        if holds:
            return ""
        if self.relation == "<" and near:
            words = "is not below"
        elif self.relation == ">" and near:
            words = "is not above"
        else:
            words = {"<": "is above", "≤": "is above", "=": "is not", ">": "is below", "≥": "is below"}[self.relation]
        formula = self.right.text()
        return f"{_called(self.left)} {left:.6g} {words} {formula}{_value(formula, right)}"


@final
@dataclass(frozen=True)
class Declared(Assumption):
    """What a method declares of itself: `step_rule`, `momentum_rule`, `averaging`, `projected`, `form`.

    default: what a method that says nothing has; None for a constant step, constant momentum and the last iterate.
    """

    field: Literal["step_rule", "momentum_rule", "averaging", "projected", "form"]
    wanted: str | bool
    words: str
    tex: str
    default: str | bool | None = None

    def text(self) -> str:
        return self.words

    def latex(self) -> str:
        return self.tex

    def failure(self, setting: Setting) -> str:
        found = getattr(setting.family.facts, self.field)
        if found is None:
            found = _DEFAULTS.get(self.field) if self.default is None else self.default
        if found == self.wanted:
            return ""
        label = self.field.replace("_", " ")
        if isinstance(self.wanted, bool):
            return f"the method {'does not project' if self.wanted else 'projects'}; needed: {self.words}"
        return f"the method's {label} is {found if found is not None else 'not stated'}; needed: {self.words}"


@final
@dataclass(frozen=True)
class Unlike(Assumption):
    """The function is not of a class that has a theorem of its own."""

    kind: str

    def text(self) -> str:
        return f"f not known to be {self.kind}"

    def latex(self) -> str:
        return rf"f \text{{ not known to be {self.kind}}}"

    def failure(self, setting: Setting) -> str:
        return f"the problem is {self.kind}" if setting.has(self.kind) else ""


@final
@dataclass(frozen=True)
class ExactGradients(Assumption):
    """∇f itself, not an estimate."""

    def text(self) -> str:
        return "exact gradients"

    def latex(self) -> str:
        return r"\text{exact gradients}"

    def failure(self, setting: Setting) -> str:
        stochastic = setting.problem.oracle == "stochastic"
        return "the gradients are stochastic; needed: exact gradients" if stochastic else ""


@final
@dataclass(frozen=True)
class Minimizer(Assumption):
    """A minimizer exists."""

    def text(self) -> str:
        return "f has a minimizer"

    def latex(self) -> str:
        return r"f \text{ has a minimizer}"

    def failure(self, setting: Setting) -> str:
        return "f has no minimizer (R = ∞)" if setting.values.get("R") == math.inf else ""


@final
@dataclass(frozen=True)
class Words(Assumption):
    """What cannot be read from facts, and is stated to be judged by a person; never fails."""

    words: str

    def text(self) -> str:
        return self.words

    def latex(self) -> str:
        return rf"\text{{{self.words}}}"

    def failure(self, setting: Setting) -> str:
        return ""


def unknown(setting: Setting, *formulas: Expression, strict: bool = False) -> str:
    """Which number that a formula needs is not known; "" where all are.

    strict: also what a start or a run decides, and the number of steps.
    """
    granted = frozenset() if strict else STARTS | FROM_RUN.keys() | {"N"}
    for formula in formulas:
        for key, symbol in formula.symbols().items():
            if key not in setting.values and key not in granted:
                return f"the {symbol.meaning} is not known"
    return ""


def _called(left: Expression) -> str:
    if isinstance(left, Symbol):
        return left.meaning if left.key in ("step", "momentum") else left.name
    return f"{left.text()} ="


def _value(formula: str, number: float) -> str:
    shown = f"{number:.6g}"
    return "" if formula == shown else f" = {shown}"


_CLASSES: Final = {
    "convex": ("f convex", r"f \text{ convex}"),
    "strongly convex": ("f μ-strongly convex", r"f\ \mu\text{-strongly convex}"),
    "quadratic": ("f quadratic, its spectrum in [μ, L]", r"f \text{ quadratic, its spectrum in } [\mu, L]"),
    "PL": ("½‖∇f‖² ≥ μ(f − f*)", r"\tfrac12 \|\nabla f\|^2 \ge \mu (f - f^*)"),
    "smooth": ("f L-smooth", r"f\ L\text{-smooth}"),
    "self-concordant": ("f standard self-concordant", r"f \text{ standard self-concordant}"),
}
