"""One optimizer first, another after it."""

from __future__ import annotations

from steepest.formula import Natural, Rule, Slot, rule, where


@rule(slots=(Slot("since", like="tensor"),))
def switch(u, since, t, *, first: Rule, second: Rule, at: Natural):
    """The first rule for the first n updates, the second from then on: start with Adam, finish with SGD.

        u ← first(u) for t ≤ n          u ← second(u) for t > n

    Until the switch the second rule's state does not change, and its ages count from there: its averages start as they
    would in a new run. The first one's state stays as it was. Schedules in both read the one clock, so a schedule of
    the second rule should be written for the whole run. Both rules must set the step, or neither, with a learning rate
    behind.

    Shapes: those of the rules; the state is that of both. at = n in 0, 1, 2, …
    Raises FormulaError for a rule with a query or answer point.
    Source: the hand-over of Keskar & Socher 2017, arXiv:1712.07628, at a step that is given.

    >>> import numpy as np
    >>> from steepest.rules import sgd
    >>> r = switch(first=sgd(lr=1.0), second=sgd(lr=0.1), at=1)
    >>> p, state = np.array([4.0]), r.init(np.array([4.0]))
    >>> for _ in range(2):
    ...     p, state, _ = r.update(p, np.array([1.0]), state)
    >>> p
    array([2.9])
    """
    early = t <= at
    since = where(early, 0.0, since + 1)
    before = first(u, active=early)  # type: ignore[operator]
    after = second(u, active=t > at, age=since)  # type: ignore[operator]
    return where(early, before, after), since
