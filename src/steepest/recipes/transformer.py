"""Language models from scratch."""

from __future__ import annotations

from typing import Final

from steepest.core.schedule import Schedule
from steepest.recipes.recipe import Recipe, Start, share
from steepest.schedules import constant, join, warmup_cosine

_BROWN = "Brown et al. 2020, arXiv:2005.14165"


def _shape(published: float, peak: float, steps: int, ratio: float) -> Schedule:
    """300 billion tokens: a warmup over 0.375, a cosine to a tenth until 260, and that rate to the end."""
    falling = share(steps, 260 / 300)
    if falling < 2:
        return constant(peak)
    warmup = min(share(steps, 0.375 / 300), falling - 1)
    return join((warmup_cosine(peak, falling, warmup, peak / 10), constant(peak / 10)), at=(falling,))


transformer: Final = Recipe(
    name="transformer",
    task="language modelling from scratch with a decoder of 125 million parameters (GPT-3 Small, 300 billion tokens)",
    method="adamw",
    starts=(
        Start("lr", 6e-4, f"{_BROWN}, Table 2.1, for 125 million parameters; 3e-4 for 350 million, 2.5e-4 for 760"),
        Start("beta1", 0.9, f"{_BROWN}, Appendix B"),
        Start("beta2", 0.95, f"{_BROWN}, Appendix B"),
        Start("eps", 1e-8, f"{_BROWN}, Appendix B"),
        Start("weight_decay", 0.1, f"{_BROWN}, Appendix B, decoupled"),
        Start("clip", 1.0, f"{_BROWN}, Appendix B: the norm over the model"),
    ),
    batch_size=256,
    batch_source=f"{_BROWN}, Table 2.1 and Appendix B: half a million tokens in sequences of 2,048",
    scaling="square-root",
    scaling_source="Malladi et al. 2022, arXiv:2205.10287, for Adam",
    schedule="a warmup over 0.375 of 300 billion tokens, a cosine to a tenth until 260 billion, then that rate",
    schedule_source=f"{_BROWN}, Appendix B",
    shape=_shape,
)
