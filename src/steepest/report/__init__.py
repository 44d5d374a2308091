"""Results as pages: plain data in, one offline HTML file out; nothing is computed here."""

from steepest.report.data import (
    Across,
    AcrossRow,
    Audit,
    Check,
    DropOne,
    Fact,
    Failure,
    ReportData,
    Row,
    Snippet,
    Space,
    StudyPart,
    Target,
    TimeToTarget,
)
from steepest.report.fragment import fragment
from steepest.report.page import render
from steepest.report.panels import (
    BudgetPanel,
    CurvePanel,
    Measure,
    ScheduleCell,
    SchedulePanel,
    SensitivityPanel,
)
from steepest.report.write import check_writable, write

__all__ = [
    "Across",
    "AcrossRow",
    "Audit",
    "BudgetPanel",
    "Check",
    "CurvePanel",
    "DropOne",
    "Fact",
    "Failure",
    "Measure",
    "ReportData",
    "Row",
    "ScheduleCell",
    "SchedulePanel",
    "SensitivityPanel",
    "Snippet",
    "Space",
    "StudyPart",
    "Target",
    "TimeToTarget",
    "check_writable",
    "fragment",
    "render",
    "write",
]
