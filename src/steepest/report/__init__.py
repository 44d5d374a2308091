"""Results as pages: plain data in, one offline HTML file out; nothing is computed here."""

from steepest.report.data import (
    Check,
    CurvePanel,
    Fact,
    Failure,
    ReportData,
    Reproduction,
    Row,
    SensitivityPanel,
    Space,
)
from steepest.report.page import check_writable, render, write

__all__ = [
    "Check",
    "CurvePanel",
    "Fact",
    "Failure",
    "ReportData",
    "Reproduction",
    "Row",
    "SensitivityPanel",
    "Space",
    "check_writable",
    "render",
    "write",
]
