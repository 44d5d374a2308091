"""How large N may be within a time limit: measured once, with a power law between."""

from __future__ import annotations

from typing import Final

_MEASURED: Final = {
    "fixed": (30, 4.0, 4.2),
    "exact-line-search": (12, 1.5, 6.0),
    "proximal-gradient": (12, 1.2, 6.0),
    "projected-gradient": (12, 1.2, 6.0),
    "fista": (12, 1.5, 6.0),
    "frank-wolfe": (12, 1.5, 6.0),
    "subgradient": (20, 0.6, 4.5),
    "online-gradient-descent": (10, 0.7, 6.0),
    "stochastic": (5, 0.2, 5.0),
    "saga": (5, 0.4, 5.0),
}
"""By kind of program: a size, its seconds on two cores, and the exponent with which they grow. The size is N; for one
step of SGD and SAGA the number of terms."""


def expected_seconds(kind: str, size: int) -> float:
    """About how long a program of that size takes.

    >>> expected_seconds("fixed", 30)
    4.0
    """
    at, seconds, power = _MEASURED[kind]
    return seconds * (size / at) ** power


def largest(kind: str, time_limit: float) -> int:
    """The largest size that fits.

    >>> largest("fixed", 10.0)
    37
    """
    at, seconds, power = _MEASURED[kind]
    return int(at * (time_limit / seconds) ** (1 / power))
