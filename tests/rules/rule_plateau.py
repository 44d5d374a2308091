"""The contract of the rule that watches the value."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from rule_case import LR, Case, Outcome, change, single
from rule_field import Arrays, Field

from steepest import rules


def _looks(values: list[float], every: int) -> list[float]:
    """The mean of each whole stretch of `every` values."""
    return [float(np.mean(values[i : i + every])) for i in range(0, len(values) - every + 1, every)]


def _scale(values: list[float], settings: dict[str, Any]) -> float:
    """The scale that these values have left, from the beginning each time."""
    s = settings
    scale, best, bad, rest = 1.0, None, 0, 0
    for mean in _looks(values, s["every"]):
        gain = 0.0 if best is None else (mean - best if s["mode"] == "max" else best - mean)
        least = s["threshold"] * (1.0 if best is None or s["threshold_mode"] == "abs" else best)
        if best is None or gain > least:
            best, bad = mean, 0
        else:
            bad += 1
        if rest > 0:
            rest, bad = rest - 1, 0
        if bad > s["patience"]:
            scale, rest, bad = max(scale * s["factor"], s["min_scale"]), s["cooldown"], 0
    return scale


def _reference(field: Field, *, lr: float, applies: str, **settings: Any) -> Outcome:
    points: Arrays = {name: p.copy() for name, p in field.start.items()}
    values: list[float] = []
    for step in range(field.steps):
        grads = field.at(step, points)
        before = _scale(values, settings)
        values.append(field.value(step, points))
        scale = _scale(values, settings) if applies == "now" else before
        points = {name: p - lr * scale * grads[name] for name, p in points.items()}
    return Outcome(points)


# fmt: off
PLATEAU = [
    Case("reduce_on_plateau", single(rules.reduce_on_plateau),
         {"lr": LR, "factor": st.floats(0.1, 0.9), "patience": st.integers(0, 3), "threshold": st.floats(0.0, 0.5),
          "threshold_mode": st.sampled_from(["rel", "abs"]), "mode": st.sampled_from(["min", "max"]),
          "cooldown": st.integers(0, 3), "min_scale": st.sampled_from([0.0, 0.3]), "every": st.integers(1, 3),
          "applies": st.sampled_from(["next", "now"])},
         _reference,
         {"factor": change(0.5, patience=1), "patience": change(1), "threshold": change(0.5, patience=1),
          "threshold_mode": change("abs", threshold=0.5, patience=1), "mode": change("max", patience=1),
          "cooldown": change(5, patience=1), "min_scale": change(0.5, patience=1), "every": change(3, patience=1),
          "applies": change("now", patience=1)}, coupled=True),
]
# fmt: on
