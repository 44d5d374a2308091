"""The runs of a study one by one and together: digits-mlp under twelve methods, as `compare` trains them.

python -m benchmarks.grid [--rounds 5] [--works WORD,WORD]

Both ways are timed whole, in alternation, with the one thread that runs of a study have: making the method, starting
the problem, every step, evaluations, the trace as bytes. One by one is timed on a run of each method and scaled to all.
The runs are those of a full study: trials on one seed, confirmations on two, judging on ten, which measures 50 times a
run; and trials in groups of other sizes. The largest difference is between the losses of one run alone and among
others, relative, at any step; where they differ by more than rounding, or a run ends otherwise, the row has failed.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.machine import described
from benchmarks.options import limited, parse
from benchmarks.table import duration, spread, text
from steepest.lab.bench import Bench, Outcome, Task
from steepest.lab.contestant import contestant
from steepest.lab.design import settings
from steepest.problems import get
from steepest.trace import from_bytes

METHODS = ("sgd heavy-ball nesterov adagrad rmsprop adam adamw radam adabelief lion lamb lars").split()
TUNING, CONFIRMING, JUDGING = (0,), (1, 2), tuple(range(1000, 1010))
ROUNDING = 1e-3
"""Relative difference of two losses, after which something else than rounding is at work; a hundred steps may grow a
last bit of float32 so far where a method is about to diverge."""
COMPARED = 100
WAYS = ("alone", "together")
HEADINGS = ("work", "runs", "at once", "one by one", "together", "one by one / together", "largest difference", "note")


@dataclass(frozen=True)
class Work:
    """Runs of every method. size: how many at once."""

    name: str
    trials: int
    seeds: tuple[int, ...]
    size: int
    evaluations: int = 1

    def tasks(self, bench: Bench) -> list[Task]:
        """Trial by trial over all methods, as a study has them."""
        points = {name: settings(bench.methods[name].space, self.trials) for name in METHODS}
        every = max(1, bench.steps // self.evaluations)
        return [
            Task(f"{name}/{trial}/{seed}", name, "constant", points[name][trial], seed, "tune", every)
            for trial in range(self.trials)
            for seed in self.seeds
            for name in METHODS
        ]


PHASES = (
    Work("trials, one seed", 20, TUNING, 240),
    Work("confirmations, two seeds", 3, CONFIRMING, 72),
    Work("judging, ten seeds", 1, JUDGING, 120, 50),
)


@dataclass(frozen=True)
class Figures:
    """Seconds a run, round by round."""

    work: Work
    runs: int
    seconds: Mapping[str, Sequence[float]]
    difference: float
    failed: bool

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(*(self.seconds[way] for way in WAYS), strict=True)]

    def cells(self) -> list[str]:
        return [
            self.work.name,
            str(self.runs),
            str(min(self.work.size, self.runs)),
            *(duration(statistics.median(self.seconds[way])) for way in WAYS),
            spread(self.ratios),
            f"{self.difference:.1g}",
            "not equal" if self.failed else "",
        ]

    def record(self) -> dict[str, object]:
        return {
            "work": self.work.name,
            "runs": self.runs,
            "at_once": self.work.size,
            "peer": "one by one",
            "peer_seconds": self.seconds["alone"],
            "steepest_seconds": self.seconds["together"],
            "ratio": {
                "median": statistics.median(self.ratios),
                "min": min(self.ratios),
                "max": max(self.ratios),
            },
            "difference": self.difference,
            "failed": self.failed,
        }


def works(quick: bool) -> list[Work]:
    """The phases of a study, and its trials in smaller groups."""
    if quick:
        return [Work("trials, one seed", 1, TUNING, 12), Work("judging, ten seeds", 1, JUDGING[:2], 12, 2)]
    return [*PHASES, *(replace(PHASES[0], size=size) for size in (16, 32, 64, 128))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where runs together were not what they are alone."""
    options = parse(__doc__, arguments)
    options = replace(options, threads=1, rounds=min(options.rounds, 5))
    steps = 20 if options.quick else 1000
    bench = Bench(get("digits-mlp"), {name: contestant(name) for name in METHODS}, steps, "cpu")
    with limited(1):
        wanted = [work for work in works(options.quick) if options.wants(f"{work.name} {work.size}", "one by one")]
        measured = [measure(work, bench, options.rounds) for work in wanted]
    machine = described(1) | {"threads": "1 thread, as a run of a study has"}
    print(f"## A grid of runs\n\n{'. '.join(machine.values())}. {options.rounds} rounds; {steps} steps a run.")
    print("Seconds a run: medians; ratio [smallest, largest] over the rounds.\n")
    rows = [figures.cells() for figures in measured]
    print(text(HEADINGS, rows, options.markdown))
    phases = [figures for figures in measured if figures.work in PHASES]
    if len(phases) == len(PHASES):
        alone, together = (sum(f.runs * statistics.median(f.seconds[way]) for f in phases) for way in WAYS)
        print(f"\nThe whole study: {duration(alone)} one by one, {duration(together)} together: {alone / together:.2f}")
    if options.json:
        record = {"title": "grid", "machine": machine, "rows": [figures.record() for figures in measured]}
        Path(options.json).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return int(any(figures.failed for figures in measured))


def measure(work: Work, bench: Bench, rounds: int) -> Figures:
    """Both ways in turn; the order changes with the round."""
    tasks = work.tasks(bench)
    groups = [tasks[first : first + work.size] for first in range(0, len(tasks), work.size)]
    sample = [tasks[place] for place in _sample(tasks)]
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    outcomes: dict[str, dict[str, Outcome]] = {"alone": {}, "together": {}}

    def alone() -> int:
        outcomes["alone"] = {task.key: bench.execute(task) for task in sample}
        return len(sample)

    def together() -> int:
        found = [(task, out) for group in groups for task, out in zip(group, bench.execute_many(group), strict=True)]
        outcomes["together"] = {task.key: out for task, out in found}
        return len(tasks)

    ways: list[tuple[str, Callable[[], int]]] = [("alone", alone), ("together", together)]
    for task in sample:  # compiles every rule
        replace(bench, steps=2).execute(task)
    for number in range(rounds):
        for name, way in ways if number % 2 else ways[::-1]:
            gc.collect()
            began = time.perf_counter()
            runs = way()
            seconds[name].append((time.perf_counter() - began) / runs)
    pairs = [(outcomes["alone"][task.key], outcomes["together"][task.key]) for task in sample]
    differences = [_difference(a, b) for a, b in pairs]
    failed = any(a.status != b.status or b.together == 1 for a, b in pairs) or max(differences) > ROUNDING
    return Figures(work, len(tasks), seconds, max(differences), failed)


def _sample(tasks: Sequence[Task]) -> list[int]:
    """A run of each method, from all over the trials and seeds."""
    found = []
    for number, name in enumerate(METHODS):
        places = [place for place, task in enumerate(tasks) if task.method == name]
        found.append(places[number * 7 % len(places)])
    return found


def _difference(a: Outcome, b: Outcome) -> float:
    """The largest relative difference of two runs' losses, over the first steps."""
    if a.trace is None or b.trace is None:
        return float("inf")
    one, other = (from_bytes(out.trace).steps["value"][:COMPARED] for out in (a, b) if out.trace is not None)
    if one.shape != other.shape:
        return float("inf")
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.abs(one - other) / np.abs(one)
    return float(np.nanmax(found, initial=0.0))


if __name__ == "__main__":
    sys.exit(main())
