"""What `steepest theory` prints."""

from __future__ import annotations

import re

import pytest

from steepest.cli import main, theorizing
from steepest.cli.theorizing import MARKS, WIDTH, listed, told, width
from steepest.core.errors import UnknownNameError
from steepest.theory import theorems


@pytest.mark.parametrize("columns", [60, 80, WIDTH])
def test_the_list_has_every_theorem_under_its_family(columns):
    lines = list(listed(columns))
    whole = " ".join(" ".join(lines).split())
    for theorem in theorems():
        assert any(line.split()[:1] == [theorem.name] for line in lines)
        assert " ".join(theorem.statement().split()) in whole
    assert lines[0].startswith("gradient-descent: x⁺ = x − α∇f(x)") and max(map(len, lines)) <= columns


def test_statements_for_a_person():
    text = "\n".join(told(["gradient-descent"]))
    assert "gd-convex: exact rate for steps up to 1/L" in text and "then   f(x_N) − f* ≤ L R²/(4 N h + 2)" in text
    assert "where  h = α L" in text and "source Drori & Teboulle 2014" in text and "[v, pep]" in text
    assert text.endswith(MARKS) and text.count(MARKS) == 1
    assert "but    for any β₁ < √β₂" in "\n".join(told(["adam"]))
    assert next(told(["gd-convex"])) == "gd-convex: exact rate for steps up to 1/L"
    assert list(told(["heavy_ball"])) == list(told(["heavy-ball"])), "a rule's name will do"
    twice = [line for line in told(["frank-wolfe", "frank-wolfe", "gd-pl"]) if line.startswith(("frank", "gd-pl:"))]
    assert twice == ["frank-wolfe: steps 2/(t + 2)", "gd-pl: linear rate without convexity"]


@pytest.mark.parametrize("columns", [60, 80, WIDTH])
def test_lines_end_between_assumptions(columns):
    for theorem in theorems():
        lines = list(told([theorem.name], columns=columns))[:-2]
        assert max(map(len, lines)) <= columns and "\u00a0" not in "".join(lines)
        for text in (assumption.text() for assumption in theorem.assumptions):
            if not re.search("[a-z]{4,} [a-z]{2,}", text) and len(text) < 45:
                assert any(text in line for line in lines), f"{text!r} is torn"


def test_latex():
    lines = list(told(["gd-convex"], latex=True))
    assert lines[1] == r"\[ f(x_N) - f^* \le \frac{L {R}^{2}}{4 N h + 2} \]" and r"\[ h = \alpha L \]" in lines


def test_an_unknown_name():
    with pytest.raises(
        UnknownNameError, match="unknown theorem or family 'gradient-decent'; did you mean gradient-descent"
    ):
        list(told(["gradient-decent"]))


def test_the_command(capsys):
    assert main(["theory"]) == 0
    assert "  frank-wolfe  f(x_N) − f* ≤ 2 L D²/(N + 2)" in capsys.readouterr().out
    assert main(["theory", "gd-convex", "--latex"]) == 0
    assert r"\frac{L {R}^{2}}{4 N h + 2}" in capsys.readouterr().out
    assert main(["theory", "frank-wolf"]) == 2
    said = capsys.readouterr()
    assert said.err == "steepest: error: unknown theorem or family 'frank-wolf'; did you mean frank-wolfe?\n"
    assert not said.out


def test_the_width_is_the_terminals(monkeypatch):
    assert width() == WIDTH, "not a terminal here"
    monkeypatch.setattr(theorizing.sys.stdout, "isatty", lambda: True)
    for columns, used in ((40, 60), (80, 80), (300, WIDTH)):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert width() == used
