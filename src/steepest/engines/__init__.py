"""Ways to run a rule on live tensors."""

from steepest.engines.choice import EngineName
from steepest.engines.formats import Moments, Rounding, Storage
from steepest.engines.stepper import RuleStepper

__all__ = ["EngineName", "Moments", "Rounding", "RuleStepper", "Storage"]
