"""Arrays in, figure out: learning curves and learning-rate sensitivity, as Plotly figures."""

from steepest.plots.curves import Curve, curves
from steepest.plots.palette import DARK, Style, styles
from steepest.plots.sensitivity import Trials, sensitivity

__all__ = ["DARK", "Curve", "Style", "Trials", "curves", "sensitivity", "styles"]
