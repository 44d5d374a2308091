"""Reddi, Kale and Kumar's online problem, on which Adam goes to the worst point of the interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.core.oracle import Evaluation, Objective
from steepest.core.ranges import Range
from steepest.problems.fingerprint import fingerprint
from steepest.problems.functions.checked import on_cpu
from steepest.problems.problem import Problem, run_seed

if TYPE_CHECKING:
    from steepest.core.arrays import Tensors

_STEEP: Final = Range(low=2, open_low=True)
_PERIOD: Final = Range(low=2, integer=True)


def reddi(C: float = 3.0, *, period: int = 3) -> Reddi:
    """The online problem on [−1, 1] with f_t(x) = C x where t mod `period` = 1, else −x.

    Its sum over a period is (C − period + 1) x, so −1 is the best fixed point if C > period − 1. With period 3,
    β₁ = 0, β₂ = 1/(1 + C²), α_t = α/√t, α < √(1 − β₂), no ε and no bias correction Adam has x_{3k+1} = 1 for every k,
    the worst point: its regret grows like (2C − 4)/3 a round. AMSGrad goes to −1.

    x is projected on [−1, 1] when the next round begins. `measure` gives "value", f averaged over a period at x;
    "regret", the losses so far less those of the best fixed point; and "average_regret", that a round.
    C in (2, inf), 3: above period − 1 for the optimum to be −1. period in [2, inf), 3.
    Source: Reddi, Kale & Kumar 2018, ICLR, Theorem 1.

    >>> objective = reddi().start(seed=0)
    >>> objective.advance()
    >>> objective.value_and_gradient().value
    3.0
    """
    steep = _STEEP.check("reddi", "C", C)
    return Reddi(steep, int(_PERIOD.check("reddi", "period", period)))


@final
class Reddi(Problem):
    """See `reddi`."""

    def __init__(self, C: float, period: int) -> None:
        self.C, self.period = C, period

    @property
    def name(self) -> str:
        return "reddi"

    @property
    def summary(self) -> str:
        return f"an online problem on [−1, 1] with slopes {self.C:g} and −1, on which Adam goes to the worst point"

    @property
    def facts(self) -> ProblemFacts:
        """Convex; gradients are at most C, the interval's length is 2, f* is the least mean loss of a fixed point."""
        mean = (self.C - self.period + 1) / self.period
        return ProblemFacts(
            "convex",
            f_star=-abs(mean),
            source="exact",
            R=2.0 if mean > 0 else 0.0,
            D=2.0,
            G=max(self.C, 1.0),
            oracle="stochastic",
            constants={"D_inf": 2.0},
        )

    def check(self, device: str = "cpu") -> None:
        on_cpu(self.name, device)

    def start(self, seed: int, device: str = "cpu") -> ReddiObjective:
        run_seed(self.name, seed)
        on_cpu(self.name, device)
        return ReddiObjective(self.C, self.period)

    def fingerprint(self) -> str:
        return fingerprint("reddi", self.C, self.period)


@final
class ReddiObjective(Objective):
    """The rounds so far, and x, the one tensor "x"."""

    def __init__(self, C: float, period: int) -> None:
        self._C, self._period = C, period
        self._x = np.ones(1)
        self._round = 0
        self._losses = 0.0
        self._slopes = 0.0
        self._tensors = {"x": self._x}

    @property
    def tensors(self) -> Tensors:
        return self._tensors

    @property
    def slope(self) -> float:
        """That of the current round's loss; before the first round, of that."""
        return self._C if max(self._round, 1) % self._period == 1 else -1.0

    def advance(self) -> None:
        """Project x, play it, and learn the next loss."""
        np.clip(self._x, -1.0, 1.0, out=self._x)
        self._round += 1
        self._losses += self.slope * float(self._x[0])
        self._slopes += self.slope

    def value_and_gradient(self) -> Evaluation:
        return Evaluation(self.value(), {"x": np.array([self.slope])})

    def value(self) -> float:
        return self.slope * float(self._x[0])

    def measure(self, final: bool = False) -> dict[str, float]:
        """Of the point as the next round will have it."""
        x = min(1.0, max(-1.0, float(self._x[0])))
        regret = self._losses + abs(self._slopes)
        return {
            "value": (self._C - self._period + 1) / self._period * x,
            "x": x,
            "regret": regret,
            "average_regret": regret / max(self._round, 1),
        }
