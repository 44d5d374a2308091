"""Every public rule's docstring answers the questions that a reader has; every schedule's, too."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from steepest import rules, schedules
from steepest.formula import Formula
from steepest.schedules.fields import declared

PUBLIC = sorted(set(rules.__all__) - {"METHODS"})
FORMULAS = [name for name in PUBLIC if isinstance(getattr(rules, name), Formula)]
OTHERS = [name for name in PUBLIC if name not in FORMULAS]
SUMMARY = 58
"""Columns that a method's summary has beside the longest name, in lines of 80."""


def document(item: Any) -> str:
    return inspect.cleandoc((item.__wrapped__ if isinstance(item, Formula) else item).__doc__ or "")


def answered(name: str) -> str:
    """A method's docstring, and those of the formulas that it says to see."""
    own = document(getattr(rules, name))
    seen = [document(getattr(rules, one)) for one in re.findall(r"`(\w+)`", own) if one in rules.__all__]
    return "\n".join((own, *seen))


def arguments(item: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(item).parameters]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_says_all_itself(name: str) -> None:
    text = document(getattr(rules, name))
    assert "←" in text.partition(">>>")[0], "the update in symbols"
    for question in ("Shapes: ", "Source: ", ">>> "):
        assert question in text, question
    if arguments(getattr(rules, name)):
        assert "Raises " in text
        assert re.search(r" in\s[\[({0-9]| from \d|a whole number|any numbers", text), "a range"


@pytest.mark.parametrize("name", OTHERS)
def test_a_method_says_all_or_what_to_see(name: str) -> None:
    text = answered(name)
    for question in ("←", "Source: ", ">>> "):
        assert question in text, question
    assert re.search(r" in\s[\[({]", document(getattr(rules, name))) or not arguments(getattr(rules, name)), "a range"
    assert ">>> " in document(getattr(rules, name))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_hyperparameter_is_named(name: str) -> None:
    text = answered(name)
    for argument in arguments(getattr(rules, name)):
        assert re.search(rf"\b{argument}\b", text) or (argument.startswith("beta") and "beta" in text), argument


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_a_schedule_says_all_itself(name: str) -> None:
    kind = schedules.SCHEDULES[name]
    text = document(kind)
    for question in ("s(k)", ">>> ", "Raises "):
        assert question in text, question
    assert all(re.search(rf"\b{field}\b", text) for field in declared(kind))


def test_summaries_fit_beside_the_names() -> None:
    from steepest.cli.commands import _first_sentence

    for name, method in rules.METHODS.items():
        assert len(name) <= 80 - SUMMARY - 2
        assert 0 < len(_first_sentence(method)) <= SUMMARY, name
