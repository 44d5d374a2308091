"""Convolutional networks on images."""

from __future__ import annotations

from typing import Final

from steepest.core.schedule import Schedule
from steepest.recipes.recipe import Recipe, Start, share
from steepest.schedules import constant, join, linear, multi_step

_GOYAL = "Goyal et al. 2017, arXiv:1706.02677"


def _shape(published: float, peak: float, steps: int, ratio: float) -> Schedule:
    """90 epochs: from the published rate to the scaled one over 5, then a tenth at 30, 60 and 80."""
    if steps < 18:  # the warmup and each stretch need a step of their own
        return constant(peak)
    warmup = share(steps, 5 / 90)
    milestones = tuple(share(steps, epoch / 90) - warmup for epoch in (30, 60, 80))
    return join((linear(min(published, peak), warmup, peak), multi_step(peak, milestones, 0.1)), at=(warmup,))


vision: Final = Recipe(
    name="vision",
    task="image classification with a residual network (ResNet-50 on ImageNet, 90 epochs)",
    method="nesterov",
    starts=(
        Start("lr", 0.1, f"{_GOYAL}, §5.1, for 256 images a batch"),
        Start("beta", 0.9, f"{_GOYAL}, §5.1"),
        Start("weight_decay", 1e-4, f"{_GOYAL}, §5.1"),
        Start("exempt", "vectors", f"{_GOYAL}, §5.1: none on the parameters of batch normalization"),
    ),
    batch_size=256,
    batch_source=f"{_GOYAL}, §2.1, §5.1",
    scaling="linear",
    scaling_source=f"{_GOYAL}, §2.1, up to 8,192",
    schedule="a line from the published rate to the scaled one over 5 of 90 epochs, a tenth from epochs 30, 60 and 80",
    schedule_source=f"{_GOYAL}, §2.2, §5.1",
    shape=_shape,
)
