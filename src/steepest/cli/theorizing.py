"""What `steepest theory` prints."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from steepest.core.errors import UnknownNameError
from steepest.theory import Theorem, get, theorems
from steepest.theory.reading import FAMILIES, family_of, nearest

WIDTH: Final = 110
"""Columns of what is printed elsewhere than on a terminal, and the most that are used on one."""
MARKS: Final = "marks: v seen in the source, m number not verified, own derived here, pep computed"
_SPACE: Final = "\u00a0"
_OPERATOR: Final = re.compile(r" ([=≤≥<>+−·∈→]) ")


def width() -> int:
    """Columns to print in: the terminal's, between 60 and `WIDTH`."""
    return max(60, min(WIDTH, shutil.get_terminal_size().columns)) if sys.stdout.isatty() else WIDTH


def listed(columns: int = WIDTH) -> Iterator[str]:
    """Every theorem, a line each under its family: name and statement."""
    for family, what in FAMILIES.items():
        yield from textwrap.wrap(f"{family}: {what}", columns, subsequent_indent="  ")
        found = theorems(family)
        widest = max(len(theorem.name) for theorem in found)
        for theorem in found:
            line = f"  {theorem.name:{widest}}  {theorem.statement()}"
            if len(line) <= columns:
                yield line
            else:
                yield f"  {theorem.name}"
                yield from _filled(theorem.statement(), columns, "      ", "        ")
        yield ""


def told(names: Sequence[str], *, latex: bool = False, columns: int = WIDTH) -> Iterator[str]:
    """The statements of theorems or of families, for a person.

    names: of theorems, families, or rules that belong to a family. latex: as LaTeX in place of Unicode. columns:
    where lines end. Raises UnknownNameError with the nearest names.
    """
    found = dict.fromkeys(theorem for name in names for theorem in _found(name))
    for theorem in found:
        yield from _latex(theorem) if latex else _wrapped(theorem, columns)
        yield ""
    if not latex:
        yield MARKS


def _found(name: str) -> tuple[Theorem, ...]:
    if name in FAMILIES:
        return theorems(name)
    try:
        return (get(name),)
    except UnknownNameError:
        family = _family(name)
        if family is not None:
            return theorems(family)
        known = {*FAMILIES, *(theorem.name for theorem in theorems())}
        raise UnknownNameError("theorem or family", name, known) from None


def _family(name: str) -> str | None:
    """The family of a rule that has such a name."""
    from steepest.core.facts import MethodFacts

    family = family_of(MethodFacts(name.replace("-", "_"))).name
    if family in FAMILIES:
        return family
    plain = name.replace("_", "-").lower()
    return plain if plain in FAMILIES and plain in nearest(plain) else None


def _wrapped(theorem: Theorem, columns: int) -> Iterator[str]:
    for line in theorem.lines():
        if line.startswith("  "):
            yield from _filled(line[9:], columns, line[:9], " " * 9)
        else:
            yield from _filled(line, columns, "", "  ")


def _filled(text: str, columns: int, first: str, later: str) -> Iterator[str]:
    """Lines of a text, broken between assumptions and words, and inside of a formula only where it is too long."""
    room = columns - max(len(first), len(later)) - 1
    parts = re.split(r"(?<=;) | (?=and )", _OPERATOR.sub(f"{_SPACE}\\1{_SPACE}", text))
    kept = [part.replace(" ", _SPACE) if _is_formula(part) else part for part in parts]
    loose = " ".join(part if len(part) <= room or not _is_formula(part) else part.replace(_SPACE, " ") for part in kept)
    found = textwrap.wrap(loose, columns, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)
    yield from (line.replace(_SPACE, " ") for line in found or [first])


def _is_formula(text: str) -> bool:
    return re.search(r"[A-Za-z]{4,} [A-Za-z]{2,}", text) is None


def _latex(theorem: Theorem) -> Iterator[str]:
    yield f"% {theorem.name}: {theorem.title}"
    yield rf"\[ {theorem.latex()} \]"
    for _, tex in theorem.definitions():
        yield rf"\[ {tex} \]"
    yield "% if " + "; ".join(assumption.text() for assumption in theorem.assumptions)
