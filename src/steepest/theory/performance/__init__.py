"""Exact worst cases by performance estimation: semidefinite programs through PEPit and Clarabel (extra `theory`)."""

from steepest.theory.performance.ask import Initial
from steepest.theory.performance.result import WorstCase
from steepest.theory.performance.table import TableRow, table, table_row
from steepest.theory.performance.worst import worst_case
from steepest.theory.performance.worst_function import WorstFunction

__all__ = ["Initial", "TableRow", "WorstCase", "WorstFunction", "table", "table_row", "worst_case"]
