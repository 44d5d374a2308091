"""The state of an optimizer that runs a rule: its parameters and groups, saved, loaded, and shown as PyTorch does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch

from steepest.core.errors import InputError, InputTypeError
from steepest.core.stepper import Nonfinite, StepReport
from steepest.engines import EngineName, Moments, Rounding, RuleStepper, Storage
from steepest.engines.choice import check_name
from steepest.formula import Rule, State
from steepest.formula.state import load_state, save_state
from steepest.formula.values import Values
from steepest.torch.curvature import Curvature
from steepest.torch.groups import Groups, Key
from steepest.torch.layout import from_layout, to_layout
from steepest.torch.parameters import Parameters, check_tensors, named


class Stateful(torch.optim.Optimizer):
    """All of `Optimizer` but its steps: parameters, groups, and the state of the stepper that runs the rule."""

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
        coming = named(group["params"])
        check_tensors(coming, self._names)
        undecorated(torch.optim.Optimizer.add_param_group)(self, group)
        running = self._running is not None or self._resume is not None
        state = self._state if running else None
        for name, p in coming:
            self._names[p] = name or f"param_{len(self._names)}"
        self._groups.regroup(self.param_groups, self._names)
        if state is not None:
            self._restart(state)

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


def undecorated(method: Any) -> Any:
    """PyTorch's method without the decorator that keeps its compiler away, which takes 0.6 s to import."""
    return getattr(method, "__wrapped__", method)


def _copied(state: State) -> State:
    slots = {path: {name: a.clone() for name, a in tensors.items()} for path, tensors in state.slots.items()}  # type: ignore[attr-defined]
    return replace(state, slots=slots)
