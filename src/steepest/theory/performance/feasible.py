"""How large N may be within a time limit: measured once, with a power law between."""

from __future__ import annotations

from typing import Final

_MEASURED: Final = {
    "fixed": (20, 0.7, 3.2),
    "exact-line-search": (5, 0.09, 3.2),
    "proximal-gradient": (10, 0.46, 3.2),
    "projected-gradient": (10, 0.46, 3.2),
    "fista": (10, 0.48, 3.2),
    "frank-wolfe": (15, 2.6, 3.2),
    "subgradient": (10, 0.43, 3.2),
    "online-gradient-descent": (10, 1.6, 3.6),
    "stochastic": (5, 0.2, 3.2),
    "saga": (5, 0.37, 3.2),
}
"""By kind of program: a size, its seconds on two cores, and the exponent with which they grow. The size is N; for one
step of SGD and SAGA the number of terms."""


def expected_seconds(kind: str, size: int) -> float:
    """About how long a program of that size takes.

    >>> expected_seconds("fixed", 20)
    0.7
    """
    at, seconds, power = _MEASURED[kind]
    return seconds * (size / at) ** power


def largest(kind: str, time_limit: float) -> int:
    """The largest size that fits.

    >>> largest("fixed", 10.0)
    45
    """
    at, seconds, power = _MEASURED[kind]
    return int(at * (time_limit / seconds) ** (1 / power))
