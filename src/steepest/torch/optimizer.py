"""A rule as a real `torch.optim.Optimizer`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, overload

import torch
from torch.optim import optimizer as optimizers

from steepest.core.arrays import to_float
from steepest.core.errors import InputError, InputTypeError
from steepest.core.oracle import Evaluation
from steepest.core.stepper import Nonfinite, StepReport
from steepest.engines import EngineName, Moments, Rounding, RuleStepper, Storage
from steepest.engines.choice import check_name
from steepest.formula import Rule, State
from steepest.formula.state import load_state, save_state
from steepest.formula.values import Values
from steepest.torch.curvature import Curvature, Diagonal
from steepest.torch.groups import Groups, Key
from steepest.torch.layout import from_layout, to_layout

Parameters = Iterable[torch.Tensor] | Iterable[tuple[str, torch.Tensor]] | Iterable[dict[str, Any]]


class Optimizer(torch.optim.Optimizer):
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
    _keys: ClassVar[Mapping[str, Key]] = {"learning_rate.lr": "lr"}
    """Group keys of hyperparameters by path: a name, or a name and an index for a tuple such as "betas"."""
    _slot_names: ClassVar[Mapping[str, str]] = {}
    """Slot paths by the names that torch.optim's class has for them."""

    def __init__(
        self,
        params: Parameters,
        rule: Rule,
        *,
        nonfinite: Nonfinite = "apply",
        maximize: bool = False,
        seed: int = 0,
        moments: Moments | None = None,
        rounding: Rounding = "nearest",
        zero_gradients: bool = False,
        engine: EngineName = "auto",
        constants: Mapping[str, object] | None = None,
    ) -> None:
        if not isinstance(rule, Rule):
            raise InputTypeError(f"Optimizer: rule must be a rule, got {rule!r}")
        if not rule.sets_step:
            raise InputError(f"Optimizer: no rule in the chain sets the step; add learning_rate(lr=…) to {rule!r}")
        if nonfinite not in {"apply", "skip", "raise"}:
            raise InputError(f"Optimizer: nonfinite must be 'apply', 'skip' or 'raise', got {nonfinite!r}")
        check_name(engine)
        self.rule = rule
        self.report: StepReport | None = None
        self._options: dict[str, Any] = {
            "nonfinite": nonfinite,
            "maximize": maximize,
            "seed": seed,
            "storage": Storage(moments, rounding),
            "zero_gradients": zero_gradients,
            "engine": engine,
        }
        self._running: RuleStepper | None = None
        self._resume: tuple[State, dict[str, Any]] | None = None
        self._published: object = None
        self._names: dict[torch.Tensor, str] = {}
        self._held: dict[str, torch.Tensor] | None = None
        own_rate = {} if rule.rate_path is None else {rule.rate_path: "lr"}
        self._groups = Groups(rule, {**own_rate, **self._keys}, dict(constants or {}))
        self._curvature = Curvature()
        super().__init__(params, self._groups.defaults())

    @property
    def clock(self) -> int:
        """How many updates there have been."""
        if self._running is not None:
            return self._running.engine.clock
        return 0 if self._resume is None else self._resume[0].step

    @property
    def why_eager(self) -> str:
        """Why the rule is not compiled, "" where it is."""
        return self._stepper.why_eager

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
        if closure is None:
            self._curvature.find(hessian_diagonal, stepper)
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

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; its keys may override hyperparameters. Tensors' state begins fresh, at age 0.

        Nothing is added where anything is refused: a key that the rule does not have, a value out of range, a tensor
        that is not floating point or on another device, a name that another tensor has.
        """
        if "params" not in param_group:
            raise InputTypeError(f"param group: must have 'params', got {sorted(param_group)}")
        group = {**self._groups.coming(self.clock), **param_group}
        if not isinstance(group["params"], torch.Tensor | set):
            group["params"] = list(group["params"])
        known = {*self.defaults, "params", "param_names", "initial_lr", "differentiable"}
        if unknown := sorted(group.keys() - known):
            name = self.rule.name
            raise InputError(f"param group: {unknown[0]!r} is no hyperparameter of {name}; known: {sorted(known)}")
        self._groups.check({**self.defaults, **group}, self.clock)
        named = _named(group["params"])
        self._check_tensors(named)
        _undecorated(torch.optim.Optimizer.add_param_group)(self, group)
        running = self._running is not None or self._resume is not None
        state = self._state if running else None
        for name, p in named:
            self._names[p] = name or f"param_{len(self._names)}"
        self._groups.regroup(self.param_groups, self._names)
        if state is not None:
            self._restart(state)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        _undecorated(torch.optim.Optimizer.zero_grad)(self, set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """PyTorch's layout: "state" by parameter number, each with its "step" and slots; and "param_groups".

        One entry more than PyTorch's, "steepest", has the clock, the seed, and slots of the whole model. Tensors are
        copies: stepping on does not change what was returned.
        """
        packed = super().state_dict()
        names = {path: name for name, path in self._slot_names.items()}
        return {**packed, **to_layout(self._state, list(self._names.values()), names)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a `state_dict`, this class's or that of the torch.optim class of the same name.

        By PyTorch's convention parameters are matched by number; `load` matches by name. Raises InputError where
        slots or shapes differ, before anything changes.
        """
        if self._held is not None:
            raise InputError("load_state_dict: the parameters hold the answer point; call optimizer.train() first")
        for group in state_dict["param_groups"]:
            self._groups.check_constants("load_state_dict", group)
        names = list(self._names.values())
        state = from_layout(state_dict, names, self._fresh(), self._slot_names)
        super().load_state_dict({"state": {}, "param_groups": state_dict["param_groups"]})
        for group in self.param_groups:
            for key, value in self.defaults.items():
                group.setdefault(key, value)
            group.update(self._groups.constants)
        self._groups.regroup(self.param_groups, self._names)
        self._restart(state)

    def save(self, path: str) -> None:
        """Write the state to one safetensors file, atomically, keyed by parameter name."""
        save_state(self._state, path, self.rule.text)

    def load(self, path: str, *, strict: bool = True) -> None:
        """Continue from a saved state; parameters are matched by name, shapes and dtypes are checked.

        Give the optimizer `model.named_parameters()` so that names are the model's. Hyperparameters are not part of
        the state: they are the rule's.
        """
        if self._held is not None:
            raise InputError("load: the parameters hold the answer point; call optimizer.train() first")
        self._restart(load_state(path, self._fresh(), strict=strict))

    def __getstate__(self) -> dict[str, Any]:
        own = ("rule", "report", "_options", "_names", "_groups", "_held")
        kept = {name: self.__dict__[name] for name in own}
        resume = None if self._running is None else (_copied(self._running.state), self._points)
        anew = {"_running": None, "_published": None, "_curvature": Curvature()}
        return {**super().__getstate__(), **kept, **anew, "_resume": resume}

    @property
    def _stepper(self) -> RuleStepper:
        """The stepper, made at the first step: parameters may still move between dtypes and layouts before it."""
        if self._running is None:
            tensors = {name: p for p, name in self._names.items()}
            self._running = RuleStepper(self.rule, tensors, values=self._values, trusted=True, **self._options)
            if self._resume is not None:
                self._running.restart(*self._resume)
                self._resume = None
        return self._running

    def _values(self, clock: int) -> Values:
        """The engine's hyperparameters: the groups', at the step after `clock` updates."""
        return self._groups.values(self.param_groups, clock)

    @property
    def _points(self) -> dict[str, Any]:
        """P itself, copied, where the parameters hold the query point."""
        stepper = self._stepper
        return {name: p.detach().clone() for name, p in stepper.points.items()} if stepper.moves_query else {}  # type: ignore[attr-defined]

    @property
    def _state(self) -> State:
        """The state, and p itself where the parameters hold the query point."""
        points = self._points
        state = self._stepper.state
        return replace(state, slots={**state.slots, **({"p": points} if points else {})})

    def _fresh(self) -> State:
        stepper = self._stepper
        state = stepper.fresh()
        points = {"p": {name: p.detach().clone() for p, name in self._names.items()}} if stepper.moves_query else {}
        return replace(state, slots={**state.slots, **points})

    def _restart(self, state: State) -> None:
        """Go on from `state`; tensors that it does not know begin fresh."""
        self._running = None
        fresh = self._fresh()
        slots: dict[str, Mapping[str, Any]] = {
            path: {**tensors, **state.slots.get(path, {})} for path, tensors in fresh.slots.items()
        }
        points = slots.pop("p", {})
        self._stepper.restart(State(state.step, {**fresh.ages, **state.ages}, slots, state.seed), points)
        self._groups.mirror(self.param_groups, self.clock)
        self._publish()

    def _gradients(self) -> dict[str, Any]:
        gradients = dict(zip(self._names.values(), [p.grad for p in self._names], strict=True))
        if self._stepper.engine.name == "eager":  # a compiled engine looks at every gradient itself
            for name, gradient in gradients.items():
                if gradient is not None and gradient.is_sparse:
                    raise InputTypeError(f"step: the gradient of {name} is sparse; this rule needs dense gradients")
        return gradients

    def _check_tensors(self, named: list[tuple[str, Any]]) -> None:
        """Before anything is added; what is not a tensor at all, or given twice, PyTorch refuses."""
        tensors = [p for _, p in named if isinstance(p, torch.Tensor)]
        for p in tensors:
            if not p.is_floating_point():
                raise InputTypeError(f"Optimizer: parameters must be floating point, got one of {p.dtype}")
        devices = sorted({str(p.device) for p in (*tensors, *self._names)})
        if len(devices) > 1:
            raise InputError(f"Optimizer: parameters must be on one device, got {', '.join(devices)}")
        names = [name for name, p in named if name and p not in self._names]
        taken = [*self._names.values(), *names]
        if twice := sorted({name for name in names if taken.count(name) > 1}):
            raise InputError(f"Optimizer: parameters must have names of their own, got {', '.join(twice)} twice")

    def _publish(self) -> None:
        """Show the state as torch.optim does, by parameter: the engine's own arrays, not copies."""
        stepper = self._stepper
        state = stepper.state
        cells = stepper.engine.age_cells() or {}
        for p, name in self._names.items():
            if state.ages[name]:
                slots = {path: tensors[name] for path, tensors in state.slots.items() if name in tensors}
                counted = torch.frombuffer(cells[name], dtype=torch.int64)[0] if name in cells else None
                self.state[p] = {"step": torch.tensor(state.ages[name]) if counted is None else counted, **slots}
            else:
                self.state.pop(p, None)
        self._published = stepper.engine.generation


def _undecorated(method: Any) -> Any:
    """PyTorch's method without the decorator that keeps its compiler away, which takes 0.6 s to import."""
    return getattr(method, "__wrapped__", method)


def _copied(state: State) -> State:
    slots = {path: {name: a.clone() for name, a in tensors.items()} for path, tensors in state.slots.items()}  # type: ignore[attr-defined]
    return replace(state, slots=slots)


def _named(params: Any) -> list[tuple[str, Any]]:
    """Names, "" where there are none, and tensors of what PyTorch accepts as a group's "params"."""
    listed = [params] if isinstance(params, torch.Tensor) else list(params)
    return [item if isinstance(item, tuple) else ("", item) for item in listed]
