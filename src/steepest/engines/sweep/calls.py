"""Calls of a user's functions in generated source."""

from __future__ import annotations

from steepest.engines.sweep.outline import Outline


def call(name: str, outline: Outline, arguments: str, run: str) -> str:
    """A call of "gradient" or "value", with the extras that the function takes."""
    function = outline.gradient if name == "gradient" else outline.value
    assert function is not None, "an objective that is missing is refused before"
    known = {"step": "start + step", "run": run, "data": "data"}
    return f"{name}({arguments}{''.join(f', {known[extra]}' for extra in function.extras)})"


def run(width: int) -> str:
    """The source of a run's number; the last block may be filled up with copies of the last run."""
    return f"min(block * {width} + lane, runs - 1)"
