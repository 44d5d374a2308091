"""Rules of every kind that live tensors are stepped with."""

from __future__ import annotations

import example_rules as examples

from steepest.formula import Rule, chain
from steepest.rules import (
    adamw,
    average,
    clip_norm,
    lamb,
    learning_rate,
    radam,
    sgd,
)
from steepest.schedules import cosine

FULL = chain(clip_norm(max_norm=1.0), adamw(lr=cosine(0.1, steps=20), weight_decay=0.1), average(beta=0.9))
RULES: dict[str, Rule] = {
    "adamw": adamw(lr=0.1),
    "full": FULL,
    "lamb": chain(clip_norm(max_norm=1.0), lamb(lr=0.1, weight_decay=0.1, exempt="vectors")),
    "radam": radam(lr=0.1),
    "number of a tensor": chain(examples.normalize_tensor(), learning_rate(lr=0.1)),
    "number of the model": chain(examples.d_adaptation(), learning_rate(lr=1.0)),
    "first": chain(examples.difference(), sgd(lr=0.1)),
    "random": chain(examples.noise(kind="uniform"), learning_rate(lr=0.1)),
    "switch": examples.switch(first=sgd(lr=0.1), second=adamw(lr=0.1), after=2),
    "grafted": examples.grafted(size=sgd(lr=0.1), direction=adamw(lr=1.0)),
    "slow": chain(sgd(lr=0.1), examples.slow_weights(every=2)),
}  # fmt: skip
