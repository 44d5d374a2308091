"""Very large batches."""

from __future__ import annotations

from typing import Final

from steepest.core.schedule import Schedule
from steepest.recipes.recipe import Recipe, Start, share
from steepest.schedules import constant, warmup_linear

_YOU = "You et al. 2020, arXiv:1904.00962"


def _shape(published: float, peak: float, steps: int, ratio: float) -> Schedule:
    """The warmup's share grows with the batch, from 1/320 at 512 to 1/5 at 32,768, where the table ends."""
    if steps < 2:
        return constant(peak)
    return warmup_linear(peak, steps, min(share(steps, min(ratio / 320, 1 / 5)), steps - 1))


large_batch: Final = Recipe(
    name="large-batch",
    task="pretraining with 512 to 32,768 samples a batch and a fixed number of epochs (BERT)",
    method="lamb",
    starts=(
        Start("lr", 5 / (2**3 * 10**3), f"{_YOU}, Table 4, for 512 samples a batch"),
        Start("beta1", 0.9, f"{_YOU}, §4"),
        Start("beta2", 0.999, f"{_YOU}, §4"),
        Start("weight_decay", 0.01, f"{_YOU}, §4"),
    ),
    batch_size=512,
    batch_source=f"{_YOU}, Table 4",
    scaling="square-root",
    scaling_source=f"{_YOU}, Table 4: 5e-3 for 32,768",
    schedule="a warmup over 1/320 of the steps at 512 samples a batch, in proportion up to 1/5 at 32,768, then a line "
    "to zero",
    schedule_source=f"{_YOU}, Table 4 and §4",
    shape=_shape,
)
