"""What a study spends on a run beside training it: claims, processes, the trace as bytes, the store.

python -m benchmarks.overhead

Arguments are those of every benchmark; threads do not matter here. A study of short runs is carried out by `compare`
into a new file, and the same runs are trained in a plain loop that keeps nothing, in turn. Timed is the tuning phase
from its first quarter on, when worker processes have started. Overhead: time a run of the study, less that of the loop,
of which two jobs are given half. The parts are timed apart, in this process.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.machine import described
from benchmarks.options import parse
from benchmarks.table import duration, text
from steepest.lab import Event, Run, RunFinished, Study, compare
from steepest.lab.bench import Bench, Order
from steepest.lab.store import Claimant, Store
from steepest.lab.workers import one_thread
from steepest.run import run
from steepest.trace import Trace, to_bytes

AIM = 2e-3
"""Seconds a run."""
PROBLEM, METHODS, STEPS = "bowl", ("sgd", "adam"), 20
HEADINGS = ("what", "jobs", "a run", "of it training", "overhead", "[smallest, largest]")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where the number of jobs changed a result."""
    options = parse(__doc__, arguments)
    rounds = min(options.rounds, 7)
    trials = 20 if options.quick else 300
    studies: dict[int, list[Timed]] = {1: [], 2: []}
    trained: list[float] = []
    for _ in range(rounds):
        for jobs, timed in studies.items():
            timed.append(study(trials, jobs))
        trained.append(loop(timed[-1].runs))
    rows, records = [], []
    for jobs, timed in studies.items():
        overheads = [one.seconds - alone / jobs for one, alone in zip(timed, trained, strict=True)]
        a_run = statistics.median(one.seconds for one in timed)
        training = statistics.median(trained) / jobs
        spread = f"[{_milli(min(overheads))}, {_milli(max(overheads))}]"
        middle = _milli(statistics.median(overheads))
        rows.append(["a study", str(jobs), duration(a_run), duration(training), middle, spread])
        records.append({"jobs": jobs, "seconds": [one.seconds for one in timed], "overhead": overheads})
    shares = parts(studies[1][-1], 20 if options.quick else 500)
    rows += [[name, "", "", "", _milli(seconds), ""] for name, seconds in shares.items()]
    machine = described(options.threads) | {"threads": "One thread a run"}
    print("What a study spends on a run beside training it\n\n" + ". ".join(machine.values()) + f". {rounds} rounds.")
    print(__doc__.partition("\n\n")[2].partition("\n\n")[2])
    print(f"The aim is less than {_milli(AIM)}.\n")
    print(text(HEADINGS, rows, options.markdown))
    same = len({frozenset(one.results.items()) for timed in studies.values() for one in timed}) == 1
    if not same:
        print("the number of jobs changed a result", file=sys.stderr)
    if options.json:
        record = {"title": "overhead", "machine": machine, "rows": records, "trained": trained, "parts": shares}
        Path(options.json).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return int(not same)


@dataclass
class Timed:
    """A study's tuning phase. seconds: a run. results: scores by key."""

    seconds: float
    study: Study
    runs: list[Run] = field(default_factory=list)
    trace: Trace | None = None

    @property
    def results(self) -> dict[str, str]:
        return {one.key: json.dumps(dict(one.scores), sort_keys=True) for one in self.runs}


def study(trials: int, jobs: int) -> Timed:
    """Carry out a study in a new file."""
    times: list[float] = []

    def watch(event: Event) -> None:
        if isinstance(event, RunFinished) and event.run.phase == "tune":
            times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        done = compare(
            PROBLEM,
            list(METHODS),
            trials=trials,
            steps=STEPS,
            seeds=1,
            jobs=jobs,
            store=Path(folder) / "store",
            progress=watch,
        )
        tuned = [one for one in done.runs if one.phase == "tune"]
        trace = done.trace(tuned[-1])
    first = len(times) // 4
    return Timed((times[-1] - times[first]) / (len(times) - 1 - first), done, tuned, trace)


def loop(runs: Sequence[Run]) -> float:
    """Seconds a run of the same runs, whose results are thrown away."""
    bench = Bench.of(Order(PROBLEM, {name: name for name in METHODS}, steps=STEPS, device="cpu"))
    with one_thread():
        for one in runs[:20]:
            _train(bench, one)
        began = time.perf_counter()
        for one in runs:
            _train(bench, one)
        return (time.perf_counter() - began) / len(runs)


def _train(bench: Bench, one: Run) -> None:
    method = bench.methods[one.method].make(one.setting, one.schedule, STEPS)
    run(bench.problem, method, steps=STEPS, seed=one.seed, evaluate_every=STEPS, gradient_norm_every=1)


def parts(timed: Timed, count: int) -> dict[str, float]:
    """Seconds a run of what is done to every run: made bytes, claimed sixteen at a time, and added to a file."""
    assert timed.trace is not None
    trace, one, me = to_bytes(timed.trace), timed.runs[-1], Claimant.here()
    runs = [replace(one, key=f"key {index}") for index in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        began = time.perf_counter()
        for _ in runs:
            to_bytes(timed.trace)
        encoded = time.perf_counter()
        for start in range(0, count, 16):
            store.claim([item.key for item in runs[start:]], me, 60, at_most=16)
        claimed = time.perf_counter()
        for item in runs:
            store.add(item, trace)
        added = time.perf_counter()
        store.close()
    spans = {"the trace as bytes": encoded - began, "claims": claimed - encoded, "the store": added - claimed}
    return {name: seconds / count for name, seconds in spans.items()}


def _milli(seconds: float) -> str:
    return f"{1e3 * seconds:.2f} ms"


if __name__ == "__main__":
    sys.exit(main())
