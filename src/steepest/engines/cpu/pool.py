"""Threads for kernels: PyTorch's own OpenMP pool where PyTorch is loaded, else the system's, else none.

A kernel is the address of a compiled function of (first chunk, last chunk, address of its tables). Every chunk is
run exactly once, each thread taking neighbours; kernels write nothing that depends on who runs a chunk, so the results
are the same bits at any number of threads.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, final

Run = Callable[[int, int, int], None]
_Function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
_functions: dict[int, Run] = {}
_pack = struct.Struct("=5q").pack


def launch(kernel: int, tables: int, chunks: int) -> None:
    """Run chunks 0 … chunks − 1, in parallel where there are threads for it."""
    count = threads()
    if count < 2 or chunks < 2:
        serial(kernel, tables, chunks)
        return
    openmp = _openmp
    assert openmp is not None, "there is more than one thread only with OpenMP"
    work = _pack(kernel, tables, chunks, openmp.thread_number, openmp.team_size)
    openmp.parallel(_worker(), work, min(count, chunks), 0)


def serial(kernel: int, tables: int, chunks: int) -> None:
    """Run chunks 0 … chunks − 1 in this thread."""
    bound(kernel)(0, chunks, tables)


def bound(kernel: int) -> Run:
    """The kernel as a function of (first chunk, last chunk, tables) that runs in this thread."""
    function = _functions.get(kernel)
    if function is None:
        function = _functions[kernel] = _Function(kernel)
    return function


def shared(kernel: int) -> Run:
    """The kernel as such a function that is run by all threads, from chunk 0."""

    def run(_first: int, chunks: int, tables: int) -> None:
        launch(kernel, tables, chunks)

    return run


def threads() -> int:
    """How many threads `launch` uses now.

    What `torch.set_num_threads` or OMP_NUM_THREADS say, and no more than the processors that this process was allowed
    when it first asked. 1 in a forked child, where OpenMP's threads do not exist, and where there is no OpenMP.
    """
    global _openmp, _with_torch
    if _with_torch is not ("torch" in sys.modules) and not _is_forked:
        _with_torch = "torch" in sys.modules
        _openmp = _find_openmp()
    return 1 if _openmp is None else min(_openmp.most_threads(), _openmp.processors)


@final
@dataclass(frozen=True)
class _OpenMP:
    """One OpenMP pool: GNU's entry point for a parallel region, and the addresses of what its threads ask."""

    parallel: Callable[[int, bytes, int, int], None]
    thread_number: int
    team_size: int
    most_threads: Callable[[], int]
    processors: int


_openmp: _OpenMP | None = None
_with_torch: bool | None = None
_is_forked = False


def _find_openmp() -> _OpenMP | None:
    if not sys.platform.startswith("linux"):
        return None
    torch = sys.modules.get("torch")
    for path in (*_libraries_of(torch), "libgomp.so.1"):
        try:
            library = ctypes.CDLL(path)
            parallel: Any = library.GOMP_parallel
            most_threads: Any = library.omp_get_max_threads
            addresses = [
                ctypes.cast(function, ctypes.c_void_p).value or 0
                for function in (library.omp_get_thread_num, library.omp_get_num_threads)
            ]
        except (OSError, AttributeError):
            continue
        parallel.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint)
        parallel.restype = None
        # A thread that has not computed with PyTorch yet knows what set_num_threads said through PyTorch only.
        asked = getattr(torch, "get_num_threads", most_threads)
        return _OpenMP(parallel, addresses[0], addresses[1], asked, len(os.sched_getaffinity(0)))
    return None


def _libraries_of(torch: Any) -> list[str]:
    """OpenMP libraries that this process has loaded from PyTorch's folders."""
    file = getattr(torch, "__file__", None)
    if not file:
        return []
    package = Path(file).resolve().parent
    folders = {str(package / "lib"), str(package.with_name("torch.libs"))}
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    loaded = dict.fromkeys(line.split(maxsplit=5)[-1] for line in lines if "libgomp" in line)
    return [path for path in loaded if os.path.dirname(path) in folders]


@cache
def _worker() -> int:
    """The address of what each thread of the pool runs."""
    from steepest.engines.cpu.cache import load

    module: Any = load(_WORKER, "worker")
    return int(module.work.address)


_WORKER = '''"""What each thread of an OpenMP pool runs: its share of a kernel's chunks."""

from numba import cfunc

from steepest.engines.cpu.runtime import call_kernel, call_number, view_int64


@cfunc("void(int64)", cache=CACHE, error_model="numpy")
def work(data):
    task = view_int64(data, 5)
    chunks, thread, team = task[2], call_number(task[3]), call_number(task[4])
    call_kernel(task[0], chunks * thread // team, chunks * (thread + 1) // team, task[1])
'''


def _in_child() -> None:
    global _is_forked, _openmp
    _is_forked, _openmp = True, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
