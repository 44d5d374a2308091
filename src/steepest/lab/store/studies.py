"""A study as a store remembers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["running", "finished"]
"""A study that was stopped or killed stays "running"."""


@dataclass(frozen=True)
class StudyRecord:
    """A study in a store.

    key: hash of what makes it this study. name: for people. record: what is needed to show it again, as JSON can say
    it. created, updated: when, as ISO 8601 in UTC.
    """

    key: str
    name: str
    record: Mapping[str, Any]
    state: State
    created: str
    updated: str
