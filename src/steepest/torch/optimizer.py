"""A rule as a real `torch.optim.Optimizer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import torch
from torch.optim import optimizer as optimizers

from steepest.core.arrays import to_float
from steepest.core.errors import InputError, InputTypeError
from steepest.core.oracle import Evaluation
from steepest.core.stepper import StepReport
from steepest.torch.curvature import Diagonal
from steepest.torch.stateful import Stateful, undecorated


class Optimizer(Stateful):
    """Runs a rule on a model's parameters, in place of any `torch.optim` optimizer.

    params: as for torch.optim: tensors, (name, tensor) pairs as from `model.named_parameters()`, or groups. rule: a
    rule that sets its step. nonfinite: what to do with a gradient that is not finite: "apply" it as PyTorch does,
    "skip" the whole step (the clock stands, nothing changes), or "raise" NonfiniteError before anything changes.
    maximize: ascend. seed: of the rule's random numbers, if it has any, and of stochastic rounding.

    moments: how slots that start at zero are kept: "float32", "bfloat16", or "8bit" (blocks of 256 codes with one
    scale; tensors below 4,096 elements stay as they are); None is the parameters' dtype, float32 for bfloat16 ones.
    rounding: of bfloat16 parameters and moments: "nearest", "stochastic" or "kahan" (parameters as the sum of two
    bfloat16 numbers). zero_gradients: set the gradients to zero in the same pass over memory. engine: "auto" compiles
    the rule for parameters in host memory where it can, "eager" never does, "cpu" insists, "cuda" takes Triton
    kernels for CUDA parameters; `why_eager` says why it is not compiled. constants: further keys that every group
    shows and that cannot be changed, for a state dict in another optimizer's layout.

    Every numeric hyperparameter is a key of each parameter group: "lr" is the learning rate, the others have their
    path, as "clip_norm.max_norm". A group may override any of them, and a change in `param_groups` counts from the
    next step, so PyTorch's schedulers work. Where a hyperparameter is a schedule the key mirrors its value, and
    changing the mirror is an error. There is one clock, `optimizer.clock`: a skipped step does not advance it.

    After `step()`, `optimizer.report` says what was done and seen. `eval()` puts the answer point (an average, say)
    into the parameters and `train()` takes it out again; both do nothing for rules without one.

    Raises InputError or InputTypeError for a rule that sets no step, parameters that are not floating point leaves, a
    group key that the rule does not have, and values out of range.

    >>> import torch
    >>> from steepest.formula import chain
    >>> from steepest.rules import adam, clip_norm
    >>> model = torch.nn.Linear(3, 1)
    >>> optimizer = Optimizer(model.named_parameters(), chain(clip_norm(max_norm=1.0), adam(lr=0.01)))
    >>> model(torch.ones(2, 3)).sum().backward()
    >>> _ = optimizer.step()
    >>> optimizer.clock, sorted(optimizer.param_groups[0])[:3]
    (1, ['clip_norm.max_norm', 'lr', 'param_names'])
    """

    _step_supports_amp_scaling = True  # torch.amp.GradScaler leaves the unscaling to us

    @overload
    def step(
        self,
        closure: None = None,
        *,
        loss: float | torch.Tensor | None = None,
        scale: float | torch.Tensor | None = None,
        hessian_diagonal: Diagonal | None = None,
    ) -> None: ...

    @overload
    def step(
        self,
        closure: Callable[[], float],
        *,
        loss: float | torch.Tensor | None = None,
        scale: float | torch.Tensor | None = None,
        hessian_diagonal: Diagonal | None = None,
    ) -> float: ...

    def step(
        self,
        closure: Callable[[], float] | None = None,
        *,
        loss: float | torch.Tensor | None = None,
        scale: float | torch.Tensor | None = None,
        hessian_diagonal: Diagonal | None = None,
    ) -> float | None:
        """Update the parameters by their gradients.

        closure: evaluates the model, calls backward and returns the loss; needed by rules that take a gradient of
        their own (SAM). loss: for rules that need the value (Polyak's step), where there is no closure. scale: what
        the loss was multiplied by; it is taken out of the gradients in the same pass. hessian_diagonal: by name, or in
        the order of the parameters, where the rule needs it and it was not estimated: see `estimate_hessian`.
        """
        if self._is_watched():
            return self._watched(closure, loss=loss, scale=scale, hessian_diagonal=hessian_diagonal)
        return self._step(closure, loss, scale, hessian_diagonal)

    step.hooked = True  # type: ignore[attr-defined] # hooks and the profiler are asked for in `step` itself

    @property
    def asks_hessian(self) -> bool:
        """Whether the coming step reads the Hessian's diagonal."""
        return self._stepper.asks_hessian

    def estimate_hessian(self, loss: torch.Tensor) -> None:
        """Estimate the Hessian's diagonal for the coming step by Hutchinson's method; see `engines.hutchinson`.

        loss: of the batch, at the parameters as they are; call it before `loss.backward()`, for the graph is kept.
        It costs a gradient and a Hessian-vector product, and does nothing at a step that does not read the diagonal. A
        loss scale must not be in it. The other ways: `step(hessian_diagonal=…)`, and
        `loss.backward(create_graph=True)` before a step, which uses the gradient that is there.
        """
        self._curvature.estimate(loss, self._stepper)

    def train(self) -> None:
        """Put the training point back into the parameters, after `eval`."""
        if self._held is not None:
            for name, tensor in self._stepper.tensors.items():
                tensor.detach().copy_(self._held[name])  # type: ignore[attr-defined]
            self._held = None

    def eval(self) -> None:
        """Put the answer point into the parameters: averaged ones, for a rule that has an average."""
        stepper = self._stepper
        if self._held is None and (stepper.moves_query or self.rule.link_with("answer") is not None):
            self._held = {name: p.detach().clone() for p, name in self._names.items()}
            stepper.hold_answer()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        undecorated(torch.optim.Optimizer.zero_grad)(self, set_to_none)

    def _is_watched(self) -> bool:
        """Whether someone has hooks on our steps, or a profiler is running."""
        hooks = self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks
        everywhere = optimizers._global_optimizer_pre_hooks or optimizers._global_optimizer_post_hooks
        return bool(hooks or everywhere) or torch._C._autograd._profiler_enabled()

    @torch.optim.Optimizer.profile_hook_step
    def _watched(
        self, closure: Any = None, *, loss: Any = None, scale: Any = None, hessian_diagonal: Any = None
    ) -> float | None:
        """`step` within PyTorch's hooks and profiler record."""
        return self._step(closure, loss, scale, hessian_diagonal)

    def _step(
        self,
        closure: Callable[[], float] | None,
        loss: float | torch.Tensor | None,
        scale: float | torch.Tensor | None,
        hessian_diagonal: Diagonal | None,
    ) -> float | None:
        if self._held is not None:
            raise InputError("step: the parameters hold the answer point; call optimizer.train() first")
        stepper = self._stepper
        self._groups.check_all(self.param_groups, stepper.engine.clock)
        if float(self.__dict__.get("found_inf", 0.0)):  # left by torch.amp.GradScaler: this step is to be skipped
            self.report = StepReport(self.clock, applied=False, finite=False)
            self._curvature.forget()
            return None
        if stepper.asks_twice and closure is None:
            raise InputTypeError(f"step: {self.rule.name} takes a second gradient and needs a closure, got none")
        if "value" in self.rule.needs and loss is None and closure is None:
            raise InputTypeError(f"step: {self.rule.name} needs the value; call step(loss=…) or step(closure)")
        value = None if closure is None else self._closed(closure)
        loss = value if loss is None else loss
        evaluation = Evaluation(float("nan") if loss is None else to_float(loss), self._gradients())
        inputs = self._inputs(scale, hessian_diagonal)
        self.report = stepper.apply(evaluation, inputs, again=None if closure is None else lambda: self._again(closure))
        self._groups.mirror(self.param_groups, stepper.engine.clock)
        if self._published is not stepper.engine.generation:
            self._publish()
        return value

    def _inputs(self, scale: float | torch.Tensor | None, diagonal: Diagonal | None) -> dict[str, Any] | None:
        """What the update is given: the loss scale, also one that torch.amp.GradScaler has left, and the diagonal."""
        if scale is None:
            scale = self.__dict__.get("grad_scale")
        given: dict[str, Any] = {} if scale is None else {"scale": float(scale)}
        if (found := self._curvature.take(diagonal, self._stepper)) is not None:
            given["hessian_diagonal"] = found
        return given or None

    def _closed(self, closure: Callable[[], float]) -> float:
        with torch.enable_grad():
            return closure()

    def _again(self, closure: Callable[[], float]) -> Evaluation:
        """A second gradient, where the rule asks for one."""
        self._closed(closure)
        return Evaluation(float("nan"), self._gradients())

    def _gradients(self) -> dict[str, Any]:
        gradients = dict(zip(self._names.values(), [p.grad for p in self._names], strict=True))
        if self._stepper.engine.name == "eager":  # a compiled engine looks at every gradient itself
            for name, gradient in gradients.items():
                if gradient is not None and gradient.is_sparse:
                    raise InputTypeError(f"step: the gradient of {name} is sparse; this rule needs dense gradients")
        return gradients
