"""How fast this machine moves memory: the floor under every step."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from steepest.engines.cpu import pool

_ELEMENTS = 2**25
_CHUNK = 2**14
_KERNEL = '''"""x ← x + y, in chunks: what the bandwidth of memory is measured with."""

from numba import cfunc

from steepest.engines.cpu.runtime import view_float32, view_int64


@cfunc("void(int64,int64,int64)", cache=CACHE, error_model="numpy")
def update(first, last, tables):
    addresses = view_int64(tables, 3)
    size = addresses[2]
    for chunk in range(first, last):
        x = view_float32(addresses[0] + 4 * size * chunk, size)
        y = view_float32(addresses[1] + 4 * size * chunk, size)
        for i in range(size):
            x[i] = x[i] + y[i]
'''


def bandwidth(repeats: int = 8) -> float:
    """Bytes a second that an update in place moves, read and written; the best of `repeats`.

    x ← x + y on two arrays of 128 MiB, by the threads that a step would use. Raises EngineUnavailable where Numba
    cannot compile.
    """
    from steepest.engines.cpu.cache import load

    module: Any = load(_KERNEL, "bandwidth")
    x, y = np.zeros(_ELEMENTS, np.float32), np.ones(_ELEMENTS, np.float32)
    tables = np.array([x.ctypes.data, y.ctypes.data, _CHUNK], dtype=np.int64)
    run = pool.shared(int(module.update.address))
    best = float("inf")
    for _ in range(repeats + 1):
        began = time.perf_counter()
        run(0, _ELEMENTS // _CHUNK, int(tables.ctypes.data))
        best = min(best, time.perf_counter() - began)
    return 3 * x.nbytes / best
