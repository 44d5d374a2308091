"""A descent as a picture: the path over the function's contours, or value and gradient by step."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.core.errors import MissingExtraError
from steepest.plots.palette import INK, MUTED, PAIRS

Points = npt.NDArray[np.float64]


def path(x: Points, value: Callable[[Points], float], *, title: str = "", ax: Any = None, grid: int = 80) -> Any:
    """The iterates, one a row of two numbers, over contours of f on a grid a little wider than they are.

    Contours are spaced evenly in log(f − min f), so that a valley's floor shows. Gives the Matplotlib axes.
    """
    ax = _axes(ax)
    points = x[np.all(np.isfinite(x), axis=1)]
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.15 * np.maximum(high - low, 0.1 * max(1e-12, float((high - low).max())) + 1e-3)
    across, up = (np.linspace(low[i] - margin[i], high[i] + margin[i], grid) for i in range(2))
    heights = np.array([[value(np.array([a, b])) for a in across] for b in up])
    seen = heights[np.isfinite(heights)]
    if seen.size and float(seen.max()) > float(seen.min()):
        span = float(seen.max() - seen.min())
        above = np.log10(np.where(np.isfinite(heights), heights, np.nan) - seen.min() + 1e-6 * span)
        ax.contour(across, up, above, levels=16, colors=MUTED, linewidths=0.6, alpha=0.7, linestyles="solid")
    ax.plot(points[:, 0], points[:, 1], color=PAIRS[0][0], marker="o", markersize=3, linewidth=1.2)
    ax.plot(*points[0], marker="s", color=INK, linestyle="none", label="start")
    ax.plot(*points[-1], marker="*", color=PAIRS[1][0], markersize=11, linestyle="none", label="end")
    ax.set(xlabel="x[0]", ylabel="x[1]", title=title)
    ax.legend(frameon=False)
    return ax


def convergence(value: Points, gradient_norm: Points, *, title: str = "", ax: Any = None) -> Any:
    """F above its lowest value and ‖∇f‖ by step, on a log axis. Gives the Matplotlib axes."""
    ax = _axes(ax)
    steps = np.arange(value.shape[0])
    finite = value[np.isfinite(value)]
    gap = value - (finite.min() if finite.size else 0.0)
    for numbers, label, pair in ((gap, "f − min f", PAIRS[0]), (gradient_norm, "‖∇f‖", PAIRS[1])):
        shown = np.isfinite(numbers) & (numbers > 0)
        ax.plot(steps[shown], numbers[shown], color=pair[0], label=label, linewidth=1.4)
    ax.set_yscale("log")
    ax.set(xlabel="step", title=title)
    ax.legend(frameon=False)
    return ax


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    try:
        pyplot = importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise MissingExtraError("Matplotlib", "plot") from error
    return pyplot.subplots(constrained_layout=True)[1]
