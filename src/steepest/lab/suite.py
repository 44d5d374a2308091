"""Several problems at once: a study of each, and what may be said across them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, final

from steepest.lab.across import Across, across
from steepest.lab.records import Run
from steepest.lab.study import Study

if TYPE_CHECKING:
    import pandas as pd


@final
class Suite:
    """The answer to "which method is better across these problems?".

    studies: by the problem's name, in the order given; all of the same methods. In a notebook it shows its verdict.
    """

    def __init__(self, studies: Sequence[Study]) -> None:
        self.studies = {study.spec.problem: study for study in studies}

    def __repr__(self) -> str:
        return f"<studies of {', '.join(self.studies)}: {len(self.runs)} runs; {self.sentence}>"

    @property
    def runs(self) -> tuple[Run, ...]:
        """Of all the studies."""
        return tuple(run for study in self.studies.values() for run in study.runs)

    @cached_property
    def across(self) -> Across:
        """Scores, speed-ups and profiles over the problems."""
        return across(list(self.studies.values()))

    @property
    def sentence(self) -> str:
        """The verdict across the problems."""
        return self.across.sentence

    @property
    def details(self) -> tuple[str, ...]:
        """What else is to be said: where the ranking depends on a single problem or method."""
        return self.across.details

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML page that opens offline. Raises InputError where the path cannot be written."""
        from steepest.lab.report_data import suite_report_data
        from steepest.report import write

        write(suite_report_data(self), path)
        return Path(path)

    def to_pandas(self) -> pd.DataFrame:
        """A row a run, as `Study.to_pandas`."""
        from steepest.lab.frames import frame

        return frame(self.runs)

    def _repr_html_(self) -> str:
        return "".join(study._repr_html_() for study in self.studies.values()) + f"<p>{escape(self.sentence)}</p>"
