"""Policy gradients."""

from __future__ import annotations

from typing import Final

from steepest.core.schedule import Schedule
from steepest.recipes.recipe import Recipe, Start
from steepest.schedules import linear

_SCHULMAN = "Schulman et al. 2017, arXiv:1707.06347"
_HUANG = "Huang et al. 2022, The 37 Implementation Details of Proximal Policy Optimization"
_CODE = "openai/baselines 2020, baselines/ppo2"


def _shape(published: float, peak: float, steps: int, ratio: float) -> Schedule:
    return linear(peak, steps)


reinforcement_learning: Final = Recipe(
    name="reinforcement-learning",
    task="proximal policy optimization from pixels (49 Atari games, 40 million frames)",
    method="adam",
    starts=(
        Start("lr", 2.5e-4, f"{_SCHULMAN}, Table 5; 3e-4 for continuous control, Table 3"),
        Start("beta1", 0.9, "Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1"),
        Start("beta2", 0.999, "Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1"),
        Start("eps", 1e-5, f"{_HUANG}, detail 3; {_CODE}/model.py"),
        Start("clip", 0.5, f"{_HUANG}, detail 11; {_CODE}/ppo2.py: the norm over the model"),
    ),
    batch_size=256,
    batch_source=f"{_SCHULMAN}, Table 5: 32 steps of 8 actors",
    scaling="square-root",
    scaling_source="Malladi et al. 2022, arXiv:2205.10287, for Adam",
    schedule="a line to zero",
    schedule_source=f"{_SCHULMAN}, Table 5: α",
    shape=_shape,
)
