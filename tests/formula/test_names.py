"""Names of local values: read while tracing, and nothing else changes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import pytest
from example_rules import grafted, switch, whiten

from steepest import rules
from steepest.core.errors import FormulaError
from steepest.formula import Rule, chain, rule, sqrt
from steepest.formula.graph import Level, Tracer
from steepest.formula.names import local_names
from steepest.formula.printing.symbols import Symbol, SymbolBook, symbol_of


def names(made: Rule, path: str) -> dict[str, Any]:
    return dict(next(trace for trace in made.graph().links if trace.path == path).names)


def test_locals_of_the_formula_are_known_by_link() -> None:
    made = rules.adamw()
    graph = made.graph()
    assert [trace.path for trace in graph.links] == ["scale_by_adam", "decay_weights", "learning_rate"]
    adam, decay, rate = graph.links
    m_hat = adam.names["m_hat"]
    assert (m_hat.op, m_hat.args[0]) == ("divide", graph.slots["scale_by_adam.m"])
    assert adam.outgoing.op == "divide" and adam.outgoing.args[0] is m_hat
    assert adam.incoming is graph.inputs["u"]
    assert decay.incoming is adam.outgoing and rate.incoming is decay.outgoing and graph.update is rate.outgoing


def test_names_do_not_change_the_arithmetic() -> None:
    @rule
    def plain(u, *, a: float = 1.0):
        return a * sqrt(u + 1)

    @rule
    def named(u, *, a: float = 1.0):
        inside = u + 1
        root = sqrt(inside)
        return a * root

    one, other = plain().graph(), named().graph()
    assert one.text.replace("plain", "named") == other.text
    assert names(named(), "named").keys() == {"u", "a", "inside", "root"}


def test_inner_rules_have_their_own_names() -> None:
    made = grafted(size=rules.scale_by_adam(), direction=rules.scale_by_adam(beta1=0.5))
    graph = made.graph()
    assert [trace.path for trace in graph.links] == [
        "grafted.size.scale_by_adam",
        "grafted.direction.scale_by_adam",
        "grafted",
    ]
    size, direction, outer = graph.links
    assert size.names["m_hat"] is not direction.names["m_hat"]
    assert outer.names["length"] is size.outgoing
    assert outer.names["way"] is direction.outgoing
    assert "m_hat" not in outer.names


def test_a_formula_within_itself_keeps_the_calls_apart() -> None:
    @rule
    def scaled(u, *, a: float = 2.0, inner: Rule):
        early = a * u
        late = inner(early)
        return late + early

    made = scaled(inner=scaled(a=3.0, inner=rules.average_momentum()))
    found = {trace.path: trace.names for trace in made.graph().links}
    inner, outer = found["scaled.inner.scaled"], found["scaled"]
    assert outer["late"] is not inner["late"]
    assert inner["early"].args[1] is outer["early"]


def test_a_function_of_the_same_name_is_not_the_formula() -> None:
    def helper() -> Any:
        def scaled(x):
            inside = x * 2
            return inside

        return scaled

    other = helper()

    @rule
    def scaled(u):
        result = other(u)
        return result + 1

    assert names(scaled(), "scaled").keys() == {"u", "result"}


def test_a_name_is_read_at_the_return() -> None:
    @rule
    def twice(u):
        x = u + 1
        x = x * 2
        gone = x - 3
        result = gone / 4
        del gone
        return result

    found = names(twice(), "twice")
    assert found["x"].op == "multiply"
    assert "gone" not in found


def test_opaque_formulas_and_rules_without_arithmetic_have_no_names() -> None:
    @rule
    def nothing(u):
        return u

    assert names(whiten(), "whiten") == {}
    assert names(nothing(), "nothing") == {}


def test_eager_runs_read_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("names were read in an eager run")

    monkeypatch.setattr("steepest.formula.link.local_names", refuse)
    made = rules.adam()
    p = np.ones(2)
    made.update(p, p, made.init(p))
    with pytest.raises(AssertionError, match="names were read"):
        made.graph()


@contextmanager
def profiled() -> Iterator[list[str]]:
    seen: list[str] = []

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield seen
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(before)


@contextmanager
def traced() -> Iterator[list[str]]:
    seen: list[str] = []

    def trace(frame: FrameType, event: str, _: object) -> Any:
        seen.append(frame.f_code.co_name)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield seen
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("measured", [profiled, traced])
def test_a_profiler_or_tracer_sees_all_and_stays(measured: Any) -> None:
    made = switch(first=rules.scale_by_adam(), second=rules.scale_by_lion())
    with measured() as seen:
        found = names(made, "switch.first.scale_by_adam")
    assert {"scale_by_adam", "scale_by_lion", "switch"} <= set(seen)
    assert "m_hat" in found


def test_the_tracer_is_left_clean_when_a_formula_raises() -> None:
    tracer = Tracer()
    x = tracer.leaf("x", Level.ELEMENT)

    def broken(x):
        y = x + 1
        raise FormulaError(f"no {y}")

    with pytest.raises(FormulaError, match="no Node"), local_names(tracer, broken) as found:
        broken(x)
    assert tracer.on_node is None
    assert found == {}


def test_values_of_another_graph_are_not_named() -> None:
    other = Tracer().leaf("other", Level.ELEMENT)
    tracer = Tracer()

    def mixed(x):
        foreign = other
        mine = x + 1
        return mine, foreign

    with local_names(tracer, mixed) as found:
        mixed(tracer.leaf("x", Level.ELEMENT))
    assert found.keys() == {"x", "mine"}


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("m", Symbol("m")),
        ("beta1", Symbol("beta", subscript="1")),
        ("beta_1", Symbol("beta", subscript="1")),
        ("eps", Symbol("epsilon")),
        ("lr", Symbol("eta")),
        ("weight_decay", Symbol("lambda")),
        ("lambda_", Symbol("lambda")),
        ("m_hat", Symbol("m", "hat")),
        ("grad_bar", Symbol("grad", "bar")),
        ("v_max", Symbol("v", subscript="max")),
        ("slow", Symbol("slow")),
        ("slow2", Symbol("slow", subscript="2")),
        ("max_update", Symbol("max_update")),
    ],
)
def test_symbols_of_names(name: str, symbol: Symbol) -> None:
    assert symbol_of(name) == symbol


def test_a_symbol_that_is_taken_gets_primes() -> None:
    book = SymbolBook(Symbol("g"))
    assert [book.take(Symbol("g")).primes, book.take(Symbol("v")).primes, book.take(Symbol("v")).primes] == [1, 0, 1]


def test_slots_of_two_rules_with_one_name_are_told_apart() -> None:
    made = chain(rules.scale_by_rms(), rules.momentum(), rules.learning_rate(lr=0.1))
    assert "v′ ←" in made.equations()
    assert "β′ = 0.9" in made.equations()
