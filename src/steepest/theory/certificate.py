"""What comes out of holding a run against a theorem."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from steepest.theory.convergence import convergence
from steepest.theory.measured import Numbers
from steepest.theory.theorem import Theorem

Verdict = Literal["held", "broken", "not applicable", "not measured", "undecided"]
"""held: at every k that was compared. undecided: a theorem on an expected value, and one run only."""


@dataclass(frozen=True, repr=False, eq=False)
class Certificate:
    """One theorem held against one run, or against the mean of several.

    steps: the k that were compared. measured, bound: both sides there. low, high: of a mean, an interval that holds
    at all k together with probability `level`; equal to `measured` for one run. broken_at: the first k where it is
    broken. reasons: why it was not compared. estimated: constants that were estimated and not given. runs: how many.
    rounding_from: from which k on only rounding is left, None where never. gradient_error: what gradients by
    differences may be off by, which is allowed for; 0 where gradients are exact.
    """

    theorem: Theorem
    verdict: Verdict
    steps: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    measured: Numbers = field(default_factory=lambda: np.empty(0))
    bound: Numbers = field(default_factory=lambda: np.empty(0))
    low: Numbers = field(default_factory=lambda: np.empty(0))
    high: Numbers = field(default_factory=lambda: np.empty(0))
    broken_at: int | None = None
    reasons: tuple[str, ...] = ()
    estimated: tuple[str, ...] = ()
    runs: int = 1
    rounding_from: int | None = None
    gradient_error: float = 0.0

    @property
    def held(self) -> bool:
        return self.verdict == "held"

    @property
    def slack(self) -> float:
        """The smallest ratio bound/measured over k ≥ 1; 1 where the bound is attained, inf where nothing was compared.

        Of bounds below 0 (a guaranteed decrease) the smallest ratio measured/bound.
        """
        later = self.steps >= max(1, self.theorem.start)
        if not later.any():
            return math.inf
        bound, seen = self.bound[later], self.measured[later]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(bound < 0, seen / bound, np.where(seen > 0, bound / seen, np.inf))
        return float(np.nanmin(ratios))

    @property
    def measured_rate(self) -> float:
        """How fast the run went: the factor a step of a linear theorem, else p where it goes like 1/k^p."""
        return convergence(self.steps, self.measured, linear=self.theorem.linear)

    @property
    def proven_rate(self) -> float:
        """The same of the bound."""
        return convergence(self.steps, self.bound, linear=self.theorem.linear)

    def __str__(self) -> str:
        if self.reasons:
            return f"{self.theorem.name}: {self.verdict} ({'; '.join(self.reasons)})"
        return "; ".join(self._clauses())

    __repr__ = __str__

    def _clauses(self) -> Iterator[str]:
        marks = f" with estimated {', '.join(_GREEK.get(key, key) for key in self.estimated)}" if self.estimated else ""
        opened = f"{self.theorem.name}: {self.verdict}{marks}"
        if self.verdict == "broken":
            at = int(np.flatnonzero(self.steps == self.broken_at)[0])
            mean = f" [{self.low[at]:.6g}, {self.high[at]:.6g}]" if self.runs > 1 and self.theorem.expectation else ""
            seen, allowed = apart(self.measured[at], self.bound[at])
            yield f"{opened} at k = {self.broken_at}: {seen}{mean} > {allowed}"
        else:
            where = f"k = {self.steps[0]} … {self.steps[-1]}" if len(self.steps) > 1 else f"k = {self.steps[0]}"
            yield f"{opened} at {len(self.steps)} recorded steps, {where}"
            slack = self.slack
            yield "attained" if slack <= 1 + 1e-6 else f"within a factor {slack:.4g}"
        kind = "a factor {:.6g} a step" if self.theorem.linear else "1/k^{:.3g}"
        if not math.isnan(self.measured_rate) and not math.isnan(self.proven_rate):
            yield f"measured {kind.format(self.measured_rate)}, proven {kind.format(self.proven_rate)}"
        if self.runs > 1:
            yield f"{self.runs} runs"
        if self.gradient_error:
            yield f"gradients by differences, {self.gradient_error:.1g} allowed for"
        if self.rounding_from is not None:
            yield f"from k = {self.rounding_from} on only rounding is left"


@dataclass(frozen=True, repr=False, eq=False)
class Certificates:
    """All theorems of a method held against a run. none: why there are none, "" where there are."""

    items: tuple[Certificate, ...]
    none: str = ""

    @property
    def held(self) -> bool:
        """Whether some theorem was held against the run and none is broken."""
        return any(item.held for item in self.items) and not self.broken

    @property
    def broken(self) -> tuple[Certificate, ...]:
        return tuple(item for item in self.items if item.verdict == "broken")

    @property
    def applied(self) -> tuple[Certificate, ...]:
        """Those that were compared."""
        return tuple(item for item in self.items if len(item.steps))

    def __getitem__(self, name: str) -> Certificate:
        return {item.theorem.name: item for item in self.items}[name]

    def lines(self, *, every: bool = False) -> Iterator[str]:
        """For a person: what was compared, then why the rest was not, by reason. every: a line for each theorem."""
        if self.none:
            yield self.none
            return
        compared = [item for item in self.items if every or not item.reasons]
        yield from (str(item) for item in compared)
        if every:
            return
        reasons: dict[str, list[str]] = {}
        for item in self.items:
            if item.reasons:
                reasons.setdefault(item.reasons[0], []).append(item.theorem.name)
        if not compared:
            yield "no theorem was held against this run"
        yield from (f"not {', '.join(names)}: {reason}" for reason, names in reasons.items())

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__


def apart(first: float, second: float) -> tuple[str, str]:
    """Both with six digits, or as many as it takes to tell them apart.

    >>> apart(0.5, 0.25), apart(1 / 3, 1 / 3 + 1e-9)
    (('0.5', '0.25'), ('0.333333333', '0.333333334'))
    """
    digits = next((n for n in range(6, 17) if f"{first:.{n}g}" != f"{second:.{n}g}"), 17)
    return f"{first:.{digits}g}", f"{second:.{digits}g}"


_GREEK: Final = {"mu": "μ", "sigma": "σ", "f_star": "f*"}
