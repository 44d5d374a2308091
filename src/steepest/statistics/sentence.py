"""A verdict put into one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steepest.statistics.intervals import Interval


@dataclass(frozen=True)
class Words:
    """What a verdict rests on, and the sentence made of it; the fields are those of `Verdict`."""

    label: str
    order: tuple[str, ...]
    intervals: Mapping[str, Interval]
    diverged: Mapping[str, int]
    improvement: Mapping[str, Interval]
    separate: Mapping[str, int | None]
    n: int
    needed: int
    alpha: float

    def no_verdict(self) -> str:
        """Why nothing can be said: one seed, one method, or every method diverges."""
        first = self.order[0]
        half = max(1, self.n // 2)
        if self.diverged[first] >= half:
            share = "its only seed" if self.n == 1 else f"at least {_half(self.n)} of its {self.n} seeds"
            who = f"{first} diverged" if len(self.order) == 1 else "every method diverged"
            return f"No verdict: {who} on {share}."
        if len(self.order) == 1:
            return f"No verdict: {first} is the only method, with {self._score(first)}."
        return (
            f"No verdict: one seed cannot tell methods apart (at least {self.needed} seeds are needed); "
            f"{first} has the lowest {self.label}, {self.intervals[first]}."
        )

    def verdict(
        self, p: Mapping[str, float], tied: Sequence[str], beaten: Sequence[str], reversed_: Sequence[str]
    ) -> str:
        """Best, interval, P(best beats next), ties, what is beaten, and how many seeds the ties would take."""
        first, following = self.order[:2]
        chance = f"P({first} beats {following}) = {self.improvement[following].text(2)}"
        if self.n < self.needed:
            return (
                f"{first} leads with {self._score(first)}; {chance}; no difference can be significant with {self.n} "
                f"seeds: at least {self.needed} seeds are needed (α = {self.alpha:g})."
            )
        open_ = [name for name in tied if name not in reversed_]
        parts = [self._score(first), chance]
        if open_:
            named = [f"{name} ({_p(p[name])}{self._divergence(name)})" for name in open_]
            parts.append(f"tied with {_list(named)}")
        parts += [f"but {name} is better seed by seed ({_p(p[name])})" for name in reversed_]
        if beaten:
            worst = max(p[name] for name in beaten)
            sign = _p(worst) if len(p) == 1 else f"adjusted {_p(worst) if len(beaten) == 1 else _p_at_most(worst)}"
            parts.append(f"better than {_list(beaten)} ({sign})")
        if open_:
            parts.append(self._evidence(open_))
        lead = f"{first} is best: " if beaten else f"No method stands out; {first} has the lowest score: "
        return f"{lead}{'; '.join(parts)}."

    def _evidence(self, tied: Sequence[str]) -> str:
        """How many seeds it would take to separate the best from each method it is tied with."""
        within = [f"{name} about {self.separate[name]} seeds" for name in tied if self.separate[name] is not None]
        beyond = [name for name in tied if self.separate[name] is None]
        parts = []
        if within:
            parts.append(f"to separate it would take: {', '.join(within)}")
        if beyond:
            parts.append(f"1,000 seeds would not separate {_list(beyond, 'or')}")
        return "; ".join(parts)

    def _score(self, name: str) -> str:
        seeds = "1 seed" if self.n == 1 else f"{self.n} seeds"
        number = self.diverged[name]
        failed = f", {number} of them diverged" if number else ""
        return f"median {self.label} {self.intervals[name]} over {seeds}{failed}"

    def _divergence(self, name: str) -> str:
        number = self.diverged[name]
        return f", diverged on {number} of {self.n} seeds" if number else ""


def _half(n: int) -> str:
    return "half" if n % 2 == 0 else str(n // 2)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _p_at_most(p: float) -> str:
    """The bound rounded up to two digits, so that it stays true."""
    if p < 0.001:
        return "p < 0.001"
    unit = 10.0 ** (math.floor(math.log10(p)) - 1)
    return f"p ≤ {math.ceil(p / unit - 1e-9) * unit:.2g}"


def _list(names: Sequence[str], word: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
