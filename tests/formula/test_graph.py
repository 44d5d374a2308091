"""The traced graph: what it computes, by a second reading of it, and what is hoisted from it."""

from __future__ import annotations

from collections.abc import Callable

import example_rules as examples
import numpy as np
import pytest
from graph_interpreter import interpret
from rule_contract import CONTRACT, Case, base
from rule_field import assert_alike, field

from steepest.formula import Level, Node, Rule, Unit, chain, norm, rule, sqrt, where
from steepest.rules import (
    adam,
    adamw,
    average,
    clip_norm,
    learning_rate,
    momentum,
    scale_by_adagrad,
    scale_by_adam,
    scale_by_lion,
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


TRACED = [case for case in CONTRACT if not any(link.formula.opaque for _, link in base(case).links())]
"""Formulas on whole arrays are one node of a graph."""


@pytest.mark.parametrize("case", TRACED, ids=lambda case: case.name)
def test_the_graph_of_every_rule_computes_what_eager_does(case: Case) -> None:
    same_by_interpreter(base(case))
    for name, changed in case.changes.items():
        for value in changed.values:
            made = base(case, **changed.given, **{name: value})
            if made.micro_batches == 1:  # gradients are added up before they meet the graph
                same_by_interpreter(made)


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
