"""Rules of every kind, for what must hold of every printed formula."""

from __future__ import annotations

from inspect import Parameter, signature

import example_rules as examples

from steepest import rules
from steepest.formula import Partition, Rule, Slot, chain, norm, rule


@rule(slots=("m", Slot("before", init="first"), "kept"))
def tangled(u, p, m, before, kept, k):
    """Old and new values side by side, slots that become other slots or the update, and the point after the step."""
    after = 0.5 * m + u - before
    change = after - m
    return change * norm(after) + 0.1 * m * k, after, u, m


NEED_LR = {name for name, made in rules.METHODS.items() if signature(made).parameters["lr"].default is Parameter.empty}
OPAQUE = frozenset({"muon-adamw", "shampoo", "soap", "adafactor"})
"""Methods that compute with whole arrays, so that no engine compiles all of them."""
MADE = [method(**({"lr": 0.1} if name in NEED_LR else {})) for name, method in rules.METHODS.items()]
PARTITIONED: list[Rule] = [made for made in MADE if any(isinstance(link, Partition) for link in made.rules)]
"""These have a formula for each part."""
EVERY: list[Rule] = [
    *(made for made in MADE if made not in PARTITIONED),
    rules.muon(),
    chain(rules.scale_by_late_adam(normalize=True), rules.learning_rate(lr=0.1)),
    chain(rules.scale_by_decaying_rms(), rules.clip_rms(), rules.relative_step(), rules.decay_by_rate(lr=0.1)),
    chain(rules.clip_norm(max_norm=1.0), rules.adamw(exempt="vectors"), rules.average()),
    chain(rules.clip_value(max_value=1.0), rules.sgd(lr=0.1), rules.polyak_average()),
    rules.rmsprop(centered=True, momentum=0.9, eps_position="inside"),
    rules.nesterov(lr=0.1, form="lookahead"),
    examples.polyak_step(),
    examples.precondition(),
    chain(examples.ascend(), rules.sgd(lr=0.1)),
    chain(rules.sgd(lr=0.1), examples.slow_weights()),
    examples.switch(first=rules.scale_by_adam(), second=rules.scale_by_lion()),
    examples.grafted(size=rules.scale_by_lion(), direction=rules.scale_by_adam()),
    examples.d_adaptation(),
    examples.normalize_tensor(),
    examples.difference(),
    examples.factored(),
    examples.whiten(),
    *(examples.noise(kind=kind) for kind in ("normal", "uniform", "rademacher")),
    examples.optional_decay(share=0.1, mode="minus"),
    chain(tangled(), rules.learning_rate(lr=0.1), rules.average()),
    chain(rules.adagrad(), tangled(), rules.clip_norm(max_norm=1.0).named("again")),
    chain(rules.clip_norm(max_norm=1.0), rules.scale_by_lion(), tangled(), rules.momentum(nesterov=True)),
]
