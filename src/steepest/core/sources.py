"""Objects named on a command line: "my_problem.py:make", "torch.optim:RAdam"."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType

from steepest.core.errors import ProblemError, SteepestError, UnknownNameError


@dataclass(frozen=True)
class Source:
    """Where an object is defined: a Python file or an importable module, and the object's name in it.

    >>> Source.parse("torch.optim:RAdam")
    Source(module='torch.optim', name='RAdam')
    >>> Source.parse("adam") is None
    True
    """

    module: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Source | None:
        """The source that `text` names, None where it has no colon and is a plain name; a file's path made absolute.

        Raises ProblemError where one side of the colon is empty, or the file is not there.
        """
        module, colon, name = text.rpartition(":")
        if not colon:
            if text.endswith(".py"):
                raise ProblemError(f"{text!r} must be followed by a name in it, as in '{text}:make'")
            return None
        if not module or not name:
            raise ProblemError(f"{text!r} must be a file or module and a name in it, as in 'my_file.py:make'")
        if not module.endswith(".py"):
            return cls(module, name)
        path = Path(module).expanduser()
        if not path.is_file():
            raise ProblemError(f"{text!r}: there is no file {module!r}")
        return cls(str(path.resolve()), name)

    @property
    def is_file(self) -> bool:
        return self.module.endswith(".py")

    def load(self) -> object:
        """The object. A file is run once a process, its folder importable while it runs.

        Raises ProblemError where the module raises, with the file and line; UnknownNameError where it lacks the name.
        """
        module = _run_file(Path(self.module)) if self.is_file else _import(self.module)
        found: object = module
        for part in self.name.split("."):
            if not hasattr(found, part):
                raise UnknownNameError(f"name in {Path(self.module).name}", self.name, _defined(found, self.is_file))
            found = getattr(found, part)
        return found

    def fingerprint(self) -> str:
        """A hash of the file's text, empty for a module: it changes with the code."""
        return hashlib.sha256(Path(self.module).read_bytes()).hexdigest() if self.is_file else ""

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def blame(error: BaseException, *, owner: str) -> ProblemError:
    """One line for what a user's code raised: what, and the innermost place that is not library code.

    An error of ours is worded for the user already and keeps its text.
    """
    text = " ".join(str(error).split()) or "no message"
    what = text if isinstance(error, SteepestError) else f"{type(error).__name__}: {text}"
    place = _place(error)
    return ProblemError(f"{owner}: {what}{f' ({place})' if place else ''}")


def _place(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_library(f.filename)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def is_library(module: str) -> bool:
    """Whether a module is Python's, installed, or ours, so that its version stands for its code."""
    if module.partition(".")[0] in sys.stdlib_module_names and module != "__main__":
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is not None and _is_library(file)


def _defined(owner: object, is_file: bool) -> list[str]:
    """The public names that a file or class defines itself; what a file imports is not offered."""
    names = []
    for name, value in getattr(owner, "__dict__", {}).items():
        imported = isinstance(value, FunctionType | type) and value.__module__ != getattr(owner, "__name__", None)
        if not (name.startswith("_") or isinstance(value, ModuleType) or (is_file and imported)):
            names.append(name)
    return names


def _is_library(filename: str) -> bool:
    parts = Path(filename).parts
    ours = Path(__file__).parent.parent
    return (
        filename.startswith("<")
        or "site-packages" in parts
        or Path(filename).is_relative_to(ours)
        or Path(filename).is_relative_to(Path(importlib.__file__).parent.parent)
    )


def _run_file(path: Path) -> ModuleType:
    name = f"_steepest_source_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ProblemError(f"{path.name}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _importable(path.parent):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise blame(error, owner=path.name) from error
    return module


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ProblemError(f"{name!r} is not a module that can be imported ({error})") from error
    except Exception as error:
        raise blame(error, owner=name) from error


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    text = str(folder)
    sys.path.insert(0, text)
    try:
        yield
    finally:
        if text in sys.path:
            sys.path.remove(text)
