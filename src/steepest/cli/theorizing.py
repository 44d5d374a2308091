"""What `steepest theory` prints, and what `steepest verify` does."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from steepest.core.errors import InputError, UnknownNameError
from steepest.theory import Theorem, get, theorems
from steepest.theory.reading import FAMILIES, family_of, nearest

if TYPE_CHECKING:
    from steepest.lab.verify import Verified

WIDTH: Final = 110


def listed() -> Iterator[str]:
    """Every theorem, a line each under its family: name, what it bounds, how tight."""
    for family, what in FAMILIES.items():
        yield from textwrap.wrap(f"{family}: {what}", WIDTH, subsequent_indent="  ")
        found = theorems(family)
        widest = max(len(theorem.name) for theorem in found)
        for theorem in found:
            yield f"  {theorem.name:{widest}}  {theorem.statement()}"
        yield ""


def told(name: str, *, latex: bool = False) -> Iterator[str]:
    """The statements of one theorem or of one family, for a person.

    name: a theorem's, a family's, or a rule's that belongs to a family. latex: as LaTeX in place of Unicode. Raises
    UnknownNameError with the nearest names.
    """
    found = _found(name)
    for index, theorem in enumerate(found):
        if index:
            yield ""
        yield from _latex(theorem) if latex else _wrapped(theorem)


def verify(names: Sequence[str], figures: str | None, say: Callable[[str], None]) -> int:
    """Hold theorems against runs and against stored worst cases, and say what comes out; how many are broken.

    names: theorems or families, all where there are none. figures: a new HTML file with a figure of measured, proven
    and worst-case curves for each; None for none. Raises UnknownNameError, and InputError for a file that cannot be
    written.
    """
    from steepest.lab.verify import check_table, uncovered
    from steepest.lab.verify import verify as verified

    if figures is not None:
        _check_writable(figures)
    done: list[Verified] = []
    for item in verified(names):
        done.append(item)
        say(str(item))
    broken = sum(item.outcome == "broken" for item in done)
    if not names:
        say("")
        for row in check_table():
            say(f"worst cases of {row}")
            broken += bool(row.broken)
        for name in uncovered():
            say(f"{name}: no run is held against it")
    attained = sum(item.outcome == "attained" for item in done)
    say("")
    say(f"{len(done)} runs: {len(done) - broken} held, {attained} of them attained; {broken} broken")
    if figures is not None:
        _write_figures(done, Path(figures))
        say(f"figures: {figures}")
    return broken


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


def _wrapped(theorem: Theorem) -> Iterator[str]:
    for line in theorem.lines():
        indent = " " * (len(line) - len(line.lstrip()) + 7) if line.startswith("  ") else "  "
        yield from textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _latex(theorem: Theorem) -> Iterator[str]:
    yield f"% {theorem.name}: {theorem.title}"
    yield rf"\[ {theorem.latex()} \]"
    for _, tex in theorem.definitions():
        yield rf"\[ {tex} \]"
    yield "% if " + "; ".join(assumption.text() for assumption in theorem.assumptions)


def _check_writable(path: str) -> None:
    target = Path(path)
    if target.is_dir() or not target.parent.is_dir():
        raise InputError(f"verify: figures must name a file in a folder that exists, got {path!r}")


def _write_figures(done: Sequence[Verified], path: Path) -> None:
    """One page that opens offline, a figure for each theorem that was compared."""
    from steepest.lab.verify import curve
    from steepest.plots.rates import rates

    parts: list[str] = []
    for item in done:
        if not len(item.certificate.steps):
            continue
        figure = rates(curve(item))

        parts.append(figure.to_html(full_html=False, include_plotlyjs=not parts, default_height="420px"))
    body = "\n".join(parts)
    page = (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>Theorems held against runs</title>"
        "<style>body{max-width:60rem;margin:2rem auto;font-family:system-ui,sans-serif;background:#fff}</style></head>"
        f"<body><h1>Theorems held against runs</h1>\n{body}\n</body></html>\n"
    )
    path.write_text(page, encoding="utf-8")
