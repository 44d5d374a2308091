"""What a study declares before it runs anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from steepest.lab.spaces import Space

TUNING_SEEDS: Final = (0, 1, 2)
"""Every trial runs on the first; the best few are run again on the others, and chosen by the median of all three."""

CONFIRMED: Final = 3
"""How many of a method's trials are run again on the further tuning seeds."""

FRESH: Final = 1000
"""The first fresh seed; tuning never sees it or a later one."""

RATE_FACTORS: Final = (0.1, 10**-0.5, 10**-0.25, 10**0.25, 10**0.5, 10.0)
"""Multiples of the chosen learning rate, all else as chosen, run on the tuning seeds: how wide is it usable?"""

FULL: Final[Mapping[str, int]] = {"trials": 20, "steps": 1000, "seeds": 10}
QUICK: Final[Mapping[str, int]] = {"trials": 6, "steps": 200, "seeds": 3}
"""A look, not a claim: 3 seeds cannot separate anything."""


USUAL: Final = (
    "sgd",
    "heavy-ball",
    "nesterov",
    "adagrad",
    "rmsprop",
    "adam",
    "adamw",
    "radam",
    "adabelief",
    "lion",
    "lamb",
    "lars",
)
"""The methods of a study that names none: the ones that most people would ask about."""


class Entry(NamedTuple):
    """A method under one schedule: tuned, chosen and judged as one."""

    method: str
    schedule: str


@dataclass(frozen=True)
class StudySpec:
    """The declaration of a study.

    problem: its name. methods: their names, in the order given. spaces: for each the ranges it is tuned in.
    trials: settings tried per tuned method and schedule. steps: updates per run. seeds: fresh seeds on which winners
    are judged. schedules: names of the learning-rate schedules, each of which every method is tuned under. device: as
    PyTorch names it. quick: a look, not a claim. timing: judging runs have the machine to themselves, so that their
    seconds count. target: the validation metric (without one, the loss or value) that counts as reached; None: a rule
    finds one. reference: the method that the rule takes it from; None: the best.

    >>> spec = StudySpec("digits-mlp", ("sgd", "adam"), {}, 20, 1000, 3, schedules=("constant", "cosine"))
    >>> spec.fresh_seeds, len(spec.entries)
    ((1000, 1001, 1002), 4)
    """

    problem: str
    methods: tuple[str, ...]
    spaces: Mapping[str, Space]
    trials: int
    steps: int
    seeds: int
    schedules: tuple[str, ...] = ("constant",)
    device: str = "cpu"
    quick: bool = False
    timing: bool = False
    target: float | None = None
    reference: str | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every method under every schedule."""
        return tuple(Entry(method, schedule) for method in self.methods for schedule in self.schedules)

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
