"""Problems on which a method fails that is often thought safe: one file each.

Every one says which statement it disproves, and a test runs it. |x| with a constant step and eˣ, which has no
minimizer, are `absolute-value` and `exponential`.
"""

from __future__ import annotations

from typing import Final

from steepest.problems.entry import Entry

_HERE: Final = "counterexamples."

COUNTEREXAMPLES: Final[dict[str, Entry]] = {
    "reddi": Entry(_HERE + "reddi", "reddi", "a convex online problem on which Adam goes to the worst point"),
    "lessard": Entry(_HERE + "lessard", "lessard", "strongly convex and smooth; the heavy ball cycles for ever"),
    "constant-momentum": Entry(
        _HERE + "constant_momentum", "constant_momentum", "a quadratic that slows Nesterov with constant momentum"
    ),
    "look-ahead": Entry(
        _HERE + "look_ahead", "look_ahead", "a quadratic; a look-ahead without the learning rate diverges"
    ),
    "past-two-over-l": Entry(
        _HERE + "past_two_over_l", "past_two_over_l", "½Lx²: gradient descent with a step above 2/L diverges"
    ),
    "kink": Entry(_HERE + "kink", "kink", "|x|: gradient descent with a constant step cycles for ever"),
    "vanishing-slope": Entry(
        _HERE + "vanishing_slope", "vanishing_slope", "eˣ: convex, smooth to the left, without a minimizer"
    ),
    "quartic": Entry(_HERE + "quartic", "quartic", "x⁴: for any constant step gradient descent diverges from afar"),
    "newton-saddle": Entry(
        _HERE + "newton_saddle", "newton_saddle", "two minima and a saddle; Newton's method goes to the saddle"
    ),
}
"""By name: module, function and summary, as in the table of built-in problems."""
