"""Performance profiles: on which share of the problems a method is within a factor τ of the fastest."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from steepest.core.errors import InputError
from steepest.plots.figure import axis, base_layout, build, same_shape, shown
from steepest.plots.palette import Style, styles
from steepest.trace import Column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class Profile:
    """One method's ρ(τ), a step function that jumps to `rho` at each `tau`: columns of one length.

    tau: ≥ 1, ascending. rho: in [0, 1], not falling.
    """

    name: str
    tau: Column
    rho: Column

    def __post_init__(self) -> None:
        for column in ("tau", "rho"):
            object.__setattr__(self, column, np.asarray(getattr(self, column), dtype=np.float64))
        same_shape("profile", self.name, {"tau": self.tau, "rho": self.rho})
        if not ((self.tau >= 1).all() and (np.diff(self.tau) >= 0).all()):
            raise InputError(f"profile: tau of {self.name} must be ≥ 1 and ascending, got {self.tau.tolist()}")
        if not ((self.rho >= 0).all() and (self.rho <= 1).all() and (np.diff(self.rho) >= 0).all()):
            raise InputError(f"profile: rho of {self.name} must be in [0, 1] and not fall, got {self.rho.tolist()}")


def profile(
    lines: Sequence[Profile],
    *,
    x_label: str = "time to target, relative to the fastest",
    end: float = 4.0,
    look: Mapping[str, Style] | None = None,
) -> Figure:
    """A figure of performance profiles over τ in [1, end].

    lines: one a method, the first drawn on top. end: > 1, default 4 as in AlgoPerf. look: a style for each method,
    default `styles` of their names. Raises InputError for an end out of range, MissingExtraError without Plotly.
    Source: Dolan & Moré 2002, Mathematical Programming 91.

    >>> figure = profile([Profile("adam", [1.0, 1.5], [0.5, 1.0])])
    >>> figure.data[0].x, figure.data[0].y
    ((1.0, 1.5, 4.0), (0.5, 1.0, 1.0))
    """
    if not end > 1:
        raise InputError(f"profile: end must be > 1, got {end!r}")
    look = look or styles([line.name for line in lines])
    layout = base_layout() | {
        "xaxis": axis(x_label, log=False) | {"range": [1 - 0.02 * (end - 1), end], "ticksuffix": "×"},
        "yaxis": axis("share of the problems", log=False) | {"range": [-0.03, 1.05], "tickformat": ".0%"},
        "hovermode": "closest",
    }
    return build([_steps(line, look[line.name], end) for line in reversed(lines)], layout)


def _steps(line: Profile, style: Style, end: float) -> dict[str, object]:
    """From τ = 1, where ρ may still be 0, to the end of the axis."""
    tau, rho = line.tau, line.rho
    if not tau.size or tau[0] > 1:
        tau, rho = np.concatenate([[1.0], tau]), np.concatenate([[0.0], rho])
    inside = tau <= end
    tau, rho = tau[inside], rho[inside]
    if tau[-1] < end:
        tau, rho = np.append(tau, end), np.append(rho, rho[-1])
    return {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(line.name),
        "legendgroup": line.name,
        "x": shown(tau),
        "y": shown(rho),
        "line": {"color": style.colour, "width": 2.5, "dash": style.dash, "shape": "hv"},
        "hovertemplate": f"<b>{html.escape(line.name)}</b><br>within %{{x:.3g}}× of the fastest "
        "on %{y:.0%}<extra></extra>",
    }
