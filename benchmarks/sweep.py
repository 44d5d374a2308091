"""Many runs of a small problem: Adam on Rosenbrock's function, steepest's sweep beside optax and torch.

python -m benchmarks.sweep [--threads 2] [--rounds 15]

optax as JAX advises it: jit(vmap(scan)), float64, compiled before, block_until_ready; with and without donated starts.
torch in two ways: all runs as one tensor, and run by run, which is timed on a few runs and scaled to all. The gradient
is the same closed form for everyone, but for one row by jax.grad, as in optax's examples. A call of steepest's is all
of `sweep`: tables and results too.

The floor is what the divisions and roots of the runs cost alone: three divisions and a root a coordinate and step, at
the rate measured in the same run for arrays in the first-level cache, times the threads.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import njit

from benchmarks.alternate import alternate
from benchmarks.machine import described
from benchmarks.options import Options, limited, parse
from benchmarks.table import duration, spread, text
from steepest.engines.sweep import sweep
from steepest.rules import adam

LR, BETA1, BETA2, EPS = 0.01, 0.9, 0.999, 1e-8
FEW = 3
"""Runs that the loop over runs is timed on."""
EQUAL = 100
"""Steps after which results are compared; in many more, this valley makes a last bit of difference a large one."""
OURS, LOOP = "steepest", "torch, run by run"
HEADINGS = ("work", "who", "time", "who / steepest", "floor / steepest", "largest difference", "note")


@dataclass(frozen=True)
class Work:
    """Runs of Adam. own: whether each run has a learning rate and a beta2 of its own."""

    name: str
    runs: int
    steps: int
    dimensions: int
    own: bool = False

    @property
    def starts(self) -> np.ndarray:
        return np.random.default_rng(0).uniform(-1.5, 1.5, (self.runs, self.dimensions))

    @property
    def settings(self) -> tuple[np.ndarray, np.ndarray]:
        """The learning rate and beta2 of every run."""
        rng = np.random.default_rng(1)
        shared = np.full(self.runs, LR), np.full(self.runs, BETA2)
        return (rng.uniform(1e-3, 2e-2, self.runs), rng.uniform(0.99, 0.9999, self.runs)) if self.own else shared


def works(quick: bool) -> list[Work]:
    """What is run; small where it is only to be seen that it runs."""
    runs, steps = (16, 20) if quick else (1000, 1000)
    return [
        Work("Adam, 2 dimensions", runs, steps, 2),
        Work("the same, each its own lr and beta2", runs, steps, 2, own=True),
        Work("Adam, 50 dimensions", runs, steps // 5, 50),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where some peer did not compute the same."""
    options = parse(__doc__, arguments)
    with limited(options.threads):
        import jax

        jax.config.update("jax_enable_x64", True)
        measured = [row for work in works(options.quick) for row in compare(work, options)]
        machine = described(options.threads)
    print("Many runs of a small problem\n\n" + ". ".join(machine.values()) + f". {options.rounds} rounds.")
    print(__doc__.partition("\n\n")[2].partition("\n\n")[2])
    print(text(HEADINGS, [cells for cells, _, _ in measured], options.markdown))
    if options.json:
        record = {"title": "sweep", "machine": machine, "rows": [figures for _, figures, _ in measured]}
        Path(options.json).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return int(any(failed for _, _, failed in measured))


def compare(work: Work, options: Options) -> list[tuple[list[str], dict[str, Any], bool]]:
    """Cells, figures, and whether the results differ, for every contender on one work."""
    size = f"{work.name}, {work.runs:,} × {work.steps:,}"
    contenders = {OURS: ours(work), **peers(work)}
    wanted = {name: call for name, call in contenders.items() if name == OURS or options.wants(size, name)}
    if not replace(options, peers=()).wants(size, ""):
        return []
    differences = disagreements(replace(work, steps=min(work.steps, EQUAL)), wanted)
    times = alternate(wanted, options.rounds)
    if LOOP in times:
        times[LOOP] = [seconds * work.runs / min(FEW, work.runs) for seconds in times[LOOP]]
    floor = work.runs * work.steps * work.dimensions * seconds_per_coordinate() / options.threads
    rows = []
    for name, rounds in times.items():
        difference = differences[name]
        ratios = [theirs / mine for theirs, mine in zip(rounds, times[OURS], strict=True)]
        note = f"timed on {FEW} runs, scaled" if name == LOOP else ""
        first = name == OURS
        rows.append((
            [
                size,
                name,
                duration(statistics.median(rounds)),
                "" if first else spread(ratios),
                f"{floor / statistics.median(rounds):.2f}" if first else "",
                "" if first else f"{difference:.1e}",
                note,
            ],
            {"work": size, "who": name, "seconds": rounds, "floor": floor, "difference": difference},
            difference > 1e-9,
        ))
    return rows


def disagreements(work: Work, wanted: Container[str]) -> dict[str, float]:
    """The largest difference of every contender from steepest, beside how far a coordinate went at most."""
    contenders = {OURS: ours(work), **peers(work)}
    reference = np.asarray(contenders[OURS]())
    went = float(np.abs(reference - work.starts).max())
    results = {name: np.asarray(call()) for name, call in contenders.items() if name in wanted}
    return {name: float(np.abs(x - reference[: len(x)]).max()) / went for name, x in results.items()}


def ours(work: Work) -> Callable[[], np.ndarray]:
    """One sweep."""
    lr, beta2 = work.settings
    given = {"learning_rate.lr": lr, "scale_by_adam.beta2": beta2} if work.own else {}
    rule, starts = adam(LR, beta1=BETA1, beta2=BETA2, eps=EPS), work.starts
    gradient: Any = rosenbrock if work.dimensions == 2 else rosenbrock_lanes
    form: Any = "scalars" if work.dimensions == 2 else "lanes"
    return lambda: sweep(rule, gradient, starts, steps=work.steps, hyperparameters=given, form=form).points


def rosenbrock(x, y):
    """Its gradient in two dimensions."""
    bend = y - x * x
    return -400.0 * x * bend - 2.0 * (1.0 - x), 200.0 * bend


def rosenbrock_lanes(x, out):
    """Its gradient at many points in any number of dimensions."""
    d, width = x.shape
    for lane in range(width):
        bend = x[1, lane] - x[0, lane] * x[0, lane]
        out[0, lane] = -400.0 * x[0, lane] * bend - 2.0 * (1.0 - x[0, lane])
        out[d - 1, lane] = 200.0 * (x[d - 1, lane] - x[d - 2, lane] * x[d - 2, lane])
    for i in range(1, d - 1):
        for lane in range(width):
            bend = x[i + 1, lane] - x[i, lane] * x[i, lane]
            before = x[i, lane] - x[i - 1, lane] * x[i - 1, lane]
            out[i, lane] = -400.0 * x[i, lane] * bend - 2.0 * (1.0 - x[i, lane]) + 200.0 * before


def peers(work: Work) -> Mapping[str, Callable[[], Any]]:
    """Everyone else."""
    found: dict[str, Callable[[], Any]] = {
        "optax, jit(vmap(scan))": optax_runs(work),
        "optax, starts donated": optax_runs(work, donated=True),
        "optax, jax.grad": optax_runs(work, automatic=True),
    }
    if not work.own:
        found["torch, runs as one tensor"] = partial(torch_runs, work, work.starts)
        found[LOOP] = partial(torch_one_by_one, work)
    return found


def optax_runs(work: Work, *, donated: bool = False, automatic: bool = False) -> Callable[[], Any]:
    """All runs as one compiled function of starts and settings."""
    import jax
    import jax.numpy as jnp
    import optax

    def value(x: Any) -> Any:
        return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    def closed(x: Any) -> Any:
        bend = x[1:] - x[:-1] ** 2
        slope = -400.0 * x[:-1] * bend - 2.0 * (1.0 - x[:-1])
        return jnp.zeros_like(x).at[:-1].set(slope).at[1:].add(200.0 * bend)

    gradient = jax.grad(value) if automatic else closed

    def run(start: Any, lr: Any, beta2: Any) -> Any:
        method = optax.adam(lr, b1=BETA1, b2=beta2, eps=EPS)

        def step(carry: Any, _: None) -> Any:
            x, state = carry
            updates, state = method.update(gradient(x), state)
            return (optax.apply_updates(x, updates), state), None

        (x, _), _ = jax.lax.scan(step, (start, method.init(start)), None, length=work.steps)
        return x

    axes = (0, 0, 0) if work.own else (0, None, None)
    lr, beta2 = map(jnp.asarray, work.settings if work.own else (LR, BETA2))
    compiled = jax.jit(jax.vmap(run, in_axes=axes), donate_argnums=(0,) if donated else ())
    starts = jnp.asarray(work.starts)
    return lambda: compiled(jnp.array(starts) if donated else starts, lr, beta2).block_until_ready()


def torch_runs(work: Work, starts: np.ndarray) -> np.ndarray:
    """Adam is elementwise, so that one tensor can hold all runs."""
    p = torch.tensor(starts)
    p.grad = torch.zeros_like(p)
    optimizer = torch.optim.Adam([p], lr=LR, betas=(BETA1, BETA2), eps=EPS, fused=True)
    with torch.no_grad():
        for _ in range(work.steps):
            head, tail = p[..., :-1], p[..., 1:]
            bend = tail - head * head
            p.grad.zero_()
            p.grad[..., :-1] = -400.0 * head * bend - 2.0 * (1.0 - head)
            p.grad[..., 1:] += 200.0 * bend
            optimizer.step()
    return p.numpy()


def torch_one_by_one(work: Work) -> np.ndarray:
    """A loop over runs."""
    return np.array([torch_runs(work, start) for start in work.starts[:FEW]])


def seconds_per_coordinate() -> float:
    """What three divisions and a root take, one thread, vectorized as the compiler does it."""
    y, x = np.linspace(1.0, 2.0, 512), np.linspace(1.0, 1.1, 512)
    times = []
    for work, repeats in ((_divide, 20_000), (_root, 20_000)):
        work(y.copy(), x, 1)
        rounds = []
        for _ in range(7):
            began = time.perf_counter()
            work(y.copy(), x, repeats)
            rounds.append((time.perf_counter() - began) / (repeats * len(y)))
        times.append(min(rounds))
    division, root = times
    return 3 * division + root


@njit(error_model="numpy")
def _divide(y, x, repeats):
    for _ in range(repeats):
        for i in range(len(y)):
            y[i] = x[i] / y[i]


@njit(error_model="numpy")
def _root(y, x, repeats):
    for _ in range(repeats):
        for i in range(len(y)):
            y[i] = np.sqrt(y[i])


if __name__ == "__main__":
    sys.exit(main())
