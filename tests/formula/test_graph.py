"""The traced graph: what it computes, what is hoisted from it, and what its text and fingerprints tell apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import example_rules as examples
import numpy as np
import pytest
from graph_interpreter import interpret
from rule_contract import CONTRACT, Case, base
from rule_field import assert_alike, field

from steepest.formula import Formula, Level, Node, Rule, Slot, Unit, chain, norm, rule, sqrt, where
from steepest.rules import (
    adam,
    adamw,
    average,
    clip_norm,
    learning_rate,
    lookahead_momentum,
    momentum,
    scale_by_adagrad,
    scale_by_adam,
    scale_by_lion,
    scale_by_rms,
    sgd,
)
from steepest.schedules import constant, cosine

RATE = learning_rate(lr=0.1)
EXAMPLES: dict[str, Callable[[], Rule]] = {
    "clip adamw average": lambda: chain(clip_norm(max_norm=1.0), adamw(weight_decay=0.1), average(beta=0.9)),
    "scheduled": lambda: adam(lr=cosine(0.1, steps=20), beta1=constant(0.8)),
    "lookahead": lambda: chain(scale_by_adam(), RATE, examples.slow_weights(every=3)),
    "switch": lambda: chain(examples.switch(first=scale_by_adam(), second=scale_by_lion(), after=2), RATE),
    "graft": lambda: chain(examples.grafted(size=scale_by_adagrad(), direction=momentum()), RATE),
    "d-adaptation": lambda: chain(examples.d_adaptation(), learning_rate(lr=1.0)),
    "tensor number": lambda: chain(examples.normalize_tensor(), RATE),
    "first": lambda: chain(examples.difference(), RATE),
    "value": lambda: chain(examples.polyak_step()),
    "curvature": lambda: chain(examples.precondition(), RATE),
    "optional": lambda: chain(examples.optional_decay(share=0.1, mode="minus"), RATE),
}


def interpreted(rule: Rule, steps: int = 6) -> tuple[dict, dict, dict, dict]:
    """Parameters and slots of a run by `Rule.update` and of one by the interpreter, each on its own."""
    world = field(2, steps)
    names = list(world.start)
    graph, specs = rule.graph(), rule.slots()
    params = {name: p.copy() for name, p in world.start.items()}
    state = rule.init(params)
    ours = dict(params)
    slots = {path: {n: np.array(a) for n, a in tensors.items()} for path, tensors in state.slots.items()}
    for step in range(steps):
        grads = world.at(step, params)
        inputs = {"value": 3.0 + step, "hessian_diagonal": {n: 1 + h for n, h in world.slope.items()}}
        given = {need: inputs[need] for need in rule.needs}
        ours, state, _ = rule.update(ours, world.at(step, ours), state, **given)
        leaves = {"u": grads, "p": params, "k": step + 1, "t": step + 1}
        leaves |= {f"value:{path}": value for path, value in rule.values(step).items()}
        leaves |= {f"input:{need}": value for need, value in given.items()}
        leaves |= {
            f"slot:{path}": float(tensors[""]) if specs[path].like == "model" else tensors
            for path, tensors in slots.items()
        }
        update, new = interpret(graph, names, leaves)
        params = {name: np.asarray(params[name] - update[name]) for name in names}
        for path, value in new.items():
            slots[path] = {"": value[names[0]]} if specs[path].like == "model" else value
    return ours, params, {p: dict(t) for p, t in state.slots.items()}, slots


def same_by_interpreter(rule: Rule) -> None:
    ours, theirs, slots, others = interpreted(rule)
    assert_alike(ours, theirs, rtol=1e-13, atol=1e-14)
    assert slots.keys() == others.keys()
    for path in slots:
        for name, array in slots[path].items():
            value = np.broadcast_to(np.asarray(others[path][name]), array.shape)
            np.testing.assert_allclose(array, value, rtol=1e-13, atol=1e-14, err_msg=f"{path} {name}")


@pytest.mark.parametrize("case", CONTRACT, ids=lambda case: case.name)
def test_the_graph_of_every_rule_computes_what_eager_does(case: Case) -> None:
    same_by_interpreter(base(case))
    for name, changed in case.changes.items():
        for value in changed.values:
            same_by_interpreter(base(case, **changed.given, **{name: value}))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_graph_of_other_rules_computes_what_eager_does(name: str) -> None:
    same_by_interpreter(EXAMPLES[name]())


def expressions(nodes: list[Node]) -> set[str]:
    return {written(node) for node in nodes}


def written(node: Node) -> str:
    attributes = dict(node.attributes)
    if node.op in {"leaf", "constant"}:
        return str(attributes.get("name", attributes.get("value")))
    return f"{node.op}({', '.join(written(arg) for arg in node.args)})"


def test_what_does_not_depend_on_elements_is_hoisted() -> None:
    graph = adam(lr=0.1).graph()
    beta1, beta2 = "value:scale_by_adam.beta1", "value:scale_by_adam.beta2"
    assert expressions(graph.hoisted()) == {
        beta1,
        beta2,
        f"subtract(1, {beta1})",
        f"subtract(1, {beta2})",
        f"subtract(1, power({beta1}, k))",
        f"subtract(1, power({beta2}, k))",
        "value:scale_by_adam.eps",
        "value:learning_rate.lr",
    }
    levels = {written(node): node.level for node in graph.nodes()}
    assert levels[f"subtract(1, power({beta1}, k))"] is Level.TENSOR
    assert levels[f"subtract(1, {beta1})"] is Level.HOST
    assert levels["1"] is Level.CONSTANT
    assert levels["slot:scale_by_adam.m"] is Level.ELEMENT
    assert graph.update.level is Level.ELEMENT
    assert all(node.level is Level.ELEMENT for node in graph.slots.values())


def test_levels_of_reductions_and_slots() -> None:
    clip = clip_norm(max_norm=1.0).graph()
    assert {node.op: node.level for node in clip.nodes()}["minimum"] is Level.MODEL
    assert {n.op: n.level for n in clip_norm(max_norm=1.0, over="tensor").graph().nodes()}["minimum"] is Level.TENSOR
    slots = chain(examples.d_adaptation(), RATE).graph().slots
    assert slots["d_adaptation.d"].level is slots["d_adaptation.r"].level is Level.MODEL
    assert slots["d_adaptation.s"].level is Level.ELEMENT
    assert examples.normalize_tensor().graph().slots["normalize_tensor.size"].level is Level.TENSOR
    assert set(chain(examples.polyak_step()).graph().leaves()) == {
        "u", "input:value", "value:polyak_step.lowest", "value:polyak_step.eps"
    }  # fmt: skip


def test_equal_expressions_are_one_node() -> None:
    """The average's p − u is the one that the chain ends with, and the leaf `u` is there once."""
    graph = adamw(lr=0.1).graph()
    texts = [written(node) for node in graph.nodes()]
    assert len(texts) == len(set(texts))
    last = chain(sgd(lr=0.1), average()).graph()
    assert sum(written(node) == "subtract(p, multiply(value:learning_rate.lr, u))" for node in last.nodes()) == 1


def test_whole_and_real_constants_stay_apart() -> None:
    @rule
    def both(u):
        return u * 1 + u * 1.0 + u * True

    constants = [dict(n.attributes)["value"] for n in both().graph().nodes() if n.op == "constant"]
    assert sorted(map(repr, constants)) == ["1", "1.0", "True"]


def test_opaque_rules_are_nodes_too() -> None:
    graph = chain(examples.factored(), RATE).graph()
    (node,) = (node for node in graph.nodes() if node.op == "opaque")
    assert node.attributes == (("formula", "factored"),)
    assert graph.slots.keys() == {"factored.r", "factored.c"}


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


def test_bits_of_a_graph_are_not_computed_by_chance() -> None:
    """A planted error in the graph is seen: swapping a node's arguments changes what the interpreter gives."""

    @rule(slots=("m",))
    def right(u, m, *, beta: Unit = 0.9):
        return u / (sqrt(norm(m)) + 1.0), where(u > 0, beta * m, u - m)

    @rule(slots=("m",))
    def wrong(u, m, *, beta: Unit = 0.9):
        return u / (sqrt(norm(m)) + 1.0), where(u > 0, beta * m, m - u)

    world = field(2, 1)
    names = list(world.start)
    leaves = {"u": world.at(0, world.start), "slot:right.m": world.start, "slot:wrong.m": world.start}
    leaves |= {"value:right.beta": 0.9, "value:wrong.beta": 0.9}
    one = interpret(right().graph(), names, leaves)[1]["right.m"]
    two = interpret(wrong().graph(), names, leaves)[1]["wrong.m"]
    assert any(np.any(one[name] != two[name]) for name in names)
