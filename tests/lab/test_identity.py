"""Keys of runs: whatever a user's method depends on changes them, nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from steepest import rules
from steepest.core.stepper import StepReport
from steepest.lab import compare
from steepest.lab.contestant import contestant

SMALL = {"trials": 2, "steps": 4, "seeds": 2, "jobs": 1}


class Plain:
    """Gradient descent of a user's own, whose text does not tell its step."""

    name, text, facts = "plain", "plain()", rules.sgd(lr=1.0).facts

    def __init__(self, lr: float) -> None:
        self.lr, self.seen = lr, []

    def start(self, tensors: dict, *, seed: int) -> Plain:
        self.tensors, self.count = tensors, 0
        return self

    def step(self, oracle: object) -> StepReport:
        self.count += 1
        found = oracle.value_and_gradient()
        self.seen.append(found.value)
        for name, gradient in found.gradients.items():
            self.tensors[name] -= self.lr * gradient
        return StepReport(self.count, value=found.value)

    def evaluating(self) -> object:
        return __import__("contextlib").nullcontext()


def test_two_objects_of_a_class_with_equal_texts_have_runs_of_their_own():
    study = compare("bowl", {"a": Plain(0.1), "b": Plain(0.001)}, **SMALL)
    assert {run.key for run in study.runs if run.method == "a"}.isdisjoint(
        run.key for run in study.runs if run.method == "b"
    )
    assert study.scores["a"][0] < study.scores["b"][0]


def test_what_a_run_notes_on_its_method_changes_no_key(tmp_path: Path):
    compare("bowl", [Plain(0.1)], store=tmp_path / "s.sqlite", **SMALL)
    watch = tiny.Counter()
    compare("bowl", [Plain(0.1)], store=tmp_path / "s.sqlite", progress=watch, **SMALL)
    assert watch.trained == 0


MODULE = """
import functools, optax, torch
from steepest import rules, schedules
from steepest.core.schedule import Schedule
from steepest.formula import rule

RATE = {rate}
BASE = optax.sgd(RATE)

def helper(x):
    return RATE * x

class Mine:
    name, text, facts = "mine", "mine()", rules.sgd(lr=1.0).facts
    def start(self, tensors, *, seed):
        return helper(tensors)

class Held(Mine):
    rate = RATE
    def start(self, tensors, *, seed):
        return self.rate

def made():
    rate = RATE
    class Inner(Mine):
        def start(self, tensors, *, seed):
            return rate
    return Inner()

class Descent(torch.optim.SGD):
    def step(self, closure=None):
        return helper(1.0)

class Fixed(torch.optim.SGD):
    rate = RATE

def factory(learning_rate=0.1):
    return optax.chain(optax.scale(RATE), optax.sgd(learning_rate))

def based(learning_rate=0.1):
    return optax.chain(BASE, optax.sgd(learning_rate))

def update(updates, state, params=None):
    return helper(updates), state
transformation = optax.chain(optax.GradientTransformation(lambda params: (), update), optax.sgd(0.1))

@rule(opaque=True)
def formula(u):
    return RATE * u

class Falling(Schedule):
    length = None
    def __call__(self, step):
        return RATE / (step + 1)
    def __repr__(self):
        return "Falling()"

bare = rules.sgd(lr=Falling())
joined = rules.sgd(lr=schedules.join((schedules.constant(0.1), schedules.scale(Falling(), factor=0.5)), at=(3,)))
clipped = rules.sgd(lr=schedules.scale(schedules.constant(0.1), factor=schedules.clip(Falling(), low=0.0)))

mine, held = Mine(), Held()
OTHER = {other}
"""
NAMES = ["mine", "held", "made", "Descent", "Fixed", "factory", "based", "transformation", "formula",
         "bare", "joined", "clipped"]  # fmt: skip
SCRIPT = """
import sys
from steepest.lab.contestant import contestant
import user_module
for name in sys.argv[1:]:
    found = contestant(getattr(user_module, name))
    print(found.key(found.space.setting([0.5] * 4), "constant", 5))
"""


def keys(folder: Path, rate: float, other: int = 0, seed: str = "0") -> list[str]:
    folder.mkdir(exist_ok=True)
    (folder / "user_module.py").write_text(MODULE.format(rate=rate, other=other))
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *NAMES], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("keys")
    return {
        "first": keys(folder / "one", 0.5),
        "elsewhere": keys(folder / "two", 0.5, seed="7"),
        "changed": keys(folder / "one", 0.25),
        "beside": keys(folder / "two", 0.5, other=1),
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_that_a_method_reaches_changes_its_key_and_nothing_else_does(found: dict, name: str):
    first, elsewhere, changed, beside = (found[kind][NAMES.index(name)] for kind in found)
    assert first == elsewhere == beside and first != changed and len(first) == 64


def test_what_cannot_be_read_never_takes_a_stored_run():
    class Unreadable(Plain):
        @property
        def __dict__(self) -> dict:
            raise RuntimeError("no")

    assert contestant(Unreadable(0.1)).code != contestant(Unreadable(0.1)).code
