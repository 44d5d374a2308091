from __future__ import annotations

import re
from html.parser import HTMLParser

import sample_reports as sample

from steepest.report import Row, fragment
from steepest.statistics import Interval


class Tags(HTMLParser):
    """The tags of a fragment, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= {"style", "scope"}
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def test_a_table_without_scripts_and_with_inline_styles_only() -> None:
    rows = sample.rows(sample.NAMES[:3], 10)
    text = fragment("adamw leads.", rows, score_label="test loss", metric_label="test accuracy", notes=("A note.",))
    found = Tags(text)
    assert not found.tags & {"script", "style", "link", "img", "svg"} and "A note." in text and "adamw leads." in text
    assert found.rows[0] == ["", "Method", "Test loss", "Test accuracy", "Diverged", "p (adjusted)", "Setting"]
    assert found.rows[2][:6] == ["2", "nadamw tied", "0.111 [0.106, 0.118]", "0.967 [0.964, 0.971]", "0 of 10", "0.41"]
    assert found.rows[1][5] == "–" and "lr = 0.0021" in found.rows[1][6]


def test_columns_without_content_are_left_out() -> None:
    score = Interval(0.25, 0.25, 0.25, 0.95, 0.0, 1)
    found = Tags(fragment("No verdict.", [Row(1, "adam", score, 1)], score_label="loss"))
    assert found.rows == [["", "Method", "Loss", "Diverged", "Setting"], ["1", "adam", "0.250", "0 of 1", ""]]


def test_markup_in_names_is_text() -> None:
    score = Interval(0.25, 0.25, 0.25, 0.95, 0.0, 1)
    text = fragment("a < b & c", [Row(1, "<b>x</b>", score, 1, setting={"<i>": "<u>"})], score_label="<s>")
    assert "<b>x" not in text and "<i>" not in text and "<u>" not in text and "<s>" not in text
    assert "a &lt; b &amp; c" in text


def test_no_fixed_colours_but_grey() -> None:
    text = fragment("v", sample.rows(sample.NAMES[:2], 10), score_label="loss")
    assert set(re.findall(r"#[0-9a-f]{3,6}|rgba?\([^)]*\)", text)) == {"rgba(128,128,128,.35)"}
