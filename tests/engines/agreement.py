"""A rule on NumPy as it is written, with sums added in the order that the engine promises; and the engine beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from steepest.core.oracle import Evaluation
from steepest.engines import EngineName, RuleStepper
from steepest.formula import Rule, State, functions

Arrays = dict[str, np.ndarray]


def sum_by_chunks(patch: pytest.MonkeyPatch, chunk: int) -> None:
    """Let rules on NumPy add up one number after another in float64, chunk by chunk, and then the chunks.

    That is the order in which kernels add when they run as Python; so results are equal to the bit.
    """

    def total(x: Any, y: Any = None) -> float:
        if y is not None and (np.ndim(x) == 0 and not isinstance(x, np.ndarray | np.generic)):
            return total(x * y)
        if y is not None and not isinstance(y, np.ndarray | np.generic):
            return total(x * y)
        if not isinstance(x, np.ndarray | np.generic):
            return float(x)
        wide = np.ravel(np.asarray(x, dtype=np.float64))
        if y is not None:
            wide = wide * np.ravel(np.asarray(y, dtype=np.float64))
        result = 0.0
        for start in range(0, wide.size, chunk):
            result += float(np.add.accumulate(np.concatenate([[0.0], wide[start : start + chunk]]))[-1])
        return result

    for name, function in {"norm": lambda x: total(x, x), "mean": total, "total": total, "dot": total}.items():
        patch.setitem(functions._SUMS, name, function)


def gradients(seed: int, step: int, shapes: Mapping[str, tuple[int, ...]], dtype: str) -> Arrays:
    """Gradients of differing size, with some zeros and some equal numbers."""
    rng = np.random.default_rng([seed, step])
    found = {}
    for name, shape in shapes.items():
        values = np.asarray(rng.normal(size=shape) * 10.0 ** rng.integers(-2, 2, shape))
        values = np.where(rng.random(shape) < 0.1, np.round(values), values)
        found[name] = np.asarray(values, dtype=dtype)
    return found


def starts(seed: int, shapes: Mapping[str, tuple[int, ...]], dtype: str) -> Arrays:
    rng = np.random.default_rng([seed, 12345])
    return {name: np.asarray(rng.normal(size=shape), dtype=dtype) for name, shape in shapes.items()}


@dataclass(frozen=True)
class Run:
    """Some updates of one rule on tensors of these shapes.

    frozen: names of tensors that have no gradient, by step. scale: a loss scale that the gradients come with.
    """

    rule: Rule
    shapes: Mapping[str, tuple[int, ...]]
    dtype: str
    seed: int
    steps: int = 3
    frozen: Mapping[int, frozenset[str]] = field(default_factory=dict)
    maximize: bool = False
    scale: float | None = None

    def gradients(self, step: int) -> Arrays:
        found = gradients(self.seed, step, self.shapes, self.dtype)
        return {name: g for name, g in found.items() if name not in self.frozen.get(step, ())}

    def options(self, step: int, convert: Callable[[np.ndarray], Any] = lambda array: array) -> dict[str, Any]:
        """The loss scale, and what the rule needs besides the gradient: a value, the Hessian's diagonal."""
        found: dict[str, Any] = {} if self.scale is None else {"scale": self.scale}
        if "value" in self.rule.needs:
            found["value"] = 1.5 + step
        if "hessian_diagonal" in self.rule.needs:
            diagonal = gradients(self.seed + 1, step, self.shapes, self.dtype)
            found["hessian_diagonal"] = {name: convert(h) for name, h in diagonal.items()}
        return found

    def by_rule(self) -> tuple[Arrays, State]:
        """By the pure interface."""
        params: Any = starts(self.seed, self.shapes, self.dtype)
        state = self.rule.init(params, seed=self.seed)
        for step in range(self.steps):
            given: Any = self.gradients(step)
            params, state, _ = self.rule.update(params, given, state, maximize=self.maximize, **self.options(step))
        return params, state

    def by_engine(
        self, convert: Callable[[np.ndarray], Any] = lambda array: array, engine: EngineName = "cpu"
    ) -> tuple[Any, State]:
        """By the compiled engine, or another, on NumPy arrays or on what they are converted to."""
        params = {name: convert(p) for name, p in starts(self.seed, self.shapes, self.dtype).items()}
        stepper = RuleStepper(self.rule, params, engine=engine, seed=self.seed, maximize=self.maximize)
        for step in range(self.steps):
            given = {name: convert(g) for name, g in self.gradients(step).items()}
            asked = Evaluation(0.0, given)
            stepper.apply(asked, self.options(step, convert) or None, again=lambda asked=asked: asked)
        return dict(stepper.points), stepper.state


def assert_same(ours: Any, theirs: Any, what: str, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Alike, or equal to the bit; signs of zeros and payloads of NaN apart. The dtype is the same too."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, what
    if rtol == atol == 0.0:
        np.testing.assert_array_equal(ours, theirs, err_msg=what)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=what)


def assert_runs_agree(
    ours: tuple[Arrays, State], theirs: tuple[Arrays, State], *, rtol: float = 0.0, atol: float = 0.0, sums: float = 0.0
) -> None:
    """Parameters, every slot, ages and clock. sums: by how much kept numbers, which are float64 sums, may be off."""
    for name, p in theirs[0].items():
        assert_same(ours[0][name], p, name, rtol=rtol, atol=atol)
    one, other = ours[1], theirs[1]
    assert (one.step, one.ages, one.seed) == (other.step, other.ages, other.seed)
    assert one.slots.keys() == other.slots.keys()
    for path, tensors in other.slots.items():
        assert one.slots[path].keys() == tensors.keys()
        for name, array in tensors.items():
            loose = max(rtol, sums) if np.ndim(array) == 0 and np.asarray(array).dtype == np.float64 else rtol
            assert_same(one.slots[path][name], array, f"{path} of {name}", rtol=loose, atol=atol)
