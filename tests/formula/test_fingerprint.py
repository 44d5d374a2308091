"""Texts and fingerprints: the same in every process, different for whatever runs differently."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from steepest.formula import Formula, Rule, Slot, chain, rule
from steepest.rules import (
    adam,
    adamw,
    clip_norm,
    learning_rate,
    lookahead_momentum,
    scale_by_adam,
    scale_by_rms,
)
from steepest.schedules import cosine

RATE = learning_rate(lr=0.1)

SCRIPT = """
import json, sys
sys.path += json.loads(sys.argv[1])
import example_rules, test_graph_process
print(json.dumps(test_graph_process.prints()))
"""


def test_text_and_fingerprints_are_the_same_in_every_process(tmp_path: Path) -> None:
    here = Path(__file__).parent
    module = tmp_path / "test_graph_process.py"
    module.write_text(
        "import example_rules as e\n"
        "from steepest.rules import *\n"
        "from steepest.formula import chain\n"
        "from steepest.schedules import cosine\n"
        "rate = learning_rate(lr=0.1)\n"
        "RULES = [adamw(), chain(clip_norm(max_norm=1.0), adam(amsgrad=True), average()),\n"
        "  rmsprop(lr=cosine(0.1, steps=5), centered=True), nesterov(lr=0.1, form='lookahead'),\n"
        "  chain(e.switch(first=scale_by_adam(), second=scale_by_lion()), rate), chain(e.d_adaptation(), rate),\n"
        "  chain(e.ascend(), rate), chain(e.factored(), rate), chain(e.whiten(), rate)]\n"
        "def prints(): return [[r.graph().text, r.graph().fingerprint(), r.fingerprint()] for r in RULES]\n"
    )
    seen = []
    for hash_seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps([str(here), str(tmp_path)])],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.append(json.loads(ran.stdout))
    assert seen[0] == seen[1]
    assert len({fingerprint for _, _, fingerprint in seen[0]}) == len(seen[0])


def test_fingerprints_of_code_with_nested_functions_are_the_same_in_every_process(tmp_path: Path) -> None:
    """An opaque formula's code may hold other code, whose address is no part of what it computes."""
    module = tmp_path / "test_graph_process.py"
    module.write_text(
        "from steepest.formula import rule\n"
        "@rule(opaque=True)\n"
        "def nested(u):\n"
        "    inside = lambda x: x * 2.0\n"
        "    return inside(u)\n"
        "def prints(): return nested().fingerprint()\n"
    )
    (tmp_path / "example_rules.py").write_text("")
    seen = set()
    for hash_seed in ("1", "2", "3"):
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps([str(tmp_path)])],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(ran.stdout)
    assert len(seen) == 1


def variants() -> dict[str, Rule]:
    """Rules that run differently in one respect each."""
    return {
        "adam": adam(lr=0.1),
        "lr": adam(lr=0.2),
        "lr schedule": adam(lr=cosine(0.1, steps=10)),
        "lr schedule's steps": adam(lr=cosine(0.1, steps=11)),
        "eps": adam(lr=0.1, eps=1e-7),
        "amsgrad": adam(lr=0.1, amsgrad=True),
        "adamw": adamw(lr=0.1),
        "decay": adamw(lr=0.1, decay="l2"),
        "exempt": adamw(lr=0.1, exempt="vectors"),
        "order": chain(RATE, scale_by_adam()),
        "inside": chain(scale_by_rms(eps_position="inside"), RATE),
        "outside": chain(scale_by_rms(), RATE),
        "over": chain(clip_norm(max_norm=1.0, over="tensor"), RATE),
        "model": chain(clip_norm(max_norm=1.0), RATE),
    }


def test_different_rules_have_different_fingerprints() -> None:
    prints = {name: rule.fingerprint() for name, rule in variants().items()}
    assert len(set(prints.values())) == len(prints), prints
    assert prints == {name: rule.fingerprint() for name, rule in variants().items()}


def _one(body: Callable[..., object], **options: object) -> Formula:
    body.__name__ = "one"
    return rule(**options)(body)  # type: ignore[call-overload]


def _pair(
    first: Callable[..., object], second: Callable[..., object], one: dict | None = None, two: dict | None = None
) -> tuple[Rule, Rule]:
    return _one(first, **(one or {}))(), _one(second, **(two or {}))()


def test_the_fingerprint_tells_arithmetic_apart() -> None:
    first, second = _pair(lambda u: u + 0.5 * u, lambda u: u + 0.25 * u)
    assert first.graph().text != second.graph().text
    assert first.fingerprint() != second.fingerprint()
    same, again = _pair(lambda u: u + 0.5 * u, lambda u: u + 0.5 * u)
    assert same.fingerprint() == again.fingerprint()
    assert same.graph().fingerprint() == again.graph().fingerprint()


def test_the_fingerprint_tells_query_points_apart() -> None:
    first, second = _one(lambda u, p: u), _one(lambda u, p: u)
    first.query(lambda p: p * 0.5)
    second.query(lambda p: p * 2.0)
    assert first().fingerprint() != second().fingerprint()


def test_the_fingerprint_tells_answer_points_apart() -> None:
    first, second = _one(lambda u, p: u), _one(lambda u, p: u)
    first.answer(lambda p: p * 0.5)
    assert first().fingerprint() != second().fingerprint()


def _keep(u, s):
    return u + s, s


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Slot("s"), Slot("s", init=1.0)),
        (Slot("s"), Slot("s", init="p")),
        (Slot("s"), Slot("s", dtype="float32")),
        (Slot("s", like="tensor"), Slot("s", like="model")),
    ],
    ids=["number", "parameter", "dtype", "kind"],
)
def test_the_fingerprint_tells_slots_apart(one: Slot, two: Slot) -> None:
    first, second = _pair(_keep, _keep, {"slots": (one,)}, {"slots": (two,)})
    assert first.fingerprint() != second.fingerprint()


def test_the_fingerprint_tells_opaque_code_apart() -> None:
    """The two have the same bytes of code and the same constants; only the names differ."""
    first, second = _pair(lambda u: np.sin(u), lambda u: np.cos(u), {"opaque": True}, {"opaque": True})
    assert first.fingerprint() != second.fingerprint()


def test_frozen_values_compare_and_hash() -> None:
    assert adam(lr=0.1) == adam(lr=0.1)
    assert hash(adam(lr=0.1)) == hash(adam(lr=0.1))
    assert adam(lr=0.1) != adam(lr=0.2)
    with pytest.raises(AttributeError):
        adam(lr=0.1).name = "other"  # type: ignore[misc]
    assert lookahead_momentum(beta=0.5) == lookahead_momentum(beta=0.5)
