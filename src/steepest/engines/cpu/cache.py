# mypy: allow-untyped-calls
"""Generated kernels as modules: compiled once, kept in the user's cache folder, loaded by later processes."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, final
from uuid import uuid4

import platformdirs

from steepest.core.errors import EngineUnavailable

MOST = 1_000
"""Modules that the folder keeps."""
_PREFIX = "steepest_kernels_"
_LOADED: dict[str, ModuleType] = {}
_LOCK = threading.RLock()


def load(source: str, name: str) -> ModuleType:
    """The module of a generated text, compiled, or loaded from the cache folder where it was compiled before.

    source: Python text that compiles its kernels by `@cfunc(…, cache=CACHE)`; CACHE is given. name: what its files
    are called, together with a hash of all that decides the compiled code. A second call with the same text returns
    the same module.

    The folder is only ever a help: files that are truncated or not what was written are deleted and made again, and
    where it is missing, unsafe, full or read-only, kernels are compiled in memory. Processes may share it, and may
    be killed at any time. It keeps the 1,000 modules that were loaded last.

    Raises EngineUnavailable where Numba is not to be had or its compiler is turned off.
    """
    stem = f"{name}_{_fingerprint(source)}"
    module = _LOADED.get(stem)
    if module is not None:
        return module
    with _LOCK:
        if stem not in _LOADED:
            _LOADED[stem] = _cached(source, stem, folder())
        return _LOADED[stem]


def folder() -> Path | None:
    """The user's cache folder for kernels, or None where there is none that is safe to load code from.

    It is made where it is missing, for this user alone. One that belongs to another user, or that others may write
    to, is not used.
    """
    path = platformdirs.user_cache_path("steepest") / "kernels"
    if not path.is_absolute():
        return None
    try:
        for part in (path.parent, path):
            with suppress(OSError):
                part.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_private(part.stat()):
                return None
    except OSError:
        return None
    return path


def _is_private(status: os.stat_result) -> bool:
    if not stat.S_ISDIR(status.st_mode):
        return False
    return os.name != "posix" or (status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _fingerprint(source: str) -> str:
    """A hash of all that decides what is compiled, except for the processor, which Numba looks after."""
    try:
        import llvmlite
        import numba

        from steepest.engines.cpu.runtime import RUNTIME_VERSION
    except ImportError as error:
        raise EngineUnavailable(f"the compiled engine needs Numba, which cannot be imported: {error}") from error
    config: Any = numba.config
    if config.DISABLE_JIT:
        raise EngineUnavailable(
            "the compiled engine needs Numba's compiler, which NUMBA_DISABLE_JIT turns off; unset it or run eagerly"
        )
    _teach_numba()
    parts = (source, RUNTIME_VERSION, numba.__version__, llvmlite.__version__, sys.version)
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()


def _cached(source: str, stem: str, place: Path | None) -> ModuleType:
    """The module by way of a folder; healed once; then without."""
    from numba.core.errors import NumbaError

    for _ in range(2 if place is not None else 0):
        assert place is not None
        try:
            if not _write(place, stem, source):
                break
            return _execute(source, stem, str(place / f"{stem}.py"), cache=True)
        except NumbaError:
            raise
        except OSError:  # nothing can be written: compiled code is lost with it
            break
        except Exception:  # a broken pickle can raise anything
            _forget(place, stem)
    return _execute(source, stem, f"<{stem}>", cache=False)


def _write(place: Path, stem: str, source: str) -> bool:
    """Let the folder have the text as a file; False where compiled code could neither be found nor kept."""
    path, text = place / f"{stem}.py", source.encode()
    try:
        if path.read_bytes() == text:
            with suppress(OSError):
                os.utime(path)
            return os.access(place, os.W_OK) or any(place.glob(f"{stem}.*.nbi"))
    except FileNotFoundError:
        pass
    _forget(place, stem)
    with _replacing(path) as temporary:
        temporary.write_bytes(text)
    _prune(place)
    return True


def _prune(place: Path) -> None:
    """Forget what has not been loaded for longest, beyond so many modules."""
    dated = []
    for path in place.glob("*.py"):
        with suppress(OSError):
            dated.append((path.stat().st_mtime, path.stem))
    for _, stem in sorted(dated)[: max(0, len(dated) - MOST)]:
        _forget(place, stem)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f"{path.name}.tmp.{uuid4().hex[:16]}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _forget(place: Path, stem: str) -> None:
    for path in place.glob(f"{stem}.*"):
        with suppress(OSError):
            path.unlink()


def _execute(source: str, stem: str, path: str, *, cache: bool) -> ModuleType:
    module = ModuleType(_PREFIX + stem)
    module.__file__ = path
    module.__dict__["CACHE"] = cache
    sys.modules[module.__name__] = module  # Numba looks it up by name
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


@final
class _BesideItsText:
    """Where Numba keeps what it compiles from a generated module: in its folder, writable or not."""

    def __init__(self, file: str, line: int) -> None:
        self._py_file, self._line = file, line

    @classmethod
    def from_function(cls, function: Any, file: str) -> _BesideItsText | None:
        """The place for a function of ours, None for others."""
        return cls(file, function.__code__.co_firstlineno) if function.__module__.startswith(_PREFIX) else None

    def ensure_cache_path(self) -> None:
        """It was made before."""

    def get_cache_path(self) -> str:
        return str(Path(self._py_file).parent)

    def get_source_stamp(self) -> str:
        """The file's name, in which the text is hashed."""
        return Path(self._py_file).name

    def get_disambiguator(self) -> str:
        return str(self._line)


def _teach_numba() -> None:
    from numba.core.caching import CompileResultCacheImpl as Implementation

    known: Any = Implementation._locator_classes
    if _BesideItsText not in known:
        Implementation._locator_classes = [_BesideItsText, *known]
