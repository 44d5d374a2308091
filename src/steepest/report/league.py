"""The league table's texts, column by column, and which of its groups of columns have anything to show."""

from __future__ import annotations

from dataclasses import dataclass

from steepest.report import words
from steepest.report.data import StudyPart
from steepest.report.strip import Strip, strip
from steepest.statistics import Interval


@dataclass(frozen=True)
class League:
    """A text for each row, "" where a cell is empty; a column that would be empty throughout is None.

    strip: the scores drawn. times: the unit of a step's time, and the texts. coverage: what the brackets are.
    """

    scores: list[str]
    strip: Strip
    iqms: list[str] | None
    metrics: list[str] | None
    better: list[str] | None
    steps: list[str] | None
    gradients: list[str] | None
    seconds: list[str] | None
    times: tuple[str, list[str]] | None
    memory: list[str] | None
    gains: list[str] | None
    defaults: list[str] | None
    schedules: bool
    coverage: str

    @property
    def speed(self) -> bool:
        """Whether there is anything in the group of columns on speed and cost."""
        return any(found is not None for found in (self.steps, self.times, self.memory))


def league(part: StudyPart) -> League:
    """The texts of a part's rows."""
    rows = part.rows
    scores = [row.score for row in rows]
    targets = [row.target for row in rows]
    decimals = words.shared_decimals(scores)
    return League(
        scores=words.column(scores),
        strip=strip(scores),
        iqms=_known(words.fixed([row.iqm for row in rows], decimals)),
        metrics=_column([row.metric for row in rows]) if part.metric_label else None,
        better=_known([words.probability(row.p_first_better) if row.p_first_better else "" for row in rows]),
        steps=_column([target.steps if target else None for target in targets]),
        gradients=_column([target.gradient_calls if target else None for target in targets]),
        seconds=_column([target.seconds if target else None for target in targets]),
        times=words.times(rows),
        memory=_known(["" if row.state_bytes is None else f"{row.state_bytes:.3g}" for row in rows]),
        gains=_known([words.percent(row.gain) if row.gain else "" for row in rows]),
        defaults=_column([row.default_score for row in rows]),
        schedules=len({row.schedule for row in rows} - {""}) > 0,
        coverage=words.coverage(rows),
    )


def _column(intervals: list[Interval | None]) -> list[str] | None:
    return _known(words.column(intervals))


def _known(texts: list[str]) -> list[str] | None:
    return texts if any(texts) else None
