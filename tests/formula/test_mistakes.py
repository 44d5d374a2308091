"""Mistakes in a formula: each gets one line that says what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from one_step import RATE, step

from steepest.core.errors import FormulaError, InputTypeError
from steepest.formula import (
    Slot,
    chain,
    ndim,
    norm,
    random,
    rule,
)

BRANCHES: dict[str, Callable[[Any], Any]] = {
    "if": lambda u: u if u > 0 else -u,
    "and": lambda u: (u > 0) and u,
    "not": lambda u: u if not (norm(u) > 1) else 2 * u,
    "min": lambda u: min(u, 1.0),
    "max": lambda u: max(u, 0.0),
    "float": lambda u: u * float(norm(u)),
    "chained comparison": lambda u: 0.0 * u if -1 < u < 1 else u,
}


@pytest.mark.parametrize("name", BRANCHES)
def test_branching_on_a_value_is_refused_when_traced(name: str) -> None:
    with pytest.raises(FormulaError, match=r"cannot branch on a value .*use where\(condition, a, b\)"):
        rule(BRANCHES[name])().graph()


@pytest.mark.parametrize("name", BRANCHES)
def test_branching_on_a_value_is_refused_when_run(name: str) -> None:
    """On real arrays too: Python would take every bundle for true, and the run would be silently wrong."""
    with pytest.raises(FormulaError, match=r"cannot branch on a value .*use where\(condition, a, b\)"):
        step(rule(BRANCHES[name])())


def test_a_formula_is_elementwise_and_pure() -> None:
    with pytest.raises(FormulaError, match="no elements to iterate over"):
        rule(lambda u: sum(x for x in u))().graph()
    with pytest.raises(FormulaError, match="arguments and numbers, got ndarray"):
        rule(lambda u: u * np.ones(2))().graph()
    with pytest.raises(FormulaError, match="arguments and numbers, got str"):
        rule(lambda u: u + "1")().graph()
    kept = []

    def keeps(u):
        kept.append(u)
        return u + kept[0]

    remembering = rule(keeps)()
    remembering.graph()
    with pytest.raises(FormulaError, match="kept from an earlier call"):
        remembering.graph()


def test_reductions_and_random_numbers_say_what_they_take() -> None:
    with pytest.raises(FormulaError, match="norm: over must be 'tensor' or 'model', got 'layer'"):
        rule(lambda u: u / norm(u, over="layer"))().graph()  # type: ignore[arg-type]
    with pytest.raises(FormulaError, match="norm: reduces tensors, got float"):
        norm(1.0)
    with pytest.raises(FormulaError, match="ndim: needs a tensor, got float"):
        ndim(1.0)
    with pytest.raises(FormulaError, match="random: x must be a tensor-shaped value inside a rule"):
        random(1.0)
    with pytest.raises(FormulaError, match=r"random: kind must be one of .*, got 'cauchy'"):
        step(rule(lambda u: random(u, "cauchy"))())  # type: ignore[arg-type]


def refused(match: str, body: Callable[..., object], **options: Any) -> None:
    body.__name__ = "mine"
    with pytest.raises(FormulaError, match=match):
        rule(**options)(body)


def test_signatures_that_are_refused() -> None:
    refused(r"mine: positional arguments must be of \['u', 'p', 'k', 't', 'm'\], got \['q'\]", lambda u, m, q: u,
            slots=("m",))  # fmt: skip
    refused("positional arguments must be of", lambda u, m: (u, m))
    refused(r"mine: declares \['m'\] but does not take it", lambda u: u, slots=("m",))
    refused(r"mine: declares \['value'\] but does not take it", lambda u: u, needs=("value",))
    refused(r"mine: needs must be of \['value', 'hessian_diagonal'\], got \['loss'\]", lambda u, loss: u,
            needs=("loss",))  # fmt: skip
    refused("mine: a rule takes named arguments only", lambda *args: args[0])
    refused("mine: a rule takes named arguments only", lambda u, **rest: u)
    refused("names of their own", lambda u: u, slots=("u",))
    refused("names of their own", lambda u, m: u, slots=("m", "m"))
    with pytest.raises(FormulaError, match="slot: name must be an identifier, got 'my slot'"):
        Slot("my slot")
    with pytest.raises(FormulaError, match="slot s: like must be 'param', 'tensor', 'model' or a function"):
        Slot("s", like="layer")  # type: ignore[arg-type]
    for like, init in (("tensor", "p"), ("model", "first"), ("param", "eye")):
        with pytest.raises(FormulaError, match=f"slot s: init '{init}' does not fit like='{like}'"):
            Slot("s", like=like, init=init)  # type: ignore[arg-type]


def test_annotations_that_are_refused() -> None:
    def text(u, *, beta: str = "x"):
        return u

    def two(u, *, beta: int | str = 1):
        return u

    for body in (text, two):
        with pytest.raises(FormulaError, match="beta must be annotated as a number with a range, bool, Literal or Rul"):
            rule(body)


def test_a_whole_number_literal_is_static() -> None:
    """Literal arguments are fixed choices of any kind, whole numbers too."""

    @rule
    def power(u, *, order: Literal[1, 2] = 1):
        return u * u if order == 2 else u

    with pytest.raises(InputTypeError, match="order must be 1 or 2"):
        power(order=3)
    assert not power().hyperparameters()
    power(order=2).graph()
    after, _, _ = step(chain(power(order=2), RATE))
    np.testing.assert_allclose(after["b"], -0.025, rtol=1e-15)


def test_query_and_answer_arguments_are_checked() -> None:
    formula = rule(slots=("m",))(lambda u, m: (u, m))
    with pytest.raises(FormulaError, match=r"arguments of its query must be of .*got \['u'\]"):
        formula.query(lambda u: u)
    with pytest.raises(FormulaError, match=r"arguments of its answer must be of .*got \['g'\]"):
        formula.answer(lambda p, g: p)


@pytest.mark.parametrize(
    "body",
    [lambda u, m: u, lambda u, m: (u,), lambda u, m: (u, m, m), lambda u, m: None, lambda u, m: [u, m]],
    ids=["alone", "one", "three", "none", "list"],
)
def test_the_wrong_number_of_results(body: Callable[..., object]) -> None:
    body.__name__ = "mine"
    made = rule(slots=("m",))(body)()
    for run in (made.graph, lambda: step(made)):
        with pytest.raises(FormulaError, match=r"mine: a rule with slots returns \(u, m\), got"):
            run()


@pytest.mark.parametrize("body", [lambda u: (u, u), lambda u: None], ids=["two", "none"])
def test_the_wrong_number_of_results_without_slots(body: Callable[..., object]) -> None:
    body.__name__ = "mine"
    made = chain(rule(body)(), RATE)
    for run in (made.graph, lambda: step(made)):
        with pytest.raises(FormulaError):
            run()


def test_a_slot_gets_a_value_of_its_kind() -> None:
    """One number for the model cannot be one a tensor, nor a number of a tensor a whole array."""

    @rule(slots=(Slot("d", like="model"),))
    def forgets_over(u, d):
        return u, norm(u)

    @rule(slots=(Slot("d", like="tensor"),))
    def forgets_to_reduce(u, d):
        return u, u * u

    for made, path in ((forgets_over(), "forgets_over.d"), (forgets_to_reduce(), "forgets_to_reduce.d")):
        with pytest.raises(FormulaError, match=path):
            step(chain(made, RATE))


def test_an_unknown_dtype_is_refused_where_it_is_written() -> None:
    with pytest.raises(FormulaError, match="dtype"):
        Slot("m", dtype="float99")
