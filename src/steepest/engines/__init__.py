"""Ways to run a rule on live tensors, each a Stepper."""

from steepest.engines.eager import EagerStepper

__all__ = ["EagerStepper"]
