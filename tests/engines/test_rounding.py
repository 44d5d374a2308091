"""Stochastic rounding and Kahan's two numbers: unbiased, reproducible, and nearer to float32 than nearest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from live import grads_like, torch_params

from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper, Storage
from steepest.formula import Rule
from steepest.rules import adam, adamw, sgd

MOMENTS = ("scale_by_adam.m", "scale_by_adam.v")
SHAPES = {"large": (73, 70), "small": (4095,), "one": ()}


def stepper_on(params: Any, made: Rule, seed: int = 0, **storage: Any) -> RuleStepper:
    return RuleStepper(made, params, engine="cpu", storage=Storage(**storage), seed=seed)


BETWEEN = 1.0 + 0.3 * 2.0**-7  # 0.3 of the way from a bfloat16 number to the next
COUNT = 40_000


def rounded_up(params: dict[str, torch.Tensor], step: float = 0.3, **settings: Any) -> dict[str, np.ndarray]:
    """Which elements of tensors of ones went up when 0.3 of an ulp was added."""
    stepper = stepper_on(params, sgd(lr=1.0), rounding="stochastic", **settings)
    grads = {name: torch.full_like(p, -step * 2.0**-7) for name, p in params.items()}
    stepper.apply(Evaluation(0.0, grads))
    for p in params.values():
        assert set(p.float().unique().tolist()) == {1.0, 1.0 + 2.0**-7}
    return {name: (p > 1).numpy() for name, p in params.items()}


def ones(*names: str, count: int = COUNT) -> dict[str, torch.Tensor]:
    return {name: torch.ones(count, dtype=torch.bfloat16) for name in names}


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return abs(float(np.corrcoef(one, other)[0, 1])) * math.sqrt(one.size)


@pytest.mark.parametrize("share", [0.3, 0.9, 1 / 64])
def test_stochastic_rounding_is_unbiased(share: float) -> None:
    up = [rounded_up(ones("a"), share, seed=seed)["a"] for seed in range(8)]
    share = float(torch.tensor(share * 2.0**-7).bfloat16()) * 2.0**7
    deviation = math.sqrt(share * (1 - share) / (8 * COUNT))
    assert abs(np.mean(up) - share) < 4 * deviation


def test_stochastic_rounding_is_reproducible_and_keyed_by_name() -> None:
    first = rounded_up(ones("a", "b", "c"))
    again = rounded_up(ones("c", "b", "a"))
    alone = rounded_up(ones("b"))
    for name, up in first.items():
        np.testing.assert_array_equal(again[name], up)
    np.testing.assert_array_equal(alone["b"], first["b"])
    shorter = rounded_up(ones("b", count=20_000))
    np.testing.assert_array_equal(shorter["b"], first["b"][:20_000])


def test_stochastic_rounding_differs_between_seeds_tensors_steps_and_elements() -> None:
    first, other = rounded_up(ones("a", "b")), rounded_up(ones("a"), seed=1)
    stepper = stepper_on(params := ones("a"), sgd(lr=1.0), rounding="stochastic")
    steps = []
    for _ in range(3):
        params["a"].fill_(1.0)
        stepper.apply(Evaluation(0.0, {"a": torch.full_like(params["a"], -0.3 * 2.0**-7)}))
        steps.append((params["a"] > 1).numpy())
    np.testing.assert_array_equal(steps[0], first["a"])
    a = first["a"]
    for b in (first["b"], other["a"], steps[1], steps[2]):
        assert correlation(a, b) < 4.5
    assert correlation(steps[1], steps[2]) < 4.5
    for lag in (1, 2, 7, 64, 256, 16_384):
        assert correlation(a[lag:], a[:-lag]) < 4.5


def test_moments_are_rounded_stochastically_too_each_by_its_own_numbers() -> None:
    """From m = 0 and u = 1, (1 − β) u lies between two bfloat16 numbers for each moment."""
    params = ones("a")
    stepper = stepper_on(params, adam(lr=1e-9, beta1=0.7, beta2=0.7), moments="bfloat16", rounding="stochastic")
    stepper.apply(Evaluation(0.0, ones("a")))
    m, v = (stepper.state.slots[path]["a"].float() for path in MOMENTS)  # type: ignore[attr-defined]
    for moment in (m, v):
        assert len(moment.unique()) == 2
        assert float(moment.double().mean()) == pytest.approx(0.3, abs=4 * 2.0**-10 / math.sqrt(COUNT))
    assert correlation((m > 0.3).numpy(), (v > 0.3).numpy()) < 4.5


def test_rounding_reaches_where_nearest_stands_still() -> None:
    """Steps below half an ulp: lost to nearest; kept on average by chance, and exactly by two numbers."""
    wide, ends = torch.ones(4096), {}
    for rounding in ("nearest", "stochastic", "kahan"):
        params = {"p": torch.ones(4096, dtype=torch.bfloat16)}
        stepper = stepper_on(params, sgd(lr=1.0), rounding=rounding)
        for _ in range(200):
            stepper.apply(Evaluation(0.0, {"p": torch.full((4096,), 2.0**-10, dtype=torch.bfloat16)}))
        ends[rounding] = params["p"].double().mean()
        if rounding == "kahan":
            whole = params["p"].double() + stepper.state.slots["p.low"]["p"].double()  # type: ignore[attr-defined]
            assert float(abs(whole - (1 - 200 * 2.0**-10)).max()) < 2.0**-12
    target = float(wide.double().mean()) - 200 * 2.0**-10
    assert float(ends["nearest"]) == 1.0
    assert float(ends["stochastic"]) == pytest.approx(target, abs=2e-3)
    assert float(ends["kahan"]) == pytest.approx(target, abs=2.0**-9)


def test_kahan_follows_float32_more_closely_than_nearest() -> None:
    wide = {n: p.float() for n, p in torch_params("bfloat16", SHAPES).items()}
    go_on = {"wide": RuleStepper(adamw(lr=1e-3), wide, engine="cpu")}
    for rounding in ("nearest", "kahan"):
        go_on[rounding] = stepper_on(torch_params("bfloat16", SHAPES), adamw(lr=1e-3), rounding=rounding)
    for step in range(60):
        grads = grads_like(torch_params("bfloat16", SHAPES), step)
        for name, stepper in go_on.items():
            given = {n: g.float() if name == "wide" else g.clone() for n, g in grads.items()}
            stepper.apply(Evaluation(0.0, given))
    errors = {}
    for rounding in ("nearest", "kahan"):
        p = go_on[rounding].tensors["large"].float()  # type: ignore[attr-defined]
        if rounding == "kahan":
            p = p + go_on["kahan"].state.slots["p.low"]["large"].float()  # type: ignore[attr-defined]
        errors[rounding] = float((p - wide["large"]).norm())
    assert errors["kahan"] < errors["nearest"] / 30
