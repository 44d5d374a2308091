"""Settings read from the text of a rule: the same as the rule's own."""

from __future__ import annotations

import pytest

from steepest import rules, schedules
from steepest.theory.reading import family_of
from steepest.theory.rule_text import settings_in
from steepest.trace import Trace

RULES = [
    rules.sgd(lr=0.1),
    rules.sgd(lr=0.1, weight_decay=0.1),
    rules.sgd(lr=schedules.cosine(0.1, 10)),
    rules.heavy_ball(lr=0.2, beta=0.5, form="average"),
    rules.nesterov(lr=0.2, form="lookahead"),
    rules.accelerated_gradient(lr=0.2, sequence="linear"),
    rules.accelerated_gradient(lr=0.2, kappa=4.0),
    rules.adam(lr=0.1),
    rules.amsgrad(lr=0.1),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.text)
def test_a_trace_with_the_text_alone_is_read_as_the_rule(rule):
    numbers = {path: value for path, value in rule.hyperparameters().items() if isinstance(value, int | float)}
    found = settings_in(rule.text)
    assert {path: found[path] for path in numbers} == numbers and found.keys() == rule.hyperparameters().keys()
    bare = Trace({"step": [0]}, meta={"method": rule.text, "method_facts": rule.facts.to_dict()})
    assert family_of(bare) == family_of(rule)


@pytest.mark.parametrize("text", ["", "sgd", "f(", "1 + 1", "lambda x: x", "chain"])
def test_other_texts_have_no_settings(text):
    assert settings_in(text) == {}
