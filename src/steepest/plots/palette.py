"""How a method looks: one colour, one dash pattern and one marker, the same in all figures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LIGHT_BACKGROUND: Final = "#ffffff"
DARK_BACKGROUND: Final = "#14171c"

PAIRS: Final = (
    ("#0054c0", "#186ce4"),  # blue
    ("#c08400", "#f0cc3c"),  # ochre
    ("#84486c", "#cc3090"),  # mauve
    ("#009cc0", "#78f0fc"),  # cyan
    ("#f0606c", "#9c6054"),  # coral, brown on dark
    ("#004824", "#b4f0b4"),  # green
    ("#483078", "#c09cfc"),  # indigo
    ("#9c480c", "#f09060"),  # rust
)
"""Each method's colour on a light and on a dark background. Chosen by search: all have a contrast of at least 3 : 1
with their background, and any two of a theme stay apart with normal, red-, green- and blue-blind vision."""

INK: Final = "#1c2128"
MUTED: Final = "#5b6470"
RULE: Final = "#dde1e6"
GHOST: Final = "#b4bac2"
BAD: Final = "#b3261e"
"""What diverged."""

_DASHES: Final = (
    "solid",
    "9px,3px",
    "2px,3px",
    "9px,3px,2px,3px",
    "16px,4px",
    "5px,4px",
    "16px,3px,2px,3px",
    "9px,3px,2px,3px,2px,3px",
)
_SYMBOLS: Final = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "pentagon",
    "star",
    "hexagon",
)


@dataclass(frozen=True)
class Style:
    """colour: six hexadecimal digits, as on a light background. dash, symbol: Plotly's names of them."""

    colour: str
    dash: str
    symbol: str

    def rgba(self, opacity: float) -> str:
        """The colour with an opacity in [0, 1]."""
        return with_opacity(self.colour, opacity)


def with_opacity(colour: str, opacity: float) -> str:
    """A colour of this module with an opacity in [0, 1].

    >>> with_opacity("#0054c0", 0.5)
    'rgba(0,84,192,0.5)'
    """
    return f"{_rgb(colour)}{opacity:g})"


def styles(names: Sequence[str]) -> dict[str, Style]:
    """A style for each method, by its place in `names`.

    Eight colours; past them the colours come again with other dashes and markers, 64 different styles in all.

    >>> styles(["adam", "sgd"])["sgd"].colour
    '#c08400'
    """
    found = {}
    for index, name in enumerate(dict.fromkeys(names)):
        turn, place = divmod(index, len(PAIRS))
        shifted = (place + turn) % len(PAIRS)
        found[name] = Style(PAIRS[place][0], _DASHES[shifted], _SYMBOLS[shifted])
    return found


def _rgb(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},"


def _dark() -> dict[str, str]:
    pairs = (*PAIRS, (INK, "#e6e9ed"), (MUTED, "#9aa3ae"), (RULE, "#2b3038"), (GHOST, "#4a515b"), (BAD, "#ff8f85"))
    return {light: dark for light, dark in pairs} | {_rgb(light): _rgb(dark) for light, dark in pairs}


DARK: Final[Mapping[str, str]] = _dark()
"""What to replace in a figure's JSON to show it on a dark background: every colour there is a key of this."""
