"""The settings of a rule, read from its canonical text, for traces that record no more than that."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def settings_in(text: str) -> dict[str, object]:
    """The settings by link and name; what is no number is its text. Empty for a text that is no chain of links.

    >>> settings_in("chain(decay_weights(weight_decay=0.1, exempt='none'), learning_rate(lr=0.1)).named('sgd')")
    {'decay_weights.weight_decay': 0.1, 'learning_rate.lr': 0.1}
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return {}
    return {
        f"{link}.{keyword.arg}": value
        for link, call in _links(tree)
        for keyword in call.keywords
        if (value := _number(keyword.value)) is not None
    }


def _links(node: ast.expr) -> Iterator[tuple[str, ast.Call]]:
    """The calls inside chain(…).named(…), or the one call there is."""
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Attribute):
        yield from _links(node.func.value)
    elif isinstance(node.func, ast.Name) and node.func.id == "chain":
        for link in node.args:
            yield from _links(link)
    elif isinstance(node.func, ast.Name):
        yield node.func.id, node


def _number(node: ast.expr) -> object:
    """A number; a schedule as its text; None for a word or a switch, which are no settings of theory."""
    if isinstance(node, ast.Call):
        return ast.unparse(node)
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
