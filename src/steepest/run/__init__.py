"""The one loop: problem × method × stopping → trace."""

from steepest.run.loop import Method, Progress, run

__all__ = ["Method", "Progress", "run"]
