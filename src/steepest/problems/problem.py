"""What every problem is: a name, what is known of it, and a fresh live objective for each run."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod

from steepest.core.errors import InputError
from steepest.core.facts import ProblemFacts
from steepest.core.oracle import Objective


class Problem(ABC):
    """A problem that methods are run on."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Short, lower case, with hyphens."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """One line for `steepest problems`."""

    @property
    def facts(self) -> ProblemFacts:
        """What is known of it; methods never see this."""
        return ProblemFacts()

    def check(self, device: str = "cpu") -> None:  # noqa: B027 - a problem without user code has nothing to check
        """Try everything a run will ask for, once; raises ProblemError or InputError with one clear line."""

    @abstractmethod
    def start(self, seed: int, device: str = "cpu") -> Objective:
        """A fresh objective: the start and everything random in it follow from `seed`, the same for every method."""

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of the problem's text and data: equal if and only if runs may be compared."""


def run_seed(owner: str, seed: object) -> int:
    """`seed` as an int where it is a whole number in [0, 2^63); raises InputError where not."""
    try:
        number = -1 if isinstance(seed, bool) else operator.index(seed)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if not 0 <= number < 2**63:
        raise InputError(f"{owner}: seed must be a whole number in [0, 2^63), got {seed!r}")
    return number
