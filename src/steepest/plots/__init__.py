"""Arrays in, figure out: learning curves, learning-rate sensitivity, tuning budgets, performance profiles."""

from steepest.plots.budget import BudgetCurve, budget
from steepest.plots.curves import Curve, curves
from steepest.plots.palette import DARK, Style, styles
from steepest.plots.profile import Profile, profile
from steepest.plots.sensitivity import Ladder, RateSensitivity, sensitivity

__all__ = [
    "DARK",
    "BudgetCurve",
    "Curve",
    "Ladder",
    "Profile",
    "RateSensitivity",
    "Style",
    "budget",
    "curves",
    "profile",
    "sensitivity",
    "styles",
]
