"""A rule as a real `torch.optim.Optimizer`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, overload

import torch

from steepest.core.arrays import to_float
from steepest.core.errors import InputError, InputTypeError
from steepest.core.oracle import Evaluation
from steepest.core.schedule import Schedule
from steepest.core.stepper import Nonfinite, StepReport
from steepest.engines import EagerStepper
from steepest.formula import Rule, State
from steepest.formula.evaluate import Values
from steepest.formula.state import load_state, save_state
from steepest.torch.layout import from_layout, to_layout

Key = str | tuple[str, int]
Parameters = Iterable[torch.Tensor] | Iterable[tuple[str, torch.Tensor]] | Iterable[dict[str, Any]]


class Optimizer(torch.optim.Optimizer):
    """Runs a rule on a model's parameters, in place of any `torch.optim` optimizer.

    params: as for torch.optim: tensors, (name, tensor) pairs as from `model.named_parameters()`, or groups. rule: a
    rule that sets its step. nonfinite: what to do with a gradient that is not finite: "apply" it as PyTorch does,
    "skip" the whole step (the clock stands, nothing changes), or "raise" NonfiniteError before anything changes.
    maximize: ascend. seed: of the rule's random numbers, if it has any.

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
    ) -> None:
        if not isinstance(rule, Rule):
            raise InputTypeError(f"Optimizer: rule must be a rule, got {rule!r}")
        if not rule.sets_step:
            raise InputError(f"Optimizer: no rule in the chain sets the step; add learning_rate(lr=…) to {rule!r}")
        if nonfinite not in {"apply", "skip", "raise"}:
            raise InputError(f"Optimizer: nonfinite must be 'apply', 'skip' or 'raise', got {nonfinite!r}")
        self.rule = rule
        self.report: StepReport | None = None
        self._policy: tuple[Nonfinite, bool, int] = (nonfinite, maximize, seed)
        self._engine: EagerStepper | None = None
        self._names: dict[torch.Tensor, str] = {}
        self._links = dict(rule.links())
        self._held: dict[str, torch.Tensor] | None = None
        defaults: dict[str, Any] = {}
        for path, value in rule.values(0).items():
            self._write(defaults, path, value)
        super().__init__(params, defaults)

    @property
    def clock(self) -> int:
        """How many updates there have been."""
        return self._stepper.state.step

    @overload
    def step(self, closure: None = None, *, loss: float | torch.Tensor | None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float], *, loss: float | torch.Tensor | None = None) -> float: ...

    @torch.no_grad()
    def step(
        self, closure: Callable[[], float] | None = None, *, loss: float | torch.Tensor | None = None
    ) -> float | None:
        """Update the parameters by their gradients.

        closure: evaluates the model, calls backward and returns the loss; needed by rules that take a gradient of
        their own (SAM). loss: for rules that need the value (Polyak's step), where there is no closure.
        """
        if self._held is not None:
            raise InputError("step: the parameters hold the answer point; call optimizer.train() first")
        value: float | None = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        stepper = self._stepper
        if stepper.asks_twice:
            if closure is None:
                raise InputTypeError(f"step: {self.rule.name} takes a second gradient and needs a closure, got none")
            stepper.hold_query(self._gradients())
            with torch.enable_grad():
                closure()
        if loss is None:
            loss = value
        if "value" in self.rule.needs and loss is None:
            raise InputTypeError(f"step: {self.rule.name} needs the value; call step(loss=…) or step(closure)")
        evaluation = Evaluation(float("nan") if loss is None else to_float(loss), self._gradients())
        self.report = stepper.apply(evaluation, self._values())
        self._mirror()
        self._publish()
        return value

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
        """Add a group; its keys may override hyperparameters. Tensors' state begins fresh, at age 0."""
        known = {*self.defaults, "params", "param_names", "initial_lr", "differentiable"}
        for key in param_group:
            if key not in known:
                raise InputError(
                    f"param group: {key!r} is no hyperparameter of {self.rule.name}; known: {sorted(known)}"
                )
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        self._checked(group)
        if len({p.device for g in self.param_groups for p in g["params"]}) > 1:
            devices = sorted({str(p.device) for g in self.param_groups for p in g["params"]})
            raise InputError(f"Optimizer: parameters must be on one device, got {', '.join(devices)}")
        names = group.get("param_names", [])
        for index, p in enumerate(group["params"]):
            if not p.is_floating_point():
                raise InputTypeError(f"Optimizer: parameters must be floating point, got one of {p.dtype}")
            self._names[p] = names[index] if names else f"param_{len(self._names)}"
        if self._engine is not None:
            self._restart(self._state)

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
        names = list(self._names.values())
        state = from_layout(state_dict, names, self._fresh(), self._slot_names)
        super().load_state_dict({"state": {}, "param_groups": state_dict["param_groups"]})
        for group in self.param_groups:
            for key, value in self.defaults.items():
                group.setdefault(key, value)
        self._restart(state)

    def save(self, path: str) -> None:
        """Write the state to one safetensors file, atomically, keyed by parameter name."""
        save_state(self._state, path, self.rule.text)

    def load(self, path: str, *, strict: bool = True) -> None:
        """Continue from a saved state; parameters are matched by name, shapes and dtypes are checked.

        Give the optimizer `model.named_parameters()` so that names are the model's. Hyperparameters are not part of
        the state: they are the rule's.
        """
        self._restart(load_state(path, self._fresh(), strict=strict))

    def __getstate__(self) -> dict[str, Any]:
        own = ("rule", "report", "_policy", "_engine", "_names", "_links", "_held")
        return {**super().__getstate__(), **{name: self.__dict__[name] for name in own}}

    def _read(self, group: Mapping[str, Any], path: str) -> Any:
        key = self._keys.get(path, path)
        return group[key] if isinstance(key, str) else group[key[0]][key[1]]

    def _write(self, group: dict[str, Any], path: str, value: float) -> None:
        key = self._keys.get(path, path)
        if isinstance(key, str):
            group[key] = value
        else:
            entries = [*group.get(key[0], ()), *[value] * (key[1] + 1)][: max(len(group.get(key[0], ())), key[1] + 1)]
            entries[key[1]] = value
            group[key[0]] = tuple(entries)

    @property
    def _stepper(self) -> EagerStepper:
        if self._engine is None:
            nonfinite, maximize, seed = self._policy
            tensors = {name: p for p, name in self._names.items()}
            self._engine = EagerStepper(self.rule, tensors, seed=seed, nonfinite=nonfinite, maximize=maximize)
        return self._engine

    @property
    def _state(self) -> State:
        """The state, and p itself where the parameters hold the query point."""
        stepper = self._stepper
        points = {"p": dict(stepper.points)} if stepper.moves_query else {}
        return replace(stepper.state, slots={**stepper.state.slots, **points})

    def _fresh(self) -> State:
        params = {name: p.detach() for p, name in self._names.items()}
        state = self.rule.init(params, seed=self._policy[2])
        points = {"p": {name: p.clone() for name, p in params.items()}} if self._stepper.moves_query else {}
        return replace(state, slots={**state.slots, **points})

    def _restart(self, state: State) -> None:
        """Go on from `state`; tensors that it does not know begin fresh."""
        fresh = self._fresh()
        slots: dict[str, Mapping[str, Any]] = {
            path: {**tensors, **state.slots[path]} for path, tensors in fresh.slots.items()
        }
        points = slots.pop("p", {})
        self._engine = None
        self._stepper.restart(State(state.step, {**fresh.ages, **state.ages}, slots, state.seed), points)
        self._mirror()
        self._publish()

    def _gradients(self) -> dict[str, Any]:
        gradients = {name: p.grad for p, name in self._names.items()}
        for name, gradient in gradients.items():
            if gradient is not None and gradient.is_sparse:
                raise InputTypeError(f"step: the gradient of {name} is sparse; this rule needs dense gradients")
        return gradients

    def _checked(self, group: Mapping[str, Any]) -> dict[str, float]:
        """The group's hyperparameters by path; a number that was changed is checked, a changed mirror refused."""
        values = {}
        expected = self._expected()
        for path, setting in self.rule.hyperparameters().items():
            owner, _, name = path.rpartition(".")
            given = self._read(group, path)
            if not isinstance(setting, Schedule):
                values[path] = self._links[owner].check(name, given)
            elif given == expected[path]:
                values[path] = expected[path]
            else:
                raise InputError(
                    f"param group: {self._keys.get(path, path)} follows {setting!r} and mirrors its value "
                    f"{expected[path]:g}; it cannot be changed to {given!r}: change the schedule instead"
                )
        return values

    def _expected(self) -> dict[str, float]:
        """Every hyperparameter's number at the coming step, schedules read."""
        return self.rule.values(0 if self._engine is None else self._engine.state.step)

    def _values(self) -> Values:
        groups = [self._checked(group) for group in self.param_groups]
        if len(groups) == 1:
            return groups[0]
        table: dict[str, float | Mapping[str, float]] = {}
        for path, first in groups[0].items():
            if all(values[path] == first for values in groups):
                table[path] = first
            else:
                pairs = zip(self.param_groups, groups, strict=True)
                table[path] = {self._names[p]: values[path] for group, values in pairs for p in group["params"]}
        return table

    def _mirror(self) -> None:
        """Write scheduled hyperparameters' coming values into the groups."""
        expected = self._expected()
        for path, setting in self.rule.hyperparameters().items():
            if isinstance(setting, Schedule):
                for group in self.param_groups:
                    self._write(group, path, expected[path])

    def _publish(self) -> None:
        """Show the state as torch.optim does, by parameter: the engine's own arrays, not copies."""
        state = self._stepper.state
        for p, name in self._names.items():
            if state.ages[name]:
                slots = {path: tensors[name] for path, tensors in state.slots.items() if name in tensors}
                self.state[p] = {"step": state.ages[name], **slots}
