"""A ranked table as a piece of HTML without scripts, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from steepest.report import words
from steepest.report.data import Row

_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.4em 0"
_CELL = "padding:.25em .9em .25em 0;text-align:{side};border-bottom:1px solid rgba(128,128,128,.35);vertical-align:top"
_DIM = "opacity:.65"


def fragment(
    verdict: str, rows: Sequence[Row], *, score_label: str, metric_label: str = "", notes: Sequence[str] = ()
) -> str:
    """The verdict, and a line for each method: rank, score, metric, divergences, p, setting.

    All styles are inline, and colours those of the surrounding page, so that it shows well on light and dark ones.
    notes: sentences below the table.

    >>> from steepest.statistics import Interval
    >>> score = Interval(0.1021, 0.0968, 0.1104, 0.95, 0.979, 10)
    >>> text = fragment("adam leads.", [Row(1, "adam", score, 10)], score_label="test loss")
    >>> "adam leads." in text, "<b>0.102</b> [0.097, 0.110]" in text, "<script" in text
    (True, True, False)
    """
    metric = bool(metric_label) and any(row.metric is not None for row in rows)
    tested = any(row.p_adjusted is not None for row in rows)
    heads = [("", "right"), ("Method", "left"), (f"{score_label[:1].upper()}{score_label[1:]}", "left")]
    heads += [(f"{metric_label[:1].upper()}{metric_label[1:]}", "left")] * metric
    heads += [("Diverged", "right"), *([("p (adjusted)", "right")] * tested), ("Setting", "left")]
    scores = words.column([row.score for row in rows])
    metrics = words.column([row.metric for row in rows])
    lines = [
        [
            (f'<span style="{_DIM}">{row.rank}</span>', "right"),
            (f"<b>{escape(row.method)}</b>{_tag(row)}", "left"),
            (_bold(scores[index]), "left"),
            *([(_bold(metrics[index]) or "–", "left")] * metric),
            (_lost(row), "right"),
            *([("–" if row.p_adjusted is None else escape(words.p_value(row.p_adjusted)), "right")] * tested),
            (escape(words.setting_text(row.setting)), "left"),
        ]
        for index, row in enumerate(rows)
    ]
    head = "".join(f'<th scope="col" style="{_CELL.format(side=side)}">{escape(text)}</th>' for text, side in heads)
    body = "".join(f'<tr style="background:none">{"".join(map(_cell, line))}</tr>' for line in lines)
    below = "".join(f'<p style="margin:.2em 0;font-size:.9em;{_DIM}">{escape(note)}</p>' for note in notes)
    return (
        f'<div style="max-width:100%;overflow-x:auto"><p style="margin:.4em 0;max-width:48em">{escape(verdict)}</p>'
        f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}</div>'
    )


def _cell(cell: tuple[str, str]) -> str:
    text, side = cell
    return f'<td style="{_CELL.format(side=side)}">{text}</td>'


def _bold(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f"<b>{escape(first)}</b>{f' {escape(rest)}' if rest else ''}" if first else ""


def _tag(row: Row) -> str:
    return f' <span style="{_DIM}">tied</span>' if row.tied else ""


def _lost(row: Row) -> str:
    failed = f", {row.failed} failed" if row.failed else ""
    return f"{row.diverged} of {row.seeds}{failed}"
