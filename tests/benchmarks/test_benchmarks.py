"""The benchmark scripts run, count and compare as they say. Nothing here is a timing."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from benchmarks import adamw, alternate, compare, table  # noqa: E402
from benchmarks.__main__ import BENCHMARKS  # noqa: E402
from benchmarks.options import parse  # noqa: E402
from benchmarks.peers import Peer, torch_peer  # noqa: E402
from benchmarks.table import Row  # noqa: E402
from benchmarks.works import EVEN, GPT2, MANY, Traffic, Work  # noqa: E402

QUICK = ["--quick", "--threads", "1", "--rounds", "2"]
TINY = Work("tiny", ((3, 4), (5,)))
ELSEWHERE = {"sweep", "start_up", "grid", "minimize", "overhead"}
"""Start-up starts processes, overhead has no peer; the others have their own tests."""


@pytest.mark.parametrize("name", sorted({*BENCHMARKS} - ELSEWHERE))
@pytest.mark.filterwarnings("default")
def test_quick_run(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "figures.json"
    assert importlib.import_module(f"benchmarks.{name}").main([*QUICK, "--markdown", "--json", str(written)]) == 0
    rows = json.loads(written.read_text(encoding="utf-8"))["rows"]
    timed = [row for row in rows if "ratio" in row]
    assert any(row["peer"].startswith("torch") or "optimi" in row["peer"] for row in timed)
    for row in timed:
        assert len(row["peer_seconds"]) == len(row["steepest_seconds"]) == 2
        assert 0 < row["ratio"]["min"] <= row["ratio"]["median"] <= row["ratio"]["max"] < math.inf
    assert all(row["note"].startswith("not timed: ") for row in rows if "ratio" not in row)
    printed = capsys.readouterr().out
    assert printed.count("\n| ") == len(rows) + 2
    assert "bandwidth, in place: " in printed


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_start_up(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    assert importlib.import_module("benchmarks.start_up").main([*QUICK, "--json", str(written)]) == 0
    assert json.loads(written.read_text(encoding="utf-8"))["rows"][0]["ratio"]["min"] > 0


@pytest.mark.parametrize(
    "settings",
    [
        {"weight_decay": 0.02},
        {"betas": (0.9, 0.99)},
        {"betas": (0.95, 0.999)},
        {"eps": 1e-6},
        {"lr": 1.001e-3},
        {"lr": math.inf},
        {"maximize": True},
    ],
)
def test_what_is_not_equal_is_not_timed(settings: dict[str, object]) -> None:
    wrong = torch_peer("wrong", lambda p: torch.optim.AdamW(p, **({"lr": adamw.LR} | settings)))
    rows = compare.compare(TINY, adamw.ours, [wrong, *adamw.torch_peers()], parse(None, QUICK))
    assert [row.failed for row in rows] == [True, False, False, False]
    assert not rows[0].theirs
    assert rows[0].note == "not timed: not equal"
    assert table.publish("planted", {}, rows, parse(None, QUICK)) == 1


def test_absent_peers_are_rows_that_say_so() -> None:
    absent = Peer("absent", adamw.ours, needs=("no_such_module",))
    (row,) = compare.compare(TINY, adamw.ours, [absent], parse(None, QUICK))
    assert row.note == "not timed: no_such_module not installed"
    assert not row.failed


def test_every_visit_begins_untimed_and_the_order_rotates(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    clock = iter(range(10_000))
    monkeypatch.setattr(alternate.time, "perf_counter", lambda: next(clock))
    steps = {name: lambda name=name: calls.append(name) for name in "abc"}
    times = alternate.alternate(steps, rounds=4, visit=1e-9)
    order = "".join(calls[3 * (alternate.WARM_UP + 3) :])
    assert order == "".join(4 * name for name in "abcbcacababc")
    assert times == {name: [1 / 3] * 4 for name in "abc"}


def test_contenders_are_held_as_many_as_fit() -> None:
    peers = [Peer(str(i), adamw.ours) for i in range(5)]
    assert [len(batch) for batch in compare._batches(peers, 3)] == [2, 2, 1]
    assert [len(batch) for batch in compare._batches(peers, 0)] == [1] * 5


def test_a_row_is_ratio_floor_and_share() -> None:
    bandwidths = {"copy": [1e9, 1e9, 1e9], "in place": [2e9, 2e9, 9e9]}
    row = Row("w", "p", [4.0, 6.0, 9.0], [2.0, 2.0, 3.0], bandwidths, floor=3e9)
    assert row.ratios == [2.0, 3.0, 3.0]
    assert row.share == pytest.approx(0.75)  # 3e9 bytes at 2e9 a second take 1.5 s of 2
    assert row.cells()[2:7] == ["6 s", "2 s", "3 [2, 3]", "1.5 s", "0.75"]


def test_markdown_leaves_out_what_is_empty() -> None:
    rows = [["a", "1", ""], ["a", "22", ""], ["b", "3", ""]]
    assert table.text(["k", "v", "none"], rows, markdown=True).splitlines() == [
        "| k | v  |",
        "| - | -- |",
        "| a | 1  |",
        "|   | 22 |",
        "| b | 3  |",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.5e-7, "50.0 ns"), (1.5e-6, "1.5 μs"), (0.0123, "12.3 ms"), (2, "2 s")]
)
def test_duration(seconds: float, said: str) -> None:
    assert table.duration(seconds) == said


def test_works() -> None:
    assert (EVEN.parameters, len(EVEN.shapes)) == (24_960_000, 160)
    assert (GPT2.parameters, len(GPT2.shapes)) == (124_439_808, 148)
    assert MANY.parameters == 300_000
    assert len(GPT2.small.shapes) == 8
    assert Traffic("p g m v", "p m v").bytes_per_parameter == 28
    assert Traffic("p m", "p", sizes=(("m", 1.5),)).bytes_per_parameter == 9.5


def test_overhead_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert importlib.import_module("benchmarks.overhead").main([*QUICK, "--markdown"]) == 0
    assert "a study" in capsys.readouterr().out
