# mypy: disable-error-code="import-not-found, import-untyped"
"""NumPy's functions for Triton's interpreter, which cannot call libdevice's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime.interpreter import TensorHandle


def _lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function on the interpreter's tensors, all of one float type."""

    def on_tensors(*args: Any) -> Any:
        largest = max(args, key=lambda arg: arg.handle.data.size)
        with np.errstate(all="ignore"):
            data = function(*(arg.handle.data for arg in args))
        return tl.tensor(TensorHandle(data.astype(largest.handle.data.dtype), largest.handle.dtype), largest.type)

    return on_tensors


cos, exp, fmod, log, log1p, pow, tanh = map(_lifted, (np.cos, np.exp, np.fmod, np.log, np.log1p, np.power, np.tanh))
