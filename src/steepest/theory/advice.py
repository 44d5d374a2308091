"""What an advised step size comes as."""

from __future__ import annotations

from dataclasses import dataclass, replace

from steepest.core.errors import InputError
from steepest.core.facts import Averaging, MethodFacts, Momentum, StepRule
from steepest.theory.registry import get
from steepest.theory.setting import Setting
from steepest.theory.theorem import Theorem


@dataclass(frozen=True)
class Advice:
    """Constants for a method, and the theorem that proves them.

    facts: the method with these constants, for `rate` and `worst_case`. reason: what they are best for. warning: what
    they are not good for, "" where there is nothing.
    """

    facts: MethodFacts
    theorem: Theorem
    reason: str
    warning: str = ""

    @property
    def step(self) -> float:
        """α; with a step rule the factor before 1/√t, 1/t or 1/(t + 1)."""
        assert self.facts.step is not None
        return self.facts.step

    @property
    def momentum(self) -> float | None:
        """β, where it is one number."""
        return self.facts.momentum

    def __str__(self) -> str:
        rule = {"1/√t": "/√t", "1/t": "/t", "1/(t+1)": "/(t + 1)"}.get(self.facts.step_rule or "", "")
        beta = ""
        if self.facts.momentum is not None:
            beta = f", momentum {self.facts.momentum:.6g}"
        elif self.facts.momentum_rule is not None:
            beta = f", momentum {self.facts.momentum_rule}"
        rest = "".join(f", {key.replace('_', ' ')} {value:g}" for key, value in self.facts.constants.items())
        warning = f"; {self.warning}" if self.warning else ""
        return f"step {self.step:.6g}{rule}{beta}{rest}: {self.reason} ({self.theorem.name}){warning}"


def need(setting: Setting, *keys: str) -> tuple[float, ...]:
    """Numbers of the problem; InputError for one that is not known."""
    for key in keys:
        if key not in setting.values or (key == "mu" and not setting.values[key]):
            raise InputError(f"step_size: the problem's {key} must be known for {setting.family.name}, got None")
    return tuple(setting.values[key] for key in keys)


def must_be(setting: Setting, kind: str) -> None:
    """InputError for a problem of another class."""
    if not setting.has(kind):
        declared = setting.problem.problem_class
        raise InputError(f"step_size: the problem must be {kind} for {setting.family.name}, got {declared!r}")


def advised(
    setting: Setting,
    name: str,
    step: float,
    reason: str,
    *,
    momentum: float | None = None,
    momentum_rule: Momentum | None = None,
    step_rule: StepRule | None = None,
    averaging: Averaging | None = None,
    warning: str = "",
    **constants: float,
) -> Advice:
    """The family's facts with these constants."""
    facts = replace(
        setting.family.facts,
        family=setting.family.name,
        step=step,
        momentum=momentum,
        momentum_rule=momentum_rule,
        step_rule=step_rule,
        averaging=averaging,
        projected=(averaging is not None and step_rule == "1/√t") or setting.family.name == "online-gradient-descent",
        constants=constants,
    )
    return Advice(facts, get(name), reason, warning)
