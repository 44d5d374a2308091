"""Formulas in Unicode text: exact lines, and parentheses read back by an independent reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import example_rules as examples
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from printed_reader import Reader, value_of
from printed_rules import EVERY
from random_expressions import expression

from steepest import rules
from steepest.formula import chain, maximum, minimum, norm, partition, rule, sqrt, where
from steepest.formula.graph import Level, Node, Tracer
from steepest.formula.latex import LatexNotation
from steepest.formula.printing import Expressions, Symbol, printout
from steepest.formula.text import TextNotation
from steepest.schedules import cosine

SYMBOLS: Mapping[str, Symbol] = {
    "g": Symbol("g", when="t"),
    "beta1": Symbol("beta", subscript="1"),
    "m_hat": Symbol("m", "hat", when="t"),
    "v": Symbol("v", primes=1, when="t-1"),
    "slow": Symbol("slow", when="t"),
    "lambda_p": Symbol("lambda", subscript="p"),
    "age": Symbol("t"),
}
VALUES = {name: 1009 * (index + 3) ** 7 for index, name in enumerate(SYMBOLS)}


def number(constant: float, like: Node) -> Node:
    return like.tracer.constant(constant)


def leaves() -> dict[str, Any]:
    tracer = Tracer()
    return {"number": number, **{name: tracer.leaf(name, Level.ELEMENT) for name in SYMBOLS}}


def symbols_of(given: Mapping[str, Any]) -> dict[Node, Symbol]:
    return {given[name]: symbol for name, symbol in SYMBOLS.items()}


def lines(rule: Any) -> list[str]:
    return rule.equations().splitlines()


def test_adam_reads_as_in_the_paper() -> None:
    assert lines(rules.adam()) == [
        "m = v = 0 at the start",
        "m ← β₁ m + (1 − β₁) g",
        "v ← β₂ v + (1 − β₂) g²",
        "m̂ ← m / (1 − β₁ᵗ)",
        "v̂ ← v / (1 − β₂ᵗ)",
        "p ← p − η m̂ / (√v̂ + ε)",
        "with β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸, η = 0.001; g is the gradient, t the tensor's age: its updates, this one "
        "included",
    ]


def test_a_chain_with_clipping_decay_and_an_average() -> None:
    whole = chain(rules.clip_norm(max_norm=1.0), rules.adamw(lr=cosine(0.1, steps=10)), rules.average())
    assert lines(whole)[:-1] == [
        "m = v = 0, p̄ = p at the start",
        "u ← min(1, c / (‖g‖_model + 10⁻⁶)) g",
        "m ← β₁ m + (1 − β₁) u",
        "v ← β₂ v + (1 − β₂) u²",
        "m̂ ← m / (1 − β₁ᵗ)",
        "v̂ ← v / (1 − β₂ᵗ)",
        "p ← p − η (m̂ / (√v̂ + ε) + λ p)",
        "p̄ ← β p̄ + (1 − β) p",
        "evaluated at p̄",
    ]
    assert "c = 1, β₁ = 0.9" in lines(whole)[-1]
    assert f"η = {cosine(0.1, steps=10)!r}" in lines(whole)[-1]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            rules.lion(weight_decay=0.1),
            ["m = 0 at the start", "u ← sign(β₁ m + (1 − β₁) g)", "m ← β₂ m + (1 − β₂) g", "p ← p − η (u + λ p)"],
        ),
        (
            rules.heavy_ball(lr=0.1),
            ["v = 0 at the start", "v ← g if t ≤ 1 else β v + (1 − τ) g", "p ← p − η v"],
        ),
        (
            rules.nesterov(lr=0.1, form="lookahead"),
            ["v = 0 at the start", "g ← ∇f(p − β v)", "v ← β v + η g", "p ← p − v"],
        ),
        (
            chain(examples.ascend(), rules.sgd(lr=0.1)),
            ["g ← ∇f(p + ρ ∇f(p) / ‖∇f(p)‖_model)", "p ← p − η g"],
        ),
        (
            chain(rules.scale_by_lion(), examples.difference()),
            [
                "m = 0, before = the first u, sum = 2.5 at the start",
                "u ← sign(β₁ m + (1 − β₁) g)",
                "m ← β₂ m + (1 − β₂) g",
                "u′ ← u − before + 0 sum",
                "before ← u",
                "sum ← sum + 1",
                "p ← p − u′",
            ],
        ),
        (
            examples.factored(),
            ["r = c = 0 at the start", "u, r, c ← factored(g, r, c, β, ε)", "p ← p − u"],
        ),
        (examples.noise(), ["ξ ~ N(0, 1)", "p ← p − (g + scale ξ)"]),
        (
            chain(rules.scale_by_rms(), rules.momentum(), rules.learning_rate(lr=1.0)),
            [
                "v = v′ = 0 at the start",
                "v ← β v + (1 − β) g²",
                "scale ← √v + ε",
                "v′ ← g / scale if t ≤ 1 else β′ v′ + (1 − τ) g / scale",
                "p ← p − η v′",
            ],
        ),
    ],
    ids=lambda made: getattr(made, "name", None),
)
def test_rules_line_by_line(made: Any, expected: list[str]) -> None:
    found = [line for line in lines(made)[:-1] if not line.startswith("evaluated")]
    assert found == expected


def test_where_old_and_new_values_meet_they_carry_their_index() -> None:
    @rule(slots=("m",))
    def both(u, m):
        after = 0.5 * m + u
        return (after - m) * norm(after) + m, after

    assert lines(both())[:-1] == [
        "m = 0 at the start",
        "mₜ ← 0.5 mₜ₋₁ + g",
        "u ← (mₜ − mₜ₋₁) ‖mₜ‖ + mₜ₋₁",
        "p ← p − u",
    ]


def test_nested_choices_are_one_list() -> None:
    @rule
    def steps(u):
        return where(u > 2, where(u > 3, 3.0, 2.0), where((u > 1) | (u < -1), 1.0, -u))

    assert lines(steps())[0] == "u ← 3 if g > 2 and g > 3 else 2 if g > 2 else 1 if g > 1 or g < −1 else −g"


def test_a_choice_within_a_choice_keeps_both_conditions() -> None:
    @rule
    def steps(u):
        return where(u > 0, where(u > 1, 1.0, where(u > 0.5, 2.0, 3.0)), 4.0)

    assert lines(steps())[0] == "u ← 1 if g > 0 and g > 1 else 2 if g > 0 and g > 0.5 else 3 if g > 0 else 4"


def test_shared_values_without_a_name_get_one_and_the_text_stays_short() -> None:
    @rule
    def doubled(u):
        for _ in range(40):
            u = minimum(u, 1.0) * (u + sqrt(abs(u))) / maximum(u, 0.5)
        return u

    text = doubled().equations()
    assert "z₁ ←" in text
    assert len(text) < 10_000


def test_a_partition_has_a_formula_for_each_part() -> None:
    parts = partition(lambda name, shape: "all", all=rules.sgd(lr=0.1), none=rules.sgd(lr=0.2))
    all_of_it, none = (rules.sgd(lr=lr).equations().splitlines() for lr in (0.1, 0.2))
    assert parts.equations().splitlines() == [
        "partition.all:", *(f"  {line}" for line in all_of_it), "", "partition.none:", *(f"  {line}" for line in none)
    ]  # fmt: skip


def test_parentheses_that_change_the_meaning_stay_and_no_others() -> None:
    given = leaves()
    write = Expressions(TextNotation(), symbols_of(given)).text
    g, b, m = given["g"], given["beta1"], given["m_hat"]
    expected = {
        "g − (β₁ − m̂)": g - (b - m),
        "g − (β₁ + m̂)": g - (b + m),
        "g − β₁ − m̂": (g - b) - m,
        "g + β₁ − m̂": g + (b - m),
        "g / (β₁ / m̂)": g / (b / m),
        "(g / β₁) / m̂": g / b / m,
        "g β₁ / m̂": g * b / m,
        "g (β₁ + m̂) / m̂": g * ((b + m) / m),
        "(g / β₁) m̂": g / b * m,
        "g / (β₁ m̂)": g / (b * m),
        "−(g + β₁)": -(g + b),
        "−g + β₁": -g + b,
        "g − (−β₁)": g - (-b),
        "g + (−β₁)": g + (-b),
        "−g β₁": g * (-b),
        "g β₁": (-g) * (-b),
        "(−g)²": (-g) ** 2,
        "−g²": -(g**2),
        "(g β₁)²": (g * b) ** 2,
        "(g + β₁)²": (g + b) * (g + b),
        "(g²)³": (g**2) ** 3,
        "g^(β₁²)": g ** (b**2),
        "g^β₁": g**b,
        "g⁻¹": g**-1,
        "β₁ᵗ⁻¹": b ** (given["age"] - 1),
        "2 · 3 g": 2 * (3 * g),
        "√(g β₁)": sqrt(g * b),
        "(√g) β₁": sqrt(g) * b,
        "β₁ √g": b * sqrt(g),
        "‖g‖²": norm(g) * norm(g),
        "min(g, β₁, m̂)": minimum(minimum(g, b), m),
        "g (β₁ if g > 0 else m̂)": g * where(g > 0, b, m),
        "abs(|g| + 1)": abs(abs(g) + 1),
        "g − 2.5·10⁻⁷": g - 2.5e-7,
        "(2.5·10⁻⁷) g": 2.5e-7 * g,
        "−0.5 g": -0.5 * g,
        "g + (−0.5)": g + -0.5,
        "(g mod β₁) m̂": g % b * m,
    }
    assert {text: write(node) for text, node in expected.items()} == {text: text for text in expected}


@pytest.mark.parametrize("notation", [TextNotation(), LatexNotation()], ids=["text", "latex"])
@settings(max_examples=250)
@given(data=st.data())
def test_what_is_printed_is_what_is_computed(notation: Any, data: Any) -> None:
    made = expression(lambda below: data.draw(st.integers(0, below - 1)), tuple(SYMBOLS), depth=5)
    given_leaves = leaves()
    node = made(given_leaves)
    text = Expressions(notation, symbols_of(given_leaves)).text(node)
    written = {notation.symbol(symbol): VALUES[name] for name, symbol in SYMBOLS.items()}
    latex = isinstance(notation, LatexNotation)
    assert Reader(text, written, latex=latex).read() == value_of(node, VALUES), text


def arithmetic(made: Any) -> bool:
    return not any(node.op in {"opaque", "random"} for node in made.graph().nodes())


@pytest.mark.parametrize("latex", [False, True], ids=["text", "latex"])
@pytest.mark.parametrize("made", list(filter(arithmetic, EVERY)), ids=lambda made: made.name)
def test_the_lines_done_one_after_another_are_the_rule(made: Any, latex: bool) -> None:
    graph, shown = made.graph(), printout(made)
    notation = LatexNotation() if latex else TextNotation()
    known = {name: 1009 * (index + 3) ** 7 for index, name in enumerate(graph.inputs)}
    written = {
        notation.symbol(symbol): known[str(dict(node.attributes)["name"])]
        for node, symbol in shown.symbols.items()
        if node.op == "leaf" and str(dict(node.attributes)["name"]) in {"p", *graph.leaves()}
    }
    text = made.latex().split(" \\\\\n") if latex else made.equations().splitlines()
    arrow = " &= " if latex else " ← "
    assert sum("∇f" in line or r"\nabla" in line for line in text) == (shown.query is not None)
    for line in text:
        left, _, right = line.partition(arrow)
        if right and "∇f" not in right and r"\nabla" not in right and "_0" not in left and ",0" not in left:
            value = Reader(right, written, latex=latex).read()
            assert latex is False or left not in written, f"{left} is set twice"
            written[left] = value
    slots = _slot_symbols(made)
    assert written[notation.symbol(Symbol("p", when="t", indexed="pₜ" in written))] == value_of(graph.after, known)
    for path, node in graph.slots.items():
        new = [name for name in written if name in {notation.symbol(s) for s in slots[path]}]
        assert value_of(node, known) in [written[name] for name in new], path


def _slot_symbols(made: Any) -> dict[str, list[Symbol]]:
    """What a slot's new value may be called, indexed or not."""
    shown, graph = printout(made), made.graph()
    leaves = {str(dict(node.attributes)["name"]): s for node, s in shown.symbols.items() if node.op == "leaf"}
    return {
        path: [replace(old, when=old.when and "t", indexed=indexed) for indexed in (False, True)]
        for path in graph.slots
        if (old := leaves.get(f"slot:{path}")) is not None
    }


@pytest.mark.parametrize("latex", [False, True], ids=["text", "latex"])
@pytest.mark.parametrize("made", list(filter(arithmetic, EVERY)), ids=lambda made: made.name)
def test_what_starts_is_no_hyperparameter_and_no_line_says_nothing(made: Any, latex: bool) -> None:
    """A slot d starts at d_0 in LaTeX, so a hyperparameter d0 is called otherwise; a slot that stays has no line."""
    shown, notation = printout(made), LatexNotation() if latex else TextNotation()
    settings = {notation.symbol(symbol) for symbol, _ in shown.settings}
    assert not settings & {notation.symbol(symbol) for start in shown.starts for symbol in start.symbols}
    text = made.latex().split(" \\\\\n") if latex else made.equations().splitlines()
    for line in text:
        left, _, right = line.partition(" &= " if latex else " ← ")
        assert left != right, line


def test_a_slot_that_stays_is_said_once() -> None:
    assert lines(rules.dog())[:3] == [
        "p₀ = p, distance = squares = 0 at the start",
        "distance ← max(distance, ‖p − p₀‖_model) if squares > 0 else reps (1 + ‖p₀‖_model)",
        "squares ← (squares if squares > 0 else ε) + ‖g‖_model²",
    ]
    assert "p_{0,t}" not in rules.dog().latex() and "p_{t-1} - p_0" in rules.dog().latex()


def test_what_is_not_traced_has_a_name_where_it_is_read_twice() -> None:
    assert lines(chain(rules.agc(), rules.scale_by_rms(), rules.learning_rate(lr=0.1)))[1:3] == [
        "u ← agc(g, p, clipping, ε)",
        "v ← β v + (1 − β) u²",
    ]
