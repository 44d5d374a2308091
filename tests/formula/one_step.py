"""One update of a rule on two small tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.formula import (
    Rule,
)
from steepest.rules import (
    learning_rate,
)

RATE = learning_rate(lr=0.1)


def step(rule: Rule, params: Any = None, grads: Any = None, **options: Any) -> Any:
    params = {"a": np.ones((2, 3)), "b": np.zeros(2)} if params is None else params
    grads = {name: np.full(p.shape, 0.5) for name, p in params.items()} if grads is None else grads
    return rule.update(params, grads, rule.init(params), **options)
