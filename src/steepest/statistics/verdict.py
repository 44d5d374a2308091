"""Which method is best, what it is tied with, and one sentence that says no more than the seeds allow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steepest.core.errors import InputError
from steepest.statistics.holm import holm
from steepest.statistics.intervals import Interval, interquartile_mean, median_interval
from steepest.statistics.paired import rank_sums, signed_rank_test
from steepest.statistics.sample import Scores, sample


@dataclass(frozen=True)
class Verdict:
    """What may be said of methods compared over the same seeds; lower scores are better.

    order: all methods, best first. best: the first of them, or None where there is no verdict (one seed, one method,
    or every method diverged on at least half of its seeds). tied: the rivals that `best` is not shown to be better
    than; beaten: the others; both in ranked order. p_adjusted: Holm-adjusted two-sided p of each rival against `best`.
    intervals: median and interval of each method. diverged: on how many seeds each diverged. seeds: their number n.
    enough: whether n seeds can separate anything at all, 2^(1 − n) · rivals < alpha. seeds_needed: the least such n.
    sentence: the verdict in words.
    """

    order: tuple[str, ...]
    best: str | None
    tied: tuple[str, ...]
    beaten: tuple[str, ...]
    p_adjusted: Mapping[str, float]
    intervals: Mapping[str, Interval]
    diverged: Mapping[str, int]
    seeds: int
    enough: bool
    seeds_needed: int
    alpha: float
    sentence: str


def verdict(scores: Mapping[str, Scores], *, alpha: float = 0.05, label: str = "loss") -> Verdict:
    """Rank methods by their median score and test the first against each rival over paired seeds.

    The order is by median, then by interquartile mean, then by name; where the median is +inf, fewer diverged seeds
    come first. Each rival is tested by the two-sided signed-rank test, the p-values corrected by Holm. A rival counts
    as beaten only where p < alpha and the signed ranks, too, favour the best; all others are tied.

    scores: for each method one score a seed, the same seeds in the same order; +inf for a diverged run.
    alpha in (0, 1), default 0.05. label: what the score is, for the sentence ("test loss").
    Raises InputError for no methods, unequal numbers of seeds, NaN, -inf, or alpha out of range.

    >>> seeds = range(10)
    >>> print(verdict({"adam": [0.1 + 0.01 * s for s in seeds], "sgd": [0.2 + 0.012 * s for s in seeds]}).sentence)
    adam is best: median loss 0.145 [0.110, 0.180] over 10 seeds; better than sgd (p = 0.002).
    """
    if not 0 < alpha < 1:
        raise InputError(f"verdict: alpha must be in (0, 1), got {alpha!r}")
    samples = {name: sample("verdict", f"scores[{name!r}]", values) for name, values in scores.items()}
    if not samples:
        raise InputError("verdict: scores must have at least 1 method, got 0")
    lengths = {name: values.size for name, values in samples.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"verdict: scores must have as many seeds for every method, got {lengths}")

    intervals = {name: median_interval(values) for name, values in samples.items()}
    diverged = {name: int(np.isinf(values).sum()) for name, values in samples.items()}

    def place(name: str) -> tuple[float, int, float, str]:
        median = intervals[name].estimate
        failures = diverged[name] if math.isinf(median) else 0
        return median, failures, interquartile_mean(samples[name]), name

    order = tuple(sorted(samples, key=place))
    first, rivals = order[0], order[1:]
    n = samples[first].size
    judged = bool(rivals) and n > 1 and intervals[first].estimate < math.inf
    adjusted = holm([signed_rank_test(samples[first], samples[rival]) for rival in rivals]) if judged else ()
    p_adjusted = dict(zip(rivals, adjusted, strict=True)) if judged else {}
    reversed_ = [r for r, p in p_adjusted.items() if p < alpha and not _favours(samples[first], samples[r])]
    tied = tuple(r for r, p in p_adjusted.items() if p >= alpha or r in reversed_)
    beaten = tuple(r for r in p_adjusted if r not in tied)
    needed = _seeds_needed(max(1, len(rivals)), alpha)
    words = _Words(label, order, intervals, diverged, n, needed, alpha)
    return Verdict(
        order=order,
        best=first if judged else None,
        tied=tied,
        beaten=beaten,
        p_adjusted=p_adjusted,
        intervals=intervals,
        diverged=diverged,
        seeds=n,
        enough=n >= needed,
        seeds_needed=needed,
        alpha=alpha,
        sentence=words.verdict(p_adjusted, tied, beaten, reversed_) if judged else words.no_verdict(),
    )


def _favours(best: Scores, rival: Scores) -> bool:
    """Whether the signed ranks are on the side of `best`; a lower median does not imply it."""
    for_best, for_rival = rank_sums(best, rival)
    return for_best > for_rival


def _seeds_needed(rivals: int, alpha: float) -> int:
    """The least n with 2^(1 − n) · rivals < alpha: below it no data at all is significant under Holm."""
    n = 1
    while 2.0 ** (1 - n) * rivals >= alpha:
        n += 1
    return n


@dataclass(frozen=True)
class _Words:
    """Puts a verdict into one sentence."""

    label: str
    order: tuple[str, ...]
    intervals: Mapping[str, Interval]
    diverged: Mapping[str, int]
    n: int
    needed: int
    alpha: float

    def no_verdict(self) -> str:
        first = self.order[0]
        if math.isinf(self.intervals[first].estimate):
            share = "its only seed" if self.n == 1 else f"at least half of its {self.n} seeds"
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
        first = self.order[0]
        if self.n < self.needed:
            against = "1 rival" if len(p) == 1 else f"{len(p)} rivals"
            return (
                f"{first} leads with {self._score(first)}, but no difference can be significant with {self.n} seeds "
                f"and {against}: at least {self.needed} seeds are needed (α = {self.alpha:g})."
            )
        open_ = [f"{name} ({_p(p[name])}{self._divergence(name)})" for name in tied if name not in reversed_]
        parts = []
        if open_:
            parts.append(f"tied with {_list(open_)}")
        parts += [f"but {name} is better seed by seed ({_p(p[name])})" for name in reversed_]
        if beaten:
            worst = max(p[name] for name in beaten)
            sign = _p(worst) if len(beaten) == 1 else f"{_p_at_most(worst)}, Holm"
            parts.append(f"better than {_list(beaten)} ({sign})")
        lead = f"{first} is best: " if beaten else f"No method stands out; {first} has the lowest score: "
        return f"{lead}{self._score(first)}; {'; '.join(parts)}."

    def _score(self, name: str) -> str:
        seeds = "1 seed" if self.n == 1 else f"{self.n} seeds"
        number = self.diverged[name]
        failed = f", {number} of them diverged" if number else ""
        return f"median {self.label} {self.intervals[name]} over {seeds}{failed}"

    def _divergence(self, name: str) -> str:
        number = self.diverged[name]
        return f", diverged on {number} of {self.n} seeds" if number else ""


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _p_at_most(p: float) -> str:
    """The bound rounded up to two digits, so that it stays true."""
    if p < 0.001:
        return "p < 0.001"
    unit = 10.0 ** (math.floor(math.log10(p)) - 1)
    return f"p ≤ {math.ceil(p / unit - 1e-9) * unit:.2g}"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
