"""What a learning-rate range test shows: the loss over rates that rise, and the rates worth taking."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np

from steepest.core.errors import InputError
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.plots.palette import BAD, PAIRS
from steepest.schedules.constant import constant
from steepest.schedules.geometric import geometric
from steepest.schedules.join import join
from steepest.trace import Column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from steepest.statistics.intervals import Band, Interval

_LINE, _BAND, _WORTH = PAIRS[0][0], "rgba(0,84,192,0.15)", "rgba(0,72,36,0.10)"

SMOOTHING = 0.8
STOP = 4.0
"""A run with a positive loss is stopped where its average is above so many times the least one so far."""


@dataclass(frozen=True)
class Suggestion:
    """Rates worth taking, an interval: low ≤ high. diverges: from where on runs diverge, None where few did.

    low: the median over the seeds of the rate at which the loss falls fastest; high: of that at which it is least.
    remarks: what to mind, a sentence each.
    """

    low: float
    high: float
    diverges: float | None
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        end = "no divergence was seen" if self.diverges is None else f"runs diverge from {self.diverges:.2g}"
        return f"learning rates in [{self.low:.2g}, {self.high:.2g}]; {end}"


@final
@dataclass(frozen=True, eq=False)
class RangeTest:
    """The losses of runs whose learning rate rises, and what follows from them.

    name: of what was trained, and how. rates: [steps], increasing, evenly spaced on a log axis. losses: [seeds, steps],
    the loss of the batch after the update with that rate; +inf where a run had ended. smoothing: β in [0, 1) below.

    `smoothed`: means along the rates with the weights β^|i − j|, which have no lag; a loss counts at most as 2 m₀ − b,
    as far above the start as the run came below it, so that an explosion is not smeared over the rates before it.
    +inf from where a run has diverged: from the first rate past the least mean at which the mean is above the first
    one again, so that all that was won is lost, or at which the loss is not finite.
    `band`: the median over the seeds with its order-statistic interval, at each rate. `suggestion`: the interval from
    the rate at which the smoothed loss falls fastest to that at which it is least, each the median over the seeds;
    None where in half of the seeds or more the loss never fell, or by no more than two standard errors of the
    difference of two means, from the spread of the losses about them.

    While it is made, a run is stopped at the edge: where the running average a / (1 − βʲ⁺¹), a ← β a + (1 − β) loss,
    is above b + 3 max(|b|, m₀ − b), b the least so far and m₀ the first; for a positive loss that has not yet halved,
    above 4 b.

    Source: Smith 2017, arXiv:1506.01186, §3.3; 4 b is that of fast.ai's learning-rate finder, whose average lags behind
    the rates and which suggests single points from one seed.
    """

    name: str
    rates: Column
    losses: Column
    smoothing: float = SMOOTHING

    def __post_init__(self) -> None:
        Range(low=0, high=1, open_high=True).check("range_test", "smoothing", self.smoothing)
        if self.losses.ndim != 2 or self.losses.shape[1] != self.rates.size or not self.losses.size:
            raise InputError(
                f"range_test: losses must be [seeds, steps] for {self.rates.size} rates, got {self.losses.shape}"
            )

    @cached_property
    def smoothed(self) -> Column:
        """[seeds, steps]: means, +inf from where on a run has diverged."""
        return np.stack([_smoothed(row, self.smoothing) for row in self.losses])

    @cached_property
    def band(self) -> Band:
        """Pointwise medians over the seeds with their intervals."""
        from steepest.statistics.intervals import median_band

        return median_band(self.smoothed)

    @cached_property
    def suggestion(self) -> Suggestion | None:
        """The interval of rates, None where the loss never fell."""
        rows = zip(self.losses, self.smoothed, strict=True)
        falls = [found for loss, mean in rows if (found := _fall(loss, mean, self.smoothing)) is not None]
        if 2 * len(falls) <= len(self.losses):
            return None
        low, high = (self._median([self.rates[fall[end]] for fall in falls]) for end in (0, 1))
        ends = self.diverged
        diverges = None if ends is None or math.isinf(ends.estimate) else ends.estimate
        remarks = []
        if diverges is None and high >= self.rates[-2]:
            remarks.append(f"the loss still falls at {self.rates[-1]:.2g}, the highest rate: test higher ones")
        if low <= self.rates[1]:
            remarks.append(f"the loss falls fastest at {self.rates[0]:.2g}, the lowest rate: test lower ones")
        if len(falls) < len(self.losses):
            remarks.append(f"the loss never fell in {len(self.losses) - len(falls)} of {len(self.losses)} seeds")
        return Suggestion(low, max(low, high), diverges, tuple(remarks))

    @property
    def diverged(self) -> Interval | None:
        """The first rate at which a run diverged, median and interval over the seeds; None where none did."""
        from steepest.statistics.intervals import median_interval

        firsts = [np.flatnonzero(np.isinf(row)) for row in self.smoothed]
        if not any(first.size for first in firsts):
            return None
        return median_interval([float(self.rates[first[0]]) if first.size else math.inf for first in firsts])

    def __str__(self) -> str:
        seeds = f"{len(self.losses)} seed{'' if len(self.losses) == 1 else 's'}"
        if self.suggestion is None:
            return f"{self.name}: the loss never fell from {self.rates[0]:.2g} to {self.rates[-1]:.2g} ({seeds})"
        return f"{self.name}: {self.suggestion} ({seeds})"

    def figure(self) -> Figure:
        """The smoothed loss over the rates with its band, the suggested interval, and where runs diverge.

        Raises MissingExtraError without Plotly.
        """
        from steepest.plots.figure import axis, base_layout, build

        layout = base_layout() | {
            "xaxis": axis("learning rate", log=True),
            "yaxis": axis("loss, smoothed", log=bool(np.all(self.band.median[np.isfinite(self.band.median)] > 0))),
            "shapes": _marks(self.suggestion),
            "showlegend": False,
        }
        return build(_traces(self.name, self.rates, self.band), layout)

    def _median(self, rates: list[float]) -> float:
        """The middle one, the lower of two: a rate that was run."""
        return float(sorted(rates)[(len(rates) - 1) // 2])


def rising_rates(owner: str, low: object, high: object, steps: object) -> tuple[Schedule, Column]:
    """The schedule of a range test, and its rates: s(k) = low · (high / low)^(k / (steps − 1)), both ends included.

    One update more may be made, at `high`: its gradient gives the loss after the last rate. Raises HyperparameterError
    unless 0 < low < high and steps is a whole number from 10.
    """
    count = int(Range(low=10, integer=True).check(owner, "steps", steps))
    first = Range(low=0, open_low=True).check(owner, "low", low)
    last = Range(low=first, open_low=True).check(owner, "high", high)
    schedule = join((geometric(first, count - 1, last), constant(last)), at=(count - 1,))
    return schedule, np.array([schedule(k) for k in range(count)])


class Watched:
    """The losses of one run as they come; it says when to stop."""

    def __init__(self, steps: int, smoothing: float) -> None:
        self.losses = np.full(steps, math.inf)
        self.seen = 0
        self._average = _Average(smoothing)

    def saw(self, loss: float) -> bool:
        """Note the loss after an update; True where the run is to be stopped, or is at its end."""
        self.losses[self.seen] = loss if math.isfinite(loss) else math.inf
        self.seen += 1
        return not self._average.take(loss) or self.seen == self.losses.size


class _Average:
    """The running average, and the edge beyond which a run has gone too far."""

    def __init__(self, beta: float) -> None:
        self.beta, self.total, self.count = beta, 0.0, 0
        self.first = self.least = math.nan

    @property
    def edge(self) -> float:
        return self.least + (STOP - 1) * max(abs(self.least), self.first - self.least)

    def take(self, loss: float) -> bool:
        """Whether the run may go on."""
        self.count += 1
        self.total = self.beta * self.total + (1 - self.beta) * loss
        mean = self.total / (1 - self.beta**self.count)
        if self.count == 1:
            self.first = self.least = mean
        if not math.isfinite(mean) or mean > self.edge:
            return False
        self.least = min(self.least, mean)
        return True


def _smoothed(losses: Column, beta: float) -> Column:
    """Means without lag, +inf from where the run has diverged."""
    ends = np.flatnonzero(~np.isfinite(losses))
    made = losses[: ends[0]] if ends.size else losses
    means = np.full(losses.size, math.inf)
    if not made.size:
        return means
    average = _Average(beta)
    for loss in made:
        if not average.take(float(loss)):
            break
    fell = average.least < average.first
    capped = np.minimum(made, 2 * average.first - average.least if fell else average.edge)
    weights = beta ** np.abs(np.subtract.outer(np.arange(made.size), np.arange(made.size)))
    means[: made.size] = weights @ capped / weights.sum(axis=1)
    least = int(np.argmin(means))
    lost = np.flatnonzero(means[least:] > means[0])
    if lost.size:
        means[least + lost[0] :] = math.inf
    return means


def _fall(losses: Column, smoothed: Column, beta: float) -> tuple[int, int] | None:
    """Where the loss falls fastest, and where it is least, by place; None where the fall is within the noise."""
    least = int(np.argmin(smoothed))
    if least == 0 or not math.isfinite(smoothed[0]):
        return None
    noise = float(np.std(losses[: least + 1] - smoothed[: least + 1]))
    error = noise * math.sqrt((1 + beta**2) / (1 - beta**2)) * (1 - beta) / (1 + beta)
    if smoothed[0] - smoothed[least] <= 2 * math.sqrt(2) * error:
        return None
    slopes = np.gradient(smoothed[: least + 1]) if least > 1 else np.diff(smoothed[: least + 1])
    return int(np.argmin(slopes)), least


def _traces(name: str, rates: Column, band: Band) -> list[dict[str, object]]:
    finite = np.isfinite(band.median)
    shown = np.isfinite(band.high)
    area: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "x": [*rates[shown], *rates[shown][::-1]],
        "y": [*band.high[shown], *band.low[shown][::-1]],
        "fill": "toself",
        "fillcolor": _BAND,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "name": name,
    }
    line: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "x": list(rates[finite]),
        "y": list(band.median[finite]),
        "line": {"color": _LINE, "width": 2},
        "name": name,
    }
    return [area, line] if band.n > 1 else [line]


def _marks(suggestion: Suggestion | None) -> list[dict[str, object]]:
    """The suggested interval as a shade over the whole height, and a line where runs diverge."""
    if suggestion is None:
        return []
    whole = {"yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    shade = {"type": "rect", "x0": suggestion.low, "x1": suggestion.high, "fillcolor": _WORTH}
    marks: list[dict[str, object]] = [{**whole, **shade, "line": {"width": 0}}]
    if suggestion.diverges is not None:
        at = {"type": "line", "x0": suggestion.diverges, "x1": suggestion.diverges}
        marks.append({**whole, **at, "line": {"color": BAD, "width": 1, "dash": "dash"}})
    return marks
