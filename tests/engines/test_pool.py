"""The pool: every chunk once, whatever the threads; alone, beside PyTorch, after a fork, from two Python threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PRELUDE = """
import os, sys, threading
import numpy as np
from steepest.engines.cpu import cache, pool

SOURCE = '''
from numba import cfunc

from steepest.engines.cpu.runtime import view_int64


@cfunc("void(int64,int64,int64)", cache=CACHE, error_model="numpy")
def count(first, last, tables):
    visits = view_int64(tables, last)
    for chunk in range(first, last):
        visits[chunk] += 1
'''
KERNEL = cache.load(SOURCE, "count").count.address


def visits(run, chunks):
    counts = np.zeros(chunks + 3, np.int64)
    run(KERNEL, counts.ctypes.data, chunks)
    assert counts[chunks:].sum() == 0
    return set(counts[:chunks].tolist())


def check(counts=range(1, 70)):
    for chunks in counts:
        assert visits(pool.launch, chunks) == {1}, chunks
        assert visits(pool.serial, chunks) == {1}, chunks
    assert visits(pool.launch, 0) == set()
"""
OPENMP = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="GNU OpenMP is used on Linux only")
FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
FORKED = """
child = os.fork()
if not child:
    code = 1
    try:
        assert pool.threads() == 1
        check()
        code = 0
    finally:
        os._exit(code)
assert os.waitpid(child, 0)[1] == 0
check(range(1, 5))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(home: Path, body: str, before: str = "", **environment: str) -> str:
    command = [sys.executable, "-W", "error", "-c", before + PRELUDE + body]
    variables = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    given = {**variables, "XDG_CACHE_HOME": str(home), **environment}
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


@OPENMP
def test_each_chunk_runs_once_at_any_number_of_threads(home: Path) -> None:
    body = """
import ctypes
system = ctypes.CDLL("libgomp.so.1")
assert pool.threads() == min(5, os.cpu_count(), len(os.sched_getaffinity(0)))
pool._openmp.__dict__["processors"] = 8  # more threads than processors: slow, and right
for number in (1, 2, 3, 5, 8):
    system.omp_set_num_threads(number)
    assert pool.threads() == number
    check()
check([1000, 1001])
"""
    run(home, body, OMP_NUM_THREADS="5")


@OPENMP
def test_chunks_are_shared_between_threads(home: Path) -> None:
    body = """
shares = []
def share(thread, team, chunks=10):
    import numpy, ctypes
    number = ctypes.CFUNCTYPE(ctypes.c_int)
    who, size = number(lambda: thread), number(lambda: team)
    counts = np.zeros(chunks, np.int64)
    addresses = [ctypes.cast(function, ctypes.c_void_p).value for function in (who, size)]
    work = pool._pack(KERNEL, counts.ctypes.data, chunks, *addresses)
    ctypes.CFUNCTYPE(None, ctypes.c_char_p)(pool._worker())(work)
    return np.flatnonzero(counts).tolist()
assert [share(thread, 3) for thread in range(3)] == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]
assert [share(thread, 4, 2) for thread in range(4)] == [[], [0], [], [1]]
"""
    run(home, body)


@OPENMP
def test_beside_pytorch_its_pool_and_its_number_of_threads_are_used(home: Path) -> None:
    pytest.importorskip("torch")
    body = """
import ctypes
check(range(1, 5))
without = pool._openmp
import torch
for number in (2, 1, 2):
    torch.set_num_threads(number)
    assert pool.threads() == min(number, len(os.sched_getaffinity(0)))
    check()
assert pool._openmp is not without
maps = open("/proc/self/maps").read()
theirs = [line for line in maps.splitlines() if "libgomp" in line and "torch" in line]
def inside(address):
    spans = [line.split()[0].split("-") for line in theirs]
    return any(int(start, 16) <= address < int(end, 16) for start, end in spans)
assert not theirs or inside(pool._openmp.thread_number)
torch.set_num_threads(1)
numbers = []
thread = threading.Thread(target=lambda: (check(), numbers.append(pool.threads())))
thread.start(); thread.join()
assert numbers == [1]
"""
    run(
        home,
        body.replace('open("/proc/self/maps").read()', "__import__('pathlib').Path('/proc/self/maps').read_text()"),
    )


@OPENMP
def test_a_library_that_pytorch_brings_under_a_name_of_its_own_is_found(home: Path, tmp_path: Path) -> None:
    body = f"""
import ctypes, pathlib, shutil, types
system = ctypes.CDLL("libgomp.so.1")
maps = pathlib.Path("/proc/self/maps").read_text().splitlines()
(path,) = {{line.split()[-1] for line in maps if "libgomp" in line}}
torch = types.ModuleType("torch")
torch.__file__, torch.get_num_threads = {str(tmp_path / "torch" / "__init__.py")!r}, lambda: 2
for place in ("torch/lib/libgomp-a1.so.1", "torch.libs/libgomp-b2.so.1"):
    own = pathlib.Path({str(tmp_path)!r}, place)
    own.parent.mkdir(parents=True)
    shutil.copy(path, own)
    library = ctypes.CDLL(str(own))
    sys.modules.pop("torch", None)
    pool.threads()
    sys.modules["torch"] = torch
    check(range(1, 5))
    address = ctypes.cast(library.omp_get_thread_num, ctypes.c_void_p).value
    assert pool._openmp.thread_number == address, place
    shutil.rmtree(own.parent)
"""
    run(home, body)


@FORK
@pytest.mark.parametrize("torch", [False, True])
def test_a_forked_child_steps_serially(home: Path, torch: bool) -> None:
    before = ""
    if torch:
        pytest.importorskip("torch")
        before = "import torch\ntorch.ones(1000, 1000) @ torch.ones(1000, 1000)\n"
    run(home, "check(range(1, 20))" + FORKED, before)


@pytest.mark.parametrize("torch", [False, True])
def test_two_python_threads_may_launch_at_once(home: Path, torch: bool) -> None:
    if torch:
        pytest.importorskip("torch")
    body = """
failed = []
def work():
    try:
        for _ in range(20):
            check(range(1, 30))
    except BaseException as error:
        failed.append(error)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failed, failed
"""
    run(home, body, "import torch\n" if torch else "")


@OPENMP
def test_no_more_threads_than_processors_that_are_allowed(home: Path) -> None:
    run(
        home,
        "assert pool.threads() == 1\ncheck()\n",
        "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n",
    )


def test_without_openmp_one_thread_runs_all(home: Path) -> None:
    before = "import sys\nsys.platform = 'elsewhere'\n"
    run(home, "assert pool.threads() == 1\ncheck()\n", "import numpy, numba\n" + before)
