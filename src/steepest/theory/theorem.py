"""A theorem as data: what it assumes, what it bounds, by how much, how tight that is, and where it is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple

from steepest.core.errors import InputError
from steepest.theory.assumptions import Assumption, unknown
from steepest.theory.expression import Expression
from steepest.theory.setting import Setting

Tightness = Literal["exact", "numerically exact", "loose", "not known"]
"""exact: proved, and attained. numerically exact: equal to exact worst cases where those were computed. loose: valid,
but the worst case is better."""
Mark = Literal["v", "m", "own", "pep"]
"""v: seen in the paper or in PEPit's documentation. m: a standard reference, its theorem number not verified.
own: derived for this library. pep: the constant reproduced by semidefinite programs."""


class Measure(NamedTuple):
    """How a quantity is written, and the columns of a trace that it is computed from, the first that there is."""

    text: str
    latex: str
    columns: tuple[str, ...]


class Quantity(Enum):
    """What a theorem bounds."""

    GAP = Measure("f(x_N) − f*", "f(x_N) - f^*", ("value",))
    BEST_GAP = Measure("min_{0≤i≤N} f(x_i) − f*", r"\min_{0 \le i \le N} f(x_i) - f^*", ("value",))
    AVERAGE_GAP = Measure("f(x̄_N) − f*", r"f(\bar x_N) - f^*", ("average_value",))
    SECONDARY_GAP = Measure("f(y_{N+1}) − f*", "f(y_{N+1}) - f^*", ("secondary_value",))
    DISTANCE = Measure("‖x_N − x*‖", r"\|x_N - x^*\|", ("distance",))
    DISTANCE_SQUARED = Measure("‖x_N − x*‖²", r"\|x_N - x^*\|^2", ("distance",))
    GRADIENT_SQUARED = Measure("‖∇f(x_N)‖²", r"\|\nabla f(x_N)\|^2", ("gradient_norm",))
    BEST_GRADIENT = Measure("min_{0≤i≤N} ‖∇f(x_i)‖²", r"\min_{0 \le i \le N} \|\nabla f(x_i)\|^2", ("gradient_norm",))
    EARLIER_GRADIENT = Measure("min_{0≤i<N} ‖∇f(x_i)‖²", r"\min_{0 \le i < N} \|\nabla f(x_i)\|^2", ("gradient_norm",))
    REGRET = Measure("Regret(T)", r"\text{Regret}(T)", ("regret",))
    LYAPUNOV = Measure("V_N", "V_N", ("lyapunov",))
    MULTIPLIERS = Measure("‖λ_N − λ*‖", r"\|\lambda_N - \lambda^*\|", ("multiplier_distance",))
    DECREMENT = Measure("λ_N", r"\lambda_N", ("newton_decrement",))
    DECREASE = Measure("f(x_N) − f(x_(N−1))", "f(x_N) - f(x_{N-1})", ("value",))
    STEP_LENGTH = Measure("max_i |x_{N,i} − x_{N−1,i}|", r"\max_i |x_{N,i} - x_{N-1,i}|", ("step_length",))


@dataclass(frozen=True, repr=False)
class Theorem:
    """One statement: under `assumptions`, quantity ≤ bound at every N ≥ `start`.

    name: short, lower case, with hyphens. family: whose steps it speaks of. bound: None for a statement without a
    number, which `says` then has in words. negative: it denies a guarantee. tight: how close the worst case comes;
    ratio: bound over exact worst case where that is known. expectation: the bound is on an expected value. horizon:
    the step depends on the number of steps, so the bound holds at the last one only. linear: it falls by a factor a
    step. source, mark: where it is from and how well that is verified. remark: what a reader should know besides.
    """

    name: str
    family: str
    title: str
    assumptions: tuple[Assumption, ...]
    quantity: Quantity | None
    bound: Expression | None
    tight: Tightness
    source: str
    mark: tuple[Mark, ...]
    ratio: str = ""
    expectation: bool = False
    horizon: bool = False
    linear: bool = False
    negative: bool = False
    start: int = 1
    says: str = ""
    remark: str = ""

    def __repr__(self) -> str:
        return f"<theorem {self.name}: {self.statement()}>"

    def failures(self, setting: Setting) -> tuple[str, ...]:
        """Why it does not apply, each with the value that fails; empty where it does."""
        found = [failure for assumption in self.assumptions if (failure := assumption.failure(setting))]
        if self.bound is not None and not found:
            missing = unknown(setting, self.bound)
            found += [missing] if missing else []
        return tuple(dict.fromkeys(found))

    def value(self, values: Mapping[str, float], steps: int) -> float:
        """The bound after so many steps, from numbers by symbol key, whether or not the assumptions hold.

        Raises InputError where a number is missing.
        """
        if self.bound is None:
            raise InputError(f"{self.name}: states no bound")
        if steps < 0:
            raise InputError(f"{self.name}: steps must be in [0, inf), got {steps}")
        for key, symbol in self.bound.symbols().items():
            if key not in values and key != "N":
                raise InputError(f"{self.name}: needs {symbol.meaning}, which is not known")
        return self.bound({**values, "N": float(steps)})

    def statement(self) -> str:
        """The inequality, in Unicode."""
        if self.bound is None or self.quantity is None:
            return self.says
        left = self.quantity.value.text
        return f"{f'E[{left}]' if self.expectation else left} ≤ {self.bound.text()}"

    def latex(self) -> str:
        """The inequality, for math mode."""
        if self.bound is None or self.quantity is None:
            return rf"\text{{{self.says}}}"
        left = self.quantity.value.latex
        inner = rf"\mathbb{{E}}\left[{left}\right]" if self.expectation else left
        return rf"{inner} \le {self.bound.latex()}"

    def definitions(self) -> tuple[tuple[str, str], ...]:
        """What its formula abbreviates: text and LaTeX."""
        return tuple(self.bound.definitions()) if self.bound is not None else ()

    def lines(self) -> tuple[str, ...]:
        """The theorem for a person, a few lines."""
        where = "; ".join(text for text, _ in self.definitions())
        tight = f"{self.tight}{f' ({self.ratio})' if self.ratio else ''}"
        found = [
            f"{self.name}: {self.title}",
            f"  if     {'; '.join(assumption.text() for assumption in self.assumptions)}",
            f"  {'but   ' if self.negative else 'then  '} {self.statement()}",
        ]
        if self.horizon:
            found.append("  at     the last step, whose number the step size knows")
        if where:
            found.append(f"  where  {where}")
        if not self.negative and self.bound is not None:
            found.append(f"  tight  {tight}")
        found.append(f"  source {self.source} [{', '.join(self.mark)}]")
        if self.remark:
            found.append(f"  note   {self.remark}")
        return tuple(dict.fromkeys(found))
