"""The error tree. Its leaves are ValueError and TypeError where NumPy, SciPy and PyTorch would raise those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches


class SteepestError(Exception):
    """Anything steepest refuses or cannot do; its text is one line that names what, its range and its value."""


class InputError(SteepestError, ValueError):
    """An argument has a value that is not admissible."""


class InputTypeError(SteepestError, TypeError):
    """An argument has a type that is not admissible."""


class HyperparameterError(InputError):
    """A hyperparameter is outside its range. owner, name: whose it is, and what it is called there."""

    def __init__(self, owner: str, name: str, complaint: str) -> None:
        self.owner, self.name, self.complaint = owner, name, complaint
        super().__init__(f"{owner}: {name} {complaint}")

    def __reduce__(self) -> tuple[type[HyperparameterError], tuple[str, str, str]]:
        return HyperparameterError, (self.owner, self.name, self.complaint)


@contextmanager
def speaking_of(owner: str, names: Mapping[str, str]) -> Iterator[None]:
    """Let a HyperparameterError raised inside speak of `owner`, and of "rule.name" by what `names` calls it."""
    try:
        yield
    except HyperparameterError as error:
        name = names.get(f"{error.owner}.{error.name}", error.name)
        raise HyperparameterError(owner, name, error.complaint) from None


class UnknownNameError(InputError):
    """A name that is not known here; the nearest known ones are offered."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        near = get_close_matches(name, self.known, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(self.known) or 'none'}"
        super().__init__(f"unknown {kind} {name!r}; {hint}")

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, list[str]]]:
        return UnknownNameError, (self.kind, self.name, self.known)


class FormulaError(InputTypeError):
    """An update rule is not written in the rule language."""


class NonfiniteError(SteepestError, ValueError):
    """A gradient is not finite and the policy is to raise; nothing was changed."""


class ProblemError(InputError):
    """A user's problem or method raised, or returned something that cannot be used."""


class EngineUnavailable(SteepestError, RuntimeError):
    """The compiled engine cannot run in this process; the text says why and what to do."""


class StoreError(InputError):
    """A study's store cannot be opened, read or written."""


class MissingExtraError(SteepestError, ImportError):
    """An optional dependency is not installed; the text has the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        super().__init__(f"{what} is not installed; install it with: pip install 'steepest[{extra}]'")

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return MissingExtraError, (self.what, self.extra)
