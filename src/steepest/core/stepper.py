"""The protocol by which anything that updates named tensors is driven: ours, torch.optim's, optax's, a user's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from steepest.core.oracle import Oracle

Nonfinite = Literal["apply", "skip", "raise"]
"""What to do with a non-finite gradient: apply it as PyTorch does, skip the whole step, or raise NonfiniteError."""


_NONE: Mapping[str, float] = MappingProxyType({})


class StepReport(NamedTuple):
    """What one step did.

    step: the clock after it. applied: False where the policy skipped it, and then nothing has changed.
    hyperparameters: the values used, by path ("learning_rate.lr"). seen: model-wide reductions that the rule
    computed on the way, by path ("clip_norm.norm"). finite: whether what was looked at was finite;
    None where nothing was looked at. value: f where the gradient was taken, None where unknown.
    """

    step: int
    applied: bool = True
    hyperparameters: Mapping[str, float] = _NONE
    seen: Mapping[str, float] = _NONE
    finite: bool | None = None
    value: float | None = None


@runtime_checkable
class Stepper(Protocol):
    """Moves the tensors of an oracle by one update at a time."""

    def step(self, oracle: Oracle) -> StepReport:
        """Ask the oracle as often as the method needs, and update its tensors in place."""
        ...

    def evaluating(self) -> AbstractContextManager[None]:
        """Inside this context the tensors hold the answer point: an average, say; else what they hold anyway."""
        ...
