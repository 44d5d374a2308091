from __future__ import annotations

import base64
import gzip
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import sample_reports as sample

from steepest.core.errors import InputError
from steepest.plots import Curve
from steepest.report import Audit, CurvePanel, Measure, ReportData, Row, StudyPart, render
from steepest.statistics import Interval

NASTY = "<script>alert('1')</script> & \"co\""
VOID = {"meta", "line", "circle", "path"}


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
        self.named: list[str] = []
        self.open: list[str] = []
        self.code: list[str] = []
        self.scripts = 0
        self.feed(text)
        self.text = re.sub(r"\s+", " ", " ".join(self.words)).replace("\u00a0", " ")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        self.loads += [str(found[key]) for key in ("src", "srcset", "data", "poster", "action") if key in found]
        if tag == "link":
            self.loads.append(str(found.get("href")))
        if tag == "a":
            self.links.add(str(found["href"]))
        if tag == "data":
            self.values.append(str(found["value"]))
        if tag == "code":
            self.code.append("")
        if "title" in found:
            self.titles.append(str(found["title"]))
        if "id" in found:
            self.ids.append(str(found["id"]))
        if "aria-labelledby" in found:
            self.named.append(str(found["aria-labelledby"]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, "tags must nest"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.words.append(data)
        if self.open and self.open[-1] == "code":
            self.code[-1] += data


@pytest.fixture(scope="module")
def one() -> ReportData:
    return sample.report()


@pytest.fixture(scope="module")
def html(one: ReportData) -> str:
    return render(one)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def figures(html: str) -> dict[str, dict]:
    return json.loads(re.search(r'id="figure-data">(.*?)</script>', html, re.S)[1])


def test_every_number_of_the_league_is_on_the_page(one: ReportData, page: Page) -> None:
    for row in one.studies[0].rows:
        found = [row.score, row.metric, row.p_first_better, row.gain, row.default_score]
        found += [row.target.steps, row.target.gradient_calls, row.target.seconds]
        for interval in filter(None, found):
            assert f"{interval.estimate} [{interval.low}, {interval.high}]" in page.titles
            assert str(interval.estimate) in page.values
        for exact in (row.p_adjusted, row.seconds_per_step, row.state_bytes, row.iqm):
            assert exact is None or str(exact) in page.values
        assert f"{row.diverged} of {row.seeds}" in page.text
        assert f"{row.target.hits} of {row.target.runs}" in page.text
        assert row.schedule in page.text
        for name, value in row.setting.items():
            assert f"{name} = {value}" in page.titles


def test_numbers_are_printed_with_the_digits_that_mean_something(page: Page) -> None:
    for text in (
        "0.102",
        "[0.097, 0.108]",
        "[0.123, ∞]",
        "0.70 [0.50, 1.00]",
        "0.41",
        "0.0016",
        "k 12,000",
        "Step, ms",
    ):
        assert text in page.text, text
    assert "13 % [8, 21]" in page.text and "97.8 % confidence" in page.text
    assert "usable 0.00045 – 0.0024 (0.7 decades)" in page.text
    assert "diverges from 0.032 (1.1 decades above)" in page.text


def test_all_parts_are_there_in_order(one: ReportData, page: Page) -> None:
    part = one.studies[0]
    places = [
        one.title,
        part.line,
        one.verdict,
        *one.details,
        *one.warnings,
        one.protocol,
        "PyTorch",
        "League",
        "Target: validation loss 0.16",
        f"{part.rows[3].method} : {part.rows[3].remarks[0]}",
        *part.notes,
        part.curves.title,
        "Sensitivity to the learning rate",
        part.sensitivity.rates[3].flags[0],
        "Tuning budget",
        *part.budget.lines,
        "Schedules",
        part.schedules.notes[0],
        "Audit",
        "✗ Learning rates inside their ranges : at a border: sgd-momentum",
        one.audit.protocol[0].text,
        one.audit.seeds[1].text,
        one.audit.command,
        one.audit.data[1].text,
        "Linux x86_64",
        "2.13.0",
        "1e-5 to 1, logarithmic",
        "adamw tuning 0 – lr = 31.6, beta1 = 0.9 RuntimeError: out of memory",
    ]
    start = page.text.index("steepest · 2026-11-22")
    for text in places:
        start = page.text.index(text, start)


def test_code_is_kept_to_the_letter(one: ReportData, page: Page) -> None:
    for text in (sample.CODE, one.code[1].text, one.audit.command):
        assert text in page.code


def test_a_schedule_cell_says_how_sure_it_is(html: str) -> None:
    part = sample.study(sample.NAMES[:1])
    down = Interval(-0.081, -0.12, -0.03, 0.95, 0.979, 10)
    up = Interval(0.05, -0.01, 0.09, 0.95, 0.979, 10)
    cells = (sample.ScheduleCell("adamw", "cosine", down, rate=0.5), sample.ScheduleCell("adamw", "step", up))
    panel = sample.SchedulePanel(("adamw",), ("constant", "cosine", "step"), cells)
    text = render(replace(sample.report(sample.NAMES[:1]), studies=(replace(part, schedules=panel),)))
    assert re.search(r'<td class="better sure" style="--d: 0.402">.*?−8.+?%</b>.*?lr 0.5', text)
    assert re.search(r'<td class="worse" style="--d: 0.316">.*?\+5', text)
    assert "diverged" in Page(html).text


def test_names_are_escaped_everywhere() -> None:
    html = render(sample.report((NASTY, *sample.NAMES[:2])))
    page = Page(html)
    assert "<script>alert" not in html and NASTY in page.text
    assert page.scripts == 5
    assert figures(html)["s0-curves-0"]["data"]


@pytest.mark.parametrize("name", ["</script><b>", "<!--<script "])
def test_text_in_figures_cannot_end_their_script_element(name: str) -> None:
    html = render(sample.report((name,)))
    assert Page(html).scripts == 5
    inside = re.search(r'id="figure-data">(.*?)</script>', html, re.S)[1]
    assert "<" not in inside and json.loads(inside)["s0-curves-0"]["data"][0]["legendgroup"] == name


def test_nothing_is_loaded(html: str, page: Page) -> None:
    assert page.loads == [] and "url(" not in html and "@import" not in html
    assert "default-src 'none'" in html
    outside = re.sub(r'id="library">.*?</script>', "", html, flags=re.S)
    assert "http://" not in outside and "https://" not in outside


@pytest.mark.parametrize("make", [sample.report, sample.several, sample.minimal, sample.diverged])
def test_links_ids_and_labels(make) -> None:
    page = Page(render(make()))
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert set(page.named) <= set(page.ids)


def test_every_holder_has_its_figure_and_every_figure_a_holder() -> None:
    for data in (sample.report(), sample.several(), sample.diverged()):
        html = render(data)
        holders = set(re.findall(r'data-figure="(.*?)"', html))
        names = {re.sub(r"(curves)-\d+$", r"\1", name) for name in figures(html)}
        assert holders == names


def test_the_library_inside_is_plotly_whole(html: str) -> None:
    packed = re.search(r'id="library">(.*?)</script>', html, re.S)[1]
    code = gzip.decompress(base64.b64decode(packed)).decode()
    from plotly.offline import get_plotlyjs

    assert code == get_plotlyjs()


def test_a_thousand_runs_of_twelve_methods_stay_below_five_megabytes() -> None:
    data = sample.report(sample.NAMES, seeds=20, trials=60, points=1001, lost=250)
    html = render(data)
    assert len(html.encode()) < 5_000_000
    assert "<summary>250 runs did not end at a usable point</summary>" in html
    drawn = figures(html)["s0-curves-0"]["data"]
    medians = [trace for trace in drawn if trace.get("showlegend") is not False]
    assert len(medians) == 12 and all(trace["x"][0] == 0 and trace["x"][-1] == 1000 for trace in medians)
    assert all(200 <= len(trace["x"]) <= 240 for trace in medians)
    seeds = [trace for trace in drawn if trace.get("meta") == "seeds"]
    assert len(seeds) == 12 and all(trace["customdata"].count("1019") > 40 for trace in seeds)


def test_curves_are_thinned_and_facts_are_not() -> None:
    steps = np.arange(5001.0)
    values = 1 / (steps + 1)
    curve = Curve("adam", steps, values, values, values, diverged=np.arange(0, 5001, 7.0))
    part = StudyPart("p", "l", "loss", (), curves=CurvePanel("c", (Measure("loss", (curve,)),)))
    drawn = figures(render(ReportData("t", "v", (part,), Audit("c"))))["s0-curves-0"]["data"]
    crosses = [trace for trace in drawn if trace.get("yaxis") == "y2"]
    assert len(crosses[0]["x"]) == 715 and len(drawn[1]["x"]) <= 240


def test_a_bare_report_has_no_empty_parts_and_no_library() -> None:
    text = render(sample.minimal())
    page = Page(text)
    assert page.scripts == 1 and len(text) < 26_000
    assert "None: every run ended at a usable point." in page.text
    for absent in ("Curves", "Protocol", "Search spaces", "confidence", "Step,", "accuracy", "IQM", "P(1st", "Gain"):
        assert absent not in page.text, absent
    assert "speed and cost" not in page.text


def test_few_seeds_are_admitted_below_the_table() -> None:
    score = Interval(3.0, 1.0, 5.0, 0.95, 0.9375, 5)
    part = replace(sample.study(), rows=(Row(1, "adam", score, 5),))
    text = Page(render(replace(sample.report(), studies=(part,)))).text
    assert "93.7 % confidence, exactly, whatever the distribution (less than the 95 % asked for" in text


def test_equal_data_give_equal_bytes(html: str) -> None:
    assert render(sample.report()) == html


def test_a_page_needs_a_study() -> None:
    with pytest.raises(InputError, match="report: studies must have at least 1 part, got 0"):
        render(ReportData("t", "v", (), Audit("c")))


def test_tie_groups_are_separated_by_a_rule(html: str) -> None:
    body = html.split("<tbody>")[1].split("</tbody>")[0]
    rows = re.findall(r"<tr.*?</tr>", body, re.S)
    assert [row.startswith('<tr class="group">') for row in rows] == [False, False, True, False, False, False]
    assert [">tied<" in row for row in rows] == [False, True, False, False, False, False]
    assert ">first<" in rows[0]


def test_runs_that_failed_are_counted_apart_from_diverged_ones(one: ReportData, page: Page) -> None:
    assert "0 of 10 , 1 failed" in page.text and "“Failed”: an error ended the run" in page.text
    part = one.studies[0]
    fine = replace(part, rows=part.rows[:5], failures=())
    assert "failed" not in Page(render(replace(one, studies=(fine,)))).text


def test_one_problem_shows_no_problem_names_in_its_failures(page: Page) -> None:
    assert "Problem Method Phase" not in page.text
    assert "Problem Method Phase" in Page(render(sample.several())).text


def test_several_problems_are_summed_up_first() -> None:
    data = sample.several()
    page = Page(render(data))
    start = page.text.index("Across 3 problems")
    for text in (
        "AlgoPerf score Speed-up digits-mlp tiny-gpt cnn",
        "0.93 [0.53, 0.96]",
        "1.70 [1.20, 2.20]",
        "Performance profile",
        "Steps to target",
        "7 of 10",
        "never",
        "Does the ranking stand",
        "nothing 1 2 3 4 5",
        "problem tiny-gpt 2 1 3 4 5",
        "method adam 1 2 3 4",
        data.studies[0].verdict,
        data.studies[2].verdict,
        "Audit",
    ):
        start = page.text.index(text, start)


def test_a_flip_is_marked_and_its_absence_said() -> None:
    data = sample.several()
    html = render(data)
    assert len(re.findall(r'class="number flip"', html)) == 2 and "Marked: methods whose order changes." in html
    calm = replace(data.across, drop_one=data.across.drop_one[:1])
    html = render(replace(data, across=calm))
    assert 'class="number flip"' not in html and "No order changes, whichever one is left out." in html


def test_everything_diverged_is_said_once_a_figure() -> None:
    html = render(sample.diverged())
    drawn = figures(html)
    assert len(drawn) == 5
    for figure in drawn.values():
        assert figure["layout"]["annotations"][0]["text"] == "every run diverged"
    assert "∞ [" not in Page(html).text


def test_a_missed_target_is_infinite_not_absent(html: str) -> None:
    rows = sample.rows(sample.NAMES[:9], 10)
    part = replace(sample.study(), rows=rows)
    page = Page(render(replace(sample.report(), studies=(part,))))
    assert "2 of 10" in page.text and "∞ [800, ∞]" in page.text
    assert math.isinf(rows[8].target.steps.estimate)
