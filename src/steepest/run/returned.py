"""What a user's function may return."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.core.errors import InputTypeError
from steepest.methods.vectors import Vector


def one_number(answer: Any) -> float:
    """A function's value as a float: a real number, or an array of one.

    Raises InputTypeError for a vector, a complex number, None.

    >>> one_number(np.float64(2.0)), one_number(np.array([3]))
    (2.0, 3.0)
    """
    if isinstance(answer, float | int):
        return float(answer)
    if hasattr(answer, "detach"):
        answer = answer.detach().cpu().numpy()
    try:
        array = np.asarray(answer)
    except (TypeError, ValueError):
        array = np.empty(0, dtype=object)
    if array.dtype.kind == "c":
        raise InputTypeError(f"minimize: fun must return one real number, got the complex number {answer!r:.60}")
    if array.dtype.kind not in "fiub" or array.size != 1:
        got = f"an array of shape {array.shape}" if array.dtype.kind in "fiub" else f"{type(answer).__name__}"
        hint = "; for residuals, use method='lm'" if array.size > 1 else ""
        raise InputTypeError(f"minimize: fun must return one real number, got {got}{hint}")
    return float(array.reshape(()))


def residual_vector(answer: Any) -> Vector:
    """A function's residuals as a float64 vector. Raises InputTypeError for what is none."""
    if hasattr(answer, "detach"):
        answer = answer.detach().cpu().numpy()
    try:
        array = np.array(answer)
    except (TypeError, ValueError):
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "fiub" or array.ndim > 1 or not array.size:
        kind = f"shape {array.shape}" if array.dtype.kind in "fiub" else f"{type(answer).__name__}"
        raise InputTypeError(f"minimize: fun must return a vector of real residuals for this method, got {kind}")
    return np.atleast_1d(array.astype(np.float64))
