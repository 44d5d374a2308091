"""What may be said of methods over several problems: scores, speed-ups, profiles, and what they hang on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steepest.lab.reach import Arrival, arrival, goal
from steepest.lab.study import Study
from steepest.plots import Profile
from steepest.report.data import Across as Panel
from steepest.report.data import AcrossRow, TimeToTarget
from steepest.report.data import DropOne as Left
from steepest.statistics import (
    DropOne,
    Interval,
    PerformanceProfile,
    performance_profile,
    score_intervals,
    score_without_one,
    speedup_intervals,
)
from steepest.trace import Column


@dataclass(frozen=True)
class Across:
    """The comparison over problems.

    problems: their names. scores: AlgoPerf's of each method, best first. speedups: geometric mean of the reference's
    steps to target over the method's. profiles: of the steps to target. ranks: of each method on each problem. without:
    the scores with one problem or method left out.
    """

    problems: tuple[str, ...]
    reference: str
    scores: Mapping[str, Interval]
    speedups: Mapping[str, Interval]
    profiles: Mapping[str, PerformanceProfile]
    ranks: Mapping[str, tuple[int, ...]]
    arrivals: Mapping[str, tuple[Arrival | None, ...]]
    without: tuple[DropOne, ...]

    @property
    def sentence(self) -> str:
        """The verdict across problems; it says when it hangs on one of them."""
        first, *rivals = self.scores
        count = len(self.problems)
        lead = (
            f"Over {count} problems {first} has the highest AlgoPerf score, {_range(self.scores[first])}"
            if rivals
            else f"{first} is the only method; its AlgoPerf score over {count} problems is {_range(self.scores[first])}"
        )
        if all(interval.estimate == 0 for interval in self.scores.values()):
            return f"No verdict: no method reached a target on any of {count} problems."
        equal = [name for name in rivals if self.scores[name].estimate == self.scores[first].estimate]
        near = [name for name in rivals if name not in equal and self.scores[name].high >= self.scores[first].low]
        parts = [f"as high as {_list(equal)}"] if equal else []
        parts += [f"not separated from {_list(near)}"] if near else []
        return f"{'; '.join([lead, *parts])}."

    @property
    def details(self) -> tuple[str, ...]:
        """What the first place hangs on, and who is first where."""
        first = next(iter(self.scores))
        lost = [item for item in self.without if item.left_out != first and next(iter(item.values)) != first]
        lines = []
        if lost:
            what = _list([f"the {item.kind} {item.left_out}" for item in lost])
            lines.append(f"The first place hangs on {what}: without it another method is first.")
        elif self.without:
            lines.append(f"{first} stays first whichever problem or other method is left out.")
        if len(self.problems) < FEW:
            lines.append(
                f"With {len(self.problems)} problems there is no confidence interval: brackets are the range over "
                "leaving one problem out."
            )
        return tuple(lines)

    def panel(self) -> Panel:
        """As the report draws it."""
        rows = [
            AcrossRow(
                method=name,
                algoperf=self.scores[name],
                speedup=self.speedups.get(name),
                ranks=self.ranks[name],
                times=tuple(_time(item) for item in self.arrivals[name]),
            )
            for name in self.scores
        ]
        return Panel(
            problems=self.problems,
            rows=tuple(rows),
            profiles=tuple(_profile(name, self.profiles[name]) for name in self.scores),
            reference=self.reference,
            drop_one=tuple(_left(item) for item in self.without),
            notes=(
                "Score: the mean over problems of max(0, (4 − r)/3), r a method's median steps to target over the "
                "fastest one's; a miss counts 0.",
                f"Speed-up: relative to {self.reference}; a miss counts as one step more than the run has.",
            ),
        )


FEW = 6
"""Problems below which no interval over them means anything."""


def across(studies: Sequence[Study]) -> Across:
    """Compare the methods of several studies, all of the same methods, by their steps to each problem's target."""
    first = studies[0]
    methods = first.spec.methods
    reference = first.spec.reference or methods[0]
    goals = [goal(study) for study in studies]
    arrivals = {
        name: tuple(
            None if wanted is None else arrival(study, name, wanted)
            for study, wanted in zip(studies, goals, strict=True)
        )
        for name in methods
    }
    times = {name: _medians(arrivals[name]) for name in methods}
    problems = tuple(study.spec.problem for study in studies)
    intervals = score_intervals(times)
    order = sorted(methods, key=lambda name: (-intervals[name].estimate, methods.index(name)))
    speedups = speedup_intervals(times, reference, max_times=[float(study.spec.steps) for study in studies])
    ranks = [{name: rank for rank, name in enumerate(study.verdict.order, start=1)} for study in studies]
    return Across(
        problems=problems,
        reference=reference,
        scores={name: intervals[name] for name in order},
        speedups=speedups,
        profiles=performance_profile(times),
        ranks={name: tuple(rank[name] for rank in ranks) for name in methods},
        arrivals=arrivals,
        without=score_without_one(times, problems),
    )


def _medians(found: Sequence[Arrival | None]) -> Column:
    """Median steps to target, shape (problems,); a target at the start counts as one step."""
    medians = [math.inf if item is None else max(1.0, item.steps.median.estimate) for item in found]
    return np.array(medians)


def _time(found: Arrival | None) -> TimeToTarget | None:
    if found is None:
        return None
    return TimeToTarget(found.steps.hits, found.steps.n, found.steps.median, found.gradient_calls.median)


def _profile(name: str, profile: PerformanceProfile) -> Profile:
    return Profile(name, profile.tau, profile.rho)


def _left(item: DropOne) -> Left:
    places = {name: place for place, name in enumerate(item.values, start=1)}
    flips = tuple(dict.fromkeys(name for pair in item.flips for name in pair))
    return Left(item.left_out, item.kind, places, flips, dict(item.values))


def _range(interval: Interval) -> str:
    return f"{interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
