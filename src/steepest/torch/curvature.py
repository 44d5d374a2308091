"""The Hessian's diagonal that an optimizer's coming step reads: given, estimated, or from the gradients' graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

import torch

from steepest.core.errors import InputError, InputTypeError
from steepest.engines import RuleStepper
from steepest.engines.hutchinson import hutchinson
from steepest.problems.hessian_vector import differentiated

Diagonal = Mapping[str, torch.Tensor] | Iterable[torch.Tensor]
"""By parameter name, or in the order of the parameters."""


@final
class Curvature:
    """What there is for the coming step, used once."""

    def __init__(self) -> None:
        self._found: dict[str, torch.Tensor] | None = None

    def estimate(self, loss: torch.Tensor, stepper: RuleStepper) -> None:
        """Hutchinson's estimate from a loss, whose graph is kept, where the coming step reads the diagonal."""
        if stepper.asks_hessian:
            tensors: Any = stepper.tensors
            gradients = torch.autograd.grad(loss, list(tensors.values()), create_graph=True, allow_unused=True)
            self._found = _estimated(dict(zip(tensors, gradients, strict=True)), stepper, keep=True)

    def find(self, given: Diagonal | None, stepper: RuleStepper) -> None:
        """Make sure that there is one where the coming step reads it; in need, from gradients that have a graph.

        Raises InputTypeError where there is none.
        """
        if given is None and self._found is None and stepper.asks_hessian:
            tensors: Any = stepper.tensors
            gradients = {name: p.grad for name, p in tensors.items()}
            if not any(g is not None and g.requires_grad for g in gradients.values()):
                raise InputTypeError(
                    f"step: {stepper.rule.name} reads the Hessian's diagonal at this step; call "
                    "optimizer.estimate_hessian(loss) before loss.backward(), or give step(hessian_diagonal=…)"
                )
            self._found = _estimated(gradients, stepper, keep=False)

    def take(self, given: Diagonal | None, stepper: RuleStepper) -> dict[str, torch.Tensor] | None:
        """The diagonal for the step, None where it reads none."""
        if "hessian_diagonal" not in stepper.rule.needs:
            if given is not None:
                raise InputTypeError(f"step: {stepper.rule.name} does not need hessian_diagonal")
            return None
        self.find(given, stepper)
        found = self._found if given is None else _by_name(given, list(stepper.tensors))
        self.forget()
        return found

    def forget(self) -> None:
        """Drop an estimate that was not used."""
        self._found = None


def _estimated(
    gradients: Mapping[str, torch.Tensor | None], stepper: RuleStepper, *, keep: bool
) -> dict[str, torch.Tensor]:
    state = stepper.engine.state
    tensors = stepper.tensors
    diagonal: Any = hutchinson(
        lambda z: differentiated(gradients, tensors, z, keep=keep), tensors, seed=state.seed, clock=state.step
    )
    return {name: part.detach() for name, part in diagonal.items()}


def _by_name(given: Diagonal, names: list[str]) -> dict[str, torch.Tensor]:
    if isinstance(given, Mapping):
        return dict(given)
    parts = list(given)
    if len(parts) != len(names):
        wanted = f"one tensor for each of {len(names)} parameters"
        raise InputError(f"step: hessian_diagonal must have {wanted}, got {len(parts)}")
    return dict(zip(names, parts, strict=True))
