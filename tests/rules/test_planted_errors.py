"""Twelve errors planted in Adam: each is caught by the contract's own checks, and the right one by none.

`python -m pytest tests/rules/test_planted_errors.py -s` prints which check caught which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import rule_references as reference
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rule_case import BETA, EPS, LR, Make, Peer, scaled, single
from rule_checks import check_changes, check_peer, check_reference, check_scale

from steepest.formula import Formula, Positive, Slot, Unit, rule, sqrt, where
from steepest.rules import scale_by_adam


@rule(slots=("m", "v"))
def no_bias_correction_of_m(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    return m / (sqrt(v / (1 - beta2**k)) + eps), m, v


@rule(slots=("m", "v"))
def no_bias_correction_of_v(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    return (m / (1 - beta1**k)) / (sqrt(v) + eps), m, v


@rule(slots=("m", "v"))
def age_off_by_one(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    return (m / (1 - beta1 ** (k + 1))) / (sqrt(v / (1 - beta2 ** (k + 1))) + eps), m, v


@rule(slots=("m", "v"))
def eps_inside_the_root(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    return (m / (1 - beta1**k)) / sqrt(v / (1 - beta2**k) + eps), m, v


@rule(slots=("m", "v"))
def eps_ignored(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    return (m / (1 - beta1**k)) / (sqrt(v / (1 - beta2**k)) + 1e-8), m, v


@rule(slots=("m", "v"))
def v_weighted_by_beta2(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta1 * m + (1 - beta1) * u
    v = (1 - beta2) * v + beta2 * u * u
    return (m / (1 - beta1**k)) / (sqrt(v / (1 - beta2**k)) + eps), m, v


@rule(slots=("m", "v"))
def m_one_step_stale(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    before = where(k <= 1, u, m)
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    return (before / (1 - beta1**k)) / (sqrt(v / (1 - beta2**k)) + eps), m, v


@rule(slots=("m", "v"))
def betas_swapped(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta2 * m + (1 - beta2) * u
    v = beta1 * v + (1 - beta1) * u * u
    return (m / (1 - beta2**k)) / (sqrt(v / (1 - beta1**k)) + eps), m, v


@rule(slots=("m", "v"))
def v_of_absolute_values(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * abs(u)
    return (m / (1 - beta1**k)) / (sqrt(v / (1 - beta2**k)) + eps), m, v


@rule(slots=("m", "v"))
def m_not_averaged(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta1 * m + u
    v = beta2 * v + (1 - beta2) * u * u
    return (m / (1 - beta1**k)) / (sqrt(v / (1 - beta2**k)) + eps), m, v


@rule(slots=("m", "v"))
def v_from_m(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * m * m
    return (m / (1 - beta1**k)) / (sqrt(v / (1 - beta2**k)) + eps), m, v


@rule(slots=("m", "v"))
def m_corrected_with_beta2(u, m, v, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    return (m / (1 - beta2**k)) / (sqrt(v / (1 - beta2**k)) + eps), m, v


ERRORS: tuple[Formula, ...] = (
    no_bias_correction_of_m,
    no_bias_correction_of_v,
    age_off_by_one,
    eps_inside_the_root,
    eps_ignored,
    v_weighted_by_beta2,
    m_one_step_stale,
    betas_swapped,
    v_of_absolute_values,
    m_not_averaged,
    v_from_m,
    m_corrected_with_beta2,
)

DRAWN = st.fixed_dictionaries({"lr": LR, "beta1": BETA, "beta2": BETA, "eps": EPS})
SEEDS = st.integers(0, 2**31 - 1)
quick = settings(phases=[Phase.generate], print_blob=False)  # the first failure is enough: it need not be shrunk
ADAM = Peer(
    "torch.optim.Adam",
    {"lr": 0.05, "beta1": 0.7, "beta2": 0.8, "eps": 1e-3},
    lambda params: torch.optim.Adam(params, lr=0.05, betas=(0.7, 0.8), eps=1e-3).step,
)


def against_reference(make: Make) -> None:
    expect = scaled(reference.adam, ("beta1", "beta2", "eps"))

    @quick
    @given(chosen=DRAWN, seed=SEEDS)
    def check(chosen: dict[str, Any], seed: int) -> None:
        check_reference(make, expect, chosen, seed)

    check()


def under_scaling(make: Make) -> None:
    @quick
    @given(chosen=DRAWN, c=st.floats(1e-3, 1e3), seed=SEEDS)
    def check(chosen: dict[str, Any], c: float, seed: int) -> None:
        check_scale(make, chosen, ("eps",), c, seed)

    check()


def against_torch(make: Make) -> None:
    check_peer(make, ADAM, "float64")


def every_hyperparameter(make: Make) -> None:
    for name, value in {"beta1": 0.5, "beta2": 0.9, "eps": 1e-2}.items():
        check_changes(make, {}, name, value)


CHECKS: dict[str, Callable[[Make], None]] = {
    "reference": against_reference,
    "scaling": under_scaling,
    "peer": against_torch,
    "every hyperparameter": every_hyperparameter,
}


def caught_by(make: Make) -> list[str]:
    """The checks of the contract that a rule fails."""
    failed = []
    for name, check in CHECKS.items():
        try:
            check(make)
        except AssertionError:
            failed.append(name)
    return failed


@pytest.mark.parametrize("wrong", ERRORS, ids=lambda formula: formula.name)
def test_a_planted_error_is_caught(wrong: Formula) -> None:
    failed = caught_by(single(wrong))
    print(f"\n{wrong.name.replace('_', ' '):26} caught by: {', '.join(failed) or 'NOTHING'}")
    assert "reference" in failed
    assert "peer" in failed


@pytest.mark.parametrize(
    ("wrong", "check"),
    [(eps_inside_the_root, "scaling"), (v_of_absolute_values, "scaling"), (eps_ignored, "every hyperparameter")],
    ids=lambda item: getattr(item, "name", item),
)
def test_other_checks_catch_what_they_are_for(wrong: Formula, check: str) -> None:
    assert check in caught_by(single(wrong))


def test_the_right_one_passes_every_check() -> None:
    assert caught_by(single(scale_by_adam)) == []


def test_a_wrong_slot_is_caught_where_the_answer_is_not() -> None:
    """An average that never updates is caught though p is right."""
    from rule_contract import BY_NAME

    from steepest.formula import chain
    from steepest.rules import learning_rate

    @rule(slots=(Slot("mean", init="p"),), last=True)
    def frozen_average(u, p, mean, *, beta: Unit = 0.999):
        return u, mean

    @frozen_average.answer
    def _mean(mean):
        return mean

    def make(lr: float = 0.1, **settings: Any):
        return chain(learning_rate(lr=lr), frozen_average(**settings))

    with pytest.raises(AssertionError):
        check_reference(make, BY_NAME["average"].reference, {"lr": 0.1, "beta": 0.5}, 0)
    with pytest.raises(AssertionError, match="changed nothing"):
        check_changes(make, {}, "beta", 0.5)
