"""Symbols: what a Python name is in a formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, final

GREEK: Mapping[str, str] = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
        "omega".split(),
        "αβγδεζηθικλμνξπρστυφχψω",
        strict=True,
    )
)
"""Greek letters by their names."""
_USUAL = {
    "lr": "eta",
    "learning_rate": "eta",
    "eps": "epsilon",
    "weight_decay": "lambda",
    "dampening": "tau",
    "max_norm": "c",
    "max_value": "c",
    "lowest": "f_star",
}
_ACCENTS = ("hat", "bar", "tilde")

When = Literal["", "0", "1", "t-1", "t"]
"""Of which update a value is: of none (a constant), the start, the first one, the last one, this one."""


@final
@dataclass(frozen=True)
class Symbol:
    """A letter or word with what stands at it, in no notation yet.

    indexed: whether the update it is of must be said even where a notation would leave it out.
    """

    letters: str
    accent: str = ""
    subscript: str = ""
    primes: int = 0
    when: When = ""
    indexed: bool = False

    def at(self, when: When) -> Symbol:
        """The same quantity of another update."""
        return replace(self, when=when)

    @property
    def stem(self) -> Symbol:
        """The quantity, whatever the update."""
        return replace(self, when="", indexed=False)


def symbol_of(name: str) -> Symbol:
    """The symbol that a Python name stands for.

    >>> symbol_of("beta1")
    Symbol(letters='beta', accent='', subscript='1', primes=0, when='', indexed=False)
    >>> symbol_of("m_hat").accent, symbol_of("v_max").subscript, symbol_of("lr").letters
    ('hat', 'max', 'eta')
    """
    name = name.strip("_")
    name = _USUAL.get(name, name)
    accent = next((accent for accent in _ACCENTS if name.endswith(f"_{accent}")), "")
    name = name.removesuffix(f"_{accent}") if accent else name
    head, _, rest = name.partition("_")
    letters = head.rstrip("0123456789")
    digits = head[len(letters) :]
    if letters and (len(letters) == 1 or letters in GREEK) and not (digits and rest):
        return Symbol(letters, accent, digits or rest)
    letters = name.rstrip("0123456789")
    return Symbol(letters.rstrip("_") or name, accent, name[len(letters) :] if letters else "")


@final
class SymbolBook:
    """Gives out symbols, no one twice: one that is taken gets primes."""

    def __init__(self, *reserved: Symbol) -> None:
        self._taken = set(reserved)

    def take(self, symbol: Symbol) -> Symbol:
        """The symbol, or the first of its primed forms that is free."""
        while symbol in self._taken:
            symbol = replace(symbol, primes=symbol.primes + 1)
        self._taken.add(symbol)
        return symbol
