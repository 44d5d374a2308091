"""The code on the page gives the optimizer that won: it is run here, and trains as the study did."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import numpy as np
import optax
import pytest
import tiny
import torch

from steepest import rules
from steepest.formula import Rule
from steepest.lab.contestant import contestant
from steepest.lab.paste import code
from steepest.problems import get

MINE = """
from steepest import rules
from steepest.formula import chain, rule

def tuned(lr=0.1, beta=0.9):
    return rules.heavy_ball(lr=lr, beta=beta)

@rule
def signed(u):
    from steepest.formula import sign
    return sign(u)

fixed = rules.sgd(lr=0.25)
bare = signed()
"""


def made(item: object, schedule: str, *, network: bool = True) -> tuple[str, dict[str, object], object]:
    entrant = contestant(item)
    setting = entrant.space.setting([0.3] * len(entrant.space.dimensions))
    text = code(entrant, setting, schedule, 8, network=network, problem="bowl")
    torch.manual_seed(0)
    names: dict[str, object] = {"model": tiny.model()}
    exec(text, names)  # what a person does who pastes it
    return text, names, entrant.make(setting, schedule, 8)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "warmup-cosine"])
@pytest.mark.parametrize("item", ["adamw", "sgd", "lion", "heavy-ball"])
def test_a_rules_code_makes_the_rule_of_the_study(item: str, schedule: str):
    text, names, method = made(item, schedule)
    assert (
        isinstance(method, Rule)
        and names["rule"] == method
        and "optimizer = Optimizer(model.named_parameters(), rule)" in text
    )
    assert max(map(len, text.splitlines())) <= 68
    network = names["model"]
    network(torch.ones(2, 3)).sum().backward()
    before = [p.detach().clone() for p in network.parameters()]
    names["optimizer"].step()
    assert all(not torch.equal(p, q) for p, q in zip(network.parameters(), before, strict=True))


def test_a_users_file_is_imported_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_pasted_rules.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("tuned", "bare", "fixed"):
        text, names, method = made(
            f"{tmp_path / 'my_pasted_rules.py'}:{name}", "cosine" if name != "fixed" else "constant"
        )
        assert f"from my_pasted_rules import {name}" in text and names["optimizer"] is not None
        assert [link.settings for _, link in names["rule"].links()] == [link.settings for _, link in method.links()]


def test_a_function_is_run_by_it():
    text, names, method = made("adam", "cosine", network=False)
    assert 'run(get("bowl")' in text and names["rule"] == method
    from steepest.run import run

    expected = run(get("bowl"), method, steps=8)
    assert np.array_equal(names["trace"].steps["value"], expected.steps["value"], equal_nan=True)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_torchs_optimizers_get_their_scheduler(schedule: str):
    text, names, method = made(torch.optim.RAdam, schedule)
    assert "from torch.optim import RAdam" in text
    optimizer = names["optimizer"]
    rates = []
    for _ in range(8):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule == "cosine":
            names["scheduler"].step()
    expected = [method.schedule(k) if schedule == "cosine" else method.settings["lr"] for k in range(8)]
    assert rates == pytest.approx(expected, rel=1e-12, abs=1e-18)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_optax_gets_its_rates_as_a_table(schedule: str):
    text, names, _ = made(optax.adam, schedule)
    assert "from optax import adam" in text
    state = names["optimizer"].init(np.zeros(2, np.float32))
    updates, _ = names["optimizer"].update(np.ones(2, np.float32), state)
    assert all(map(math.isfinite, np.asarray(updates)))


def test_what_has_no_name_has_no_code():
    for item in (functools.partial(torch.optim.SGD, momentum=0.5), lambda lr=0.1: rules.sgd(lr=lr)):
        assert code(contestant(item), {"lr": 0.1}, "constant", 8, network=True, problem="bowl") == ""
