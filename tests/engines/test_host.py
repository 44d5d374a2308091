"""What a plan computes once a step: numbers of rows and of tensors, equal to the eager engine's in every corner."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from agreement import assert_same, sum_by_chunks
from live import go, numpy_params
from random_rules import COMPARE, NUMBERS
from uncompiled import run_uncompiled

from steepest import formula
from steepest.core.errors import FormulaError
from steepest.engines import RuleStepper
from steepest.engines.cpu.host import Host
from steepest.formula import Rule, Slot, chain, mean, ndim, norm, rule, size, total
from steepest.formula.graph import Level
from steepest.formula.plan import Unplannable
from steepest.rules import adamw, clip_norm, lamb, learning_rate

SHAPES = {"a": (2, 3), "b": (5,), "c": (), "d": (1, 1, 1)}

SPECIAL = ("0.0", "-0.0", "1.0", "-1.0", "0.5", "1e308", "-1e308", "1e-320", "INF", "-INF", "NAN", "3.0")
ONE = ("sqrt", "exp", "log", "tanh", "floor", "sign", "abs", "-")
TWO = ("{} + {}", "{} - {}", "{} * {}", "{} / {}", "{} % {}", "{} ** {}", "minimum({}, {})", "maximum({}, {})")


KINDS = ("model", "tensor", "row", "column")
"""Numbers that are kept, of the model or of each tensor; and numbers that a kernel reads, by row or by tensor."""


def rule_of(texts: list[str], kind: str) -> Rule:
    """A rule with a slot for each expression, of `one` = 1, INF, NAN and the clock."""
    like = kind if kind in {"model", "tensor"} else "param"
    slots = [Slot(f"s{number}", like=like) for number, _ in enumerate(texts)]  # type: ignore[arg-type]
    own = "one = size(u) / size(u)" if kind in {"tensor", "column"} else "one = t / t"
    body = "\n    ".join((own, "INF = one * inf", "NAN = INF - INF", f"return u, {', '.join(texts)}"))
    arguments = ", ".join(("u", "p", *(slot.name for slot in slots), "k", "t"))
    space = {**vars(formula), "__name__": "host_text"}
    exec(f"def numbers({arguments}, *, rate: float = 0.75, inf: float = 1.0):\n    {body}", space)
    return chain(rule(slots=slots)(space["numbers"])(), learning_rate(lr=0.1))


def compare(texts: list[str], kind: str, steps: int = 2) -> None:
    """Both engines: the same numbers to the bit, and no warning."""
    made = rule_of(texts, kind)

    def values(clock: int) -> Any:
        return {**made.values(clock), "numbers.inf": math.inf}

    ends = []
    with pytest.MonkeyPatch.context() as patch:
        sum_by_chunks(patch, 16_384)
        for engine in ("cpu", "eager"):
            with run_uncompiled(patch) as raise_errors:
                stepper = RuleStepper(made, numpy_params("float64", SHAPES), engine=engine, values=values)  # type: ignore[arg-type]
                go(stepper, steps)
                raise_errors()
            ends.append(stepper.state.slots)
    for number, text in enumerate(texts):
        for name, value in ends[1][f"numbers.s{number}"].items():
            assert_same(ends[0][f"numbers.s{number}"][name], value, f"{text} of {name or 'the model'}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", ONE)
def test_functions_of_special_numbers(function: str, kind: str) -> None:
    compare([f"{function}(one * {x})" for x in SPECIAL], kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", TWO)
def test_operations_on_special_numbers(function: str, kind: str) -> None:
    """Divisions by zero, overflow, roots of what is negative: IEEE's results, though Python's own would raise."""
    numbers = [f"(one * {x})" for x in SPECIAL]
    compare([function.format(x, y) for x in numbers for y in numbers[::2]], kind, steps=1)


@pytest.mark.parametrize("kind", KINDS)
def test_choices_and_comparisons(kind: str) -> None:
    numbers = ["(one * 0.5)", "(one * 2)", "NAN", "INF"]
    texts = [f"where({x} {c} {y}, 1.5, rate)" for c in COMPARE for x in numbers for y in numbers]
    texts += [f"where(({x} < 1) {join} ({y} > 1), {x}, {y})" for join in "&|" for x in numbers for y in numbers]
    compare(texts, kind, steps=1)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_compared_counts_as_one_or_zero(kind: str) -> None:
    compare(
        ["(one > 0) * 0.5", "sqrt((one > 0) * 4)", "(one > 0) / 2", "(one < 0) ** 2", "minimum(one > 0, 0.5)"], kind
    )


@pytest.mark.parametrize("expression", ["(one > 0) + (one > 0.5)", "(one > 0) - (one > 2)", "-(one > 0)"])
def test_conditions_are_not_computed_with_each_other(expression: str) -> None:
    with pytest.raises(FormulaError, match="conditions cannot be computed with"):
        compare([expression], "row")


@pytest.mark.parametrize("seed", range(30))
def test_random_numbers_of_rows_and_tensors(seed: int) -> None:
    """Expressions of ages, clock, hyperparameters, sizes, reductions and each other."""
    rng = random.Random(seed)
    model, tensor = ["t", "rate", "total(u * p, over='model')"], ["k", "size(u)", "ndim(p)", "mean(u * u)", "norm(p)"]

    def expression(pool: list[str], depth: int) -> str:
        if depth == 0:
            return rng.choice([*pool, *pool, *(f"one * {number}" for number in NUMBERS)])
        x, y = expression(pool, depth - 1), expression(pool, rng.randrange(depth))
        kind = rng.randrange(6)
        if kind < 3:
            return f"(({x}) {rng.choice('+-*/')} ({y}))"
        if kind == 3:
            return f"{rng.choice(['sqrt', 'abs', 'exp', 'log', 'floor', 'sign', 'tanh'])}({x})"
        if kind == 4:
            return f"where(({x}) {rng.choice(COMPARE)} ({y}), {x}, {expression(pool, depth - 1)})"
        return f"abs({x}) ** {rng.choice(['2', '0.5', '-1', 'rate', 'k' if pool is tensor else 't'])}"

    both = [*model, *tensor]
    for kind in ("tensor", "column"):
        compare([expression(both, 3) for _ in range(6)], kind)
    for kind in ("model", "row"):
        compare([expression(model, 3) for _ in range(6)], kind)


def test_what_is_computed_once_for_many_tensors() -> None:
    """By row: clock, age, hyperparameters, dimensions, the model. By tensor: its sums, slots and size."""

    @rule(slots=(Slot("own", like="tensor"), Slot("all", like="model")))
    def mixed(u, p, own, all, k, t, *, rate: float = 0.1):
        rows = rate * k + ndim(p) * t + all + norm(u, over="model")
        columns = own * mean(p) + size(p) + norm(u)
        return u * rows + p * columns, own + 1, all + 1

    graph = mixed().graph()
    host = Host(graph)
    scalars = [node for node in graph.nodes() if Level.CONSTANT < node.level < Level.ELEMENT]
    by_tensor = {node for node in scalars if node not in host.per_row}
    leaf = dict(graph.inputs)
    assert {leaf["k"], leaf["t"], leaf["value:mixed.rate"], leaf["slot:mixed.all"]} <= host.per_row
    assert leaf["slot:mixed.own"] in by_tensor
    assert {node.op for node in by_tensor} >= {"size", "mean", "norm"}
    assert {node.op for node in host.per_row} >= {"ndim"}
    assert [node.op for node in host.model] == ["norm"] and host.sized
    assert {node.op for node in host.by_tensor} == {"mean", "norm"}
    assert host.tensor_slots == ("slot:mixed.own",)
    assert list(host.seen) == ["mixed.norm"]


def test_what_depends_on_no_tensor_is_not_computed_by_tensor() -> None:
    """All that AdamW reads besides arrays is of its row; LAMB's ratio is of a tensor."""
    for made, ops in ((adamw(), set()), (chain(clip_norm(max_norm=1.0), adamw()), set()), (lamb(), {"norm"})):
        host = Host(made.graph())
        assert {node.op for node in host.by_tensor} == ops


@pytest.mark.parametrize("reduce", [norm, mean, total])
def test_a_reduction_of_a_number_cannot_be_planned(reduce: Any) -> None:
    @rule
    def odd(u):
        return u * reduce(norm(u))

    with pytest.raises(Unplannable, match="of a value that is one number a tensor"):
        Host(odd().graph())


def test_numbers_wider_than_a_kernel_computes_with() -> None:
    """β₁ᵏ and the like are computed in float64, whatever the kernel's numbers: 1 − 0.999 is not float32's."""
    seen = []

    @rule(slots=(Slot("correction", like="tensor"),))
    def corrected(u, correction, k, *, beta: float = 0.999):
        return u / (1 - beta**k), 1 - beta**k

    made = chain(corrected(), learning_rate(lr=0.1))
    stepper = RuleStepper(made, numpy_params("float32"), engine="cpu")
    for step in range(3):
        go(stepper, 1, first=step)
        seen.append(float(np.asarray(stepper.state.slots["corrected.correction"]["bias"])))
    assert seen == [1 - 0.999**k for k in (1, 2, 3)]
