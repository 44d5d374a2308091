"""A scale that falls when the value stops falling."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from steepest.formula import Count, Natural, NonNegative, Range, Share, Slot, maximum, rule, where

Factor = Annotated[float, Range(low=0, high=1, open_low=True, open_high=True)]


@rule(
    slots=(
        Slot("scale", like="model", init=1.0),
        Slot("best", like="model", init=math.inf),
        Slot("bad", like="model"),
        Slot("waiting", like="model"),
        Slot("summed", like="model"),
        Slot("seen", like="model"),
    ),
    needs=("value",),
)
def reduce_on_plateau(
    u,
    value,
    scale,
    best,
    bad,
    waiting,
    summed,
    seen,
    *,
    factor: Factor = 0.1,
    patience: Natural = 10,
    threshold: NonNegative = 1e-4,
    threshold_mode: Literal["rel", "abs"] = "rel",
    mode: Literal["min", "max"] = "min",
    cooldown: Natural = 0,
    min_scale: Share = 0.0,
    every: Count = 1,
    applies: Literal["next", "now"] = "next",
):
    """Reduce on plateau: u ← s · u, where s, from 1, falls by a factor each time the value has stopped improving.

    Once in `every` updates the mean f̄ of the values since is looked at. It is better than the best one so far if f̄ <
    best (1 − threshold) (threshold_mode="rel") or f̄ < best − threshold ("abs"), and with mode="max" if f̄ > best (1 +
    threshold) or f̄ > best + threshold. Better ones become the best; others are counted, and

        after more than `patience` in a row:   s ← max(factor · s, min_scale), and the count begins again;
        for `cooldown` looks after that:       nothing is counted.

    applies="next" (the default): u is multiplied by the s that the values before this update have left, as where
    PyTorch's scheduler steps after its optimizer; "now": by the s that includes this one's.

    Shapes: any; the state is six numbers for the whole model, a part of the optimizer's, so a run resumes exactly.
    Units: threshold a share, or with "abs" those of the value. It needs the value of each step: `step(loss=…)` or a
    closure in PyTorch, what the oracle says in a run; give the mean loss of an epoch, or the validation loss, to have
    it looked at, with `every` 1 where it is given once. A value that is not finite counts as not better. factor in (0,
    1), default 0.1; patience a whole number from 0, default 10; threshold in [0, ∞), default 1e-4; cooldown a whole
    number from 0, default 0; min_scale in [0, 1], default 0; every a whole number from 1, default 1.
    Raises HyperparameterError outside these; an update without the value raises InputTypeError.
    Source: PyTorch's scheduler; no paper has it. Dialect: torch.optim.lr_scheduler.ReduceLROnPlateau with its defaults,
    min_lr = min_scale · lr and eps = 0. Equal to optax.contrib.reduce_on_plateau with applies="now", its `patience` one
    more, its rtol or atol the threshold.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(learning_rate(lr=1.0), reduce_on_plateau(factor=0.5, patience=1))
    >>> p, state = np.array([0.0]), r.init(np.array([0.0]))
    >>> for value in (1.0, 1.0, 1.0, 1.0):
    ...     p, state, _ = r.update(p, np.array([-1.0]), state, value=value)
    >>> p
    array([3.5])
    """
    total, count = summed + value, seen + 1.0
    look = count >= every
    mean = total / count
    # The best of a value that is to rise is kept negated, so that it begins at infinity in both modes.
    found = -mean if mode == "max" else mean
    share = 1.0 + threshold if mode == "max" else 1.0 - threshold
    edge = share * best if threshold_mode == "rel" else best - threshold
    better = found < edge
    counted = where(better, 0.0, bad + 1.0)
    cooling = waiting > 0.0
    counted = where(cooling, 0.0, counted)
    fall = counted > patience
    lower = where(fall, maximum(factor * scale, min_scale), scale)
    wait = where(fall, cooldown, where(cooling, waiting - 1.0, waiting))
    after = where(look, lower, scale)
    return (
        (after if applies == "now" else scale) * u,
        after,
        where(look, where(better, found, best), best),
        where(look, where(fall, 0.0, counted), bad),
        where(look, wait, waiting),
        where(look, 0.0, total),
        where(look, 0.0, count),
    )
