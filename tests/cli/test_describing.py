"""`steepest methods NAME`: everything of every rule and schedule, and what is not known."""

from __future__ import annotations

import inspect

import pytest

from steepest import rules, schedules
from steepest.cli.describing import described
from steepest.core.errors import UnknownNameError
from steepest.schedules.fields import declared

PUBLIC = sorted(set(rules.__all__) - {"METHODS"})


def text(name: str) -> str:
    return "\n".join(described(name))


@pytest.mark.parametrize("name", [*rules.METHODS, *PUBLIC])
def test_every_rule_is_described(name: str) -> None:
    found = text(name)
    factory = rules.METHODS.get(name) or getattr(rules, name)
    assert found.startswith(f"{name}: ")
    assert "p ← " in found
    assert "bytes moved a parameter and step" in found or "not planned: " in found
    lines = [line.split() for line in found.partition("  hyperparameters:\n")[2].splitlines()]
    for parameter in inspect.signature(factory).parameters.values():
        row = next(line for line in lines if line[:1] == [parameter.name])
        assert len(row) > 2
        if parameter.default not in (parameter.empty, None):
            assert "default" in " ".join(row), parameter.name


def test_adam_in_full() -> None:
    found = text("adam")
    assert found.startswith("adam: Adam with a learning rate\n")
    for line in (
        "  m ← β₁ m + (1 − β₁) g",
        "  p ← p − η m̂ / (√v̂ + ε)",
        "  source: Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1; Reddi, Kale & Kumar 2018.",
        "  dialect: torch.optim.Adam, its defaults.",
        "    beta1         in [0, 1), default 0.9",
        "    lr            in (0, inf), default 0.001",
        "    decay         'l2' or 'lr' or 'independent', default 'l2'",
        "    amsgrad       True or False, default False",
        "    scale_by_adam.m  like the parameter, from 0",
        "  pass 1: reads u, p, m, v; writes p, m, v",
        "  float32: 1 pass, 28 bytes moved a parameter and step, 8 bytes of state a parameter",
    ):
        assert line in found.splitlines(), line


def test_what_must_be_given_has_no_default() -> None:
    assert "    max_norm  in (0, inf)" in text("clip_norm").splitlines()
    assert "    at      a whole number in [0, inf)" in text("switch").splitlines()


@pytest.mark.parametrize("name", list(schedules.SCHEDULES))
def test_every_schedule_is_described_and_drawn(name: str) -> None:
    found = text(name.replace("_", "-"))
    assert found.startswith(f"{name}: ")
    assert f"  {name}(" in found
    lines = found.splitlines()
    for field in declared(schedules.SCHEDULES[name]):
        assert any(line.split()[:1] == [field] for line in lines), field
    drawn = [line for line in lines if "│" in line]
    assert len(drawn) == 8
    assert all("█" in line for line in drawn[-1:])
    assert all(len(line) <= 80 for line in drawn)


def test_the_plot_is_the_schedule() -> None:
    """Each column of blocks is as high as the value, to an eighth of a row."""
    rows = [line.partition("│")[2].ljust(64) for line in described("linear") if "│" in line]
    heights = [sum(" ▁▂▃▄▅▆▇█".index(row[column]) for row in rows) for column in range(64)]
    s = schedules.linear(1.0, steps=100)
    assert heights == [round(64 * s(column * 100 // 64)) for column in range(64)]


def test_a_study_s_names_of_schedules_are_known() -> None:
    assert text("step").startswith("step_decay: ")
    assert text("one-cycle").startswith("one_cycle: ")


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match="unknown method or schedule 'adamm'; did you mean adam"):
        text("adamm")
    with pytest.raises(UnknownNameError, match="unknown method or schedule 'cosin'; did you mean cosine"):
        text("cosin")
