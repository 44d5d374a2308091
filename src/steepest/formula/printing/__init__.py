"""A traced rule for readers: which lines are printed with which symbols, and one traversal for every notation."""

from steepest.formula.printing.expression import Expressions
from steepest.formula.printing.lines import Line, Printout, Start
from steepest.formula.printing.notation import Binding, Notation, Written
from steepest.formula.printing.points import point_node
from steepest.formula.printing.printout import printout
from steepest.formula.printing.symbols import GREEK, Symbol

__all__ = [
    "GREEK",
    "Binding",
    "Expressions",
    "Line",
    "Notation",
    "Printout",
    "Start",
    "Symbol",
    "Written",
    "point_node",
    "printout",
]
