"""Very large batches."""

from __future__ import annotations

import math
from typing import Final

from steepest.core.schedule import Schedule
from steepest.recipes.recipe import Recipe, Start, share
from steepest.schedules import constant, join, linear_warmup, polynomial

_YOU = "You et al. 2020, arXiv:1904.00962"
_NVIDIA = "NVIDIA/DeepLearningExamples 2020, PyTorch/LanguageModeling/BERT"
_CONFIG = f"{_NVIDIA}/scripts/configs/pretrain_config.sh, phase 1"
_APEX = "NVIDIA/apex 2020, apex/optimizers/fused_lamb.py"
_WARMUP = 0.2843


def _shape(published: float, peak: float, steps: int, ratio: float) -> Schedule:
    """A line up, then the root of the share of steps that is left: peak √(1 − k / steps).

    The warmup's share grows with the batch up to the published one, so its length in samples stays the same.
    """
    if steps < 2:
        return constant(peak)
    warmup = min(share(steps, _WARMUP * min(ratio, 1.0)), steps - 1)
    falling = polynomial(peak * math.sqrt(1 - warmup / steps), steps - warmup, power=0.5)
    return join((linear_warmup(peak, warmup), falling), at=(warmup,))


large_batch: Final = Recipe(
    name="large-batch",
    task="pretraining with 512 to 65,536 samples a batch and a fixed number of epochs (BERT-Large, 7,038 steps)",
    method="lamb",
    starts=(
        Start("lr", 6e-3, f"{_CONFIG}, for 65,536 samples a batch"),
        Start("beta1", 0.9, f"{_APEX}, its default; {_YOU}, §4.1"),
        Start("beta2", 0.999, f"{_APEX}, its default; {_YOU}, §4.1"),
        Start("eps", 1e-6, f"{_APEX}, its default"),
        Start("weight_decay", 0.01, f"{_NVIDIA}/run_pretraining.py"),
        Start("exempt", "vectors", f"{_NVIDIA}/run_pretraining.py: biases and gains; {_APEX}: nor are these scaled"),
        Start("clip", 1.0, f"{_APEX}, its default: the norm over the model"),
    ),
    batch_size=65_536,
    batch_source=f"{_CONFIG}: 8,192 on each of 8 devices",
    scaling="square-root",
    scaling_source=f"{_YOU}, §4.1",
    schedule="a line up over 0.2843 of the steps, a share that shrinks with the batch, then the root of what is left, "
    "to zero",
    schedule_source=f"{_CONFIG}; {_NVIDIA}/schedulers.py, degree 0.5; the share: {_YOU}, §4.1",
    shape=_shape,
)
