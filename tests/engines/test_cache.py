"""The kernel cache: later processes load what one compiled, and no state of the folder does harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steepest.core.errors import EngineUnavailable, SteepestError
from steepest.engines.cpu import cache

SOURCE = '''"""Two kernels."""

from numba import cfunc

from steepest.engines.cpu.runtime import view_int64


@cfunc("void(int64,int64,int64)", cache=CACHE, error_model="numpy")
def pass_0(first, last, tables):
    counts = view_int64(tables, last)
    for chunk in range(first, last):
        counts[chunk] += 1


@cfunc("void(int64,int64,int64)", cache=CACHE, error_model="numpy")
def pass_1(first, last, tables):
    counts = view_int64(tables, last)
    for chunk in range(first, last):
        counts[chunk] += 10


PASSES = (pass_0, pass_1)
'''
PROGRAM = f"""
import json, os, sys
import numpy as np
exec(sys.argv[1])
from steepest.engines.cpu import cache
module = cache.load({SOURCE!r}, "plan")
counts = np.zeros(5, np.int64)
for kernel in module.PASSES:
    kernel.ctypes(1, 4, counts.ctypes.data)
print(json.dumps([[kernel._cache_hits for kernel in module.PASSES], counts.tolist(), module.__file__]))
"""
RIGHT = [0, 11, 11, 11, 0]
FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cache, "_LOADED", {})
    place = cache.folder()
    assert place == tmp_path / "steepest" / "kernels"
    return place


@pytest.fixture
def load_anew(kernels: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """Load as a new process would; gives how often each kernel came from the folder."""

    def load() -> list[int]:
        monkeypatch.setattr(cache, "_LOADED", {})
        module = cache.load(SOURCE, "plan")
        counts = np.zeros(5, np.int64)
        for kernel in module.PASSES:
            kernel.ctypes(1, 4, counts.ctypes.data)
        assert counts.tolist() == RIGHT
        return [kernel._cache_hits for kernel in module.PASSES]

    return load


def start(before: str = "", **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, before]
    given = {**os.environ, **environment}
    return subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> Any:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and not err, err
    hits, counts, file = json.loads(out)
    assert counts == RIGHT
    return hits, file


def test_what_one_process_compiled_another_loads(kernels: Path) -> None:
    assert result(start())[0] == [0, 0]
    hits, file = result(start())
    assert hits == [1, 1]
    assert Path(file).parent == kernels and Path(file).read_text() == SOURCE


def test_one_text_is_one_module_and_another_text_another(kernels: Path) -> None:
    module = cache.load(SOURCE, "plan")
    assert cache.load(SOURCE, "plan") is module
    other = cache.load(SOURCE.replace("+= 10", "+= 20"), "plan")
    assert other is not module
    counts = np.zeros(1, np.int64)
    other.PASSES[1].ctypes(0, 1, counts.ctypes.data)
    assert counts[0] == 20


def test_another_version_of_the_runtime_is_another_file(kernels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache._fingerprint(SOURCE)
    assert cache._fingerprint(SOURCE) == before
    monkeypatch.setattr("steepest.engines.cpu.runtime.RUNTIME_VERSION", "another")
    assert cache._fingerprint(SOURCE) != before


@pytest.mark.parametrize("ending", [".nbi", ".nbc", ".py"])
@pytest.mark.parametrize("part", ["nothing", "half", "other"])
def test_damaged_files_are_made_again(
    kernels: Path, load_anew: Callable[[], list[int]], ending: str, part: str
) -> None:
    assert load_anew() == [0, 0]
    assert load_anew() == [1, 1]
    for path in kernels.glob(f"*{ending}"):
        whole = path.read_bytes()
        path.write_bytes({"nothing": b"", "half": whole[: len(whole) // 2], "other": b"#" + whole[1:]}[part])
    load_anew()
    assert load_anew() == [1, 1]
    (text,) = kernels.glob("*.py")
    assert text.read_text() == SOURCE


def test_a_missing_file_is_made_again(kernels: Path, load_anew: Callable[[], list[int]]) -> None:
    load_anew()
    for path in kernels.glob("*pass_0*.nbc"):
        path.unlink()
    assert load_anew() == [0, 1]
    assert load_anew() == [1, 1]


def test_nothing_is_left_but_the_text_and_what_was_compiled(kernels: Path, load_anew: Callable[[], list[int]]) -> None:
    load_anew()
    assert sorted(path.suffix for path in kernels.iterdir()) == [".nbc", ".nbc", ".nbi", ".nbi", ".py"]


def test_a_mistake_in_the_text_is_said_and_leaves_no_module(kernels: Path) -> None:
    from numba.core.errors import TypingError

    before = set(sys.modules)
    with pytest.raises(TypingError):
        cache.load(SOURCE.replace("+= 10", "+= 'x'"), "plan")
    assert not cache._LOADED
    assert not [name for name in set(sys.modules) - before if name.startswith(cache._PREFIX)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on files")
def test_a_folder_that_cannot_be_written_is_read(kernels: Path, load_anew: Callable[[], list[int]]) -> None:
    load_anew()
    kernels.chmod(0o500)
    try:
        hits, file = result(start(FULL_DISK.format(0)))
    finally:
        kernels.chmod(0o700)
    assert hits == [1, 1] and Path(file).parent == kernels


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on files")
@pytest.mark.parametrize("limit", [0, len(SOURCE) + 50])
def test_on_a_full_disk_kernels_are_compiled_in_memory(kernels: Path, limit: int) -> None:
    hits, file = result(start(FULL_DISK.format(limit)))
    assert hits == [0, 0] and file.startswith("<")
    assert not list(kernels.glob("*.nbc")) and not list(kernels.glob("*.tmp*"))


@pytest.mark.parametrize("place", ["/dev/null/home", "~/.cache/steepest"])
def test_without_a_folder_kernels_are_compiled_in_memory(
    place: str, kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: Path(place))
    assert cache.folder() is None
    assert str(cache.load(SOURCE, "plan").__file__).startswith("<")
    assert not Path("~").exists()


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")
def test_a_folder_is_used_only_where_no_one_else_can_write_to_it(
    kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kernels.stat().st_mode & 0o777 == 0o700
    for part in (kernels, kernels.parent):
        for mode in (0o777, 0o720, 0o702):
            part.chmod(mode)
            assert cache.folder() is None
        part.chmod(0o755)
        assert cache.folder() == kernels
    monkeypatch.setattr(os, "geteuid", lambda: kernels.stat().st_uid + 1)
    assert cache.folder() is None
    assert str(cache.load(SOURCE, "plan").__file__).startswith("<")
    assert not list(kernels.iterdir())


def test_processes_that_start_together_all_work(kernels: Path) -> None:
    together = [start() for _ in range(2)]
    for process in together:
        result(process)
    assert result(start())[0] == [1, 1]


def test_a_process_killed_while_it_compiles_leaves_a_usable_folder(
    kernels: Path, load_anew: Callable[[], list[int]]
) -> None:
    process = start()
    deadline = time.monotonic() + 30
    while not list(kernels.glob("*pass_0*")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.communicate()
    assert list(kernels.glob("*pass_0*"))
    load_anew()
    assert load_anew() == [1, 1]


def test_numba_without_its_compiler_is_one_clear_error(kernels: Path) -> None:
    process = start(NUMBA_DISABLE_JIT="1")
    _, err = process.communicate(timeout=60)
    assert "EngineUnavailable: the compiled engine needs Numba's compiler, which NUMBA_DISABLE_JIT turns off" in err
    assert issubclass(EngineUnavailable, SteepestError) and issubclass(EngineUnavailable, RuntimeError)


def test_python_without_numba_is_one_clear_error(kernels: Path) -> None:
    process = start("sys.modules['numba'] = None")
    _, err = process.communicate(timeout=60)
    assert "EngineUnavailable: the compiled engine needs Numba, which cannot be imported" in err


def test_the_modules_loaded_last_are_kept(kernels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST", 4)
    texts = [f'"""Nothing, {number}."""\nPASSES = ()\n' for number in range(5)]
    files = [Path(str(cache.load(text, "plan").__file__)) for text in texts[:4]]
    for age, file in enumerate(files):
        os.utime(file, (age, age))
    monkeypatch.setattr(cache, "_LOADED", {})
    cache.load(texts[0], "plan")  # loaded again, so the second is the one that has waited longest
    files.append(Path(str(cache.load(texts[4], "plan").__file__)))
    assert [file.exists() for file in files] == [True, False, True, True, True]
