"""What a study declares before it runs anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from steepest.lab.spaces import Space

TUNING_SEEDS: Final = (0, 1, 2)
"""Every trial runs on the first; the best few are run again on the others, and chosen by the median of all three."""

CONFIRMED: Final = 3
"""How many of a method's trials are run again on the further tuning seeds."""

FRESH: Final = 1000
"""The first fresh seed; tuning never sees it or a later one."""

FULL: Final[Mapping[str, int]] = {"trials": 20, "steps": 1000, "seeds": 10}
QUICK: Final[Mapping[str, int]] = {"trials": 6, "steps": 200, "seeds": 3}
"""A look, not a claim: 3 seeds cannot separate anything."""


@dataclass(frozen=True)
class StudySpec:
    """The declaration of a study.

    problem: its name. methods: their names, in the order given. spaces: for each the ranges it is tuned in.
    trials: settings tried per tuned method. steps: updates per run. seeds: fresh seeds on which winners are judged.
    schedule: name of the learning-rate schedule. device: as PyTorch names it. quick: a look, not a claim.

    >>> StudySpec("digits-mlp", ("sgd", "adam"), {}, trials=20, steps=1000, seeds=3).fresh_seeds
    (1000, 1001, 1002)
    """

    problem: str
    methods: tuple[str, ...]
    spaces: Mapping[str, Space]
    trials: int
    steps: int
    seeds: int
    schedule: str = "constant"
    device: str = "cpu"
    quick: bool = False

    @property
    def tuning_seeds(self) -> tuple[int, ...]:
        return TUNING_SEEDS

    @property
    def fresh_seeds(self) -> tuple[int, ...]:
        return tuple(range(FRESH, FRESH + self.seeds))

    @property
    def evaluate_every(self) -> int:
        """Steps between evaluations of a winner's run: about fifty points on a curve."""
        return max(1, self.steps // 50)
