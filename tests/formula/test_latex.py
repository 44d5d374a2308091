"""Formulas in LaTeX: exact lines of known rules, balanced, and of commands that amsmath has."""

from __future__ import annotations

import re
from typing import Any

import example_rules as examples
import pytest
from printed_rules import EVERY

from steepest import rules
from steepest.formula import chain, maximum, rule
from steepest.formula.printing import GREEK
from steepest.schedules import cosine

KNOWN = {
    *GREEK,
    *"nabla sim hat bar frac sqrt left right lVert rVert lvert rvert lfloor rfloor langle rangle min max".split(),
    *"exp log tanh operatorname mathrm mathcal begin end text le ge ne land lor bmod cdot infty".split(),
}


def lines(rule: Any) -> list[str]:
    return rule.latex().split(" \\\\\n")


def test_adam_reads_as_in_the_paper() -> None:
    assert lines(rules.adam()) == [
        r"m_0 &= v_0 = 0",
        r"m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t",
        r"v_t &= \beta_2 v_{t-1} + (1 - \beta_2) g_t^2",
        r"\hat{m}_t &= \frac{m_t}{1 - \beta_1^t}",
        r"\hat{v}_t &= \frac{v_t}{1 - \beta_2^t}",
        r"p_t &= p_{t-1} - \eta \frac{\hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon}",
    ]


def test_a_chain_with_clipping_decay_and_an_average() -> None:
    made = chain(rules.clip_norm(max_norm=1.0), rules.adamw(lr=cosine(0.1, steps=10)), rules.average())
    assert lines(made) == [
        r"m_0 &= v_0 = 0",
        r"\bar{p}_0 &= p_0",
        r"u_t &= \min\left( 1, \frac{c}{\left\lVert g_t \right\rVert_{\mathrm{model}} + 10^{-6}} \right) g_t",
        r"m_t &= \beta_1 m_{t-1} + (1 - \beta_1) u_t",
        r"v_t &= \beta_2 v_{t-1} + (1 - \beta_2) u_t^2",
        r"\hat{m}_t &= \frac{m_t}{1 - \beta_1^t}",
        r"\hat{v}_t &= \frac{v_t}{1 - \beta_2^t}",
        r"p_t &= p_{t-1} - \eta_t \left( \frac{\hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon} + \lambda p_{t-1} \right)",
        r"\bar{p}_t &= \beta \bar{p}_{t-1} + (1 - \beta) p_t",
    ]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            rules.heavy_ball(lr=0.1),
            [
                r"v_0 &= 0",
                r"v_t &= \begin{cases} g_t & \text{if } t \le 1 \\ \beta v_{t-1} + (1 - \tau) g_t & \text{otherwise} "
                r"\end{cases}",
                r"p_t &= p_{t-1} - \eta v_t",
            ],
        ),
        (
            rules.rmsprop(centered=True),
            [
                r"v_0 &= m_0 = 0",
                r"v_t &= \beta v_{t-1} + (1 - \beta) g_t^2",
                r"m_t &= \beta m_{t-1} + (1 - \beta) g_t",
                r"\mathrm{variance}_t &= v_t - m_t^2",
                r"\mathrm{scale}_t &= \sqrt{\mathrm{variance}_t} + \epsilon",
                r"p_t &= p_{t-1} - \eta \frac{g_t}{\mathrm{scale}_t}",
            ],
        ),
        (
            rules.lion(weight_decay=0.1),
            [
                r"m_0 &= 0",
                r"u_t &= \operatorname{sign}(\beta_1 m_{t-1} + (1 - \beta_1) g_t)",
                r"m_t &= \beta_2 m_{t-1} + (1 - \beta_2) g_t",
                r"p_t &= p_{t-1} - \eta (u_t + \lambda p_{t-1})",
            ],
        ),
        (
            chain(rules.scale_by_lion(), examples.difference()),
            [
                r"m_0 &= 0",
                r"\mathrm{before}_0 &= u_1",
                r"\mathrm{sum}_0 &= 2.5",
                r"u_t &= \operatorname{sign}(\beta_1 m_{t-1} + (1 - \beta_1) g_t)",
                r"m_t &= \beta_2 m_{t-1} + (1 - \beta_2) g_t",
                r"u'_t &= u_t - \mathrm{before}_{t-1} + 0 \, \mathrm{sum}_{t-1}",
                r"\mathrm{before}_t &= u_t",
                r"\mathrm{sum}_t &= \mathrm{sum}_{t-1} + 1",
                r"p_t &= p_{t-1} - u'_t",
            ],
        ),
        (
            examples.whiten(),
            [
                r"\mathrm{left}_0 &= I",
                r"(u_t, \mathrm{left}_t) &= \operatorname{whiten}(g_t, \mathrm{left}_{t-1}, \beta)",
                r"p_t &= p_{t-1} - u_t",
            ],
        ),
        (
            rules.muon(),
            [
                r"m_0 &= 0",
                r"m_t &= \beta m_{t-1} + (1 - \beta) g_t",
                r"p_t &= p_{t-1} - \eta (\operatorname{orthogonalize}(\beta m_t + (1 - \beta) g_t, \mathrm{steps}, a, "
                r"b, c, \epsilon, \text{bfloat16}, \text{original}, \text{out\_in}) + \lambda p_{t-1})",
            ],
        ),
        (
            rules.nesterov(lr=0.1, form="lookahead"),
            [
                r"v_0 &= 0",
                r"g_t &= \nabla f(p_{t-1} - \beta v_{t-1})",
                r"v_t &= \beta v_{t-1} + \eta g_t",
                r"p_t &= p_{t-1} - v_t",
            ],
        ),
    ],
    ids=lambda made: getattr(made, "name", None),
)
def test_rules_line_by_line(made: Any, expected: list[str]) -> None:
    assert lines(made) == expected


def test_amsgrad_names_its_largest_second_moment() -> None:
    found = lines(rules.adam(amsgrad=True))
    assert r"v_{\mathrm{max},t} &= \max(v_{\mathrm{max},t-1}, v_t)" in found
    assert r"\hat{v}_t &= \frac{v_{\mathrm{max},t}}{1 - \beta_2^t}" in found


def test_a_clock_that_is_read_takes_the_letter_t_from_the_age() -> None:
    @rule
    def clocked(u, k, t):
        return u * k / t

    assert lines(clocked()) == [r"p_t &= p_{t-1} - \frac{g_t k}{t}"]


def test_primes_are_braced_before_a_power() -> None:
    @rule(slots=("v",))
    def second(u, v):
        v = maximum(v, u * u)
        return u / v**2, v

    made = chain(rules.scale_by_rms(), second(), rules.learning_rate(lr=1.0))
    assert any("{v'_t}^2" in line for line in lines(made))


@pytest.mark.parametrize("made", EVERY, ids=lambda made: made.name)
def test_every_rule_is_balanced_and_uses_known_commands(made: Any) -> None:
    text = made.latex()
    depth = 0
    for letter in re.sub(r"\\[{}]", "", text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    assert text.count(r"\left") == text.count(r"\right")
    assert text.count(r"\begin{cases}") == text.count(r"\end{cases}")
    assert set(re.findall(r"\\([a-zA-Z]+)", text)) <= KNOWN
    assert all(line.count(" &= ") + line.count(r" &\sim ") == 1 for line in lines(made))


@pytest.mark.parametrize("made", EVERY, ids=lambda made: made.name)
def test_every_rule_sets_each_slot_once_and_ends_with_p(made: Any) -> None:
    found = [line.split(" &")[0] for line in lines(made)]
    new = [left for group in found for left in group.strip("()").split(", ") if "_0" not in left and ",0" not in left]
    assert len(set(new)) == len(new)
    assert new.count("p_t") == 1
    assert len(new) >= len(made.slots()) + 1
