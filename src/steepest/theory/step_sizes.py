"""Step sizes that theorems prove best, with the theorem's name."""

from __future__ import annotations

from steepest.core.errors import InputError, UnknownNameError
from steepest.core.facts import MethodFacts
from steepest.core.ranges import Range
from steepest.theory.advice import Advice
from steepest.theory.best_steps import ADVICE
from steepest.theory.reading import FAMILIES, Family, family_of, problem_facts
from steepest.theory.setting import Setting, problem_values


def step_size(method: object, problem: object, *, steps: int | None = None) -> Advice:
    """The best constants that are proved for a method on a problem.

    method: a family's name as "gradient-descent" or "nesterov", or anything that has `.facts`. problem:
    `ProblemFacts`, or anything that has them. steps: N, a whole number from 1, where the best step depends on it:
    gradient descent on convex functions, subgradients, online rounds; left out, gradient descent gets a step that is
    good for every N.

    Raises InputError where the problem's class or a constant that it takes is not known, and says which; for a family
    without such a theorem; and for impossible constants.

    >>> from steepest.core.facts import ProblemFacts
    >>> str(step_size("gradient-descent", ProblemFacts("strongly convex", L=10.0, mu=1.0)))
    'step 0.181818: the smallest factor a step, (κ − 1)/(κ + 1) = 0.818182 (gd-strongly-convex-distance)'
    """
    family = _family(method)
    facts = problem_facts(problem)
    values = problem_values(facts)
    count = None if steps is None else int(Range(low=1, integer=True).check("step_size", "steps", steps))
    setting = Setting(family, facts, values)
    if family.reason or family.name not in ADVICE:
        known = ", ".join(ADVICE)
        raise InputError(f"step_size: no theorem names a best step for {family.name!r}; it does for {known}")
    return ADVICE[family.name](setting, count)


def _family(method: object) -> Family:
    if not isinstance(method, str):
        return family_of(method)
    name = method.replace("_", "-").lower()
    if name not in FAMILIES:
        found = family_of(MethodFacts(method))
        if found.name not in FAMILIES:
            raise UnknownNameError("family", method, FAMILIES)
        return found
    return Family(name, MethodFacts(name))
