"""Parameter groups: the table between PyTorch's keys and a rule's hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, final

import torch

from steepest.core.errors import HyperparameterError, InputError
from steepest.core.schedule import Schedule
from steepest.formula import Rule
from steepest.formula.values import ByGroup, Values

Key = str | tuple[str, int]
"""A group's key, or a key and an index for a tuple such as "betas"."""
_EXECUTION = {"foreach", "fused", "capturable", "differentiable"}
"""Group keys of torch.optim that say how a step is executed, not what it computes."""
Group = dict[str, Any]


@final
class Groups:
    """Reads a rule's hyperparameters from parameter groups, checked, and mirrors scheduled ones into them.

    keys: the group key of a hyperparameter by path, where it is not the path itself. constants: keys that every group
    shows and that cannot be changed.
    """

    def __init__(self, rule: Rule, keys: Mapping[str, Key], constants: Group) -> None:
        self.rule, self.keys, self.constants = rule, keys, constants
        self._links = dict(rule.links())
        self._settings = rule.hyperparameters()
        self._scheduled = [path for path, setting in self._settings.items() if isinstance(setting, Schedule)]
        self._constant = [path for path in self._settings if path not in self._scheduled]
        found = [self.keys.get(path, path) for path in self._settings]
        shown = dict.fromkeys((*(key if isinstance(key, str) else key[0] for key in found), *self.constants))
        self._shown: Callable[[Group], Any] = itemgetter(*shown)
        self._seen: list[Any] = []
        self._checked: list[Any] = []
        self._values: dict[str, float | ByGroup] = {}
        self._group_of: dict[str, int] = {}

    def defaults(self) -> Group:
        """A group that overrides nothing, at the first step."""
        group = dict(self.constants)
        for path, value in self.rule.values(0).items():
            self._write(group, path, value)
        return group

    def coming(self, clock: int) -> Group:
        """What a group that is added now shows where it says nothing: scheduled hyperparameters at their value."""
        group: Group = {}
        if self._scheduled:
            group = self.defaults()
            self.mirror([group], clock)
        return group

    def check_all(self, groups: Sequence[Group], clock: int) -> None:
        """Refuse what `check` refuses, in any group; nothing is done where nothing was changed since the last time."""
        seen = [self._shown(group) for group in groups]
        if seen != self._checked:
            for group in groups:
                self.check(group, clock)
            self._checked = seen

    def values(self, groups: Sequence[Group], clock: int) -> Values:
        """Every hyperparameter by path at `clock`: one number, or one by group where groups differ.

        Raises HyperparameterError for a number that is out of range.
        """
        seen = [self._shown(group) for group in groups]
        if seen != self._seen:
            self._values = {path: self._number_of(groups, path) for path in self._constant}
            self._seen = seen
        if not self._scheduled:
            return self._values
        scheduled = self.rule.values(clock)
        return {**self._values, **{path: scheduled[path] for path in self._scheduled}}

    def regroup(self, groups: Sequence[Group], names: Mapping[torch.Tensor, str]) -> None:
        """Say which tensors stand in which group."""
        self._group_of = {names[p]: place for place, group in enumerate(groups) for p in group["params"]}
        self._seen, self._checked = [], []

    def check(self, group: Mapping[str, Any], clock: int) -> None:
        """Refuse a number that is out of range, a mirror of a schedule that was changed, and a changed constant."""
        self.check_constants("param group", group)
        expected = self.rule.values(clock)
        for path, setting in self._settings.items():
            if not isinstance(setting, Schedule):
                self._number(group, path)
            elif (given := self._read(group, path)) != expected[path]:
                raise InputError(
                    f"param group: {self.keys.get(path, path)} follows {setting!r} and mirrors its value "
                    f"{expected[path]:g}; it cannot be changed to {given!r}: change the schedule instead"
                )

    def check_constants(self, owner: str, group: Mapping[str, Any]) -> None:
        """Refuse another value of what is fixed; how PyTorch executes a step is not our concern."""
        for key, value in self.constants.items():
            if key not in _EXECUTION and group.get(key, value) != value:
                raise InputError(f"{owner}: {key} is fixed at {value!r} in this optimizer, got {group[key]!r}")

    def mirror(self, groups: Sequence[Group], clock: int) -> None:
        """Write scheduled hyperparameters' coming values into the groups; one out of range stops the coming step."""
        if not self._scheduled:
            return
        try:
            expected = self.rule.values(clock)
        except HyperparameterError:
            return
        for path in self._scheduled:
            for group in groups:
                self._write(group, path, expected[path])

    def _number_of(self, groups: Sequence[Group], path: str) -> float | ByGroup:
        numbers = [self._number(group, path) for group in groups]
        return numbers[0] if len(set(numbers)) == 1 else ByGroup(self._group_of, numbers)

    def _number(self, group: Mapping[str, Any], path: str) -> float:
        owner, _, name = path.rpartition(".")
        return self._links[owner].check(name, self._read(group, path))

    def _read(self, group: Mapping[str, Any], path: str) -> Any:
        key = self.keys.get(path, path)
        return group[key] if isinstance(key, str) else group[key[0]][key[1]]

    def _write(self, group: Group, path: str, value: float) -> None:
        key = self.keys.get(path, path)
        if isinstance(key, str):
            group[key] = value
            return
        name, index = key
        entries = list(group.get(name, ()))
        entries += [value] * (index + 1 - len(entries))
        entries[index] = value
        group[name] = tuple(entries)
