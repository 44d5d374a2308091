"""A line in the list of built-in problems."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """Where a built-in problem is made, and its line in a list."""

    module: str
    factory: str
    summary: str
