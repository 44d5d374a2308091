"""Random update rules, as the text of a function: every operation and every kind of slot of the language."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from steepest import formula
from steepest.formula import Rule, Slot, chain, rule
from steepest.rules import average, clip_norm, learning_rate

Choose = Callable[[int], int]
"""A whole number from 0, below the argument."""

NUMBERS = ("0", "1", "2", "0.5", "-0.75", "3.0", "1e-3", "0.1")
EXPONENTS = ("2", "0.5", "1", "3", "-1", "1.5")
COMPARE = ("<", "<=", ">", ">=", "==", "!=")
SLOTS = (
    Slot("first", init="first"),
    Slot("start", init="p"),
    Slot("zero"),
    Slot("wide", dtype="float64"),
    Slot("narrow", dtype="float32", init=1.5),
    Slot("number", like="tensor", init=0.5),
    Slot("shared", like="model", init=0.25),
)


@dataclass
class Text:
    """A function's body as it grows.

    elements, numbers, shared: names of values that differ by element, by tensor, and not at all. transcendental: with
    functions that compiled code and NumPy round differently.
    """

    choose: Choose
    transcendental: bool
    lines: list[str] = field(default_factory=list)
    elements: list[str] = field(default_factory=lambda: ["u", "p"])
    numbers: list[str] = field(default_factory=lambda: ["k"])
    shared: list[str] = field(default_factory=lambda: ["t", "rate"])
    reductions: int = 0

    def pick(self, items: Any) -> Any:
        return items[self.choose(len(items))]

    def element(self) -> str:
        """One of the later ones more often."""
        return str(self.pick([*self.elements, *2 * self.elements[-3:]]))

    def scalar(self) -> str:
        return str(self.pick([*self.numbers, *self.shared, *2 * self.numbers[-1:], *2 * self.shared[-1:]]))

    def operand(self) -> str:
        """Anything that may meet an element."""
        return str(self.pick([self.element, self.element, self.scalar, lambda: self.pick(NUMBERS)])())

    def add(self, text: str, kind: list[str]) -> None:
        name = f"x{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        kind.append(name)

    def condition(self) -> str:
        compared = f"({self.element()} {self.pick(COMPARE)} {self.operand()})"
        if self.choose(3):
            return compared
        other = f"({self.pick([self.element(), self.scalar()])} {self.pick(COMPARE)} {self.pick(NUMBERS)})"
        return f"({compared} {self.pick('&|')} {other})"

    def line(self) -> None:
        """One more value."""
        kind = self.choose(20)
        element, operand = self.element, self.operand
        if kind < 7:
            pair = [element(), operand()] if self.choose(3) else [operand(), element()]
            self.add(f" {self.pick('+-*/')} ".join(pair), self.elements)
        elif kind == 8:
            one = ("sqrt", "abs", "sign", "floor", "-", *(("exp", "log", "tanh") if self.transcendental else ()))
            self.add(f"{self.pick(one)}({element()})", self.elements)
        elif kind == 9:
            self.add(f"{self.pick(['minimum', 'maximum'])}({element()}, {operand()})", self.elements)
        elif kind == 10:
            exponent = self.pick(EXPONENTS if self.transcendental else EXPONENTS[:3])
            self.add(f"{element()} ** {exponent}", self.elements)
        elif kind == 11:
            self.add(f"{element()} % {self.pick([element(), '0.75', self.scalar()])}", self.elements)
        elif kind in {12, 13}:
            self.add(f"where({self.condition()}, {operand()}, {operand()})", self.elements)
        elif kind == 14:
            self.add(f"{self.condition()} * {element()}", self.elements)
        elif kind == 15:
            draws = ["uniform", "rademacher", *(["normal"] if self.transcendental else [])]
            self.add(f"random({element()}, {self.pick(draws)!r}, {self.choose(2)})", self.elements)
        elif kind in {7, 16, 17} and self.reductions < 3:
            self._reduction()
        elif kind == 18:
            self.add(f"{self.pick(['ndim', 'size'])}({element()})", self.numbers)
        else:
            self._scalar()

    def _reduction(self) -> None:
        self.reductions += 1
        over = self.pick(["tensor", "model"])
        x, y = self.element(), self.pick([self.element(), self.element(), self.scalar()])
        text = self.pick([f"norm({x}", f"mean({x}", f"total({x}", f"dot({x}, {y}", f"mean({self.condition()}"])
        self.add(f"{text}, over={over!r})", self.shared if over == "model" else self.numbers)

    def _scalar(self) -> None:
        pool = self.shared if self.choose(2) else [*self.numbers, *self.shared]
        kind = self.shared if pool is self.shared else self.numbers
        x, y = self.pick(pool), self.pick([self.pick(pool), self.pick(NUMBERS)])
        text = self.pick([
            f"{x} {self.pick('+-*/%')} {y}",
            f"{self.pick(['sqrt', 'abs', 'sign', 'floor', 'exp', 'log', 'tanh'])}({x})",
            f"{self.pick(['minimum', 'maximum'])}({x}, {y})",
            f"where({x} {self.pick(COMPARE)} {y}, {self.pick(pool)}, {self.pick(NUMBERS)})",
            f"abs({x}) ** {self.pick(['2', '0.5', '-1', 'rate'])}",
        ])  # fmt: skip
        self.add(text, kind)


@dataclass(frozen=True)
class Drawn:
    """A rule and its text."""

    rule: Rule
    text: str

    def __repr__(self) -> str:
        return f"\n{self.text}\n{self.rule!r}"


def random_link(choose: Choose, name: str, *, transcendental: bool = True, lines: int = 8) -> Drawn:
    """One formula with some of all slots."""
    slots = [slot for slot in SLOTS if not choose(3)]
    text = Text(choose, transcendental)
    for slot in slots:
        pool = {"tensor": text.numbers, "model": text.shared}.get(str(slot.like), text.elements)
        pool.append(slot.name)
    for _ in range(2 + choose(lines)):
        text.line()
    results = [f"{text.elements[-1]} {text.pick('+-*')} {text.operand()}"]
    for slot in slots:
        own = {"tensor": [*text.numbers, *text.shared], "model": text.shared}.get(str(slot.like))
        results.append(
            text.pick(own[-3:] if own is not None else [*text.elements[-4:], text.scalar(), text.condition()])
        )
    arguments = ", ".join(("u", "p", *(slot.name for slot in slots), "k", "t"))
    written = f"def {name}({arguments}, *, rate: float = 0.1):\n" + textwrap.indent(
        "\n".join((*text.lines, f"return {', '.join(results)}")), "    "
    )
    space = {**vars(formula), "__name__": "random_rules_text"}
    exec(written, space)
    rate = text.pick([0.1, 0.9, -0.5, 2.0])
    return Drawn(rule(slots=slots)(space[name])(rate=rate), written)


@st.composite
def chains(draw: Any) -> Drawn:
    """A strategy for them, which shrinks to short texts."""
    return random_chain(lambda below: int(draw(st.integers(0, below - 1))))


def random_chain(choose: Choose, *, transcendental: bool = True, lines: int = 12) -> Drawn:
    """One or two such formulas with a learning rate; sometimes clipped, averaged."""
    links = [
        random_link(choose, f"random_{number}", transcendental=transcendental, lines=lines // (1 + number))
        for number in range(1 + choose(2))
    ]
    around: list[Rule] = [link.rule for link in links]
    if not choose(4):
        around.insert(0, clip_norm(max_norm=1.0, over=("model", "tensor")[choose(2)]))
    around.append(learning_rate(lr=0.1))
    if not choose(3):
        around.append(average(beta=0.75))
    return Drawn(chain(*around), "\n\n".join(link.text for link in links))
