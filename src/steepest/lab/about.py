"""What a report says of a study beside its runs: the problem, the machine, the versions, how to run it again."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any, Final

import steepest
from steepest.formula import Rule, Slot
from steepest.lab.bench import Bench
from steepest.lab.paste import code
from steepest.lab.plan import Choices
from steepest.lab.spec import Entry
from steepest.lab.tuning import leading
from steepest.problems.problem import Problem

_PACKAGES: Final = ("numpy", "scipy", "numba", "torch", "jax", "optax", "scikit-learn")
_FLOAT: Final = 4
"""Bytes of a number of state, where parameters are float32."""


@dataclass(frozen=True)
class About:
    """The circumstances of a study.

    problem: one line about it. metric: what its metric is called, "" without one; higher_is_better: which way. target:
    the problem's own, in its metric where it has one. command: how to run it again. trained: how many runs this call
    trained, of all. seconds: of wall time. jobs: how many ran at once. versions: package to version. system, cores: of
    the machine. state_bytes: optimizer state per parameter, by method, where it is known. code: for each method the
    chosen setting as Python to paste, where it can be. batched: how runs were trained together, "" where they were not.
    """

    problem: str
    metric: str = ""
    higher_is_better: bool = False
    target: float | None = None
    command: str = ""
    trained: int = 0
    seconds: float = 0.0
    jobs: int = 1
    versions: Mapping[str, str] = field(default_factory=dict)
    system: str = ""
    cores: int = 0
    state_bytes: Mapping[str, float] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    batched: str = ""

    @classmethod
    def of(cls, bench: Bench, choices: Choices, command: str, trained: int, seconds: float, jobs: int) -> About:
        """The circumstances of a study on this machine, now."""
        problem: Any = bench.problem
        chosen = leading(choices)
        return cls(
            problem=problem.summary,
            metric=str(problem.metric_name) if _has_metric(problem) else "",
            higher_is_better=bool(getattr(problem, "higher_is_better", False)),
            target=getattr(problem, "target", None),
            command=command,
            trained=trained,
            seconds=seconds,
            jobs=jobs,
            versions=_versions(),
            system=f"{platform.system()} {platform.machine()}",
            cores=os.cpu_count() or 1,
            state_bytes=_state_bytes(bench),
            batched="; ".join(dict.fromkeys(str(tried) for tried in bench.batchings.values() if tried.size > 1)),
            code={name: _code(bench, entry, choices) for name, entry in chosen.items()},
        )

    def to_dict(self) -> dict[str, object]:
        """JSON values."""
        return asdict(self)


def _has_metric(problem: Problem) -> bool:
    return bool(getattr(problem, "has_metric", False))


def _code(bench: Bench, entry: Entry, choices: Choices) -> str:
    choice = choices[entry]
    assert choice is not None
    problem = bench.problem
    network = hasattr(problem, "model")
    entrant = bench.methods[entry.method]
    return code(entrant, choice.setting, entry.schedule, bench.steps, network=network, problem=problem.name)


def _versions() -> dict[str, str]:
    versions = {"steepest": steepest.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _state_bytes(bench: Bench) -> dict[str, float]:
    """Of rules, by the shapes of their slots on the problem's tensors; for float32."""
    shapes = {name: tuple(tensor.shape) for name, tensor in bench.problem.start(0, bench.device).tensors.items()}
    parameters = sum(map(math.prod, shapes.values()))
    found: dict[str, float] = {}
    for name, entrant in bench.methods.items():
        middle = entrant.space.setting([0.5] * len(entrant.space.dimensions))
        method = entrant.make(middle, "constant", bench.steps)
        if isinstance(method, Rule):
            slots = [(slot, shape) for key, shape in shapes.items() for slot in method.slots_of(key, shape).values()]
            numbers = sum(_numbers(slot, shape) for slot, shape in slots)
            found[name] = _FLOAT * numbers / max(1, parameters)
    return found


def _numbers(slot: Slot, shape: tuple[int, ...]) -> int:
    """How many numbers a tensor's slot holds; a number for a tensor or a model weighs nothing."""
    if slot.scalar:
        return 0
    return math.prod(slot.like(shape) if callable(slot.like) else shape)
