from __future__ import annotations

import base64
import gzip
import json
import math
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from steepest.core.errors import InputError
from steepest.plots import Curve, Trials
from steepest.report import (
    Check,
    CurvePanel,
    Fact,
    Failure,
    ReportData,
    Reproduction,
    Row,
    SensitivityPanel,
    Space,
    check_writable,
    render,
    write,
)
from steepest.statistics import Interval, median_interval

NASTY = "<script>alert('1')</script> & \"co\""
X = np.array([0.0, 50.0, 100.0])


def row(rank: int, method: str, score: Interval, **more: object) -> Row:
    return Row(rank, method, {"lr": 0.0123456, "beta1": 0.9, "nesterov": True}, score, seeds=10, **more)


def sample() -> ReportData:
    first = Interval(0.1021, 0.0968, 0.1104, 0.95, 0.978515625, 10)
    second = Interval(0.1137, 0.1049, math.inf, 0.95, 0.978515625, 10)
    third = Interval(math.inf, 0.5, math.inf, 0.95, 0.978515625, 10)
    accuracy = Interval(0.9712, 0.9688, 0.9741, 0.95, 0.978515625, 10)
    return ReportData(
        title="Which optimizer for digits?",
        problem="1,797 handwritten digits",
        verdict="adamw is best: median test loss 0.102 [0.097, 0.110] over 10 seeds.",
        score_label="test loss",
        metric_label="test accuracy",
        rows=(
            row(1, "adamw", first, metric=accuracy, seconds_per_step=0.000123456),
            row(2, NASTY, second, metric=accuracy, p_adjusted=0.4071, tied_with_best=True, diverged=2),
            row(3, "sgd", third, p_adjusted=0.00021, diverged=7, seconds_per_step=0.000087),
        ),
        notes=("Timings shared a machine.",),
        curves=(
            CurvePanel("Validation loss", "validation loss", (Curve("adamw", X, 1 / (X + 1), 0.5 / (X + 1), X + 2),)),
        ),
        sensitivity=SensitivityPanel("validation loss", (Trials("adamw", [0.01, 0.1], [0.3, math.inf], chosen=0),)),
        protocol=(Fact("Budget", "24 trials × 1,000 steps"),),
        fairness=(Check("Equal trials", True, "24 each"), Check("Border", False, "sgd: lr at its upper end")),
        spaces=(Space("adamw", "lr", "1e-5 to 1e-1, logarithmic"), Space("adamw", "beta1", "0.9, fixed")),
        failures=(Failure("sgd", {"lr": 31.6228}, 1007, "judging", "the loss became non-finite", 419),),
        reproduction=Reproduction("steepest compare digits --seeds 10", {"torch": "2.13.0"}, (Fact("CPU", "2 cores"),)),
    )


class Page(HTMLParser):
    """What a page loads, its visible text, its data values, and its ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.values: list[str] = []
        self.titles: list[str] = []
        self.words: list[str] = []
        self.links: set[str] = set()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.scripts = 0
        self.feed(text)
        self.text = re.sub(r"\s+", " ", " ".join(self.words)).replace("\u00a0", " ")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in {"meta", "line", "circle", "path"}:
            self.open.append(tag)
        self.scripts += tag == "script"
        self.loads += [str(found[key]) for key in ("src", "srcset", "data", "poster", "action") if key in found]
        if tag == "link":
            self.loads.append(str(found.get("href")))
        if tag == "a":
            self.links.add(str(found["href"]))
        if tag == "data":
            self.values.append(str(found["value"]))
        if "title" in found:
            self.titles.append(str(found["title"]))
        if "id" in found:
            self.ids.append(str(found["id"]))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"line", "circle", "path"}:
            return
        assert self.open.pop() == tag, "tags must nest"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.words.append(data)


@pytest.fixture(scope="module")
def html() -> str:
    return render(sample())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_every_number_given_is_on_the_page(page: Page) -> None:
    data = sample()
    for r in data.rows:
        for interval in filter(None, (r.score, r.metric)):
            assert f"{interval.estimate} [{interval.low}, {interval.high}]" in page.titles
            assert str(interval.estimate) in page.values
        for exact in filter(None, (r.p_adjusted, r.seconds_per_step)):
            assert str(exact) in page.values
        assert f"{r.diverged} of {r.seeds}" in page.text
        for name, value in r.setting.items():
            assert f"{name} = {value}" in page.titles
    for text in ("0.102", "[0.097, 0.110]", "0.114", "[0.105, ∞]", "0.971", "0.41", "< 0.001", "0.0123"):
        assert text in page.text, text
    assert "123.5" in page.text.split() and "87.0" in page.text.split() and "Step, μs" in page.text
    assert "97.8 % confidence" in page.text


def test_all_parts_are_there_in_order(page: Page) -> None:
    data = sample()
    parts = [
        data.title,
        data.problem,
        data.verdict,
        "Ranking",
        "Timings shared a machine.",
        "Validation loss",
        "Sensitivity to the learning rate",
        "24 trials × 1,000 steps",
        "✗ Border : sgd: lr at its upper end",
        "1e-5 to 1e-1, logarithmic",
        "judging 1007 419 lr = 31.6 the loss became non-finite",
        "steepest compare digits --seeds 10",
        "2.13.0",
        "2 cores",
    ]
    start = page.text.index("steepest Which")
    for part in parts:
        start = page.text.index(part, start)


def test_names_are_escaped_everywhere(html: str, page: Page) -> None:
    assert "<script>alert" not in html
    assert NASTY in page.text
    assert page.scripts == 4
    json.loads(re.search(r'id="figure-data">(.*?)</script>', html, re.S)[1])


@pytest.mark.parametrize("name", ["</script><b>", "<!--<script "])
def test_text_in_figures_cannot_end_their_script_element(name: str) -> None:
    curve = Curve(name, X, X + 1, X + 1, X + 1)
    html = render(replace(sample(), curves=(CurvePanel(name, name, (curve,)),)))
    assert Page(html).scripts == 4
    inside = re.search(r'id="figure-data">(.*?)</script>', html, re.S)[1]
    assert "<" not in inside and json.loads(inside)["curves-0"]["data"][0]["legendgroup"] == name


def test_nothing_is_loaded(html: str, page: Page) -> None:
    assert page.loads == [] and "url(" not in html and "@import" not in html
    assert "default-src 'none'" in html
    outside = re.sub(r'id="library">.*?</script>', "", html, flags=re.S)
    assert "http://" not in outside and "https://" not in outside


def test_links_and_ids(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_the_library_inside_is_plotly_whole(html: str) -> None:
    packed = re.search(r'id="library">(.*?)</script>', html, re.S)[1]
    code = gzip.decompress(base64.b64decode(packed)).decode()
    from plotly.offline import get_plotlyjs

    assert code == get_plotlyjs()


def test_size_stays_small_for_a_large_study() -> None:
    data = sample()
    x = np.arange(0.0, 1000.0, 5.0)
    names = [f"method-{i}" for i in range(20)]
    curves = tuple(Curve(n, x, np.random.default_rng(1).random(200), x, x + 1) for n in names)
    trials = tuple(Trials(n, np.arange(1.0, 51.0), np.arange(1.0, 51.0)) for n in names)
    failures = data.failures * 500
    rows = tuple(row(i + 1, n, data.rows[0].score) for i, n in enumerate(names))
    large = replace(
        data,
        rows=rows,
        curves=(CurvePanel("loss", "loss", curves),),
        sensitivity=SensitivityPanel("loss", trials),
        failures=failures,
    )
    assert len(render(data).encode()) < 2_500_000
    text = render(large)
    assert len(text.encode()) < 5_000_000
    assert "<summary>500 runs did not end at a usable point</summary>" in text


def test_a_bare_report_has_no_empty_parts_and_no_scripts() -> None:
    bare = ReportData(
        title="t",
        problem="p",
        verdict="No verdict: one seed.",
        score_label="loss",
        rows=(Row(1, "adam", {}, median_interval([0.25]), seeds=1),),
        reproduction=Reproduction("steepest compare p", {}),
    )
    text = render(bare)
    page = Page(text)
    assert page.scripts == 0 and len(text) < 20_000
    assert "None: every run ended at a usable point." in page.text
    for absent in ("Learning curves", "Protocol", "Search spaces", "confidence", "Step,", "accuracy"):
        assert absent not in page.text


def test_few_seeds_are_admitted_below_the_table() -> None:
    rows = (Row(1, "adam", {}, median_interval([1, 2, 3, 4, 5]), seeds=5),)
    text = Page(render(replace(sample(), rows=rows))).text
    assert "93.7 % confidence, exactly, whatever the distribution (less than the 95 % asked for" in text


def test_equal_data_give_equal_bytes(html: str) -> None:
    assert render(sample()) == html


def test_write_replaces_the_file_and_leaves_nothing_else(tmp_path: Path, html: str) -> None:
    path = tmp_path / "report.html"
    old = '<!doctype html>\n<meta name="generator" content="steepest">'
    path.write_text(old)
    check_writable(path)
    assert path.read_text() == old
    write(sample(), path)
    assert path.read_text(encoding="utf-8") == html
    assert os.listdir(tmp_path) == ["report.html"]


@pytest.mark.parametrize("where", ["missing/report.html", "file.txt/report.html"])
def test_an_unwritable_path_is_one_clear_line(tmp_path: Path, where: str) -> None:
    (tmp_path / "file.txt").touch()
    path = tmp_path / where
    for act in (check_writable, lambda p: write(sample(), p)):
        with pytest.raises(InputError, match=r"^report: path must be writable, got '.*' \([A-Z].*\)$"):
            act(path)
    assert os.listdir(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("kind", ["file", "late", "binary", "fifo", "folder"])
def test_what_is_no_report_is_neither_opened_nor_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine"
    contents = {"file": b"# my notes", "late": b" " * 3000 + render(sample()).encode(), "binary": b"\xff\x00"}
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(contents[kind])
    before = path.lstat()
    for act in (check_writable, lambda p: write(sample(), p)):
        with pytest.raises(InputError, match=r"^report: path must be a new file or an earlier report, got '.*mine'$"):
            act(path)
    assert path.lstat().st_ino == before.st_ino and path.lstat().st_size == before.st_size
    assert os.listdir(tmp_path) == ["mine"]


def test_an_earlier_report_and_an_empty_file_are_replaced(tmp_path: Path, html: str) -> None:
    path = tmp_path / "report.html"
    path.touch()
    for _ in range(2):
        write(sample(), path)
        assert path.read_text(encoding="utf-8") == html


def test_runs_that_failed_are_counted_apart_from_diverged_ones() -> None:
    data = sample()
    text = Page(render(replace(data, rows=(data.rows[0], replace(data.rows[2], diverged=2, failed=5))))).text
    assert "2 of 10 , 5 failed" in text and "“Failed”: an error ended the run" in text
    assert "failed" not in Page(render(data)).text


def browse(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The page as a browser has it after its scripts have run."""
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", *quiet, *more]
    folder = [f"--user-data-dir={path.parent / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=8000"]
    command = [*browser, *folder, "--dump-dom", path.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


needs_chromium = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")


@needs_chromium
@pytest.mark.slow
def test_a_browser_draws_the_figures_without_a_complaint(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write(sample(), path)
    done = browse(path)
    assert "CONSOLE" not in done.stderr
    assert done.stdout.count('class="main-svg"') >= 2
    assert 'id="trouble" class="bad"></span>' in done.stdout


LAYOUT = """
<script>
setTimeout(() => {
  const boxes = (root, what) => [...root.querySelectorAll(what)].map((found) => found.getBoundingClientRect());
  const touch = (all) => all.some((box, i) => i && box.left < all[i - 1].right + 2);
  const panels = [...document.querySelectorAll(".panels figure")];
  const over = panels.some((panel) => boxes(panel, "figcaption span")
    .some((box) => box.right > panel.getBoundingClientRect().right + 1));
  const names = boxes(document, ".ranking th .method > span").map((box) => box.width);
  const result = {
    labels: panels.map((panel) => boxes(panel, ".xtick text").length),
    touch: panels.some((panel) => touch(boxes(panel, ".xtick text"))),
    over,
    wide: document.documentElement.scrollWidth > innerWidth + 1,
    longest: Math.max(...names),
    shortest: Math.min(...names),
  };
  const told = { id: "layout", textContent: JSON.stringify(result) };
  document.body.append(Object.assign(document.createElement("pre"), told));
}, 4000);
</script>
"""


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 800, 500])
def test_labels_and_long_names_stay_apart(tmp_path: Path, width: int) -> None:
    data = sample()
    long = "a_very_long_method_name_that_somebody_gave_to_a_method_of_their_own_" + "x" * 40
    tried = [Trials(name, [1e-5, 1e-3, 1.0], [0.3, 0.2, 0.4], chosen=1) for name in ("adamw", long, "sgd", "lion")]
    rows = (data.rows[0], replace(data.rows[1], method=long))
    text = render(replace(data, rows=rows, sensitivity=SensitivityPanel("loss", tuple(tried))))
    path = tmp_path / "report.html"
    path.write_text(text.replace("</body>", f"{LAYOUT}</body>"), encoding="utf-8")
    dom = browse(path, f"--window-size={width},900").stdout
    found = json.loads(re.search(r'<pre id="layout">(.*?)</pre>', dom, re.S)[1])
    assert all(2 <= count <= 7 for count in found["labels"]) and not found["touch"]
    assert not found["over"] and not found["wide"]
    assert found["longest"] <= 200 and found["shortest"] > 30
