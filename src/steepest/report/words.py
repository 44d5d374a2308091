"""Numbers as a page prints them: columns with equal decimals, percentages, p-values, times in one unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from steepest.plots import RateSensitivity
from steepest.report.data import Row, Setting
from steepest.statistics import Interval


def number(value: float | int | bool | str) -> str:
    """Three significant digits; whole numbers with separators; words as they are.

    >>> number(0.0123456), number(12000), number(True), number(float("inf"))
    ('0.0123', '12,000', 'True', '∞')
    """
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}".replace("inf", "∞").replace("-", "−") if value < 0 or math.isinf(value) else f"{value:.3g}"


def p_value(value: float) -> str:
    """Two significant digits.

    >>> p_value(0.00021), p_value(0.4071)
    ('< 0.001', '0.41')
    """
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def setting_text(setting: Setting) -> str:
    """A setting on one line.

    >>> setting_text({"lr": 0.0123456, "nesterov": True})
    'lr = 0.0123, nesterov = True'
    """
    return ", ".join(f"{name} = {number(value)}" for name, value in setting.items())


def column(intervals: Sequence[Interval | None]) -> list[str]:
    """The texts of a column, with the same number of decimals where their sizes allow it; empty for None."""
    decimals = shared_decimals(intervals)
    if decimals is not None:
        return [interval.text(decimals) if interval is not None else "" for interval in intervals]
    return [str(interval) if interval is not None else "" for interval in intervals]


def shared_decimals(intervals: Sequence[Interval | None]) -> int | None:
    """How many decimals suit all of them; None where their sizes differ too much."""
    wanted = [interval.decimals for interval in intervals if interval is not None]
    known = [decimals for decimals in wanted if decimals is not None]
    return max(known) if known and max(known) - min(known) <= 2 else None


def fixed(values: Sequence[float | None], decimals: int | None) -> list[str]:
    """Plain numbers in the form of a column of intervals; empty for None."""

    def text(value: float) -> str:
        return "∞" if math.isinf(value) else f"{value:.3g}" if decimals is None else f"{value:.{decimals}f}"

    return ["" if value is None else text(value) for value in values]


def percent(interval: Interval, *, signed: bool = False) -> str:
    """A share as a percentage, its decimals those that its interval's width needs.

    >>> percent(Interval(-0.081, -0.123, -0.034, 0.95, 0.979, 10), signed=True)
    '−8 % [−12, −3]'
    """
    ends = (interval.estimate, interval.low, interval.high)
    finite = [abs(100 * end) for end in ends if math.isfinite(end)]
    width = 100 * (interval.high - interval.low)
    least = width if 0 < width < math.inf else max(finite, default=1.0)
    decimals = min(3, max(0, math.ceil(-math.log10(least / 5)))) if least else 0
    shown = [_signed(100 * end, decimals, signed) for end in ends]
    return f"{shown[0]} % [{shown[1]}, {shown[2]}]" if interval.n > 1 else f"{shown[0]} %"


def _signed(value: float, decimals: int, signed: bool) -> str:
    text = "∞" if math.isinf(value) else f"{abs(value):.{decimals}f}"
    if value < 0 and text.strip("0."):
        return f"−{text}"
    return f"+{text}" if signed and text.strip("0.") else text


def probability(interval: Interval) -> str:
    """A probability with two decimals: "0.97 [0.81, 1.00]"."""
    return interval.text(2)


def times(rows: Sequence[Row]) -> tuple[str, list[str]] | None:
    """One unit for the column of times, and its texts with equally many decimals; None where nothing was timed."""
    known = [row.seconds_per_step for row in rows if row.seconds_per_step]
    if not known:
        return None
    least = min(known)
    unit, scale = next(
        ((unit, scale) for unit, scale in (("s", 1.0), ("ms", 1e3)) if least * scale >= 0.1), ("μs", 1e6)
    )
    decimals = max(0, 2 - math.floor(math.log10(least * scale)))
    return unit, [
        f"{row.seconds_per_step * scale:.{decimals}f}" if row.seconds_per_step is not None else "" for row in rows
    ]


def coverage(rows: Sequence[Row]) -> str:
    """What the intervals of the scores are, in one sentence."""
    scored = [row.score for row in rows if row.score.n > 1]
    if not scored:
        return ""
    low = scored[0]
    attained = f"{math.floor(1000 * low.coverage) / 10:g}\u00a0%"
    nominal = f"{100 * low.level:g}\u00a0%"
    short = f"less than the {nominal} asked for, which {low.n} seeds cannot give" if low.coverage < low.level else ""
    text = f"Brackets enclose the median with {attained} confidence, exactly, whatever the distribution"
    return f"{text} ({short or f'order statistics of {low.n} seeds'})."


def rate_facts(method: RateSensitivity) -> list[tuple[str, str]]:
    """What a caption says of a method's learning rates, as pairs of label and text.

    >>> rate_facts(RateSensitivity("adam", usable=(1e-3, 1e-2), first_diverged=0.1, default=1e-3))
    [('usable', '0.001 – 0.01 (1 decade)'), ('diverges from', '0.1 (1 decade above)'), ('default', '0.001')]
    """
    found = []
    if method.chosen is not None:
        found.append(("chosen", _rate(method.chosen)))
    if method.usable is not None:
        low, high = method.usable
        text = f"{_rate(low)} – {_rate(high)} ({_decades(high / low)})" if high > low else f"only {_rate(low)}"
        found.append(("usable", text))
    if method.first_diverged is not None:
        above = method.first_diverged / method.usable[1] if method.usable is not None else 1.0
        distance = f" ({_decades(above)} above)" if above > 1 else ""
        found.append(("diverges from", f"{_rate(method.first_diverged)}{distance}"))
    if method.default is not None:
        found.append(("default", _rate(method.default)))
    return found


def _rate(value: float) -> str:
    return f"{value:.2g}"


def _decades(ratio: float) -> str:
    text = f"{math.log10(ratio):.1f}".removesuffix(".0")
    return f"{text} decade{'' if text == '1' else 's'}"
