"""The ranked table on terminals of many widths: nothing is cut, and the settings are always shown."""

from __future__ import annotations

import contextlib
import io
import math
import os
import pty
import re
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from steepest.cli.table import result_table, setting_text
from steepest.lab import USUAL, Result
from steepest.statistics import Interval

SETTING = {"lr": 0.02596, "beta1": 0.9242, "beta2": 0.9984, "weight_decay": 0.08107}


def interval(median: float) -> Interval:
    return Interval(median, 0.9 * median, 1.1 * median, 0.95, 0.979, 10)


def result(rank: int, name: str) -> Result:
    return Result(
        rank=rank,
        method=name,
        schedule="constant",
        setting=SETTING,
        score=interval(0.1 + rank / 97),
        iqm=0.1,
        metric=interval(0.987),
        seeds=10,
        diverged=0,
        failed=0,
        p_adjusted=0.0137,
        improvement=None,
        tied=True,
        remarks=(),
    )


def study(results: list[Result], *, enough: bool = True) -> SimpleNamespace:
    verdict = SimpleNamespace(enough=enough)
    spec = SimpleNamespace(schedules=("constant",))
    return SimpleNamespace(
        table=lambda: results,
        label="test loss",
        metric_label="test accuracy",
        verdict=verdict,
        seedless=False,
        spec=spec,
    )


def shown(of: object, width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    for part in result_table(of, width):
        console.print(part)
    return console.file.getvalue()


BUILT_IN = [result(rank, name) for rank, name in enumerate(USUAL, start=1)]


@pytest.mark.parametrize("width", [70, 80, 90, 100, 119, 120, 140, 160, 200])
def test_every_row_and_every_setting_is_shown_whole(width: int):
    text = shown(study(BUILT_IN), width)
    lines = text.splitlines()
    assert "…" not in text and all(len(line) <= width for line in lines)
    for r in BUILT_IN:
        row = next(line for line in lines if re.match(rf"\s+{r.rank}\s+{r.method}\s", line))
        assert str(r.score) in row and "0.014" in row and "tied" in row
        assert " ".join(text.split()).count(f"{setting_text(SETTING)}") == len(BUILT_IN)


@pytest.mark.parametrize(
    ("width", "interval_", "metric", "in_table"),
    [(160, True, True, True), (119, True, True, False), (86, False, True, False), (80, False, False, False)],
)
def test_the_metric_goes_before_the_score_does(width: int, interval_: bool, metric: bool, in_table: bool):
    text = shown(study(BUILT_IN), width)
    assert (str(interval(0.987)) in text, "test accuracy" in text) == (interval_, metric)
    assert ("setting" in text, "adamw:" in text) == (in_table, not in_table)


def test_names_longer_than_the_terminal_go_on_in_the_next_line():
    name = "".join(chr(97 + i % 26) for i in range(100))
    text = shown(study([result(1, "sgd"), result(2, name)]), 80)
    assert "…" not in text and all(len(line) <= 80 for line in text.splitlines())
    table, below = text.split("sgd:")
    assert name in re.sub(r"[^a-z]", "", table.replace("tied", "")) and str(interval(0.1 + 2 / 97)) in table
    assert below.count("weight_decay") == 2


def test_failed_is_not_diverged_and_few_seeds_tie_nothing():
    failed = replace(
        BUILT_IN[0], diverged=2, failed=3, setting=None, score=Interval(math.inf, 1, math.inf, 0.9, 0.9, 10)
    )
    text = shown(study([failed, BUILT_IN[1]], enough=False), 100)
    assert "2 of 10, 3 failed" in text and "tied" not in text and "no setting ended at a usable point" in text
    rows = [line.rstrip() for line in text.splitlines() if "0.014" in line]
    assert len(rows) == 2 and all(row.endswith(" 0.014") for row in rows), "nothing stands under no header"


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_real_terminal_cuts_nothing(tmp_path: Path, width: int):
    arguments = ["compare", "bowl", "--trials", "2", "--steps", "5", "--seeds", "2", "--jobs", "1"]
    terminal, end = pty.openpty()
    termios.tcsetwinsize(terminal, (40, width))
    environment = os.environ | {"TERM": "xterm", "COLUMNS": str(width)}
    command = [sys.executable, "-m", "steepest", *arguments]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdin=end, stdout=end, stderr=end) as process:
        os.close(end)
        pieces = []
        with contextlib.suppress(OSError):  # at its end
            while piece := os.read(terminal, 65536):
                pieces.append(piece)
        assert process.wait(60) == 0
    os.close(terminal)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(pieces).decode())
    assert "…" not in text and "weight_decay" in text and re.search(r"\bdiverged +p\b", text)
