"""`accumulate`: an update by the mean gradient of several micro-batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from steepest.core.arrays import Array, Tensors
from steepest.core.errors import FormulaError, InputTypeError
from steepest.core.ranges import Range
from steepest.formula.context import Frame
from steepest.formula.rule import Rule
from steepest.formula.slots import Slot
from steepest.formula.state import MODEL, State

if TYPE_CHECKING:
    from steepest.formula.link import Link

SUM, TAKEN, BATCHES = "accumulate.sum", "accumulate.taken", "accumulate.batches"
"""Slots: the gradients' sum, how many a tensor has in it, and how many micro-batches there were."""
GATHERED: Mapping[str, Slot] = {
    SUM: Slot("sum"),
    TAKEN: Slot("taken", like="tensor"),
    BATCHES: Slot("batches", like="model"),
}


@final
@dataclass(frozen=True, repr=False)
class Accumulate(Rule):
    """A rule that is given the mean gradient of several micro-batches. Made by `accumulate`."""

    rule: Rule
    micro_batches: int
    name: str = "accumulate"

    def links(self, path: str = "") -> Iterator[tuple[str, Link]]:
        yield from self.rule.links(path)

    @property
    def gathered(self) -> Mapping[str, Slot]:  # type: ignore[override]
        return GATHERED if self.micro_batches > 1 else {}

    @property
    def text(self) -> str:
        named = "" if self.name == "accumulate" else f".named({self.name!r})"
        return f"accumulate({self.rule.text}, every={self.micro_batches}){named}"

    def __repr__(self) -> str:
        return f"accumulate({self.rule!r}, every={self.micro_batches})"

    def named(self, name: str) -> Accumulate:
        return replace(self, name=name)

    def slots_of(self, name: str, shape: tuple[int, ...]) -> Mapping[str, Slot]:
        return {**self.rule.slots_of(name, shape), **self.gathered}

    def part_of(self, name: str, shape: tuple[int, ...]) -> str:
        return self.rule.part_of(name, shape)

    def apply(self, frame: Frame, u: Any, path: str) -> Any:
        return self.rule.apply(frame, u, path)


def accumulate(rule: Rule, *, every: int) -> Rule:
    """An update by the mean gradient of `every` micro-batches: a large batch in the memory of a small one.

        u ← (g₁ + … + gₙ) / n, n = every

    Each call of an optimizer's step, or of `update`, adds one micro-batch's gradient; every so many-th one updates.
    Micro-batches are not steps: the clock, schedules and ages count updates, and between them the step report says
    applied=False. In a run one step reads `every` batches, and the oracle counts each. A tensor without a gradient in
    some micro-batches has zeros there, as where PyTorch adds to `.grad`; without one in all, it takes no part. A
    micro-batch that is refused because it is not finite does not count. In PyTorch set the gradients to zero after
    every call: what is in `.grad` is added.

    Source: the mean over a batch is that of the means over its equal parts; no paper is needed.
    Shapes: the sum is that of the parameters. every in 1, 2, 3, … It must be the outermost rule.
    Raises FormulaError for a rule that needs more than the gradient at one point (a value, the Hessian's diagonal,
    SAM), HyperparameterError for `every` out of its range.

    >>> import numpy as np
    >>> from steepest.rules import sgd
    >>> r = accumulate(sgd(lr=1.0), every=2)
    >>> p, state = np.array([4.0]), r.init(np.array([4.0]))
    >>> for g in (1.0, 3.0):
    ...     p, state, report = r.update(p, np.array([g]), state)
    ...     print(p, report.step, report.applied)
    [4.] 0 False
    [2.] 1 True
    """
    count = int(Range(low=1, integer=True).check("accumulate", "every", every))
    if not isinstance(rule, Rule):
        raise InputTypeError(f"accumulate: rule must be a rule, got {rule!r}")
    if isinstance(rule, Accumulate):
        raise FormulaError("accumulate: rule must not accumulate itself")
    found = rule.link_with("query")
    if rule.needs or (found is not None and found[1].queries_gradient):
        what = ", ".join(sorted(rule.needs)) or "a second gradient"
        raise FormulaError(f"accumulate: {rule.name} needs {what}, which a micro-batch alone does not have")
    return Accumulate(rule, count)


def gather(
    count: int, params: Tensors, grads: Mapping[str, Array | None], state: State
) -> tuple[State, dict[str, Array | None] | None]:
    """The state with one more micro-batch, and the mean gradients where it was the last."""
    sums: dict[str, Any] = {name: state.slots[SUM][name] for name in params}
    taken: dict[str, Any] = {name: state.slots[TAKEN][name] for name in params}
    counted: Any = state.slots[BATCHES][MODEL]
    batches = counted + 1
    for name, gradient in grads.items():
        if gradient is not None:
            sums[name], taken[name] = sums[name] + gradient, taken[name] + 1
    means: dict[str, Array | None] | None = None
    if int(batches) == count:
        means = {name: sums[name] / count if float(taken[name]) else None for name in params}
        sums = {name: 0 * p for name, p in sums.items()}
        taken, batches = {name: 0 * number for name, number in taken.items()}, 0 * batches
    slots = {**state.slots, SUM: sums, TAKEN: taken, BATCHES: {MODEL: batches}}
    return replace(state, slots=slots), means
